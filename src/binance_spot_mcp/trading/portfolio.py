"""What the account holds, what that is worth, and what came of all that was traded through this server."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from binance_spot_mcp.catalogue.account import ACCOUNT, AccountParams, Balance
from binance_spot_mcp.domain.exact import minus, times, total
from binance_spot_mcp.domain.positions import Position, Positions, utc_day
from binance_spot_mcp.domain.valuation import Worth
from binance_spot_mcp.errors import Refused
from binance_spot_mcp.trading.fills import Fill
from binance_spot_mcp.trading.keeper import Keeper
from binance_spot_mcp.trading.rules_cache import Exchange
from binance_spot_mcp.trading.worths import Books, Pair, Worths


@dataclass(frozen=True, slots=True)
class Holding:
    """One asset of the account.

    Attributes:
        balance: How much there is of it.
        worth: What one unit is worth.
        bought: The part of the balance that was got through this server.
        gone: How much was got here and is not in the account any more, e.g. withdrawn or sold elsewhere.
    """

    balance: Balance
    worth: Worth
    bought: Position
    gone: Decimal

    @property
    def amount(self) -> Decimal:
        """Free and locked together."""
        return total((self.balance.free, self.balance.locked))

    @property
    def value(self) -> Decimal | None:
        """All of it in the currency; None where that is not known."""
        return None if self.worth.price is None else times(self.amount, self.worth.price)

    @property
    def unrealised(self) -> Decimal | None:
        """Profit or loss of what was got here, were it sold now; None where that is not known."""
        return None if self.worth.price is None else self.bought.unrealised(self.worth.price)

    @property
    def unknown_cost(self) -> Decimal:
        """The part of the balance that came from elsewhere, so that nobody here knows what it cost."""
        return minus(self.amount, self.bought.quantity)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """An account in one currency, as it was at a time (epoch milliseconds).

    Attributes:
        worths: Prices, and when they were read.
        holdings: Every asset of which there is any.
        positions: What was traded here; None where this process cannot know it.
        closed: Why it cannot.
        today: The UTC day of now.
        fills: How many fills the positions are made of.
        unlisted: Symbols whose fills are not among them, since they are not listed any more.
        at_ms: When the account was read.
        prices_age_ms: How old the prices are.
    """

    worths: Worths
    holdings: tuple[Holding, ...]
    positions: Positions | None
    closed: str
    today: int
    fills: int
    unlisted: tuple[str, ...]
    at_ms: int
    prices_age_ms: int

    @property
    def total(self) -> Decimal:
        """All that has a price."""
        return total(holding.value for holding in self.holdings if holding.value is not None)


class Portfolios:
    """Looks an account over.

    Args:
        exchange: Makes the calls.
        keeper: Has the journal, which tells what was traded here.
        now_ms: The exchange's time in epoch milliseconds.
    """

    def __init__(self, exchange: Exchange, keeper: Keeper, now_ms: Callable[[], int]) -> None:
        self._exchange = exchange
        self._keeper = keeper
        self._now_ms = now_ms
        self._books = Books(exchange, now_ms)

    async def portfolio(self, currency: str) -> Portfolio:
        """The account in a currency.

        Raises:
            SpotError: The exchange could not be asked.
        """
        fills, closed = await self._fills()
        account = (await self._exchange.fetch(ACCOUNT, AccountParams())).payload
        at_ms = self._now_ms()
        balances = [balance for balance in account.balances if balance.free or balance.locked]
        symbols = {fill.symbol for fill in fills}
        pairs = await self._books.pairs(symbols)
        fills = [fill for fill in fills if fill.symbol in pairs]
        paid = {fill.commission_asset for fill in fills if fill.commission}
        assets = paid.union((balance.asset for balance in balances), *pairs.values())
        worths = await self._books.worths(assets, currency)
        positions = None if closed else await asyncio.to_thread(_positions, fills, pairs, worths)
        return Portfolio(
            worths=worths,
            holdings=tuple(_holding(balance, worths.each[balance.asset], positions) for balance in balances),
            positions=positions,
            closed=closed,
            today=utc_day(at_ms),
            fills=len(fills),
            unlisted=tuple(sorted(symbols - pairs.keys())),
            at_ms=at_ms,
            prices_age_ms=self._now_ms() - worths.at_ms,
        )

    async def _fills(self) -> tuple[Sequence[Fill], str]:
        """What was traded here, or why that is not known."""
        try:
            account = await self._keeper.account_if_any()
        except Refused as refusal:
            return (), refusal.message
        return account.intents.register.fills.by_time() if account else (), ""


def _positions(fills: Iterable[Fill], pairs: Mapping[str, Pair], worths: Worths) -> Positions:
    positions = Positions(worths.currency)
    for fill in fills:
        positions.add(fill, *pairs[fill.symbol], worths.price)
    return positions


def _holding(balance: Balance, worth: Worth, positions: Positions | None) -> Holding:
    bought = positions.held.get(balance.asset, Position()) if positions else Position()
    gone = max(minus(bought.quantity, total((balance.free, balance.locked))), Decimal(0))
    return Holding(balance, worth, bought.parted(gone, None), gone)
