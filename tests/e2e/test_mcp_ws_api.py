"""An agent whose server reaches the paper exchange over the WebSocket API: every tool, every end of a connection."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from mcp import Client
from pydantic import SecretStr
from tests.e2e.operator_desk import Operator, operated
from tests.e2e.test_mcp_paper import BTC, CALLS, NOTHING_THERE, ORDER, ask, rows

from binance_spot_mcp.cli.desk import opener
from binance_spot_mcp.server import build
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.surface.toolbox import TOOLBOX, options
from paper_exchange.keys import public_key
from paper_exchange.options import Options

pytestmark = pytest.mark.anyio

FAR_BELOW, FAR_ABOVE = "50000", "150000"
OCO = {
    **BTC,
    "side": "SELL",
    "quantity": "0.001",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": FAR_ABOVE,
    "belowType": "STOP_LOSS",
    "belowStopPrice": "40000",
}


@asynccontextmanager
async def trading(operator: Operator, home: Path, transport: str, **settings: Any) -> AsyncIterator[Client]:
    """An agent at a server of that exchange."""
    login = operator.exchange.login
    key = {"api_key": SecretStr(login.api_key), "api_secret": SecretStr(login.api_secret)}
    chosen = Settings(
        env="paper",
        base_url=operator.exchange.rest,
        ws_base=operator.exchange.ws,
        ws_api_base=operator.exchange.ws_api,
        transport=transport,
        home=home,
        **key | settings,
    )
    async with Client(build(chosen, opener(chosen))) as agent:
        yield agent


@pytest.fixture
async def operator() -> AsyncIterator[Operator]:
    """An exchange with a market, and with limits that no test reaches."""
    async with operated(Options(seed=7, market=True, limit_factor=100)) as operator:
        yield operator


@pytest.fixture
async def agent(operator: Operator, tmp_path: Path) -> AsyncIterator[Client]:
    """An agent whose server uses the socket for whatever has a method."""
    async with trading(operator, tmp_path, "ws") as agent:
        yield agent


async def test_every_tool_answers_over_the_socket(agent: Client, operator: Operator) -> None:
    for tool, arguments in CALLS.items():
        body = await ask(agent, tool, **arguments)
        assert body["ok"] is (tool not in NOTHING_THERE), (tool, body)
    asked = [entry["where"] for entry in await operator.oracle("request")]
    assert asked.count("ws_api") > len(CALLS) / 2
    assert asked.count("rest") == 0


async def test_every_read_answers_in_full_over_the_socket(agent: Client) -> None:
    for tool, arguments in CALLS.items():
        if TOOLBOX[tool].reads and "detail" in options(TOOLBOX[tool]):
            concise = await ask(agent, tool, **arguments)
            full = await ask(agent, tool, **arguments, detail="full")
            assert full["ok"] is concise["ok"], (tool, full)


async def test_all_symbols_at_once_come_over_rest(agent: Client, operator: Operator) -> None:
    assert (await ask(agent, "get_exchange_info"))["ok"]
    (request,) = await operator.oracle("request", where="rest")
    assert request["path"] == "/api/v3/exchangeInfo"


async def test_cancelling_a_leg_shows_the_list_that_went_with_it(agent: Client) -> None:
    placed = await ask(agent, "place_oco", **OCO)
    legs = [report["orderId"] for report in rows(placed["orderReports"])]
    cancelled = await ask(agent, "cancel_order", **BTC, orderId=legs[0])
    assert cancelled["ok"]
    assert cancelled["listOrderStatus"] == "ALL_DONE"
    assert {report["orderId"] for report in rows(cancelled["orderReports"])} == set(legs)
    assert not rows(await ask(agent, "get_open_orders", **BTC))


@pytest.mark.parametrize("kind", ["reset", "close"])
@pytest.mark.parametrize(("phase", "is_placed"), [("before", False), ("after", True)])
async def test_an_order_that_is_out_when_the_socket_dies_is_unknown_findable_and_never_doubled(
    agent: Client, operator: Operator, kind: str, phase: str, is_placed: bool
) -> None:
    await operator.fault(where="ws_api", match={"method": "order.place"}, phase=phase, effect={"kind": kind})
    answer = await ask(agent, "place_order", **ORDER)
    if answer["ok"]:  # the user data stream, which has a socket of its own, told of it in time
        assert is_placed
        assert any("answer was lost" in note for note in answer["notes"])
    else:
        assert (answer["code"], answer["sent"], answer["retry"]) == ("OUTCOME_UNKNOWN", "unknown", "after_reconcile")
    found = await ask(agent, "get_order", **BTC, origClientOrderId=answer["client_order_id"])
    assert found.get("status", found.get("code")) == ("NEW" if is_placed else "NOT_FOUND")
    assert len(await operator.oracle("request", method="order.place")) == 1
    assert not await operator.oracle("request", method="POST", path="/api/v3/order")


async def test_an_order_for_which_no_connection_comes_about_was_not_sent(operator: Operator, tmp_path: Path) -> None:
    refused = {"kind": "reply", "status": 503, "body": "<html>"}
    await operator.fault(where="ws_api", match={"method": "CONNECT"}, times=None, effect=refused)
    async with trading(operator, tmp_path / "ws", "ws") as agent:
        answer = await ask(agent, "cancel_order", **BTC, orderId=1)
        assert (answer["sent"], answer["retry"]) == ("no", "at")
    async with trading(operator, tmp_path / "auto", "auto") as agent:
        assert (await ask(agent, "place_order", **ORDER))["status"] == "NEW"
    assert len(await operator.oracle("request", where="rest", method="POST", path="/api/v3/order")) == 1


async def test_a_socket_that_ends_between_two_calls_is_opened_anew(agent: Client, operator: Operator) -> None:
    assert (await ask(agent, "get_price", **BTC))["ok"]
    await operator.fault(where="ws_api", nth=0, effect={"kind": "close"})
    assert (await ask(agent, "get_price", **BTC))["ok"]
    assert (await ask(agent, "place_order", **ORDER))["status"] == "NEW"


@pytest.fixture
def ed25519(operator: Operator, tmp_path: Path) -> dict[str, Any]:
    """The settings of a key of that kind, which the exchange knows."""
    key, name = Ed25519PrivateKey.generate(), "E" * 64
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    exchange = operator.exchange
    exchange.exchange.keys.register(public_key(name, public, exchange.accounts.numbers[0]))
    pem = tmp_path / "key.pem"
    pem.touch(0o600)
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return {"api_key": SecretStr(name), "api_secret": None, "private_key_path": pem}


async def test_an_ed25519_key_logs_its_session_on_and_trades_without_a_signature(
    operator: Operator, ed25519: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with trading(operator, tmp_path, "ws", **ed25519) as agent:
        for price in ("50000", "50001", "50002"):
            assert (await ask(agent, "place_order", **(ORDER | {"price": price})))["status"] == "NEW"
        assert len(rows(await ask(agent, "get_open_orders", **BTC))) == 3
    assert {logon["status"] for logon in await operator.oracle("request", method="session.logon")} == {200}
    assert ed25519["api_key"].get_secret_value() not in caplog.text


async def test_an_ed25519_key_logs_the_user_stream_on_and_all_that_it_takes_is_in_the_rate_ledger(
    operator: Operator, ed25519: dict[str, Any], tmp_path: Path
) -> None:
    async with trading(operator, tmp_path, "rest", **ed25519) as agent:
        await ask(agent, "subscribe_to_user_stream")
        assert (await ask(agent, "place_order", **ORDER))["status"] == "NEW"
        assert (await ask(agent, "read_stream", subscription="user", wait_seconds=5))["events"]
        limits = {row["limit"]: row for row in rows((await ask(agent, "get_rate_limits"))["buckets"])}
    asked = [entry["method"] for entry in await operator.oracle("request", where="ws_api")]
    assert asked[:2] == ["session.logon", "userDataStream.subscribe"]
    assert (limits["CONNECTIONS/5M"]["used"], limits["CONNECTIONS/5M"]["in_flight"]) == (1, 0)
