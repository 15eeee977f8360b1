"""An exchange as the FAQs draw theirs: symbols without filters and commission, and accounts as a story needs them."""

from decimal import Decimal
from typing import Any

from tests.e2e.rest_floor import Front, RestFloor

from paper_exchange.engine.commands import AddSymbol, Deposit, OpenAccount, Place, SetSymbol, Withdraw
from paper_exchange.engine.events import Placed
from paper_exchange.engine.orders import Order, Terms
from paper_exchange.engine.symbols import Commission, Rates, SymbolSpec
from paper_exchange.engine.words import Side

D = Decimal
FREE = Commission(standard=Rates())
Pair = tuple[Any, Any]
"""Two amounts, to be compared with whatever numbers a story has."""
OTHERS = 2
"""An account of somebody else; 3 and higher are free for whoever a story brings in."""


def bare(base: str = "BTC", quote: str = "USDT", **rules: Any) -> SymbolSpec:
    """A symbol without rules, but for those of the story."""
    return SymbolSpec(symbol=base + quote, base_asset=base, quote_asset=quote, **({"commission": FREE} | rules))


class FaqFloor(RestFloor):
    """The exchange; the caller's own account is the one that `call` signs for."""

    def __init__(self, front: Front, *specs: SymbolSpec, **more: Any) -> None:
        super().__init__(front, **more)
        self.assets: set[str] = set()
        for spec in specs or (bare(),):
            self.do(SetSymbol(spec=spec) if spec.symbol in self.exchange.engine.symbols else AddSymbol(spec=spec))
            self.assets |= {spec.base_asset, spec.quote_asset}
        self.join(OTHERS)
        self.fund(self.account)

    def join(self, account: int, **settings: Any) -> None:
        """Open a rich account."""
        self.do(OpenAccount(account=account, **settings))
        self.fund(account)

    def fund(self, account: int) -> None:
        """Make an account rich in every asset of the story."""
        for asset in sorted(self.assets):
            self.do(Deposit(account=account, asset=asset, amount=D(10_000_000)))

    def give(self, asset: str, amount: Decimal) -> None:
        """Let our account have so much more of an asset, or less."""
        move = Deposit if amount > 0 else Withdraw
        if amount:
            self.do(move(account=self.account, asset=asset, amount=abs(amount)))

    def limit(self, account: int, side: Side, quantity: str, price: str, symbol: str = "BTCUSDT", **more: Any) -> Order:
        """Let an account place a LIMIT order past the gateway."""
        terms = Terms(side=side, type="LIMIT", time_in_force="GTC", quantity=D(quantity), price=D(price), **more)
        reply = self.do(Place(account=account, symbol=symbol, order=terms)).reply
        assert isinstance(reply, Placed)
        return reply.order

    def trade_at(self, price: str, symbol: str = "BTCUSDT") -> None:
        """Let others trade with each other."""
        self.limit(OTHERS, "SELL", "1", price, symbol, stp_mode="NONE")
        self.limit(OTHERS, "BUY", "1", price, symbol, stp_mode="NONE")

    async def order(self, side: str, quantity: str, price: str | None = None, /, **more: Any) -> Any:
        """Our own order over HTTP: LIMIT GTC with a price, MARKET without."""
        kind = {"type": "MARKET"} if price is None else {"type": "LIMIT", "timeInForce": "GTC", "price": price}
        parameters = {"symbol": "BTCUSDT", "side": side, "quantity": quantity, **kind, **more}
        return await self.ok("POST /api/v3/order", **parameters)

    async def now(self, order_id: int, symbol: str = "BTCUSDT") -> Any:
        """What has become of our order."""
        return await self.ok("GET /api/v3/order", symbol=symbol, orderId=order_id)

    async def ok(self, route: str, /, **parameters: Any) -> Any:
        """The answer of a call that must succeed."""
        answer = await self.call(route, parameters)
        assert answer.is_success, answer.text
        return answer.json()

    def balance(self, account: int, asset: str) -> Pair:
        """Free and locked."""
        found = self.exchange.engine.balance(account, asset)
        return found.free, found.locked


def part(whole: dict[str, Any], names: str) -> dict[str, Any]:
    """Some members of an object, where it has them."""
    return {name: whole[name] for name in names.split() if name in whole}


def changes(before: Pair, after: Pair) -> Pair:
    """What free and locked gained."""
    return after[0] - before[0], after[1] - before[1]
