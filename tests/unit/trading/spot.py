"""An exchange that says what it is told to say, and remembers what it was asked."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from tests.unit.domain.exchange import BTCUSDT, exchange_info

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.client import Answer
from binance_spot_mcp.errors import ExchangeError, Rejected, SpotError
from binance_spot_mcp.transport.call import Departing
from binance_spot_mcp.transport.ledger import CallClass, LedgerState

P = TypeVar("P", bound=Params)
R = TypeVar("R")
Wire = dict[str, str]
Reply = Callable[[Wire], object]

UNKNOWN_SYMBOL = Rejected(
    "No symbol has this name.", code="UNKNOWN_SYMBOL", sent="no", exchange=ExchangeError(-1121, "Invalid symbol.")
)
NO_REFERENCE = Rejected("None.", code="NOT_FOUND", sent="no", exchange=ExchangeError(-2043, "No reference price."))


def order_report(wire: Wire) -> dict[str, Any]:
    """An order that was accepted, named as it was sent."""
    return {"symbol": wire["symbol"], "orderId": 7, "clientOrderId": wire["newClientOrderId"], "transactTime": 1}


def list_report(wire: Wire) -> dict[str, Any]:
    """A list that was accepted, with its orders named as they were sent."""
    names = [value for name, value in wire.items() if name.endswith("ClientOrderId") and not name.startswith("list")]
    return {
        "orderListId": 3,
        "contingencyType": "OCO",
        "listStatusType": "EXEC_STARTED",
        "listOrderStatus": "EXECUTING",
        "listClientOrderId": wire["listClientOrderId"],
        "transactionTime": 1,
        "symbol": wire["symbol"],
        "orders": [],
        "orderReports": [order_report(wire | {"newClientOrderId": name}) for name in names],
    }


def open_order(**changes: Any) -> dict[str, Any]:
    """An order as a query shows it."""
    return {
        "symbol": "BTCUSDT",
        "orderId": 7,
        "clientOrderId": "zz",
        "price": "50000",
        "origQty": "1",
        "executedQty": "0",
        "cummulativeQuoteQty": "0",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "time": 1,
        "updateTime": 1,
        **changes,
    }


def amended(wire: Wire) -> dict[str, Any]:
    """An order that was amended and keeps its name."""
    order = {"symbol": wire["symbol"], "orderId": 7, "origClientOrderId": "zz", "status": "NEW", "type": "LIMIT"}
    order |= {"clientOrderId": wire["newClientOrderId"], "side": "BUY", "timeInForce": "GTC", "price": "50000"}
    order |= {"qty": wire["newQty"], "executedQty": "0", "preventedQty": "0", "cumulativeQuoteQty": "0"}
    return {"transactTime": 1, "executionId": 2, "amendedOrder": order}


@dataclass(frozen=True)
class Hold:
    """A call that has arrived and is not answered yet."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)


class FakeSpot:
    """Answers calls by endpoint name; an answer that is an error is raised.

    Attributes:
        replies: What is answered; a test puts its own in.
        now_ms: Its time.
        workers: How many there are who do something and then wait for the time.
        calls: Endpoint and parameters of every call.
    """

    def __init__(self, **symbol: Any) -> None:
        self.symbol = {**BTCUSDT, **symbol}
        self._held: dict[str, Hold] = {}
        self.now_ms = 5_000
        self._time_passes = asyncio.Event()
        self._sleepers: dict[object, int] = {}
        self.workers: Callable[[], int] = lambda: 0
        self.calls: list[tuple[str, Wire]] = []
        self.replies: dict[str, Reply] = {
            "get_exchange_info": self._exchange_info,
            "get_my_filters": lambda _: {"exchangeFilters": [], "symbolFilters": [], "assetFilters": []},
            "get_price": self._price,
            "get_average_price": lambda _: {"mins": 5, "price": "50000", "closeTime": 1},
            "get_reference_price": lambda _: NO_REFERENCE,
            "get_order_book": lambda _: {"lastUpdateId": 1, "bids": [["49999", "1"]], "asks": [["50001", "1"]]},
            "test_order": lambda _: {},
            "test_sor_order": lambda _: {},
            "place_order": order_report,
            "place_sor_order": order_report,
            "place_oco": list_report,
            "place_opo": list_report,
            "cancel_order": order_report,
            "get_order": lambda _: open_order(),
            "get_open_orders": lambda _: [],
            "get_all_orders": lambda _: [],
            "get_my_trades": lambda _: [],
            "get_allocations": lambda _: [],
            "get_order_amendments": lambda _: [],
            "amend_order": amended,
        }

    async def fetch(
        self,
        endpoint: Endpoint[P, R],
        params: P,
        *,
        urgent: bool = False,
        departing: Departing | None = None,
        share: CallClass = "market",
    ) -> Answer[R]:
        """Answer one call."""
        del urgent, share
        wire = params.wire()
        if departing is not None:
            await departing(self.now_ms)
        self.calls.append((endpoint.name, wire))
        if hold := self._held.get(endpoint.name):
            hold.arrived.set()
            await hold.released.wait()
        reply = self.replies[endpoint.name](wire)
        if isinstance(reply, SpotError):
            raise reply
        body = msgspec.json.encode(reply)
        return Answer(msgspec.json.decode(body, type=endpoint.result), body, {})

    async def rate_limits(self) -> LedgerState:
        """Nothing is limited here."""
        return {"limits": [], "holds": [], "processes": 1, "trouble": None}

    async def know_the_time(self) -> None:
        """Its clock and ours agree."""

    async def sleep(self, seconds: float) -> None:
        """Wait until a test lets that much time pass."""
        me = object()
        self._sleepers[me] = self.now_ms + round(seconds * 1_000)
        try:
            while self.now_ms < self._sleepers.get(me, 0):
                await self._time_passes.wait()
        finally:
            self._sleepers.pop(me, None)

    async def let_pass(self, milliseconds: int) -> None:
        """Let time pass from one thing that waits for it to the next, which does then what it does."""
        end_ms = self.now_ms + milliseconds
        await self._everybody_waits()
        while self.now_ms < end_ms:
            self.now_ms = min(end_ms, *self._sleepers.values(), end_ms)
            self._sleepers = {me: until_ms for me, until_ms in self._sleepers.items() if until_ms > self.now_ms}
            passing, self._time_passes = self._time_passes, asyncio.Event()
            passing.set()
            await self._everybody_waits()

    async def _everybody_waits(self) -> None:
        while len(self._sleepers) < self.workers():  # noqa: ASYNC110  # the journal's thread has no event to wait for
            await asyncio.sleep(0.001)

    def hold(self, name: str) -> Hold:
        """Let calls to an endpoint wait for their answer."""
        return self._held.setdefault(name, Hold())

    def asked(self, name: str) -> list[Wire]:
        """The parameters of every call to one endpoint."""
        return [wire for called, wire in self.calls if called == name]

    def _exchange_info(self, wire: Wire) -> object:
        known = wire.get("symbol", self.symbol["symbol"]) == self.symbol["symbol"]
        return exchange_info(self.symbol) if known else UNKNOWN_SYMBOL

    def _price(self, wire: Wire) -> object:
        if "symbol" in wire:
            return {"symbol": wire["symbol"], "price": "50000"}
        return [{"symbol": name, "price": "1"} for name in ("BTCUSDT", "BTCUSDC", "ETHUSDT")]
