"""One attempt over real sockets: what became of the request is told by what really happened to its bytes."""

import asyncio
import datetime as dt
import itertools
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from tests.unit.transport.loopback import Handler, answer, loopback, replying

from binance_spot_mcp import __version__
from binance_spot_mcp.errors import OutcomeUnknown, SpotError, Unavailable, Unreachable
from binance_spot_mcp.signing import hmac_signer, signed_query
from binance_spot_mcp.transport.limits import WEIGHT_PER_MINUTE
from binance_spot_mcp.transport.rest import HttpRequest, RestTransport

pytestmark = pytest.mark.anyio

API_KEY = SecretStr("canary-api-key")
QUERY = "symbol=BTCUSDT&signature=canary-signature"


def request(origin: str, *, changes: bool = False, query: str = QUERY) -> HttpRequest:
    method = "POST" if changes else "GET"
    return HttpRequest(method, origin, "/api/v3/order", query, API_KEY, changes)


@asynccontextmanager
async def transport(**options: object) -> AsyncIterator[RestTransport]:
    ticks = itertools.count(1_000_000, 1_000_000)
    rest = RestTransport(monotonic_ns=lambda: next(ticks), **options)  # type: ignore[arg-type]  # options of the test
    try:
        yield rest
    finally:
        await rest.aclose()


async def failure_of(handler: Handler, *, changes: bool, **options: object) -> SpotError:
    async with loopback(handler) as origin, transport(**options) as rest:
        with pytest.raises(SpotError) as failure:
            await rest.send(request(origin, changes=changes))
    assert "canary" not in str(failure.value)
    assert failure.value.__cause__ is None
    return failure.value


async def abort(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def close(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def silence(_: bytes, __: asyncio.StreamWriter) -> None:
    pass


async def drip(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await asyncio.sleep(0.005)


async def test_the_bytes_that_were_signed_are_the_bytes_that_are_sent() -> None:
    heads: list[bytes] = []

    async def record(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(answer(b"{}"))

    query = signed_query(
        {"symbol": "１２３", "note": "a b+c~d/%?&=ü", "symbols": '["A","B"]'}, hmac_signer(SecretStr("secret"))
    )
    async with loopback(record) as origin, transport() as rest:
        await rest.send(request(origin, changes=True, query=query))
    (head,) = heads
    assert head.startswith(f"POST /api/v3/order?{query} HTTP/1.1\r\n".encode())
    assert b"x-mbx-apikey: canary-api-key" in head.lower()
    assert f"user-agent: binance-spot-mcp/{__version__}".encode() in head.lower()


@pytest.mark.parametrize("microseconds", [False, True])
async def test_microseconds_are_asked_for_only_when_they_are_wanted(microseconds: bool) -> None:
    heads: list[bytes] = []

    async def record(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head.lower())
        writer.write(answer(b"{}"))

    async with loopback(record) as origin, transport(microseconds=microseconds) as rest:
        await rest.send(request(origin))
    assert (b"x-mbx-time-unit: microsecond" in heads[0]) is microseconds


async def test_an_answer_comes_back_whatever_its_status_with_the_times_of_its_round_trip() -> None:
    reply_bytes = answer(b"<html>", status="502 Bad Gateway", headers="X-MBX-USED-WEIGHT-1M: 7\r\n")
    async with loopback(replying(reply_bytes)) as origin, transport() as rest:
        reply = await rest.send(request(origin))
    assert (reply.status, reply.body, reply.used) == (502, b"<html>", {WEIGHT_PER_MINUTE: 7})
    assert 0 < reply.sent_ns < reply.received_ns


async def test_a_redirect_is_not_followed() -> None:
    visits: list[bytes] = []

    async def elsewhere(head: bytes, writer: asyncio.StreamWriter) -> None:
        visits.append(head)
        writer.write(answer(b"{}"))

    async with loopback(elsewhere) as other:
        moved = answer(b"", status="302 Found", headers=f"Location: {other}/api/v3/order\r\n")
        async with loopback(replying(moved)) as origin, transport() as rest:
            reply = await rest.send(request(origin))
    assert reply.status == 302
    assert visits == []


@pytest.mark.parametrize("changes", [False, True], ids=["read", "order"])
async def test_a_refused_connection_means_that_nothing_was_sent(changes: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with transport() as rest:
        with pytest.raises(Unreachable, match=f"No connection to 127.0.0.1:{port} came about") as failure:
            await rest.send(request(f"http://127.0.0.1:{port}", changes=changes))
    assert (failure.value.sent, failure.value.code) == ("no", "NETWORK_NOT_SENT")


async def test_a_name_that_does_not_resolve_means_that_nothing_was_sent() -> None:
    async with transport() as rest:
        with pytest.raises(Unreachable, match="could not be resolved"):
            await rest.send(request("https://no-such-host.invalid", changes=True))


async def test_a_certificate_that_is_not_trusted_means_that_nothing_was_sent(tmp_path: Path) -> None:
    heads: list[bytes] = []

    async def record(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(answer(b"{}"))

    async with loopback(record, self_signed(tmp_path)) as origin, transport() as rest:
        with pytest.raises(Unreachable, match="did not show a valid TLS certificate"):
            await rest.send(request(origin, changes=True))
    assert heads == []


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2120, 1, 1, tzinfo=dt.UTC))
        .sign(key, SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


LOST: dict[str, tuple[Handler, str]] = {
    "reset after the request": (abort, "The connection broke|broken or cut short"),
    "closed without an answer": (close, "broken or cut short"),
    "no answer": (silence, "No complete answer came in time"),
    "an answer that drips": (drip, "No complete answer came in time"),
    "a body that is cut": (
        lambda head, writer: close_after(answer(b'{"orderId":', length=500), head, writer),
        "broken or cut short",
    ),
    "no HTTP at all": (replying(b"garbage\r\n\r\n"), "broken or cut short"),
    "a body that does not unpack": (
        replying(answer(b"not gzip", headers="Content-Encoding: gzip\r\n")),
        "broken or cut short",
    ),
    "a body without end": (replying(answer(b" " * 5000)), "larger than any"),
}


def patience(told: str) -> float:
    """Seconds; short only where the deadline is the point."""
    return 0.1 if "in time" in told else 10


async def close_after(reply: bytes, _: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(reply)
    writer.close()


@pytest.mark.parametrize("case", LOST)
async def test_a_lost_answer_to_an_order_leaves_its_outcome_unknown(case: str) -> None:
    handler, told = LOST[case]
    failure = await failure_of(handler, changes=True, answer_seconds=patience(told), body_cap=1000)
    assert isinstance(failure, OutcomeUnknown)
    assert (failure.sent, failure.retry) == ("unknown", "after_reconcile")
    assert any(part in failure.message for part in told.split("|"))


@pytest.mark.parametrize("case", LOST)
async def test_a_lost_answer_to_a_read_is_unavailable(case: str) -> None:
    handler, told = LOST[case]
    failure = await failure_of(handler, changes=False, answer_seconds=patience(told), body_cap=1000)
    assert isinstance(failure, Unavailable)
    assert failure.sent == "no"
    assert failure.code == ("TOO_LARGE" if "larger" in told else "EXCHANGE_UNAVAILABLE")


async def test_a_kept_connection_that_breaks_under_an_order_leaves_the_outcome_unknown() -> None:
    heads: list[bytes] = []

    async def second_time_broken(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        if len(heads) == 1:
            writer.write(answer(b"{}"))
        else:
            writer.transport.abort()

    async with loopback(second_time_broken) as origin, transport() as rest:
        await rest.send(request(origin))
        with pytest.raises(OutcomeUnknown):
            await rest.send(request(origin, changes=True))
    assert len(heads) == 2


async def test_a_proxy_that_refuses_the_tunnel_means_that_nothing_was_sent() -> None:
    heads: list[bytes] = []

    async def refuse(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(answer(b"", status="403 Forbidden"))

    async with loopback(refuse) as proxy, transport(proxy=SecretStr(proxy)) as rest:
        with pytest.raises(Unreachable, match="proxy of BINANCE_PROXY"):
            await rest.send(request("https://api.binance.com", changes=True))
    (head,) = heads
    assert head.startswith(b"CONNECT api.binance.com:443")
    assert b"canary" not in head


async def test_a_proxy_that_dies_before_the_tunnel_stands_means_that_nothing_was_sent() -> None:
    async with loopback(abort) as proxy, transport(proxy=SecretStr(proxy)) as rest:
        with pytest.raises(Unreachable):
            await rest.send(request("https://api.binance.com", changes=True))


async def test_a_proxy_of_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with loopback(replying(answer(b"{}"))) as origin, transport() as rest:
        assert (await rest.send(request(origin))).status == 200


async def test_a_cancelled_attempt_ends_at_once_and_gives_its_connection_back() -> None:
    arrived = asyncio.Event()

    async def hang(_: bytes, __: asyncio.StreamWriter) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async with loopback(hang) as origin, transport() as rest:
        task = asyncio.create_task(rest.send(request(origin, changes=True)))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_no_log_line_holds_a_key_a_signature_or_a_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with loopback(replying(answer(b"{}"))) as origin, transport() as rest:
        await rest.send(request(origin))
    await failure_of(abort, changes=True)
    lines = [record.getMessage() for record in caplog.records]
    assert any("answered" in line and "status=200" in line for line in lines)
    assert any("no answer" in line for line in lines)
    assert not [line for line in lines if "canary" in line or "http://" in line]
