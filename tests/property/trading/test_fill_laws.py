"""Laws of fills: each counts once, whoever tells of it, in whatever order and however often; so says the journal."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from binance_spot_mcp.catalogue.account import Allocation, MyTrade
from binance_spot_mcp.catalogue.orders import Order, OrderReport
from binance_spot_mcp.catalogue.user_events import ExecutionReport
from binance_spot_mcp.trading.evidence import fills_of_trades
from binance_spot_mcp.trading.intents import Intents
from binance_spot_mcp.trading.journal.records import Entry, Record
from binance_spot_mcp.trading.register import Register

S = TypeVar("S", bound=msgspec.Struct)

SYMBOL = "BTCUSDT"
Telling = Callable[[Intents], Awaitable[None]]


class Memory:
    """A journal that keeps what is written in a list."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def append(self, *entries: Entry, at_ms: int, durable: bool = True) -> None:
        """Keep entries."""
        del durable
        self.records += [Record(len(self.records) + 1, at_ms, entry, "") for entry in entries]


def heard(payload: object, source: Any) -> Telling:
    return lambda intents: intents.heard(payload, source)


def traded(rows: Sequence[MyTrade | Allocation]) -> Telling:
    return lambda intents: intents.traded(fills_of_trades(SYMBOL, rows))


class Life:
    """One order of ours that trades part by part, and everything that the exchange can say of it."""

    def __init__(self, number: int, parts: Sequence[int], *, routed: bool, taken: int) -> None:
        self.name, self.number, self.routed = f"c{number}", number, routed
        self.whole = sum(parts) + 1
        self.parts = [(index, Decimal(part)) for index, part in enumerate(parts, 1)]  # both orders have trade 1, 2, …
        self.taken = self.parts[:taken]

    @property
    def executed(self) -> Decimal:
        return sum((quantity for _, quantity in self.parts), Decimal(0))

    def tellings(self) -> list[Telling]:
        """The answer to the order, an event for each part, a query after each part, and lists of trades."""
        told = [heard(self._reply(), "reply")]
        for count in range(1, len(self.parts) + 1):
            told += [heard(self._event(count), "stream"), heard(self._query(count), "query")]
            told.append(traded([self._trade(part) for part in self.parts[:count]]))
        return told

    def _so_far(self, count: int) -> Decimal:
        return sum((quantity for _, quantity in self.parts[:count]), Decimal(0))

    def _reply(self) -> OrderReport:
        ids = ("allocId", "tradeId") if self.routed else ("tradeId", "matchId")
        fills = [
            {"price": "2", "qty": str(quantity), "commission": "0.1", "commissionAsset": "BNB", ids[0]: part}
            | ({"tradeId": -1} if self.routed else {})
            for part, quantity in self.taken
        ]
        executed = sum((quantity for _, quantity in self.taken), Decimal(0))
        return read(
            OrderReport,
            symbol=SYMBOL, orderId=self.number, clientOrderId=self.name, transactTime=1, side="BUY", fills=fills,
            executedQty=str(executed), status="PARTIALLY_FILLED" if executed else "NEW",
        )  # fmt: skip

    def _event(self, count: int) -> ExecutionReport:
        part, quantity = self.parts[count - 1]
        ids = {"t": -1, "a": part} if self.routed else {"t": part}
        return read(
            ExecutionReport,
            e="executionReport", E=1, s=SYMBOL, i=self.number, x="TRADE", X="PARTIALLY_FILLED", S="BUY", o="LIMIT",
            f="GTC", q=str(self.whole), p="2", z=str(self._so_far(count)), Z="0", l=str(quantity), L="2", n="0.1",
            N="BNB", I=1, c=self.name, C="", T=1 + count, m=False, **ids,
        )  # fmt: skip

    def _query(self, count: int) -> Order:
        return read(
            Order,
            symbol=SYMBOL, orderId=self.number, clientOrderId=self.name, status="PARTIALLY_FILLED", type="LIMIT",
            side="BUY", timeInForce="GTC", executedQty=str(self._so_far(count)), cummulativeQuoteQty="0", time=1,
            updateTime=1 + count,
        )  # fmt: skip

    def _trade(self, part: tuple[int, Decimal]) -> MyTrade | Allocation:
        number, quantity = part
        said = {
            "orderId": self.number, "price": "2", "qty": str(quantity), "quoteQty": str(2 * quantity),
            "commission": "0.1", "commissionAsset": "BNB", "time": 1 + number, "isBuyer": True, "isMaker": False,
        }  # fmt: skip
        return read(Allocation, allocationId=number, **said) if self.routed else read(MyTrade, id=number, **said)


def read(struct: type[S], **fields: Any) -> S:
    return msgspec.json.decode(msgspec.json.encode(fields), type=struct)


PARTS = st.lists(st.integers(1, 5), min_size=1, max_size=4)


@given(PARTS, PARTS, st.booleans(), st.data())
def test_each_fill_counts_once_in_whatever_order_and_however_often_it_is_told(
    first: list[int], second: list[int], routed: bool, data: st.DataObject
) -> None:
    lives = [
        Life(1, first, routed=False, taken=data.draw(st.integers(0, len(first)))),
        Life(2, second, routed=routed, taken=data.draw(st.integers(0, len(second)))),
    ]
    everything = [telling for life in lives for telling in life.tellings()]
    again = data.draw(st.lists(st.sampled_from(everything), max_size=6))
    memory, register = Memory(), Register()
    intents = Intents(memory, register, lambda: 1, lambda: "new")  # type: ignore[arg-type]  # a journal without a file
    for life in lives:
        register.apply(1, sent(life))

    async def tell() -> None:
        for telling in data.draw(st.permutations([*everything, *again])):
            await telling(intents)

    asyncio.run(tell())
    for life in lives:
        fills = register.fills.of(life.name)
        assert sorted(fill.quantity for fill in fills) == sorted(quantity for _, quantity in life.parts)
        assert register.fills.executed(life.name) == register.orders[life.name].executed == life.executed
        assert sum(fill.commission for fill in fills) == Decimal("0.1") * len(life.parts)
    assert [*register.unaccounted()] == []
    written = [record.entry for record in memory.records if record.entry.kind == "fill"]
    assert len(written) == len(register.fills) == sum(len(life.parts) for life in lives)
    replayed = Register([*(Record(0, 1, sent(life), "") for life in lives), *memory.records])
    assert (replayed.orders, [*replayed.fills]) == (register.orders, [*register.fills])


def sent(life: Life) -> Entry:
    """The entry by which the order is known as ours."""
    return Entry(
        kind="intent",
        state="INTENDED",
        intent_id=f"i{life.number}",
        symbol=SYMBOL,
        client_order_id=life.name,
        payload={
            "tool": "place_order",
            "asked": {},
            "digest": life.name,
            "acts": False,
            "orders": [[life.name, "BUY"]],
        },
    )
