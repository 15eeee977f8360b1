"""What the journal says now: calls that may change orders, and the orders that they placed.

Entries are applied one after the other, the same way while they are made and when they are read back.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from binance_spot_mcp.errors import clean
from binance_spot_mcp.trading.drafts import Drafts
from binance_spot_mcp.trading.fills import Fill, Fills, read_fill
from binance_spot_mcp.trading.journal.records import Entry, Record
from binance_spot_mcp.trading.states import BEFORE, FINAL, GONE, UNSURE, OwnOrder, Sighting
from binance_spot_mcp.vocabulary import plain

EXTERNAL: Final = "EXTERNAL"
"""The state of an order that is not ours."""
TAIL_LOST: Final = "TAIL_LOST"
TAIL_RECONCILED: Final = "TAIL_RECONCILED"
"""States of the journal itself: its end was lost; the exchange was asked for what had been in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A call that may change orders.

    Attributes:
        id: Its name, the agent's own or ours.
        tool: Which call.
        symbol: The symbol.
        asked: The parameters that were given, as text.
        digest: What tells tool and parameters from all others.
        begun_ms: When it was written down.
        orders: Names of the orders that it places.
        name: The name under which all that it places is found, the order's or the list's; empty if it places nothing.
        acts: Whether it does something to orders that exist.
        audit: What it was allowed by: the caps and what was used of them, and the most that it may trade.
        state: INTENDED or SENDING; then, of what it `acts`: DONE, NOT_DONE, REJECTED, NOT_SENT or UNKNOWN.
        sent_ms: The timestamp under which it was last sent; 0 before that.
        failure: Why it came to nothing, if it did.
    """

    id: str
    tool: str
    symbol: str
    asked: Mapping[str, str]
    digest: str
    begun_ms: int
    orders: tuple[str, ...] = ()
    name: str = ""
    acts: bool = False
    audit: Mapping[str, Any] = field(default_factory=dict)
    state: str = "INTENDED"
    sent_ms: int = 0
    failure: Mapping[str, Any] = field(default_factory=dict)

    @property
    def notional(self) -> Decimal | None:
        """The most that it may trade, in units of `quote_asset`; None where nobody had to know."""
        return Decimal(self.audit["notional"]) if "notional" in self.audit else None

    @property
    def quote_asset(self) -> str:
        """The quote asset of its symbol; empty for what places nothing."""
        return str(self.audit.get("asset", ""))


@dataclass(frozen=True, slots=True)
class Shape:
    """What a test of the exchange vouches for: orders of the same make, whatever their numbers.

    Attributes:
        symbol: The symbol.
        text: Endpoint, order types, times in force and the names of the parameters.
    """

    symbol: str
    text: str


def intended(intent: Intent, sides: Iterable[str]) -> Entry:
    """The entry that begins a call; `sides` are those of its orders."""
    return Entry(
        kind="intent",
        state="INTENDED",
        intent_id=intent.id,
        symbol=intent.symbol,
        client_order_id=intent.name,
        payload={
            "tool": intent.tool,
            "asked": intent.asked,
            "digest": intent.digest,
            "acts": intent.acts,
            "orders": [[name, side] for name, side in zip(intent.orders, sides, strict=True)],
            **({"audit": intent.audit} if intent.audit else {}),
        },
    )


def sending(intent: Intent, timestamp_ms: int) -> Entry:
    """The entry before the first byte of an attempt."""
    evidence = {"timestamp": timestamp_ms}
    return Entry(
        kind="intent",
        state="SENDING",
        intent_id=intent.id,
        symbol=intent.symbol,
        client_order_id=intent.name,
        evidence=evidence,
    )


def concluded(intent: Intent, state: str, evidence: Mapping[str, Any]) -> Entry:
    """The entry that says what became of what a call does to orders that exist."""
    return Entry(kind="intent", state=state, intent_id=intent.id, symbol=intent.symbol, evidence=evidence)


def reached(order: OwnOrder, state: str, evidence: Mapping[str, Any]) -> Entry:
    """The entry that an order is in a state for which it was not seen."""
    return Entry(
        kind="order",
        state=state,
        intent_id=order.intent_id,
        symbol=order.symbol,
        client_order_id=order.client_order_id,
        order_id=order.seen.order_id if order.seen else None,
        evidence=evidence,
    )


def seen(order: OwnOrder, sighting: Sighting) -> Entry:
    """The entry that an order was seen at the exchange."""
    amounts = {"executed": sighting.executed, "quote": sighting.quote, "quantity": sighting.quantity}
    return Entry(
        kind="order",
        state=sighting.state,
        intent_id=order.intent_id,
        symbol=order.symbol,
        client_order_id=order.client_order_id,
        order_id=sighting.order_id,
        evidence={
            "source": sighting.source,
            "at_ms": sighting.at_ms,
            **{name: plain(amount) for name, amount in amounts.items() if amount is not None},
        },
    )


def external(sighting: Sighting) -> Entry:
    """The entry that there is an order that is not ours; nothing is ever done about it."""
    return Entry(
        kind="order",
        state=EXTERNAL,
        symbol=sighting.symbol,
        client_order_id=clean(sighting.client_order_id),
        order_id=sighting.order_id,
        evidence={"status": clean(sighting.state), "at_ms": sighting.at_ms},
    )


def tested(shape: Shape) -> Entry:
    """The entry that the exchange has tested an order of a shape."""
    return Entry(kind="shape", state="TESTED", symbol=shape.symbol, payload={"shape": shape.text})


def lost_order(sighting: Sighting) -> OwnOrder:
    """An order whose own records were lost, and which is ours by its name."""
    name = sighting.client_order_id
    return OwnOrder(intent_id=name, client_order_id=name, symbol=sighting.symbol, side="", state="UNKNOWN")


class Register:
    """Calls and orders by name, as the journal tells them.

    Attributes:
        intents: Every call, by its name.
        orders: Every order of ours, by its client order id.
        fills: What was traded of them.
        foreign: Symbol and order id of orders that are not ours.
        drafts: Calls that wait for a person's yes, and those that did.
        shapes: Shapes of orders that the exchange has tested.
        decided: The number of the latest decision on the gate that was taken in, see `operator`.
        tail_lost: Whether the journal has lost its end and the exchange was not asked for it yet.
        venue_reset: Where this journal begins because the exchange started over: what went with the one before.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.intents: dict[str, Intent] = {}
        self.orders: dict[str, OwnOrder] = {}
        self.fills = Fills()
        self.foreign: set[tuple[str, int]] = set()
        self.drafts = Drafts()
        self.shapes: set[Shape] = set()
        self.decided = 0
        self.tail_lost = False
        self.venue_reset: Mapping[str, Any] = {}
        self._by_number: dict[tuple[str, int], str] = {}
        self._by_digest: dict[str, str] = {}
        self._open: dict[str, None] = {}
        self._unaccounted: dict[str, None] = {}
        self._unsure_deeds: dict[str, None] = {}
        for record in records:
            self.apply(record.at_ms, record.entry)

    def apply(self, at_ms: int, entry: Entry) -> None:
        """Take in what was written at a time."""
        match entry.kind:
            case "shape":
                self.shapes.add(Shape(entry.symbol, entry.payload["shape"]))
            case "draft":
                self.drafts.apply(entry)
            case "journal" if entry.state == GONE:
                self.venue_reset = entry.evidence
            case "gate":
                self.decided = max(self.decided, entry.evidence["decision"])
            case "journal":
                self.tail_lost = entry.state == TAIL_LOST
            case "intent" if entry.state == "INTENDED":
                self._begin(at_ms, entry)
            case "intent":
                self._go_on(entry)
            case "order" if entry.state == EXTERNAL:
                self.foreign.add((entry.symbol, entry.order_id or 0))
            case "order":
                self._hear(entry)
            case "fill":
                self.fills.add(read_fill(entry))
                self._account_for(entry.client_order_id)

    def find(self, said: Sighting | Fill) -> OwnOrder | None:
        """The order of ours that something was said of: by the exchange's number, else by its name."""
        name = self._by_number.get((said.symbol, said.order_id), said.client_order_id)
        order = self.orders.get(name)
        return order if order is not None and order.symbol == said.symbol else None

    def numbered(self, symbol: str, order_id: int) -> OwnOrder | None:
        """The order of ours to which the exchange gave a number."""
        name = self._by_number.get((symbol, order_id))
        return None if name is None else self.orders[name]

    def placed_by(self, intent: Intent) -> tuple[OwnOrder, ...]:
        """The orders of a call."""
        return tuple(self.orders[name] for name in intent.orders)

    def latest(self, digest: str) -> Intent | None:
        """The latest call of the same content."""
        name = self._by_digest.get(digest)
        return self.intents[name] if name is not None else None

    def open(self) -> Iterator[OwnOrder]:
        """Every order to which something can still happen, or of which nobody knows."""
        return (self.orders[name] for name in [*self._open])

    def unaccounted(self) -> Iterator[OwnOrder]:
        """Every order whose fills do not come to what the exchange says was executed of it."""
        return (self.orders[name] for name in [*self._unaccounted])

    def short_of_fills(self, client_order_id: str) -> bool:
        """Whether more was executed of an order than its fills come to."""
        return self.fills.executed(client_order_id) < self.orders[client_order_id].executed

    def unsure_deeds(self) -> Iterator[Intent]:
        """Every call of which nobody knows whether it did what it was to do to orders that exist."""
        return (self.intents[name] for name in [*self._unsure_deeds])

    def numbers(self, symbol: str) -> set[int]:
        """The exchange's numbers for our orders of a symbol."""
        return {number for of, number in self._by_number if of == symbol}

    def unsure(self, symbol: str, sides: Iterable[str]) -> OwnOrder | None:
        """An order on a symbol and one of these sides of which nobody knows whether it exists, if there is one."""
        wanted = {*sides}
        for order in self.open():
            if order.symbol == symbol and order.side in wanted and order.state in UNSURE:
                return order
        return None

    def _begin(self, at_ms: int, entry: Entry) -> None:
        meant = entry.payload
        intent = Intent(
            id=entry.intent_id,
            tool=meant["tool"],
            symbol=entry.symbol,
            asked=meant["asked"],
            digest=meant["digest"],
            begun_ms=at_ms,
            orders=tuple(name for name, _ in meant["orders"]),
            name=entry.client_order_id,
            acts=meant["acts"],
            audit=meant.get("audit", {}),
        )
        self.intents.pop(intent.id, None)  # one that is made anew stands behind those that were made before it
        self.intents[intent.id] = intent
        self.drafts.made(intent.id)
        self._by_digest[intent.digest] = intent.id
        for name, side in meant["orders"]:
            self._keep(
                OwnOrder(intent_id=intent.id, client_order_id=name, symbol=intent.symbol, side=side, state="INTENDED")
            )

    def _go_on(self, entry: Entry) -> None:
        intent = self.intents[entry.intent_id]
        if entry.state == "SENDING":
            sent_ms = entry.evidence["timestamp"]
            self.intents[intent.id] = replace(intent, state=entry.state, sent_ms=sent_ms)
            for order in self.placed_by(intent):
                if order.state in BEFORE:  # an earlier attempt may have been seen meanwhile
                    self._keep(replace(order, state=entry.state, sent_ms=sent_ms))
        else:
            self.intents[intent.id] = replace(intent, state=entry.state, failure=entry.evidence)
            if entry.state == "UNKNOWN":
                self._unsure_deeds[intent.id] = None
            else:
                self._unsure_deeds.pop(intent.id, None)

    def _hear(self, entry: Entry) -> None:
        order = self.orders.get(entry.client_order_id) or OwnOrder(
            intent_id=entry.intent_id,
            client_order_id=entry.client_order_id,
            symbol=entry.symbol,
            side="",
            state="UNKNOWN",
        )
        said = entry.evidence
        if "source" not in said:
            self._keep(replace(order, state=entry.state))
            if order.intent_id in self.intents and entry.state in FINAL:
                self.intents[order.intent_id] = replace(self.intents[order.intent_id], failure=said)
            return
        sighting = Sighting(
            source=said["source"],
            symbol=entry.symbol,
            client_order_id=entry.client_order_id,
            order_id=entry.order_id or 0,
            state=entry.state,
            executed=Decimal(said["executed"]),
            quote=Decimal(said["quote"]) if "quote" in said else None,
            quantity=Decimal(said["quantity"]) if "quantity" in said else None,
            at_ms=said["at_ms"],
        )
        self._keep(replace(order, state=entry.state, seen=sighting))

    def _account_for(self, name: str) -> None:
        order = self.orders.get(name)
        if order is None or order.executed == self.fills.executed(name):
            self._unaccounted.pop(name, None)
        else:
            self._unaccounted[name] = None

    def _keep(self, order: OwnOrder) -> None:
        self.orders[order.client_order_id] = order
        self._account_for(order.client_order_id)
        if order.seen is not None:
            self._by_number[order.symbol, order.seen.order_id] = order.client_order_id
        if order.state in FINAL:
            self._open.pop(order.client_order_id, None)
        else:
            self._open[order.client_order_id] = None
