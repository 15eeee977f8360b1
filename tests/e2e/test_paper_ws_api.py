"""The WebSocket API from outside: envelopes, signatures, sessions, limits, user data streams."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import structs
from tests.e2e.socket_floor import MAKER, ApiClient, SocketFloor
from websockets.exceptions import InvalidStatus

from paper_exchange.engine.commands import AddSymbol, Deposit
from paper_exchange.gateway.limits import Limit, LimitTable
from paper_exchange.gateway.ws_api import session
from paper_exchange.keys import hmac_key, public_key
from paper_exchange.market.builtin import BUILT_IN

pytestmark = pytest.mark.anyio

RESTING = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "90000.00",
    "quantity": "0.01000",
}


@pytest.fixture
async def floor() -> AsyncIterator[SocketFloor]:
    floor = SocketFloor()
    async with floor.serving():
        yield floor


@pytest.fixture
async def api(floor: SocketFloor) -> ApiClient:
    return await floor.open_api()


def code(envelope: Any) -> tuple[int, int]:
    """Status and error code."""
    return envelope["status"], envelope["error"]["code"]


# Envelopes


@pytest.mark.parametrize("request_id", [1, -5, 2**70, "a-b_C9", "4885f793-e5ad-4c3b-8f6c-55d891472b71", None])
async def test_ids_of_every_documented_type_are_echoed(api: ApiClient, request_id: object) -> None:
    assert await api.send({"id": request_id, "method": "ping"}) == {
        "id": request_id,
        "status": 200,
        "result": {},
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6_000_000, "count": 3}
        ],
    }


@pytest.mark.parametrize(
    ("request_text", "request_id", "msg"),
    [
        ("not json", None, "Invalid JSON Request"),
        ("[]", None, "Invalid JSON Request"),
        (
            '{"method": "ping"}',
            None,
            "Invalid 'id' in JSON request; expected an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null.",
        ),
        (
            '{"id": 1.5, "method": "ping"}',
            None,
            "Invalid 'id' in JSON request; expected an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null.",
        ),
        ('{"id": 7, "method": "ping", "params": []}', 7, "Invalid 'params' in JSON request; expected an object."),
        ('{"id": 7}', 7, "Invalid 'method' in JSON request; expected a string."),
    ],
)
async def test_what_is_no_request_is_refused(api: ApiClient, request_text: str, request_id: object, msg: str) -> None:
    assert await api.send(request_text) == {"id": request_id, "status": 400, "error": {"code": -1135, "msg": msg}}
    assert (await api.call("ping"))["status"] == 200


async def test_methods_may_carry_their_version(api: ApiClient) -> None:
    assert (await api.call("v3/time"))["status"] == 200
    assert code(await api.call("v1/time")) == (400, -1020)


async def test_rate_limits_are_hidden_where_nobody_wants_them(floor: SocketFloor) -> None:
    quiet, loud = await floor.open_api("?returnRateLimits=false"), await floor.open_api()
    assert "rateLimits" not in await quiet.call("ping")
    assert "rateLimits" in await quiet.call("ping", returnRateLimits=True)
    assert "rateLimits" not in await loud.call("ping", returnRateLimits=False)
    assert (await quiet.call("session.status"))["result"]["returnRateLimits"] is False


async def test_placements_show_the_order_counts_too(api: ApiClient) -> None:
    limits = (await api.signed("order.place", **RESTING))["rateLimits"]
    assert [(each["rateLimitType"], each["interval"], each["count"]) for each in limits] == [
        ("ORDERS", "SECOND", 1),
        ("ORDERS", "DAY", 1),
        ("REQUEST_WEIGHT", "MINUTE", 2),
    ]


async def test_refused_placements_show_them_as_well(api: ApiClient) -> None:
    refused = await api.signed("order.place", **(RESTING | {"quantity": "100"}))
    assert code(refused) == (400, -2010)
    assert [(each["rateLimitType"], each["count"]) for each in refused["rateLimits"]] == [
        ("ORDERS", 0),
        ("ORDERS", 0),
        ("REQUEST_WEIGHT", 3),
    ]


async def test_the_older_oco_method_shows_fills_unless_told_otherwise(api: ApiClient) -> None:
    """Its page alone of the lists' names a default: FULL."""
    legacy = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01000", "price": "110000.00", "stopPrice": "90000.00"}
    placed = await api.signed("orderList.place", **legacy)
    assert [report["fills"] for report in placed["result"]["orderReports"]] == [[], []]


async def test_times_are_microseconds_on_request(floor: SocketFloor) -> None:
    api = await floor.open_api("?timeUnit=microsecond")
    assert (await api.call("time"))["result"]["serverTime"] == floor.clock.now_us()
    await api.signed("userDataStream.subscribe.signature")
    placed = await api.signed("order.place", **RESTING)
    assert placed["result"]["transactTime"] == floor.clock.now_us()
    assert api.events[0]["event"]["E"] == floor.clock.now_us()


async def test_numbers_may_be_sent_as_numbers(api: ApiClient) -> None:
    placed = await api.signed("order.place", **(RESTING | {"price": 90000.25, "quantity": 0.01}))
    assert placed["result"]["price"] == "90000.25000000"


async def test_lists_of_symbols_are_json(api: ApiClient) -> None:
    prices = await api.call("ticker.price", symbols=["BTCUSDT", "ETHUSDT"])
    assert [each["symbol"] for each in prices["result"]] == ["BTCUSDT", "ETHUSDT"]


# Signatures


async def test_every_kind_of_key_signs_the_sorted_parameters(floor: SocketFloor, api: ApiClient) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    floor.exchange.keys.register(public_key("R" * 64, pem, floor.account))

    def sign_rsa(payload: bytes) -> str:
        return base64.b64encode(private.sign(payload, padding.PKCS1v15(), hashes.SHA256())).decode()

    key = floor.ed25519_key()
    for api_key, sign in (
        (floor.login.api_key, floor.sign_hmac),
        (key.api_key, floor.sign_ed25519),
        ("R" * 64, sign_rsa),
    ):
        answer = await api.call("account.status", **api.sign(api_key, sign, {"omitZeroBalances": True}))
        assert answer["status"] == 200, answer


async def test_text_beyond_ascii_is_signed_as_it_is(floor: SocketFloor, api: ApiClient) -> None:
    spec = BUILT_IN.listings["BTCUSDT"].spec
    floor.do(AddSymbol(spec=structs.replace(spec, symbol="１２３４５６")))
    placed = await api.signed("order.place", **(RESTING | {"symbol": "１２３４５６"}))
    assert placed["result"]["symbol"] == "１２３４５６"


async def test_a_wrong_signature_key_or_time_is_refused(floor: SocketFloor, api: ApiClient) -> None:
    good = api.sign(floor.login.api_key, floor.sign_hmac, {})
    assert code(await api.call("account.status", **(good | {"signature": "00"}))) == (400, -1022)
    assert code(await api.call("account.status", **(good | {"recvWindow": 5000}))) == (400, -1022)
    assert code(await api.call("account.status", **(good | {"apiKey": "x"}))) == (401, -2014)
    assert code(await api.call("account.status", **(good | {"apiKey": "x" * 64}))) == (401, -2015)
    assert code(await api.call("account.status")) == (400, -1102)
    await floor.clock.advance(5_001_000)
    assert code(await api.call("account.status", **good)) == (400, -1021)


# Sessions


async def test_a_session_is_logged_on_and_off(floor: SocketFloor, api: ApiClient) -> None:
    key = floor.ed25519_key()
    await floor.pass_time(1)
    shown = {
        "apiKey": key.api_key,
        "authorizedSince": api.now_ms,
        "connectedSince": api.now_ms - 1000,
        "returnRateLimits": True,
        "serverTime": api.now_ms,
        "userDataStream": False,
    }
    assert (await api.log_on(key))["result"] == shown
    assert (await api.call("session.status"))["result"] == shown
    assert (await api.stamped("order.place", **RESTING))["status"] == 200
    assert code(await api.call("account.status")) == (400, -1102)
    assert (await api.call("session.logout"))["result"] == shown | {"apiKey": None, "authorizedSince": None}
    assert code(await api.stamped("order.place", **RESTING)) == (400, -1102)


async def test_only_ed25519_keys_log_on(floor: SocketFloor, api: ApiClient) -> None:
    refused = await api.call("session.logon", **api.sign(floor.login.api_key, floor.sign_hmac, {}))
    assert code(refused) == (400, -4056)
    assert (await api.call("session.status"))["result"]["apiKey"] is None


async def test_a_logon_needs_its_own_signature_even_in_a_session(floor: SocketFloor, api: ApiClient) -> None:
    key = floor.ed25519_key()
    await api.log_on(key)
    assert code(await api.stamped("session.logon")) == (400, -1102)
    assert code(await api.stamped("userDataStream.subscribe.signature")) == (400, -1102)


async def test_a_second_logon_changes_the_key(floor: SocketFloor, api: ApiClient) -> None:
    other = floor.ed25519_key(MAKER, "F" * 64)
    await api.log_on(floor.ed25519_key())
    await api.log_on(other)
    assert (await api.stamped("account.status"))["result"]["uid"] == MAKER


async def test_one_request_may_use_another_key(floor: SocketFloor, api: ApiClient) -> None:
    await api.log_on(floor.ed25519_key(MAKER))
    assert (await api.signed("account.status"))["result"]["uid"] == floor.account
    assert (await api.stamped("account.status"))["result"]["uid"] == MAKER


async def test_a_session_ends_when_its_key_does(floor: SocketFloor, api: ApiClient) -> None:
    key = floor.ed25519_key()
    await api.log_on(key)
    await api.call("userDataStream.subscribe")
    floor.exchange.keys.register(hmac_key(key.api_key, "another secret", floor.account))
    revoked = await api.call("ping")
    assert revoked == {
        "id": None,
        "status": 401,
        "error": {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."},
    }
    assert (await api.call("session.status"))["result"]["apiKey"] is None
    assert api.events[-1]["event"]["e"] == "eventStreamTerminated"


# User data streams


async def test_events_come_in_the_engines_order_and_before_the_answer(floor: SocketFloor, api: ApiClient) -> None:
    floor.quote("SELL", "100000.00", "0.004")
    floor.quote("SELL", "100001.00", "0.004")
    await api.signed("userDataStream.subscribe.signature")
    placed = await api.signed("order.place", **(RESTING | {"price": "100001.00"}))
    seen = [(each["event"]["e"], each["event"].get("x"), each["event"].get("X")) for each in api.events]
    assert seen == [
        ("executionReport", "NEW", "NEW"),
        ("executionReport", "TRADE", "PARTIALLY_FILLED"),
        ("executionReport", "TRADE", "PARTIALLY_FILLED"),
        ("outboundAccountPosition", None, None),
    ]
    last = api.events[2]["event"]
    assert last["z"] == placed["result"]["executedQty"] == "0.00800000"
    assert last["Z"] == placed["result"]["cummulativeQuoteQty"] == "800.00400000"
    assert [balance["a"] for balance in api.events[3]["event"]["B"]] == ["USDT", "BTC"]


async def test_events_of_others_are_not_heard(floor: SocketFloor, api: ApiClient) -> None:
    await api.signed("userDataStream.subscribe.signature")
    floor.trade()
    await api.call("ping")
    assert api.events == []


async def test_a_maker_hears_of_its_fill(floor: SocketFloor, api: ApiClient) -> None:
    await api.signed("order.place", **RESTING)
    await api.signed("userDataStream.subscribe.signature")
    floor.quote("SELL", "90000.00", "0.01")
    report = (await api.next_event())["event"]
    assert (report["x"], report["X"], report["m"], report["w"]) == ("TRADE", "FILLED", True, False)


async def test_a_session_subscribes_to_its_own_account(floor: SocketFloor, api: ApiClient) -> None:
    refused = await api.call("userDataStream.subscribe")
    assert code(refused) == (400, -1193)
    assert refused["error"]["msg"] == "WebSocket session not authenticated. Recommendation: use 'session.logon'"
    await api.log_on(floor.ed25519_key())
    assert (await api.call("userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
    assert code(await api.call("userDataStream.subscribe")) == (400, -2035)
    assert code(await api.signed("userDataStream.subscribe.signature")) == (400, -2035)
    assert (await api.call("session.status"))["result"]["userDataStream"] is True


async def test_a_logout_ends_the_sessions_own_stream_only(floor: SocketFloor, api: ApiClient) -> None:
    await api.log_on(floor.ed25519_key(MAKER))
    await api.call("userDataStream.subscribe")
    await api.signed("userDataStream.subscribe.signature")
    await api.call("session.logout")
    assert api.events == [{"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": api.now_ms}}]
    assert (await api.call("session.subscriptions"))["result"] == [{"subscriptionId": 1}]


async def test_streams_end_by_id_or_all_together(floor: SocketFloor, api: ApiClient) -> None:
    await api.log_on(floor.ed25519_key(MAKER))
    await api.signed("userDataStream.subscribe.signature")
    await api.call("userDataStream.subscribe")
    assert code(await api.call("userDataStream.unsubscribe", subscriptionId=5)) == (400, -2036)
    assert (await api.call("userDataStream.unsubscribe", subscriptionId=0))["result"] == {}
    assert (await api.call("userDataStream.unsubscribe"))["result"] == {}
    assert [each["subscriptionId"] for each in api.events] == [0, 1]
    assert (await api.call("session.subscriptions"))["result"] == []
    assert code(await api.call("userDataStream.unsubscribe")) == (400, -2036)
    floor.do(Deposit(account=MAKER, asset="BTC", amount=Decimal(1)))
    await api.call("ping")
    assert len(api.events) == 2


async def test_a_connection_has_a_last_subscription(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MAX_EVER", 1)
    await api.signed("userDataStream.subscribe.signature")
    await api.call("userDataStream.unsubscribe")
    assert code(await api.signed("userDataStream.subscribe.signature")) == (400, -2042)


async def test_two_connections_hear_the_same(floor: SocketFloor, api: ApiClient) -> None:
    other = await floor.open_api()
    for each in (api, other):
        await each.signed("userDataStream.subscribe.signature")
    await api.signed("order.place", **RESTING)
    heard = [await other.next_event() for _ in range(2)]
    assert heard == api.events


# Limits


async def test_connecting_and_asking_cost_weight(floor: SocketFloor) -> None:
    api = await floor.open_api()
    weights = [
        (await api.call(method))["rateLimits"][-1]["count"]
        for method in ("ping", "session.status", "session.subscriptions", "exchangeInfo", "nonsense")
    ]
    assert weights == [3, 5, 7, 27, 28]


async def test_requests_do_not_count_against_rests_limit_on_them(floor: SocketFloor, api: ApiClient) -> None:
    await api.call("ping")
    await api.call("no.such.method")
    assert floor.limits.address("127.0.0.1").raw.count(floor.clock.now_us()) == 0


async def test_over_the_weight_limit_the_answer_says_when_to_come_back() -> None:
    floor = SocketFloor(limits=LimitTable(weight=Limit("REQUEST_WEIGHT", "MINUTE", 1, 30)))
    async with floor.serving():
        api = await floor.open_api()
        await api.call("exchangeInfo")
        refused = await api.call("exchangeInfo")
        assert code(refused) == (429, -1003)
        assert refused["error"]["data"] == {"serverTime": api.now_ms, "retryAfter": api.now_ms + 60_000}
        for _ in range(10):
            refused = await api.call("exchangeInfo")
        assert code(refused) == (418, -1003)
        assert refused["error"]["data"]["retryAfter"] == api.now_ms + 120_000
        await asyncio.wait_for(api.socket.wait_closed(), 5)
        with pytest.raises(InvalidStatus) as banned:
            await floor.open_api()
        assert banned.value.response.status_code == 418
        await floor.pass_time(120)
        assert (await (await floor.open_api()).call("ping"))["status"] == 200


async def test_over_the_order_limit_the_answer_says_when_to_come_back() -> None:
    floor = SocketFloor(limits=LimitTable(orders=(Limit("ORDERS", "SECOND", 10, 1),)))
    async with floor.serving():
        api = await floor.open_api()
        await api.signed("order.place", **RESTING)
        refused = await api.signed("order.place", **RESTING)
        assert code(refused) == (429, -1015)
        assert refused["error"]["data"]["retryAfter"] == api.now_ms + 10_000
        assert [each["count"] for each in refused["rateLimits"]] == [1, 3]


async def test_many_messages_a_second_are_no_offence_here(floor: SocketFloor) -> None:
    api = await floor.open_api()
    for _ in range(50):
        await api.call("ping")


async def test_a_ping_is_answered(api: ApiClient) -> None:
    await asyncio.wait_for(await api.socket.ping(), 5)


async def test_requests_may_be_sent_without_waiting_for_answers(api: ApiClient) -> None:
    for number in range(100):
        await api.socket.send(json.dumps({"id": number, "method": "ping"}))
    assert [json.loads(await api.socket.recv())["id"] for _ in range(100)] == list(range(100))
