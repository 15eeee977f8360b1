"""What a person is shown before an order is placed: a fixed form, filled from the order alone.

Nothing that an agent writes in its own words appears in it. Every parameter that is sent does, so that nobody says yes
to something that was not shown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from binance_spot_mcp.catalogue.market import SymbolInfo
from binance_spot_mcp.catalogue.orders import Order as ExistingOrder
from binance_spot_mcp.domain.facts import Market
from binance_spot_mcp.domain.orders import Order
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.errors import clean
from binance_spot_mcp.vocabulary import Environment, plain

_VALUE: Final = 80
"""Characters of one value that are shown; none that an exchange accepts is longer."""
_SILENT: Final = frozenset({"newOrderRespType", "cancelNewClientOrderId"})
"""What shapes the answer alone: its form, and the name of a cancel, which is no order."""
_ENVIRONMENTS: Final[Mapping[Environment, str]] = {
    "live": "live, real money",
    "testnet": "testnet, play money",
    "demo": "demo, play money",
    "paper": "paper, a simulated exchange",
}
_KINDS: Final = {"legacy_oco": "OCO", "sor": "routed order"}
_CANCEL_FAILS: Final = {
    "STOP_ON_FAILURE": "the new order is not placed",
    "ALLOW_FAILURE": "the new order is placed all the same",
}
_LEGS: Final = {
    "above": "above",
    "below": "below",
    "working": "working",
    "pending": "pending",
    "pendingAbove": "pending, above",
    "pendingBelow": "pending, below",
    "limit": "limit",
    "stop": "stop",
}

Line = tuple[str, str]
"""A label and what it labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the form is filled from.

    Attributes:
        env: The environment.
        account: The tail of the account's number or key.
        payload: Every parameter as it would be sent.
        info: The symbol.
        request: The orders that would be placed; None for an amendment.
        existing: The order that would be cancelled or amended, if there is one.
        market: The best prices.
        market_ms: When they were read, in epoch milliseconds.
        notional: The most that it is expected to trade, in the quote asset; None if that is not known.
        share: What that is of the day's cap, in words; empty without a cap.
        now_ms: The time.
        expires_ms: Until when a yes counts.
    """

    env: Environment
    account: str
    payload: Mapping[str, str]
    info: SymbolInfo
    request: Request | None
    existing: ExistingOrder | None
    market: Market
    market_ms: int
    notional: Decimal | None
    share: str
    now_ms: int
    expires_ms: int


def question(facts: Facts) -> str:
    """The form, filled; one line for each fact."""
    form = _Form(facts)
    lines = (f"{label}: {text}" for label, text in form.lines())
    return "\n".join((form.title, *lines))


class _Form:
    """Fills the form, and keeps account of which parameters were shown."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._shown: set[str] = {"symbol"}

    @property
    def title(self) -> str:
        """What is asked, marked with the environment."""
        match self._facts.request:
            case None:
                asked = "Reduce this order?"
            case Request(kind="replace"):
                asked = "Cancel an order and place another?"
            case Request(kind=kind) as request if request.is_list:
                asked = f"Place this order list ({_KINDS.get(kind, kind.upper())})?"
            case Request(kind=kind):
                asked = f"Place this {_KINDS.get(kind, kind)}?"
        return f"[{self._facts.env.upper()}] {asked}"

    def lines(self) -> Iterator[Line]:
        """Every line below the title."""
        facts = self._facts
        yield "Environment", _ENVIRONMENTS[facts.env]
        yield "Account", clean(facts.account, most=_VALUE)
        match facts.request:
            case None:
                yield from self._amendment()
            case Request(kind="replace"):
                yield from self._cancel()
                yield from self._single(facts.request.orders[0], "New order")
            case Request() as request if request.is_list:
                yield "Symbol", _shown(request.symbol)
                yield from self._legs(request)
            case Request() as request:
                yield from self._single(request.orders[0], "Order")
        if rest := [f"{name} {_shown(text)}" for name, text in facts.payload.items() if self._unseen(name)]:
            yield "Also", ", ".join(rest)
        yield "Worst case", self._worst()
        yield "Market", self._market()
        yield "Answer before", f"{_clock(facts.expires_ms)} ({(facts.expires_ms - facts.now_ms) // 1000} s)"

    def _single(self, order: Order, label: str) -> Iterator[Line]:
        yield label, f"{self._say(order, 'side')} {self._type(order)} {_shown(order.symbol)}"
        yield from self._terms(order)
        yield "Client id", self._take(order.leg.name_param)

    def _legs(self, request: Request) -> Iterator[Line]:
        for number, order in enumerate(request.orders, 1):
            said = ", ".join(f"{label.lower()} {text}" for label, text in self._terms(order))
            waits = "; placed once the working order has filled" if order.leg.waits else ""
            name = self._take(order.leg.name_param)
            label = f"Leg {number} ({_LEGS.get(order.leg.prefix, order.leg.prefix)})"
            yield label, f"{self._say(order, 'side')} {self._type(order)}, {said}, client id {name}{waits}"
        yield "Client id of the list", self._take("listClientOrderId")

    def _terms(self, order: Order) -> Iterator[Line]:
        """How much and at which prices."""
        base, quote = _shown(self._facts.info.base_asset), _shown(self._facts.info.quote_asset)
        if order.quantity is not None:
            yield "Quantity", f"{self._say(order, 'quantity')} {base}"
        elif order.leg.sized_later:
            yield "Quantity", f"all {base} that the working order buys"
        if order.quote_order_qty is not None:
            yield "For", f"{self._say(order, 'quoteOrderQty')} {quote}"
        if order.stop_price is not None:
            yield "Stop price", f"{self._say(order, 'stopPrice')} {quote}"
        if order.trailing_delta is not None:
            yield "Trailing by", f"{self._say(order, 'trailingDelta')} basis points"
        if order.price is not None:
            yield "Price", f"{self._say(order, 'price')} {quote}"
        elif order.peg_price_type is not None:
            offset = f", {self._say(order, 'pegOffsetValue')} levels off" if order.peg_offset_value else ""
            self._say(order, "pegOffsetType")
            yield "Price", f"pegged to the book ({self._say(order, 'pegPriceType')}{offset})"
        elif not order.is_priced:
            yield "Price", "whatever the market gives, not limited"
        if order.iceberg_qty is not None:
            yield "Shown in the book", f"{self._say(order, 'icebergQty')} {base}"
        if order.time_in_force is not None:
            yield "Time in force", self._say(order, "timeInForce")

    def _cancel(self) -> Iterator[Line]:
        order = self._facts.existing
        if order is not None:
            yield "Cancels", self._existing(order)
            self._shown |= {"cancelOrderId", "cancelOrigClientOrderId"}
        mode = self._take("cancelReplaceMode")
        yield "If the cancel fails", f"{_CANCEL_FAILS.get(mode, mode)} ({mode})"

    def _amendment(self) -> Iterator[Line]:
        base, order = _shown(self._facts.info.base_asset), self._facts.existing
        if order is not None:
            self._shown |= {"orderId", "origClientOrderId", "newClientOrderId"}
            yield "Order", self._existing(order)
            whole = "unknown" if order.orig_qty is None else plain(order.orig_qty)
            yield "Quantity now", f"{whole} {base}, {plain(order.executed_qty)} of it filled"
        yield "Quantity then", f"{self._take('newQty')} {base}"

    def _existing(self, order: ExistingOrder) -> str:
        """An order that is there, with both of its ids."""
        info = self._facts.info
        price = f" at {plain(order.price)} {_shown(info.quote_asset)}" if order.price else ""
        whole = "" if order.orig_qty is None else f" {plain(order.orig_qty)} {_shown(info.base_asset)}"
        named = f"order {order.order_id}, client id {_shown(order.client_order_id)}"
        return f"{_shown(order.side)} {_shown(order.type)} {_shown(order.symbol)}{whole}{price} ({named})"

    def _worst(self) -> str:
        facts = self._facts
        if facts.notional is None:
            return "not known"
        share = f", {clean(facts.share, most=_VALUE)}" if facts.share else ""
        orders = facts.request.orders if facts.request else ()
        unlimited = any(not order.is_priced and order.quote_order_qty is None for order in orders)
        moves = ", more if the market moves" if unlimited else ""
        return f"{plain(facts.notional)} {_shown(facts.info.quote_asset)}{moves}{share}"

    def _market(self) -> str:
        facts = self._facts
        if facts.market.bids is None or facts.market.asks is None:
            return "not known"
        bid, ask = (plain(levels[0]) if levels else "none" for levels in (facts.market.bids, facts.market.asks))
        age = max(0, facts.now_ms - facts.market_ms)
        return f"best bid {bid}, best ask {ask} ({age} ms old at {_clock(facts.now_ms)})"

    def _type(self, order: Order) -> str:
        """The type of an order, which for some legs no parameter says."""
        self._shown.add(order.leg.wire("type"))
        return order.type

    def _say(self, order: Order, name: str) -> str:
        """The parameter of an order that a single order calls so."""
        return self._take(order.leg.wire(name))

    def _take(self, wire: str) -> str:
        """A parameter, which counts as shown from now on."""
        self._shown.add(wire)
        return _shown(self._facts.payload.get(wire, "none"))

    def _unseen(self, wire: str) -> bool:
        return wire not in self._shown | _SILENT


def _shown(text: str) -> str:
    return clean(text, most=_VALUE)


def _clock(epoch_ms: int) -> str:
    return f"{datetime.fromtimestamp(epoch_ms // 1000, UTC):%H:%M:%S} UTC"
