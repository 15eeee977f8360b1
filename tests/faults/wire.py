"""Faults below the exchange's answers: connections, TLS, HTTP and WebSocket framing, answers that belong to others."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any, Final

from tests.e2e.faulty_line import FaultyLine, Passing, Rule, passes
from tests.faults.certificates import self_signed
from tests.faults.exchange import PLACE
from tests.faults.floor import BTC, Floor, Mode, told
from tests.faults.placing import UNKNOWN
from tests.faults.socket_line import Change, SocketLine
from tests.faults.table import Row
from tests.unit.transport.loopback import answer, loopback

PLACED: Final = "POST /api/v3/order"
NOT_SENT: Final = {"ok": False, "code": "NETWORK_NOT_SENT", "sent": "no", "retry": "at"}


async def _found(ground: Floor, answered: Mapping[str, Any]) -> None:
    """An order of which no verdict came back exists, is found, and is not placed again."""
    if not answered["ok"]:
        told(answered, **UNKNOWN, intent_id="one")
    told(await ground.settled(), state="NEW", settled=True)
    told(await ground.place(), ok=True, status="NEW")
    arrived = len(await ground.exchange.requests(PLACE))
    assert arrived == 1, f"it arrived {arrived} times"


async def _never_left(ground: Floor) -> None:
    """Without a connection nothing is sent; the same call goes out once there is one."""
    await ground.start()
    told(await ground.place("first"), ok=True)
    where = "rest" if ground.mode == "rest" else "ws_api"
    rule = await ground.exchange.fault(where=where, nth=0, effect={"kind": "refuse"})
    told(await ground.place("one", price="50001"), **NOT_SENT)
    told(await ground.ask("get_price", **BTC), ok=False, sent="no", retry="at")
    assert len(await ground.exchange.requests(PLACE)) == 1
    await ground.exchange.operate("DELETE", f"/faults?id={rule}")
    again = await ground.until(lambda: ground.place("one", price="50001"), lambda said: bool(said["ok"]))
    told(again, ok=True, status="NEW", intent_id="one")
    told(await ground.place("one", price="50001"), ok=True, orderId=again["orderId"])


async def _tls(ground: Floor, named: str = "") -> None:
    """The host shows a certificate of that name that nobody vouches for, or speaks no TLS at all."""
    heads: list[bytes] = []

    async def hears(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(answer(b"{}"))

    async with loopback(hears, self_signed([named]) if named else None) as origin:
        port = origin.rpartition(":")[2]
        await ground.start(BINANCE_BASE_URL=f"https://127.0.0.1:{port}")
        said = await ground.place()
        told(said, **NOT_SENT | {"code": ("NETWORK_NOT_SENT", "NOT_READY")})  # to try it thrice takes a while
        assert not named or said["code"] == "NOT_READY" or "certificate" in said["message"], said
    assert not heads, heads


def _raw(text: Callable[[bytes], bytes], *, ends: bool = True) -> Rule:
    """The exchange acts; what is made of its body comes back as these very bytes."""

    async def rule(passing: Passing) -> None:
        body = (await passing.answered()).partition(b"\r\n\r\n")[2]
        passing.client.write(text(body))
        if ends:
            await passing.client.drain()
            passing.client.close()

    return rule


def _head(*lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()


async def _acts_and_closes(passing: Passing) -> None:
    await passing.answered()
    passing.client.close()


BROKEN: Final[Mapping[str, Rule]] = {
    "gzip that is none": _raw(lambda body: _head("Content-Encoding: gzip", f"Content-Length: {len(body)}") + body),
    "gzip cut short": _raw(
        lambda body: (
            _head("Content-Encoding: gzip", f"Content-Length: {len(gzip.compress(body)) - 9}")
            + gzip.compress(body)[:-9]
        )
    ),
    "an encoding that nobody knows": _raw(
        lambda body: _head("Content-Encoding: br", f"Content-Length: {len(body)}") + body[::-1]
    ),
    "chunks cut short": _raw(lambda body: _head("Transfer-Encoding: chunked") + b"%x\r\n" % len(body) + body[:50]),
    "chunks of nonsense": _raw(lambda body: _head("Transfer-Encoding: chunked") + b"zz\r\n" + body),
    "two lengths that differ": _raw(lambda body: _head("Content-Length: 5", f"Content-Length: {len(body)}") + body),
    "a head that never ends": _raw(lambda body: b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000),
    "no HTTP at all": _raw(lambda _: b"\x16\x03\x01 hello\r\n\r\n"),
    "a status line alone": _raw(lambda _: b"HTTP/1.1 200 OK\r\n"),
    "closed without a word, after": _acts_and_closes,
    "NaN and Infinity in the JSON": _raw(lambda body: answer(body.replace(b'"orderId":', b'"orderId":NaN,"x":'))),
    "JSON with something behind it": _raw(lambda body: answer(body + b"}")),
    "the order under another name": _raw(lambda body: answer(_changed(body, clientOrderId="x"))),
    "another symbol": _raw(lambda body: answer(_changed(body, symbol="ETHUSDT"))),
    "no order id": _raw(lambda body: answer(_changed(body, orderId=None))),
    "order id 0": _raw(lambda body: answer(_changed(body, orderId=0))),
    "order id -1": _raw(lambda body: answer(_changed(body, orderId=-1))),
    "quantities that are no numbers": _raw(lambda body: answer(_changed(body, executedQty="lots"))),
    "a list of it": _raw(lambda body: answer(b"[" + body + b"]")),
    "UTF-16": _raw(lambda body: answer(body.decode().encode("utf-16"))),
    "an endless body": _raw(lambda _: _head() + b"[" * 3_000_000, ends=False),
}


def _changed(body: bytes, **changes: object) -> bytes:
    return json.dumps(json.loads(body) | changes).encode()


async def _broken(ground: Floor, rule: Rule) -> None:
    async with FaultyLine(ground.exchange.rest).open() as line:
        await ground.start(BINANCE_BASE_URL=line.origin)
        line.once(PLACED, rule)
        await _found(ground, await ground.place())
        assert len(line.asked(PLACED)) == 1


UNCOMMON: Final[Mapping[str, Rule]] = {
    "100 Continue before it": _raw(lambda body: b"HTTP/1.1 100 Continue\r\n\r\n" + answer(body)),
    "closed after the answer, keep-alive said": _raw(answer),
    "chunked and whole": _raw(
        lambda body: _head("Transfer-Encoding: chunked") + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    ),
    "gzip": _raw(
        lambda body: (
            _head("Content-Encoding: gzip", f"Content-Length: {len(gzip.compress(body))}") + gzip.compress(body)
        )
    ),
    "a status that Binance may add": _raw(lambda body: answer(_changed(body, newField={"a": [1]}))),
}


async def _uncommon(ground: Floor, rule: Rule) -> None:
    async with FaultyLine(ground.exchange.rest).open() as line:
        await ground.start(BINANCE_BASE_URL=line.origin)
        line.once(PLACED, rule)
        told(await ground.place(), ok=True, status="NEW")
        told(await ground.place("two", price="50001"), ok=True, status="NEW")
        assert len(await ground.exchange.requests(PLACE)) == 2


async def _stale_connection(ground: Floor) -> None:
    """The kept connection is dead when the next order needs it; the order arrives once all the same."""
    async with FaultyLine(ground.exchange.rest).open() as line:
        await ground.start(BINANCE_BASE_URL=line.origin)
        told(await ground.place("first"), ok=True)

        async def passes_and_hangs_up(passing: Passing) -> None:
            await passes(passing)
            passing.client.transport.abort()

        for route in ("GET /api/v3/order", PLACED):
            line.once(route, passes_and_hangs_up)
        await ground.ask("get_order", **BTC, orderId=1)
        told(await ground.place("one", price="50001"), ok=True, status="NEW")
        told(await ground.place("two", price="50002"), ok=True, status="NEW")
        assert len(line.asked(PLACED)) == 3


async def _answered_twice(ground: Floor) -> None:
    """The answer to one order comes twice on its connection; the second must not pass for the answer to the next."""
    async with FaultyLine(ground.exchange.rest).open() as line:
        await ground.start(BINANCE_BASE_URL=line.origin)
        line.once(PLACED, _raw(lambda body: answer(body) + answer(body), ends=False))
        first = await ground.place("first")
        told(first, ok=True)
        second = await ground.place("one", price="50001")
        assert second.get("orderId") != first["orderId"], second
        told(await ground.settled(), state="NEW")
        assert len(line.asked(PLACED)) == 2


async def _swapped_answers(ground: Floor) -> None:
    """Two orders are out at once, and each gets the other's answer."""
    bodies: list[bytes] = []
    both = asyncio.Event()

    async def swaps(mine: int, passing: Passing) -> None:
        bodies.append((await passing.answered()).partition(b"\r\n\r\n")[2])
        if len(bodies) == 2:
            both.set()
        await both.wait()
        passing.client.write(answer(bodies[1 - mine]))

    async with FaultyLine(ground.exchange.rest).open() as line:
        await ground.start(BINANCE_BASE_URL=line.origin)
        told(await ground.place("first"), ok=True)
        line.once(PLACED, partial(swaps, 0), partial(swaps, 1))
        answers = await asyncio.gather(
            ground.place("one", price="50001"), ground.place("two", side="SELL", price="150000")
        )
        for said, intent_id in zip(answers, ("one", "two"), strict=True):
            if not said["ok"]:
                told(said, **UNKNOWN)
            told(await ground.settled(intent_id), state="NEW")
        assert len(line.asked(PLACED)) == 3


HELD: Final[Mapping[str, tuple[str, int]]] = {
    "429 without Retry-After": ("", 1),
    "429, Retry-After a date in 90 s": ("date", 88),
    "429, Retry-After twice": ("Retry-After: 7\r\nRetry-After: 9\r\n", 7),
    "429, Retry-After negative": ("Retry-After: -5\r\n", 1),
    "429, Retry-After not a number": ("Retry-After: soon\r\n", 1),
}


async def _held(ground: Floor, headers: str, at_least_s: int) -> None:
    async with FaultyLine(ground.exchange.rest).open() as line:
        await ground.start(BINANCE_BASE_URL=line.origin)
        told(await ground.place("first"), ok=True)
        if headers == "date":
            headers = f"Retry-After: {format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)}\r\n"
        body = b'{"code":-1003,"msg":"Too many requests."}'

        async def refuses(passing: Passing) -> None:
            passing.client.write(answer(body, status="429 Too Many", headers=headers))

        line.once(PLACED, refuses)
        now_ms = datetime.now(UTC).timestamp() * 1000
        said = await ground.place("one", price="50001")
        told(said, ok=False, code="RATE_LIMITED", sent="yes", retry="at")
        assert said["retry_at_ms"] >= now_ms + (at_least_s - 1) * 1000, said
        seen = len(line.seen)
        told(await ground.ask("get_price", **BTC), ok=False, code="RATE_LIMITED", sent="no")
        told(await ground.place("two", price="50002"), ok=False, code="RATE_LIMITED", sent="no")
        assert len(line.seen) == seen, "something left during the pause"


def _as(change: Callable[[dict[str, Any]], object]) -> Change:
    return lambda said: [json.dumps(change(said))]


BROKEN_FRAMES: Final[Mapping[str, Change]] = {
    "the answer under another request's number": _as(lambda said: said | {"id": said["id"] + 1000}),
    "the answer without a number": _as(lambda said: {**said, "id": None}),
    "the number as text": _as(lambda said: said | {"id": str(said["id"])}),
    "a frame that is no JSON": lambda said: ["{" + json.dumps(said)],
    "half a frame": lambda said: [json.dumps(said)[:60]],
    "a status without a result": _as(lambda said: {"id": said["id"], "status": 200}),
    "a result without a status": _as(lambda said: {"id": said["id"], "result": said["result"]}),
    "a result under status 500": _as(lambda said: said | {"status": 500}),
    "another order's result": _as(lambda said: said | {"result": said["result"] | {"clientOrderId": "x"}}),
    "another symbol": _as(lambda said: said | {"result": said["result"] | {"symbol": "ETHUSDT"}}),
    "a list for a result": _as(lambda said: said | {"result": [said["result"]]}),
    "nothing": lambda _: [],
    "an answer to nobody first": lambda said: [json.dumps(said | {"id": 999_999, "result": {}}), json.dumps(said)],
    "the answer as bytes": lambda said: [json.dumps(said).encode()],
    "the answer twice": lambda said: [json.dumps(said)] * 2,
    "a list frame": lambda said: [json.dumps([said])],
    "JSON too deep": lambda _: ["[" * 100_000],
    "above 8 MiB": lambda said: [json.dumps(said | {"pad": "x" * 9 * 2**20})],
}


async def _broken_frame(ground: Floor, change: Change) -> None:
    async with SocketLine(ground.exchange.ws_api).open() as line:
        await ground.start(BINANCE_WS_API_BASE=line.url)
        line.once("order.place", change)
        await _found(ground, await ground.place())


async def _swapped_numbers(ground: Floor) -> None:
    """Two answers on one socket, each under the other's number."""
    held: list[dict[str, Any]] = []

    def swap(said: dict[str, Any]) -> list[str]:
        held.append(said)
        if len(held) < 2:
            return []
        one, two = held
        return [json.dumps(one | {"id": two["id"]}), json.dumps(two | {"id": one["id"]})]

    async with SocketLine(ground.exchange.ws_api).open() as line:
        await ground.start(BINANCE_WS_API_BASE=line.url)
        told(await ground.place("first"), ok=True)
        line.once("order.place", swap, swap)
        answers = await asyncio.gather(
            ground.place("one", price="50001"), ground.place("two", side="SELL", price="150000")
        )
        for said, intent_id in zip(answers, ("one", "two"), strict=True):
            if not said["ok"]:
                told(said, **UNKNOWN)
            told(await ground.settled(intent_id), state="NEW")
        assert len(await ground.exchange.requests(PLACE)) == 3


async def _proxy_without_a_name(ground: Floor) -> None:
    await ground.start(BINANCE_PROXY="http://no-such-host.invalid:3128")
    told(await ground.place(), **NOT_SENT)
    assert not await ground.exchange.requests({"rest": {}})


def _row(fault: str, title: str, mode: Mode, scenario: Callable[[Floor], Awaitable[None]], orders: int) -> Row:
    return Row(fault, title, mode, scenario, orders=orders)


ROWS: Final = (
    _row("F01", "the port refuses connections", "rest", _never_left, 2),
    _row("F01", "the port refuses connections", "ws", _never_left, 2),
    _row("F01", "the name of the proxy does not resolve", "rest", _proxy_without_a_name, 0),
    _row("F01", "no TLS where TLS is expected", "rest", _tls, 0),
    _row("F20", "a certificate that nobody vouches for", "rest", partial(_tls, named="127.0.0.1"), 0),
    _row("F20", "a certificate of another name", "rest", partial(_tls, named="evil.example"), 0),
    *(_row("F14", f"HTTP: {title}", "rest", partial(_broken, rule=rule), 1) for title, rule in BROKEN.items()),
    *(_row("F14", f"harmless: {title}", "rest", partial(_uncommon, rule=rule), 2) for title, rule in UNCOMMON.items()),
    _row("F04", "the kept connection died between two orders", "rest", _stale_connection, 3),
    _row("F14", "an answer comes twice on one connection", "rest", _answered_twice, 2),
    _row("F14", "two orders get each other's answer", "rest", _swapped_answers, 3),
    *(_row("F08", title, "rest", partial(_held, headers=headers, at_least_s=most), 1)
      for title, (headers, most) in HELD.items()),
    *(_row("F31", f"frame: {title}", "ws", partial(_broken_frame, change=change), 1)
      for title, change in BROKEN_FRAMES.items()),
    _row("F31", "two orders get each other's answer", "ws", _swapped_numbers, 3),
)  # fmt: skip
