"""The operator of the paper exchange: the door, the commands, the virtual clock, the oracle."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from tests.e2e.operator_desk import Operator, operated
from tests.e2e.paper_client import limit_order

from paper_exchange.console import main as console
from paper_exchange.options import Options

pytestmark = pytest.mark.anyio

SOURCES = Path(__file__).parents[2] / "src"
SECONDS = 20


@pytest.fixture
async def desk() -> AsyncIterator[Operator]:
    async with operated(Options(seed=1, market=False)) as operator:
        yield operator


async def funds(desk: Operator, asset: str) -> tuple[str, str]:
    account = (await desk.signed("GET", "account")).json()
    return next((row["free"], row["locked"]) for row in account["balances"] if row["asset"] == asset)


# The door


@pytest.mark.parametrize("token", [None, "", "Bearer", "Bearer guessed", "Basic guessed"])
async def test_without_the_token_nothing_is_told(desk: Operator, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": token}
    assert (await desk.door.get("/state", headers=headers)).status_code == 401


async def test_the_door_is_no_part_of_the_api(desk: Operator) -> None:
    headers = {"Authorization": f"Bearer {desk.exchange.doors.admin_token}"}
    assert (await desk.http.get("/paper/state", headers=headers)).status_code == 404
    assert (await desk.ask("GET", "/nothing")).status_code == 404
    assert (await desk.door.get("../api/v3/ping", headers=headers)).status_code == 404


async def test_deposits_and_withdrawals_change_what_the_account_has(desk: Operator) -> None:
    balance = await desk.told("POST", "/deposit", {"asset": "USDT", "amount": "0.5"})
    assert balance == {"asset": "USDT", "free": "100000.50000000", "locked": "0.00000000"}
    await desk.told("POST", "/withdraw", {"asset": "USDT", "amount": "100000"})
    assert await funds(desk, "USDT") == ("0.50000000", "0.00000000")


async def test_funds_locked_elsewhere_are_gone_until_they_are_given_back(desk: Operator) -> None:
    await desk.told("POST", "/lock", {"asset": "BTC", "amount": "0.4"})
    assert await funds(desk, "BTC") == ("0.60000000", "0.00000000")
    await desk.told("POST", "/lock", {"asset": "BTC", "amount": "-0.4"})
    assert await funds(desk, "BTC") == ("1.00000000", "0.00000000")


@pytest.mark.parametrize(
    ("path", "body", "complaint"),
    [
        ("/deposit", {"asset": "USDT", "amount": "-1"}, "Invalid amount"),
        ("/deposit", {"asset": "USDTT", "amount": "1"}, "nothing here is traded in USDTT"),
        ("/deposit", {"asset": "USDT"}, "amount"),
        ("/deposit", {"asset": "USDT", "amount": "1", "acount": "x"}, "acount"),
        ("/withdraw", {"asset": "USDT", "amount": "100000.1"}, "insufficient balance"),
        ("/withdraw", {"asset": "USDT", "amount": "1", "account": "nobody"}, "no account 'nobody'; there are: default"),
        ("/keys", {"public_key": "nonsense"}, "PEM"),
        ("/symbols/status", {"symbol": "NOPE", "status": "HALT"}, "Invalid symbol"),
        ("/symbols/status", {"symbol": "BTCUSDT", "status": "NAP"}, "NAP"),
        ("/symbols/filters", {"symbol": "BTCUSDT", "filters": [{"filterType": "NEW_RULE"}]}, "NEW_RULE"),
        ("/clock/advance", {"ms": 1}, "--clock virtual"),
        ("/faults", {"where": "rest", "effect": {"kind": "boom"}}, "boom"),
        ("/faults", {"where": "disk", "effect": {"kind": "eio"}}, "kept in memory"),
        ("/faults", {"where": "rest", "effect": {"kind": "symbol_status", "symbol": "NO", "status": "HALT"}}, "NO"),
    ],
)
async def test_a_mistake_is_answered_with_what_is_wrong(
    desk: Operator, path: str, body: dict[str, Any], complaint: str
) -> None:
    before = await desk.told("GET", "/state")
    answer = await desk.ask("POST", path, body)
    assert answer.status_code == 400
    assert complaint in answer.json()["error"]
    assert (await desk.told("GET", "/state"))["accounts"] == before["accounts"]


async def test_a_reset_account_is_as_new_and_its_keys_still_work(desk: Operator) -> None:
    await desk.signed("POST", "order", **limit_order("BUY", "50000.00", newClientOrderId="mine"))
    await desk.told("POST", "/withdraw", {"asset": "BTC", "amount": "1"})
    assert await desk.told("POST", "/reset") == {"reset": ["default"]}
    assert (await desk.signed("GET", "allOrders", symbol="BTCUSDT")).json() == []
    assert await funds(desk, "USDT") == ("100000.00000000", "0.00000000")
    assert await funds(desk, "BTC") == ("1.00000000", "0.00000000")
    assert (await desk.public("depth", symbol="BTCUSDT")).json()["bids"] == []


async def test_only_the_named_account_starts_over(desk: Operator) -> None:
    login = await desk.told("POST", "/accounts", {"account": "other"})
    assert await desk.told("POST", "/accounts", {"account": "other"}) == login
    await desk.signed("POST", "order", **limit_order("BUY", "50000.00"))
    await desk.told("POST", "/reset", {"account": "other"})
    assert len((await desk.signed("GET", "openOrders")).json()) == 1


async def test_the_state_tells_balances_and_open_orders(desk: Operator) -> None:
    await desk.signed("POST", "order", **limit_order("BUY", "50000.00", newClientOrderId="mine"))
    state = await desk.told("GET", "/state")
    (account,) = state["accounts"]
    assert {"asset": "USDT", "free": "99500.00000000", "locked": "500.00000000"} in account["balances"]
    assert [order["clientOrderId"] for order in account["openOrders"]] == ["mine"]
    assert state["symbols"]["BTCUSDT"] == "TRADING"


async def test_a_halted_symbol_takes_no_orders_until_it_opens_again(desk: Operator) -> None:
    await desk.told("POST", "/symbols/status", {"symbol": "BTCUSDT", "status": "HALT"})
    refused = await desk.signed("POST", "order", **limit_order("BUY", "50000.00"))
    assert refused.status_code == 400
    await desk.told("POST", "/symbols/status", {"symbol": "BTCUSDT", "status": "TRADING"})
    assert (await desk.signed("POST", "order", **limit_order("BUY", "50000.00"))).status_code == 200


async def test_new_filters_are_published_and_hold(desk: Operator) -> None:
    info = (await desk.public("exchangeInfo", symbol="BTCUSDT")).json()["symbols"][0]
    filters = [
        {**each, "minQty": "1.00000000"} if each["filterType"] == "LOT_SIZE" else each for each in info["filters"]
    ]
    await desk.told("POST", "/symbols/filters", {"symbol": "BTCUSDT", "filters": filters})
    assert (await desk.public("exchangeInfo", symbol="BTCUSDT")).json()["symbols"][0]["filters"] == filters
    refused = await desk.signed("POST", "order", **limit_order("BUY", "50000.00"))
    assert refused.json()["msg"] == "Filter failure: LOT_SIZE"


async def test_a_public_key_can_be_added_and_signs(desk: Operator) -> None:
    private = Ed25519PrivateKey.generate()
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    added = await desk.told("POST", "/keys", {"public_key": pem})
    assert await desk.told("POST", "/keys", {"public_key": pem}) == added
    payload = urlencode({"timestamp": int(time.time() * 1000)})
    signature = base64.b64encode(private.sign(payload.encode())).decode()
    answer = await desk.http.get(
        f"/api/v3/account?{payload}&{urlencode({'signature': signature})}", headers={"X-MBX-APIKEY": added["api_key"]}
    )
    assert answer.status_code == 200


async def test_a_second_hmac_key_opens_the_same_account(desk: Operator) -> None:
    await desk.signed("POST", "order", **limit_order("BUY", "50000.00"))
    added = await desk.told("POST", "/keys")
    assert added["api_key"] != desk.exchange.login.api_key
    key = desk.exchange.exchange.keys.find(added["api_key"])
    assert key is not None
    assert key.account == desk.exchange.login.number


# Time


async def test_a_virtual_clock_stands_still_until_it_is_moved() -> None:
    async with operated(Options(seed=1, clock="virtual@1767225600000")) as desk:
        assert (await desk.public("time")).json() == {"serverTime": 1_767_225_600_000}
        assert await desk.told("POST", "/clock/advance", {"ms": 60_000}) == {"time": 1_767_225_660_000}
        assert (await desk.public("time")).json() == {"serverTime": 1_767_225_660_000}
        closed = (await desk.public("klines", symbol="BTCUSDT", interval="1m", limit=2)).json()
        assert [row[0] for row in closed] == [1_767_225_600_000, 1_767_225_660_000]
        refused = await desk.ask("POST", "/clock/advance", {"ms": -1})
        assert (refused.status_code, "back" in refused.text) == (400, True)


async def test_the_same_seed_and_steps_give_the_same_market() -> None:
    async def book() -> Any:
        async with operated(Options(seed=5, clock="virtual@1767225600000")) as desk:
            await desk.told("POST", "/clock/advance", {"ms": 5000})
            return (await desk.public("depth", symbol="BTCUSDT")).json(), desk.exchange.login.api_key

    assert await book() == await book()


async def test_time_goes_on_where_it_was_when_the_exchange_starts_again(tmp_path: Path) -> None:
    options = Options(seed=1, market=False, clock="virtual@1767225600000", home=tmp_path)
    async with operated(options) as desk:
        await desk.told("POST", "/clock/advance", {"ms": 3_600_000})
        await desk.told("POST", "/deposit", {"asset": "USDT", "amount": "1"})
    async with operated(options) as desk:
        assert (await desk.public("time")).json() == {"serverTime": 1_767_229_200_000}


async def test_an_accelerated_clock_runs_ahead() -> None:
    async with operated(Options(seed=1, market=False, clock="x1000")) as desk:
        first, second = [(await desk.public("time")).json()["serverTime"] for _ in range(2)]
        assert second > first
        assert second > time.time() * 1000


# The oracle


async def test_the_oracle_tells_what_became_of_a_request(desk: Operator) -> None:
    await desk.signed("POST", "order", **limit_order("BUY", "50000.00", newClientOrderId="mine"))
    (request,) = await desk.oracle("request", method="POST")
    expected = {
        "where": "rest",
        "path": "/api/v3/order",
        "account": desk.exchange.login.number,
        "carried_out": True,
        "answered_by": "exchange",
        "status": 200,
        "fault": None,
    }
    assert request.items() >= expected.items()
    assert request["params"]["newClientOrderId"] == "mine"
    assert "signature" not in request["params"]
    assert abs(request["at_us"] / 1e6 - time.time()) < SECONDS
    (order,) = await desk.oracle("order", client_order_id="mine")
    (balance,) = await desk.oracle("balance", asset="USDT", request=request["seq"])
    assert (order["request"], order["status"]) == (request["seq"], "NEW")
    assert (balance["free"], balance["locked"]) == ("99500.00000000", "500.00000000")


async def test_the_oracle_is_read_on_from_where_one_was(desk: Operator) -> None:
    for _ in range(3):
        await desk.public("ping")
    entries = (await desk.told("GET", "/oracle"))["entries"]
    rest = (await desk.told("GET", "/oracle", after=entries[-2]["seq"], limit=1))["entries"]
    assert rest == entries[-1:]


async def test_the_oracle_writes_lines_where_it_is_told_to(tmp_path: Path) -> None:
    file = tmp_path / "oracle.jsonl"
    async with operated(Options(seed=1, market=False, oracle=file)) as desk:
        await desk.public("ping")
        last = json.loads(file.read_text().splitlines()[-1])
    assert (last["kind"], last["path"], last["status"]) == ("request", "/api/v3/ping", 200)


# The command


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """An exchange in a process of its own, and what it says of itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "paper_exchange", "--json", "--no-market", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def typed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """A command's status and what it printed."""
    status = console(arguments)
    printed = capsys.readouterr()
    return status, printed.out.strip(), printed.err.strip()


def test_commands_act_on_the_running_exchange_and_on_what_it_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINANCE_HOME", str(tmp_path))
    with started("--home", str(tmp_path)) as (process, told):
        assert typed(capsys, "deposit", "usdt", "1") == (0, "USDT: 100001.00000000 free, 0.00000000 locked", "")
        assert typed(capsys, "deposit", "USDT", "-1") == (1, "", "Invalid amount.")
        door = httpx.get(f"{told['admin']}/state", headers={"Authorization": f"Bearer {told['admin_token']}"})
        assert door.json()["accounts"][0]["balances"][-1]["free"] == "100001.00000000"
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)
    status, key, _ = typed(capsys, "keys", "add", "--json")
    assert (status, json.loads(key).keys()) == (0, {"account", "api_key", "api_secret"})
    assert typed(capsys, "withdraw", "USDT", "2")[1] == "USDT: 99999.00000000 free, 0.00000000 locked"
    with started("--home", str(tmp_path)) as (_, again):
        assert again["api_key"] == told["api_key"]
        assert again["ed25519_api_key"] == told["ed25519_api_key"]
        shown = json.loads(typed(capsys, "state", "--json")[1])
        assert shown["accounts"][0]["balances"][-1] == {
            "asset": "USDT",
            "free": "99999.00000000",
            "locked": "0.00000000",
        }
        assert typed(capsys, "reset")[1] == "started over: default"
        assert "USDT: 100000.00000000 free" in typed(capsys, "state")[1]


@pytest.mark.parametrize("arguments", [["deposit", "USDT"], ["deposit", "USDT", "much"], ["keys"], ["nothing"]])
def test_a_mistyped_command_ends_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        console(arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err


def test_a_home_without_an_exchange_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, complaint = typed(capsys, "state", "--home", str(tmp_path))
    assert (status, "has no paper exchange yet" in complaint) == (1, True)


@pytest.mark.parametrize("keeps", [True, False], ids=["with a home", "in memory"])
def test_a_ready_ed25519_key_lies_in_a_private_file_that_lives_as_long_as_the_exchange(
    tmp_path: Path, keeps: bool
) -> None:
    arguments = ["--home", str(tmp_path)] if keeps else ["--home", str(tmp_path), "--memory"]
    with started(*arguments) as (process, told):
        file = Path(told["ed25519_private_key_path"])
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        private = load_pem_private_key(file.read_bytes(), password=None)
        assert isinstance(private, Ed25519PrivateKey)
        payload = urlencode({"timestamp": int(time.time() * 1000)})
        signature = base64.b64encode(private.sign(payload.encode())).decode()
        account = httpx.get(
            f"{told['rest']}/api/v3/account?{payload}&{urlencode({'signature': signature})}",
            headers={"X-MBX-APIKEY": told["ed25519_api_key"]},
        )
        assert account.status_code == 200
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)
    assert file.exists() is keeps
    assert file.is_relative_to(tmp_path) is keeps
