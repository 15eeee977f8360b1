"""What the account holds and what came of it, in one currency."""

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Final

from binance_spot_mcp.catalogue.endpoint import Params, Payload
from binance_spot_mcp.catalogue.fields import Reads
from binance_spot_mcp.catalogue.reading import refusal, shown
from binance_spot_mcp.domain.exact import total
from binance_spot_mcp.tools.tool import tool

if TYPE_CHECKING:
    from binance_spot_mcp.domain.positions import Positions
    from binance_spot_mcp.tools.desk import Desk
    from binance_spot_mcp.trading.portfolio import Holding, Portfolio

_ASSET: Final = re.compile(r"\w{1,20}")
_EIGHT_DECIMALS: Final = Decimal("1E-8")


def read_asset(value: object) -> str:
    """The name of an asset, in any case."""
    if isinstance(value, str) and _ASSET.fullmatch(value):
        return value.upper()
    raise refusal(f"must be an asset such as USDT, not {shown(value)}.")


class PortfolioParams(Params):
    """What you hold: balances, their value in currency (by bids), total; of what was bought through this server also
    average cost, realised and unrealised profit, fees. unknownCost is what came from elsewhere."""

    currency: Annotated[str, Reads(read_asset, {"type": "string"})] = "USDT"


class Held(Payload, frozen=True, kw_only=True):
    """One asset as an answer shows it; the amounts of money are in the currency.

    Attributes:
        asset: The asset.
        free: What of it can be used.
        locked: What open orders hold back.
        price: What one unit would fetch.
        over: The symbols by which it is priced, where it takes more than one.
        value: What all of it would fetch.
        average_cost: What one unit of what was bought here has cost, without fees.
        unknown_cost: How much of it came from elsewhere.
        unrealised: Profit or loss of what was bought here.
    """

    asset: str
    free: Decimal
    locked: Decimal = Decimal(0)
    price: Decimal | None = None
    over: tuple[str, ...] = ()
    value: Decimal | None = None
    average_cost: Decimal | None = None
    unknown_cost: Decimal = Decimal(0)
    unrealised: Decimal | None = None


@tool(title="Portfolio")
async def get_portfolio(desk: "Desk", params: PortfolioParams) -> object:
    """The account, its value, and what came of what was traded here."""
    found = await desk.portfolios.portfolio(params.currency)
    traded = found.positions
    told = {
        "currency": found.worths.currency,
        "total": _money(found.total),
        "as_of_ms": found.at_ms,
        "stale": False,
        "prices_age_ms": found.prices_age_ms,
        "holdings": [_row(holding, found) for holding in found.holdings],
        "unpriced": {each.balance.asset: each.worth.why for each in found.holdings if each.value is None},
        "traded": None if traded is None else _traded(found, traded),
        "not_in_the_account": {each.balance.asset: each.gone for each in found.holdings if each.gone},
        "unlisted": found.unlisted,
        "note": found.closed and f"What was traded here is not known to this process. {found.closed}",
    }
    return {name: value for name, value in told.items() if value not in (None, "", (), {})}


def _row(holding: "Holding", found: "Portfolio") -> Held:
    balance, worth, bought = holding.balance, holding.worth, holding.bought
    cost_matters = found.positions is not None and balance.asset != found.worths.currency
    return Held(
        asset=balance.asset,
        free=balance.free,
        locked=balance.locked,
        price=worth.price,
        over=worth.over if len(worth.over) > 1 else (),
        value=_money(holding.value),
        average_cost=bought.average,
        unknown_cost=holding.unknown_cost if cost_matters else Decimal(0),
        unrealised=_money(holding.unrealised) if bought.quantity else None,
    )


def _traded(found: "Portfolio", positions: "Positions") -> dict[str, object]:
    """What came of all that was traded here; what cannot be counted is named."""
    gone = {asset: held.unknown_out for asset, held in positions.held.items() if held.unknown_out}
    unrealised = [holding.unrealised for holding in found.holdings if holding.unrealised is not None]
    told: dict[str, object] = {
        "fills": found.fills,
        "realised": _money(positions.realised),
        "realised_today": _money(positions.realised_on(found.today)),
        "unrealised": _money(total(unrealised)),
        "fees": {asset: fees.amount for asset, fees in positions.fees.items()},
        "fees_without_price": {asset: fees.unvalued for asset, fees in positions.fees.items() if fees.unvalued},
        "gone_at_unknown_cost": gone,
        "fills_without_value": positions.unvalued,
    }
    always = {"fills", "realised", "realised_today", "unrealised"}
    return {name: value for name, value in told.items() if value or name in always}


def _money(amount: Decimal | None) -> Decimal | None:
    """An amount of the currency, to eight decimals."""
    return None if amount is None else amount.quantize(_EIGHT_DECIMALS)
