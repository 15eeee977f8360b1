"""What is written to the log, and what never is."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import respx
from structlog.contextvars import bound_contextvars
from tests.unit.client.stand import API_KEY, KEY, SECRET, Exchange, Machine, refusal, reply

from binance_spot_mcp.catalogue.account import ORDER_RATE_LIMITS, OrderRateLimitsParams
from binance_spot_mcp.errors import SpotError
from binance_spot_mcp.logs import configure_logs, logger

pytestmark = pytest.mark.anyio

READ = "GET /api/v3/rateLimit/order"


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    """Give the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with respx.mock(assert_all_called=False) as router:
        yield Exchange(router, Machine())


async def test_every_line_of_a_call_has_its_request_id_and_stdout_stays_empty(
    exchange: Exchange, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs("DEBUG")
    exchange.on(READ, httpx.ReadTimeout("slow"), reply(200, []))
    spot = exchange.machine.spot(**KEY)
    await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    with bound_contextvars(request_id="tool-7"):
        await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if "binance_spot_mcp" in line]
    assert out == ""
    assert len(lines) == 6
    assert all("request_id='call-1'" in line for line in lines[:5])
    assert "request_id='tool-7'" in lines[5]


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError(f"https://x/?signature={SECRET}"),
        httpx.ReadError(SECRET),
        refusal(400, -1022),
        reply(500, b"x"),
        reply(200, b"{"),
    ],
    ids=["connect", "read", "refusal", "500", "cut"],
)
async def test_no_key_secret_signature_or_url_is_in_a_log_line_or_an_error(
    exchange: Exchange, capsys: pytest.CaptureFixture[str], trouble: httpx.Response | Exception
) -> None:
    # No secret is told to the log here: what it would hide must not reach it in the first place.
    configure_logs("DEBUG")
    exchange.on(READ, trouble)
    with pytest.raises(SpotError) as failure:
        await exchange.machine.spot(**KEY).call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    logging.getLogger("test").error("failed", exc_info=failure.value)
    written = capsys.readouterr().err + repr(failure.value) + str(failure.value)
    signatures = [request.url.query.decode().rpartition("signature=")[2] for request in exchange.requests]
    assert "Traceback" in written
    for secret in (API_KEY, SECRET, "https://", *filter(None, signatures)):
        assert secret not in written


def test_what_a_careless_line_holds_is_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", secrets=["hunter2", ""])
    careless = logging.getLogger("careless")
    careless.warning("password hunter2 in GET /x?timestamp=1&signature=abc%3D%3D&x=1 {'X-MBX-APIKEY': 'k', 'a': 'b'}")
    try:
        raise ValueError("hunter2")  # noqa: TRY301  (its traceback is the point)
    except ValueError:
        careless.exception("and in a traceback")
    written = capsys.readouterr().err
    assert "hunter2" not in written
    assert "abc%3D" not in written
    assert "timestamp=1&signature=[hidden]&x=1 {'X-MBX-APIKEY': '[hidden]', 'a': 'b'}" in written


def test_the_level_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("WARNING")
    logger("room").info("quiet")
    logger("room").warning("loud", count=2)
    written = capsys.readouterr().err
    assert "quiet" not in written
    assert "WARNING binance_spot_mcp.room event='loud' count=2" in written


@pytest.mark.skipif(sys.platform == "win32", reason="file modes are POSIX")
def test_a_log_file_is_readable_by_its_owner_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "logs" / "server.log"
    configure_logs("INFO", file)
    logger("room").warning("in the file")
    assert "in the file" in file.read_text("utf-8")
    assert file.stat().st_mode & 0o777 == 0o600
    assert capsys.readouterr().err == ""
