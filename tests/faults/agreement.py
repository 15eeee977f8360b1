"""Whether the server's journal and the exchange's own log tell the same story. Pure.

Three questions: is every order known on both sides in the same state, did nothing leave before it was written down, and
did any name give more than one order.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.faults.exchange import Entry, changes

ABSENT = frozenset({"INTENDED", "NOT_SENT", "REJECTED", "NOT_PLACED", "DECLINED", "LAPSED"})
"""States of an order that must not exist."""
IN_DOUBT = frozenset({"UNKNOWN", "NEEDS_HUMAN", "SENDING"})
"""States of which nobody knows."""
LATENESS_MS = 1_000
"""By so much the two clocks may differ."""


Fill = tuple[str, int, Decimal, Decimal, Decimal]
"""What traded of an order: its name, the trade, price, quantity, fee."""


@dataclass(slots=True)
class Journaled:
    """An order as the journal leaves it."""

    intent_id: str
    state: str = "INTENDED"
    order_id: int | None = None
    executed: Decimal = Decimal(0)
    quantity: Decimal | None = None


@dataclass(slots=True)
class Story:
    """What the journal says."""

    orders: dict[str, Journaled] = field(default_factory=dict)
    sends: Counter[str] = field(default_factory=Counter)
    """Attempts by call."""
    first_send_ms: dict[str, int] = field(default_factory=dict)
    legs: dict[str, int] = field(default_factory=dict)
    """How many orders a call is to place."""
    fills: list[Fill] = field(default_factory=list)
    tail_lost: bool = False
    """Whether the journal has lost records, and says so."""

    @classmethod
    def read(cls, rows: Iterable[Mapping[str, Any]]) -> "Story":
        """The story of an exported journal."""
        story = cls()
        for row in rows:
            story._take(row)
        return story

    def _take(self, row: Mapping[str, Any]) -> None:
        intent_id, state = row["intent_id"], row["state"]
        self.tail_lost = self.tail_lost or state == "TAIL_LOST"
        if row["kind"] == "intent" and state == "INTENDED":
            self.legs[intent_id] = len(row["payload"]["orders"])
            for name, _ in row["payload"]["orders"]:
                self.orders[name] = Journaled(intent_id)
        elif row["kind"] == "intent" and state == "SENDING":
            self.sends[intent_id] += 1
            self.first_send_ms.setdefault(intent_id, row["at_ms"])
            for order in self.orders.values():
                if order.intent_id == intent_id and order.state == "INTENDED":
                    order.state = "SENDING"
        elif row["kind"] == "fill":
            said = row["evidence"]
            amounts = (said["price"], said["quantity"], said["commission"])
            self.fills.append((row["client_order_id"], said["trade_id"], *map(Decimal, amounts)))
        elif row["kind"] == "order" and state != "EXTERNAL":
            order = self.orders.setdefault(row["client_order_id"], Journaled(intent_id))
            order.state = state
            order.order_id = row["order_id"] or order.order_id
            if "executed" in row["evidence"]:
                order.executed = Decimal(row["evidence"]["executed"])
            if "quantity" in row["evidence"]:
                order.quantity = Decimal(row["evidence"]["quantity"])


def disagreements(
    rows: Iterable[Mapping[str, Any]], log: Sequence[Entry], tag: str, lateness_ms: int = LATENESS_MS
) -> Iterator[str]:
    """Every point in which journal and exchange differ, as a sentence.

    Args:
        rows: The exported journal.
        log: The oracle's entries.
        tag: What the names of this installation's orders begin with.
        lateness_ms: By so much the two clocks may differ.
    """
    story = Story.read(rows)
    yield from _of_orders(story, log, tag)
    yield from _of_fills(story, log, tag)
    if not story.tail_lost:
        yield from _of_sending(story, log, tag, lateness_ms)


def is_order(entry: Entry, tag: str) -> bool:
    """Whether an entry is about an order of an installation that the exchange took."""
    name: str = entry.get("client_order_id", "")
    return entry["kind"] == "order" and name.startswith(f"{tag}-") and entry["status"] != "REJECTED"


def most_orders(rows: Iterable[Mapping[str, Any]], log: Iterable[Entry], tag: str) -> int:
    """How many orders the exchange has, at most, for one leg of one call: 1 is right, 2 is a doubled order."""
    story = Story.read(rows)
    numbers: defaultdict[str, set[int]] = defaultdict(set)
    for entry in log:
        if is_order(entry, tag):
            name = entry["client_order_id"]
            intent_id = story.orders[name].intent_id if name in story.orders else name
            numbers[intent_id].add(entry["order_id"])
    return max((-(-len(found) // story.legs.get(intent_id, 1)) for intent_id, found in numbers.items()), default=0)


def _of_orders(story: Story, log: Iterable[Entry], tag: str) -> Iterator[str]:
    existing: dict[str, Entry] = {}
    for entry in log:
        if is_order(entry, tag):
            existing[entry["client_order_id"]] = entry
    for name, truth in existing.items():
        known = story.orders.get(name)
        if known is None:
            yield f"{name} exists ({truth['status']}), and the journal does not know it"
        elif known.state != truth["status"] or known.order_id != truth["order_id"]:
            yield f"{name} is {truth['status']} ({truth['order_id']}), by the journal {known.state} ({known.order_id})"
        elif known.executed != Decimal(truth["executed"]):
            yield f"{name} has executed {truth['executed']}, by the journal {known.executed}"
        elif known.quantity is not None and known.quantity != Decimal(truth["quantity"]):
            yield f"{name} is of {truth['quantity']}, by the journal of {known.quantity}"
    for name, known in story.orders.items():
        if name not in existing and known.state not in ABSENT | IN_DOUBT:
            yield f"{name} does not exist, and is {known.state} by the journal"


def _of_fills(story: Story, log: Iterable[Entry], tag: str) -> Iterator[str]:
    """Fills that are known wrongly, twice, or not at all."""
    truth = Counter[Fill]()
    for entry in log:
        if entry["kind"] == "fill" and entry["client_order_id"].startswith(f"{tag}-"):
            amounts = (entry["price"], entry["quantity"], entry["commission"])
            truth[entry["client_order_id"], entry["trade_id"], *map(Decimal, amounts)] += 1
    known = Counter(story.fills)
    for fill in (known - truth).elements():
        yield f"a fill of {fill[0]} is in the journal that never was, or once too often: {fill[1:]}"
    for fill in (truth - known).elements():
        yield f"a fill of {fill[0]} is missing in the journal: {fill[1:]}"


def _of_sending(story: Story, log: Iterable[Entry], tag: str, lateness_ms: int) -> Iterator[str]:
    """Requests that arrived without, or before, their record."""
    arrived: Counter[str] = Counter()
    for entry in log:
        if entry["kind"] != "request" or not changes(entry):
            continue
        names = [text for text in entry["params"].values() if text.startswith(f"{tag}-")]
        arrived["all"] += bool(names)
        name = next((name for name in names if name in story.orders), None)
        if name is None or not _places(entry):
            continue
        intent_id = story.orders[name].intent_id
        arrived[intent_id] += 1
        began_ms = story.first_send_ms.get(intent_id)
        if began_ms is None:
            yield f"{intent_id} arrived, and was never written down as sent"
        elif entry["at_us"] // 1000 < began_ms - lateness_ms:
            yield f"{intent_id} arrived {began_ms - entry['at_us'] // 1000} ms before it was written down"
    sends = {**story.sends, "all": story.sends.total()}
    for intent_id, many in arrived.items():
        if many > sends.get(intent_id, 0):
            yield f"{intent_id} arrived {many} times, and was written down as sent {sends.get(intent_id, 0)} times"


def _places(request: Entry) -> bool:
    """Whether a request places orders under the names in it."""
    words = f"{request['method']} {request['path']}"
    return "eplace" in words or not any(word in words for word in ("amend", "DELETE", "ancel"))
