"""The truth, for whoever tests a client: what was asked, what answered, and what became of orders and funds.

Entries are numbered in the order in which things happened. What the exchange's own house does is left out. The last
entries are kept in memory; a file, where there is one, gets every entry as a line of JSON and is started anew when it
has become long (the one before is kept as `.1`).
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from paper_exchange.engine.events import BalanceChange, Event, OrderReport
from paper_exchange.faults.plan import Struck
from paper_exchange.faults.rules import Occasion, name

KEPT_ENTRIES = 20_000
FILE_BYTES = 64 * 1024 * 1024

Answerer = Literal["exchange", "fault", "nobody"]
_SECRET = frozenset({"signature", "apiKey"})


class _Entry(Struct, kw_only=True, tag_field="kind", tag=str.lower):
    """Something that happened, and when by the exchange's clock."""

    seq: int
    at_us: int


class Request(_Entry, kw_only=True):
    """A request. It is written to the file when its fate is known, with the number of its arrival.

    Attributes:
        params: Without signature and key.
        account: Whose key came with it; -1 for none that is known.
        carried_out: Whether the exchange did what was asked, or refused it; else it never saw it.
        answered_by: Who made the answer; `nobody` when none was sent; None while that is open.
        status: Of the answer that was sent.
        fault: The rule that befell it.
    """

    where: str
    method: str
    path: str
    params: dict[str, str]
    account: int = -1
    carried_out: bool = False
    answered_by: Answerer | None = None
    status: int | None = None
    fault: str | None = None


class Order(_Entry, kw_only=True):
    """What an order has become. `request` is the number of the one that caused it, None for the market's."""

    request: int | None = None
    account: int
    symbol: str
    order_id: int
    client_order_id: str
    list_id: int
    side: str
    type: str
    execution: str
    status: str
    quantity: Decimal
    price: Decimal | None
    executed: Decimal
    executed_quote: Decimal


class Fill(_Entry, kw_only=True):
    """One side of a trade."""

    request: int | None = None
    account: int
    symbol: str
    order_id: int
    client_order_id: str
    trade_id: int
    side: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str | None
    is_maker: bool


class Balance(_Entry, kw_only=True):
    """What an account has of an asset now."""

    request: int | None = None
    account: int
    asset: str
    free: Decimal
    locked: Decimal


class Fault(_Entry, kw_only=True):
    """A rule that acted on anything but a request."""

    rule: str
    where: str
    effect: str
    method: str = ""
    path: str = ""
    symbol: str = ""
    stream: str = ""


Entry = Request | Order | Fill | Balance | Fault

_encode = msgspec.json.Encoder().encode


class Oracle:
    """Writes everything down.

    Args:
        now_us: The exchange's time.
        first_account: Accounts of smaller numbers are the exchange's own.
        kept: How many entries memory holds.
        file: Where they are written, too.

    Raises:
        OSError: The file cannot be written.
    """

    def __init__(
        self, now_us: Callable[[], int], *, first_account: int, kept: int = KEPT_ENTRIES, file: Path | None = None
    ) -> None:
        self._now_us = now_us
        self._first_account = first_account
        self._entries: deque[Entry] = deque(maxlen=kept)
        self._file = None if file is None else _LineFile(file)
        self._next = 1
        self._cause: int | None = None

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def entries(self, *, after: int = 0, limit: int | None = None) -> list[Entry]:
        """The entries kept, from the one after that number on."""
        return list(islice((entry for entry in self._entries if entry.seq > after), limit))

    # Requests

    def arrived(
        self, where: str, method: str, path: str, params: Mapping[str, str], *, account: int | None = None
    ) -> Request:
        """Note a request before anything is done about it."""
        request = Request(
            seq=self._number(),
            at_us=self._now_us(),
            where=where,
            method=method,
            path=path,
            params={key: value for key, value in params.items() if key not in _SECRET},
            account=-1 if account is None else account,
        )
        self._entries.append(request)
        return request

    def settled(self, request: Request, by: Answerer, status: int | None = None) -> None:
        """Note what answered a request."""
        request.answered_by, request.status = by, status
        self._write(request)

    @contextmanager
    def causing(self, request: Request) -> Iterator[None]:
        """While the exchange carries a request out, it is what caused all that happens."""
        request.carried_out = True
        self._cause = request.seq
        try:
            yield
        finally:
            self._cause = None

    # Everything else

    def hear(self, events: Iterable[Event]) -> None:
        """Note what a command did to orders and funds of accounts."""
        for event in events:
            if isinstance(event, OrderReport) and event.order.account >= self._first_account:
                self._add(_order(event, self._number(), self._cause))
                if event.execution_type == "TRADE":
                    self._add(_fill(event, self._number(), self._cause))
            elif isinstance(event, BalanceChange) and event.account >= self._first_account:
                self._add(
                    Balance(
                        seq=self._number(),
                        at_us=event.time_us,
                        request=self._cause,
                        account=event.account,
                        asset=event.asset,
                        free=event.free,
                        locked=event.locked,
                    )
                )

    def struck(self, struck: Struck, occasion: Occasion) -> None:
        """Note a fault that befell no request."""
        self._add(
            Fault(
                seq=self._number(),
                at_us=self._now_us(),
                rule=struck.rule.id,
                effect=name(struck.effect),
                **occasion._asdict(),
            )
        )

    def _number(self) -> int:
        number = self._next
        self._next += 1
        return number

    def _add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._write(entry)

    def _write(self, entry: Entry) -> None:
        if self._file is not None:
            self._file.write(_encode(entry))


class _LineFile:
    """A file of lines that begins anew when it is long. Every line has left the process when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = self._open()
        self._size = path.stat().st_size

    def write(self, line: bytes) -> None:
        if self._size > FILE_BYTES:
            os.close(self._fd)
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._fd, self._size = self._open(), 0
        self._size += os.write(self._fd, line + b"\n")

    def close(self) -> None:
        os.close(self._fd)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _order(report: OrderReport, seq: int, cause: int | None) -> Order:
    order = report.order
    return Order(
        seq=seq,
        at_us=report.time_us,
        request=cause,
        account=order.account,
        symbol=order.symbol,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        list_id=order.list_id,
        side=order.side,
        type=order.type,
        execution=report.execution_type,
        status=order.status,
        quantity=order.quantity,
        price=order.price,
        executed=order.executed,
        executed_quote=order.executed_quote,
    )


def _fill(report: OrderReport, seq: int, cause: int | None) -> Fill:
    order = report.order
    return Fill(
        seq=seq,
        at_us=report.time_us,
        request=cause,
        account=order.account,
        symbol=order.symbol,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        trade_id=report.trade_id,
        side=order.side,
        price=report.last_price,
        quantity=report.last_quantity,
        quote_quantity=report.last_quote,
        commission=report.commission,
        commission_asset=report.commission_asset,
        is_maker=report.is_maker,
    )


def as_json(entries: Iterable[Entry]) -> list[Any]:
    """Entries as JSON values."""
    return [msgspec.to_builtins(entry) for entry in entries]
