"""What must hold whatever goes wrong, by the exchange's own account of what happened.

The numbers are those of the promises in docs/safety.md.
"""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tests.simulation.agent import Agent, Made
from tests.simulation.disk import Disk
from tests.simulation.server import Server

from binance_spot_mcp.trading.journal.file import read_journal
from binance_spot_mcp.trading.register import Register
from binance_spot_mcp.trading.repeats import BEFORE_NOW
from binance_spot_mcp.trading.states import FINAL, NEVER, OwnOrder
from paper_exchange.engine.accounts import ROUTING_ACCOUNT
from paper_exchange.oracle import Fill, Order, Request
from paper_exchange.running import Running

_CHANGING: Final = frozenset(
    {
        "order.place",
        "order.cancel",
        "order.cancelReplace",
        "order.amend.keepPriority",
        "openOrders.cancelAll",
        "orderList.place",
        "orderList.place.oco",
        "orderList.place.oto",
        "orderList.place.otoco",
        "orderList.place.opo",
        "orderList.place.opoco",
        "orderList.cancel",
        "sor.order.place",
    }
)
_WAITING: Final = frozenset({"NEW", "PENDING_NEW"})
"""An order that waits for another one is NEW to the engine, and PENDING_NEW to whoever asks."""
_NEWS_US: Final = 2_000_000
"""What the market did so shortly ago may not have come through."""
_REPEATED: Final = frozenset({"DUPLICATE_INTENT", "INTENT_CONFLICT"})


class Broken(Exception):
    """A law is broken; the text says which, and by what."""


def _hold(condition: object, law: str, **by: object) -> None:
    if not condition:
        raise Broken(f"{law}: " + ", ".join(f"{name}={value!r}" for name, value in by.items()))


class Truth:
    """What the exchange says happened to the orders of clients.

    Attributes:
        orders: By client order id and number, what became of each order.
        executed: How much of each order was traded, by its number, fill by fill.
    """

    def __init__(self, exchange: Running) -> None:
        self.orders: dict[str, dict[int, Order]] = defaultdict(dict)
        self.executed: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
        self._oracle = exchange.doors.oracle
        self._seen = 0

    def catch_up(self) -> None:
        """Take in what happened since the last time."""
        for entry in self._oracle.entries(after=self._seen):
            self._seen = entry.seq
            if isinstance(entry, Order):
                self.orders[entry.client_order_id][entry.order_id] = entry
            elif isinstance(entry, Fill):
                self.executed[entry.symbol, entry.order_id] += entry.quantity

    def order(self, client_order_id: str) -> Order | None:
        """The order of that name, if it ever existed."""
        return next(iter(self.orders.get(client_order_id, {}).values()), None)


class Laws:
    """Checks them, while and after something happens.

    Args:
        exchange: The exchange, and its oracle.
        server: Whose register is compared.
        disk: What was written down.
        agent: What was told to it.
        journal: The journal's file.
    """

    def __init__(self, exchange: Running, server: Server, disk: Disk, agent: Agent, journal: Path) -> None:
        self.truth = Truth(exchange)
        self.broken: list[str] = []
        self._exchange = exchange
        self._server = server
        self._disk = disk
        self._agent = agent
        self._journal = journal
        self._told = 0
        self._known: dict[str, OwnOrder] = {}
        self._known_to: object = None
        self._watch_arrivals()

    def check(self) -> None:
        """Check whatever can be checked at any moment.

        Raises:
            Broken: One does not hold.
        """
        _hold(not self.broken, "I2", arrivals=self.broken)
        self.truth.catch_up()
        self._one_order_per_intent()
        self._what_was_written_is_true()
        self._money_stays()
        self._answers_are_true()
        intents = self._server.intents()
        if intents is None:
            return
        register = intents.register
        self._register_is_true(register)
        self._nothing_is_forgotten(register)
        writer = intents._journal
        if writer._writing is None and writer._broken is None and not self._disk.has_failed:
            self._replays(register)

    def check_settled(self) -> None:
        """Check what must hold when nothing goes wrong any more, and there was time enough (I28).

        Raises:
            Broken: One does not hold.
        """
        self.check()
        intents = self._server.intents()
        _hold(intents is not None, "I28: the server is ready to trade")
        assert intents is not None
        register = intents.register
        now_us = self._exchange.exchange.now_us()
        undecided = [order for order in register.open() if order.state in {"INTENDED", "SENDING", "UNKNOWN"}]
        _hold(not undecided, "I28: every order is decided", undecided=undecided)
        _hold(not (deeds := [*register.unsure_deeds()]), "I28: every call is decided", undecided=deeds)
        for order in register.orders.values():
            truth = self.truth.order(order.client_order_id)
            if truth is not None and truth.at_us < now_us - _NEWS_US:
                live = {order.state, truth.status} <= _WAITING
                same = (live or order.state == truth.status) and order.executed == truth.executed
                _hold(same, "the journal knows how it is", journal=order, exchange=truth)
                fills = register.fills.executed(order.client_order_id)
                _hold(fills == truth.executed, "I15: fills come to what was executed", fills=fills, exchange=truth)

    # Each of them

    def _watch_arrivals(self) -> None:
        """I2: when a request that changes orders arrives, its record is durable."""
        oracle = self._exchange.doors.oracle
        arrived = oracle.arrived

        def watched(where: str, method: str, path: str, params: Mapping[str, str], **more: Any) -> Request:
            if _changes(where, method, path) and not self._was_written(params):
                self.broken.append(f"{method} {path} {params}")
            return arrived(where, method, path, params, **more)

        oracle.arrived = watched  # type: ignore[method-assign]  # the one place that sees every request first

    def _was_written(self, params: Mapping[str, str]) -> bool:
        stamp = params.get("timestamp", "")
        return any(
            each.durable and each.entry.state == "SENDING" and str(each.entry.evidence["timestamp"]) == str(stamp)
            for each in reversed(self._disk.written)
        )

    def _one_order_per_intent(self) -> None:
        """I1: one call has at most one set of orders at the exchange, and each name belongs to one order."""
        sets: dict[str, list[list[str]]] = defaultdict(list)
        ours = set()
        for each in self._disk.written:
            if each.entry.kind == "intent" and each.entry.state == "INTENDED":
                names = [name for name, _ in each.entry.payload["orders"]]
                sets[each.entry.intent_id].append(names)
                ours |= {*names}
        for intent_id, tries in sets.items():
            placed = [names for names in tries if any(name in self.truth.orders for name in names)]
            _hold(len(placed) <= 1, "I1: one call, one order", intent_id=intent_id, placed=placed)
        for name, orders in self.truth.orders.items():
            _hold(len(orders) == 1, "I1: one name, one order", name=name, orders=orders)
            _hold(name in ours, "I2: every order was written down before", name=name)

    def _what_was_written_is_true(self) -> None:
        """I16, I3: from record to record executed quantity never falls and ends stay; what never was has no order."""
        known: dict[str, tuple[str, Decimal]] = {}
        for entry in (each.entry for each in self._disk.written if each.entry.kind == "order"):
            name = entry.client_order_id
            state, executed = known.get(name, ("", Decimal(0)))
            now = Decimal(entry.evidence.get("executed", executed))
            _hold(now >= executed, "I16: executed quantity", before=(state, executed), now=entry)
            if state in FINAL - {"NOT_PLACED"}:
                _hold(entry.state == state, "I16: an end stays", before=(state, executed), now=entry)
            if entry.state in NEVER:
                _hold(name not in self.truth.orders, "I3: it never was", now=entry, exchange=self.truth.order(name))
            known[name] = entry.state, now

    def _register_is_true(self, register: Register) -> None:
        """I3: nothing is said of an order that is not so."""
        for order in register.orders.values():
            truth = self.truth.order(order.client_order_id)
            if order.state in NEVER:
                _hold(truth is None, "I3: it never was", journal=order, exchange=truth)
            elif order.seen is not None:
                _hold(truth is not None, "I3: it was seen", journal=order)
                assert truth is not None
                _hold(order.executed <= truth.executed, "I3: so much was executed", journal=order, exchange=truth)
                if order.state in FINAL:
                    same = (order.state, order.executed) == (truth.status, truth.executed)
                    _hold(same, "I3: its end", journal=order, exchange=truth)
            fills = register.fills.executed(order.client_order_id)
            traded = Decimal(0) if truth is None else self.truth.executed[truth.symbol, truth.order_id]
            _hold(fills <= traded, "I15: each fill counts once", order=order, fills=fills, exchange=traded)

    def _nothing_is_forgotten(self, register: Register) -> None:
        """I16: executed quantity never falls and ends stay, as long as one server lives."""
        if register is not self._known_to:
            self._known, self._known_to = {}, register
        for name, before in self._known.items():
            now = register.orders[name]
            _hold(now.executed >= before.executed, "I16: executed quantity", before=before, now=now)
            if before.state in FINAL - {"NOT_PLACED"}:
                _hold(now.state == before.state, "I16: an end stays", before=before, now=now)
        self._known = dict(register.orders)

    def _replays(self, register: Register) -> None:
        """I17: the journal, read back, is what the server knows."""
        replayed = Register(read_journal(self._journal).records)
        for name, value in vars(register).items():
            live, read = _plain(value), _plain(vars(replayed)[name])
            _hold(live == read, "I17: the journal replays", part=name, **_difference(live, read))

    def _money_stays(self) -> None:
        """I19: nothing comes from nowhere, and nothing is owed."""
        engine = self._exchange.exchange.engine
        money: dict[str, Decimal] = defaultdict(Decimal)
        for account in engine._x.accounts:
            for balance in engine.balances(account):
                enough = account == ROUTING_ACCOUNT or min(balance.free, balance.locked) >= 0
                _hold(enough, "I19: nothing is negative", account=account, balance=balance)
                money[balance.asset] += balance.free + balance.locked
        for asset, amount in money.items():
            _hold(amount == engine.supply(asset), "I19: money is conserved", asset=asset, amount=amount)

    def _answers_are_true(self) -> None:
        """I3: what the agent was told is so, and nothing crashed."""
        for made in self._agent.made[self._told :]:
            if made.answer is None:
                continue
            _hold(made.answer.get("code") != "INTERNAL", "no crash", made=made)
            if made.tool in {"place_order", "cancel_replace_order", "place_oco", "place_oto"}:
                self._placing_is_true(made, made.answer)
        self._told = len(self._agent.made)

    def _placing_is_true(self, made: Made, answer: Mapping[str, Any]) -> None:
        name = answer.get("client_order_id")
        said = f"{answer.get('message')} {answer.get('notes')}"
        if not isinstance(name, str) or BEFORE_NOW in said:
            return
        if answer["ok"] and made.tool == "place_order":
            _hold(name in self.truth.orders, "what was placed exists", made=made)
        if not answer["ok"] and answer["sent"] == "no" and answer["code"] not in _REPEATED:
            _hold(name not in self.truth.orders, "what was not sent does not exist", made=made)


def _changes(where: str, method: str, path: str) -> bool:
    if where == "ws_api":
        return method in _CHANGING
    return method != "GET" and not path.endswith("/test")


def _difference(live: Any, read: Any) -> dict[str, object]:
    if not isinstance(live, dict):
        return {"live": live, "read": read}
    keys = [key for key in {**live, **read} if live.get(key) != read.get(key)]
    return {"live": {key: live.get(key) for key in keys}, "read": {key: read.get(key) for key in keys}}


def _plain(value: Any) -> Any:
    """An object without an equality of its own, as what it consists of."""
    has_own = any("__eq__" in vars(kind) for kind in type(value).__mro__[:-1])
    if has_own or not hasattr(value, "__dict__"):
        return value
    return {name: _plain(part) for name, part in vars(value).items()}
