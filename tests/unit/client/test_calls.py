"""Calls through the client: what leaves, what comes back, and what is tried again."""

import hashlib
import hmac
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
import respx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from tests.unit.client.stand import API_KEY, KEY, NOW_MS, SECRET, Exchange, Machine, refusal, reply, sent_params

from binance_spot_mcp.catalogue.account import ORDER_RATE_LIMITS, OrderRateLimitsParams
from binance_spot_mcp.catalogue.market import (
    EXCHANGE_INFO,
    EXECUTION_RULES,
    PING,
    PRICE,
    ExchangeInfoParams,
    ExecutionRulesParams,
    PingParams,
    Price,
    PriceParams,
)
from binance_spot_mcp.catalogue.trading import (
    CANCEL_ORDER,
    PLACE_ORDER,
    TEST_ORDER,
    CancelOrderParams,
    OrderTestParams,
    PlaceOrderParams,
)
from binance_spot_mcp.client import Venue
from binance_spot_mcp.errors import OutcomeUnknown, RateLimited, Refused, Rejected, SpotError, Unavailable, Unreachable
from binance_spot_mcp.signing import hmac_signer
from binance_spot_mcp.transport.ledger import BAN_AT_LEAST_MS
from binance_spot_mcp.transport.line import OVERLOADED_MS

pytestmark = pytest.mark.anyio

READ = "GET /api/v3/rateLimit/order"
PLACE = "POST /api/v3/order"
BUY = PlaceOrderParams.model_validate(
    {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "2"}
)
CANCEL = CancelOrderParams.model_validate({"symbol": "BTCUSDT", "orderId": 1})
ACK = {"symbol": "BTCUSDT", "orderId": 1, "orderListId": -1, "clientOrderId": "x", "transactTime": NOW_MS}
BTC = PriceParams.model_validate({"symbol": "BTCUSDT"})
PRICE_OF_BTC = reply(200, {"symbol": "BTCUSDT", "price": "50000.10"}, x_mbx_used_weight_1m="2")
STALE = refusal(400, -1021, "Timestamp for this request is outside of the recvWindow.")


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def router() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
def exchange(router: respx.MockRouter, machine: Machine) -> Exchange:
    return Exchange(router, machine)


async def test_a_public_call_gives_the_payload_and_the_exchange_s_own_json(
    exchange: Exchange, machine: Machine
) -> None:
    exchange.on("GET /api/v3/ticker/price", PRICE_OF_BTC)
    answer = await machine.spot(**KEY).fetch(PRICE, BTC)
    assert isinstance(answer.payload, Price)
    assert str(answer.payload.price) == "50000.10"
    assert answer.body == PRICE_OF_BTC.content
    assert answer.used == {"REQUEST_WEIGHT/60000": 2}
    (request,) = exchange.requests
    assert request.url.query == b"symbol=BTCUSDT"
    assert "x-mbx-apikey" not in request.headers


async def test_a_signed_call_carries_key_server_time_window_and_signature(exchange: Exchange, machine: Machine) -> None:
    exchange.ahead_ms = -6_000
    exchange.on(READ, reply(200, []))
    await machine.spot(**KEY, BINANCE_RECV_WINDOW="1234").call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    (request,) = exchange.asked("/api/v3/rateLimit/order")
    payload, _, signature = request.url.query.decode().rpartition("&signature=")
    assert payload == f"recvWindow=1234&timestamp={NOW_MS - 6_000}"
    assert signature == hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    assert request.headers["x-mbx-apikey"] == API_KEY
    assert len(exchange.asked("/api/v3/time")) == 3


async def test_in_microseconds_the_timestamp_is_in_microseconds_too(exchange: Exchange, machine: Machine) -> None:
    exchange.on("GET /api/v3/time", reply(200, {"serverTime": NOW_MS * 1000 + 123}))
    exchange.on(READ, reply(200, []))
    spot = machine.spot(**KEY, BINANCE_TIME_UNIT="MICROSECOND")
    await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    request = exchange.requests[-1]
    assert sent_params(request)["timestamp"] == str(NOW_MS * 1000 + 123)
    assert request.headers["x-mbx-time-unit"] == "MICROSECOND"


async def test_without_a_key_nothing_is_sent_and_the_settings_are_named(exchange: Exchange, machine: Machine) -> None:
    with pytest.raises(Refused, match=r"place_order needs a key for testnet: set BINANCE_API_KEY") as refused:
        await machine.spot().call(PLACE_ORDER, BUY)
    assert (refused.value.code, refused.value.sent) == ("AUTH_FAILED", "no")
    assert "BINANCE_ENV=paper needs none" in refused.value.message
    assert exchange.requests == []


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        reply(502, b"<html>"),
        refusal(503, -1008),
        reply(200, b'{"sy'),
    ],
    ids=["refused", "timeout", "502", "busy", "cut"],
)
async def test_a_read_is_tried_three_times_with_growing_pauses(
    exchange: Exchange, machine: Machine, trouble: httpx.Response | Exception
) -> None:
    exchange.on(READ, trouble)
    with pytest.raises((Unreachable, Unavailable)) as failure:
        await machine.spot(**KEY).call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    assert len(exchange.asked("/api/v3/rateLimit/order")) == 3
    assert machine.slept == [0.25, 0.5]
    assert (failure.value.sent, failure.value.retry) == ("no", "at")
    assert failure.value.retry_at_ms is not None
    assert failure.value.retry_at_ms > NOW_MS


async def test_a_read_that_works_the_second_time_is_a_success(exchange: Exchange, machine: Machine) -> None:
    exchange.on(READ, httpx.ReadError("reset"), reply(200, []))
    assert await machine.spot(**KEY).call(ORDER_RATE_LIMITS, OrderRateLimitsParams()) == ()


async def test_a_read_is_not_tried_again_after_ten_seconds(exchange: Exchange, machine: Machine) -> None:
    def slow(_: httpx.Request) -> httpx.Response:
        machine.pass_ms(9_900)
        raise httpx.ReadTimeout("slow")

    exchange.on(READ, slow)
    with pytest.raises(Unavailable):
        await machine.spot(**KEY).call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    assert len(exchange.asked("/api/v3/rateLimit/order")) == 1


async def test_an_order_test_changes_nothing_and_is_tried_again(exchange: Exchange, machine: Machine) -> None:
    exchange.on("POST /api/v3/order/test", httpx.ReadTimeout("slow"), reply(200, {}))
    await machine.spot(**KEY).call(TEST_ORDER, OrderTestParams.model_validate(BUY.given()))
    assert len(exchange.asked("/api/v3/order/test")) == 2


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (httpx.ConnectError("refused"), Unreachable),
        (httpx.ReadTimeout("slow"), OutcomeUnknown),
        (httpx.ReadError("reset"), OutcomeUnknown),
        (reply(500, b"<html>"), OutcomeUnknown),
        (refusal(503, -1007), OutcomeUnknown),
        (reply(200, b'{"orderId":'), OutcomeUnknown),
        (reply(200, {"symbol": "BTCUSDT"}), OutcomeUnknown),
        (refusal(400, -1022), Rejected),
        (refusal(400, -2010), Rejected),
        (refusal(429, -1015), Rejected),
    ],
)
@pytest.mark.parametrize("operation", ["place", "cancel"])
async def test_what_may_change_orders_is_sent_once(
    exchange: Exchange, machine: Machine, trouble: httpx.Response | Exception, kind: type[Exception], operation: str
) -> None:
    exchange.on(PLACE, trouble)
    exchange.on("DELETE /api/v3/order", trouble)
    spot = machine.spot(**KEY)
    with pytest.raises(kind) as failure:
        await (spot.fetch(PLACE_ORDER, BUY) if operation == "place" else spot.fetch(CANCEL_ORDER, CANCEL))
    assert type(failure.value) is kind
    assert len(exchange.asked("/api/v3/order")) == 1
    assert machine.slept == []


@pytest.mark.parametrize(
    ("trouble", "counted"),
    [(httpx.ConnectError("refused"), 0), (httpx.ReadTimeout("slow"), 1), (refusal(400, -2010), 1)],
    ids=["never left", "lost", "refused without a count"],
)
async def test_an_order_counts_from_the_moment_it_may_have_left(
    exchange: Exchange, machine: Machine, trouble: httpx.Response | Exception, counted: int
) -> None:
    exchange.on(PLACE, trouble)
    spot = machine.spot(**KEY)
    with pytest.raises(SpotError):
        await spot.call(PLACE_ORDER, BUY)
    orders = [row for row in (await spot.rate_limits())["limits"] if row["type"] == "ORDERS"]
    assert [(row["used"], row["in_flight"]) for row in orders] == [(counted, 0), (counted, 0)]


async def test_a_refused_signature_or_key_is_not_tried_again(exchange: Exchange, machine: Machine) -> None:
    for code in (-1022, -2014, -2015):
        exchange.on(READ, refusal(401, code))
        with pytest.raises(Rejected) as failure:
            await machine.spot(**KEY).call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
        assert (failure.value.code, failure.value.retry) == ("AUTH_FAILED", "never")
    assert len(exchange.asked("/api/v3/rateLimit/order")) == 3


@pytest.mark.parametrize("drift_ms", [3_000, -6_000], ids=["clock behind", "clock ahead"])
async def test_a_refused_timestamp_is_measured_and_signed_anew_once(
    exchange: Exchange, machine: Machine, drift_ms: int
) -> None:
    exchange.on(PLACE, STALE, reply(200, ACK))
    spot = machine.spot(**KEY)
    await spot.measure_clock()
    exchange.ahead_ms = drift_ms
    report = await spot.call(PLACE_ORDER, BUY)
    assert report.order_id == 1
    first, second = (sent_params(request) for request in exchange.asked("/api/v3/order"))
    assert int(second["timestamp"]) - int(first["timestamp"]) == drift_ms
    assert first["signature"] != second["signature"]
    assert {**first, "timestamp": "", "signature": ""} == {**second, "timestamp": "", "signature": ""}


async def test_a_timestamp_that_is_refused_twice_is_a_clock_skew_with_its_figures(
    exchange: Exchange, machine: Machine
) -> None:
    exchange.on(PLACE, STALE)
    exchange.ahead_ms = 42
    with pytest.raises(Rejected) as failure:
        await machine.spot(**KEY).call(PLACE_ORDER, BUY)
    assert len(exchange.asked("/api/v3/order")) == 2
    assert failure.value.code == "CLOCK_SKEW"
    assert failure.value.details == {"offset_ms": 42, "round_trip_ms": 0, "recv_window_ms": 5000}


async def test_the_clock_is_measured_again_when_it_has_grown_old(exchange: Exchange, machine: Machine) -> None:
    exchange.on(READ, reply(200, []))
    spot = machine.spot(**KEY)
    for pause_ms, measured in ((0, 3), (60_000, 3), (600_001, 6)):
        machine.pass_ms(pause_ms)
        await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
        assert len(exchange.asked("/api/v3/time")) == measured


async def test_an_old_measurement_will_do_where_a_new_one_fails_but_none_will_not(
    exchange: Exchange, machine: Machine
) -> None:
    exchange.on(READ, reply(200, []))
    spot, fresh = machine.spot(**KEY), machine.spot(**KEY)
    await spot.measure_clock()
    exchange.on("GET /api/v3/time", reply(502, b""))
    machine.pass_ms(600_001)
    await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    with pytest.raises(Unreachable, match="clock could not be read, so nothing was signed") as failure:
        await fresh.call(PLACE_ORDER, BUY)
    assert failure.value.sent == "no"


async def test_an_overloaded_exchange_leaves_an_order_unknown_and_it_is_said_when_to_come_back(
    exchange: Exchange, machine: Machine
) -> None:
    exchange.on(PLACE, refusal(503, -1008, "Server is currently overloaded with other requests."))
    with pytest.raises(OutcomeUnknown) as unknown:
        await machine.spot(**KEY).call(PLACE_ORDER, BUY)
    assert (unknown.value.retry, unknown.value.retry_at_ms) == ("after_reconcile", NOW_MS + OVERLOADED_MS)


async def test_a_429_keeps_its_bucket_silent_for_the_stated_time(exchange: Exchange, machine: Machine) -> None:
    exchange.on("GET /api/v3/ticker/price", refusal(429, -1003, retry_after="7"), PRICE_OF_BTC)
    spot = machine.spot()
    with pytest.raises(Rejected) as refused:
        await spot.call(PRICE, BTC)
    assert (refused.value.code, refused.value.retry_at_ms) == ("RATE_LIMITED", NOW_MS + 7_500)
    with pytest.raises(RateLimited, match="asked for a pause") as held:
        await spot.call(PRICE, BTC)
    assert (held.value.retry_at_ms, held.value.sent) == (NOW_MS + 7_500, "no")
    assert len(exchange.requests) == 1
    machine.pass_ms(7_500)
    await spot.call(PRICE, BTC)
    assert machine.slept == []


async def test_a_hold_lasts_as_long_as_it_was_to_where_the_clock_turns_out_to_be_wrong(
    exchange: Exchange, machine: Machine
) -> None:
    exchange.ahead_ms = 3_600_000
    exchange.on("GET /api/v3/ticker/price", reply(403, b"<html>"))
    spot = machine.spot()
    with pytest.raises(Rejected):
        await spot.call(PRICE, BTC)
    await spot.measure_clock()
    with pytest.raises(RateLimited) as held:
        await spot.call(PRICE, BTC)
    assert held.value.retry_at_ms == exchange.now_ms + 60_000


async def test_a_ban_stops_everything_for_the_longer_of_what_is_stated_and_two_minutes(
    exchange: Exchange, machine: Machine
) -> None:
    until_ms = NOW_MS + 3_600_000
    text = f"Way too much request weight used; IP banned until {until_ms}. Please use WebSocket Streams."
    for msg, end_ms in (("banned", NOW_MS + BAN_AT_LEAST_MS), (text, until_ms)):
        exchange.on("GET /api/v3/ticker/price", refusal(418, -1003, msg, retry_after="5"))
        spot = machine.spot(**KEY)
        with pytest.raises(Rejected) as banned:
            await spot.call(PRICE, BTC)
        assert (banned.value.code, banned.value.retry_at_ms) == ("BANNED", end_ms)
        sent = len(exchange.requests)
        with pytest.raises(RateLimited) as held:
            await spot.call(CANCEL_ORDER, CANCEL)
        assert (held.value.code, held.value.retry_at_ms) == ("BANNED", end_ms)
        assert len(exchange.requests) == sent


async def test_the_firewall_s_refusal_holds_its_route_and_names_the_suspicious_value(
    exchange: Exchange, machine: Machine
) -> None:
    exchange.on(PLACE, reply(403, b"<html>Forbidden</html>"))
    exchange.on(READ, reply(200, []))
    spot = machine.spot(**KEY)
    order = BUY.model_copy(update={"new_client_order_id": "x';drop table"})
    with pytest.raises(Rejected) as blocked:
        await spot.call(PLACE_ORDER, order)
    assert (blocked.value.code, blocked.value.retry_at_ms) == ("WAF_BLOCKED", NOW_MS + 60_000)
    assert blocked.value.details == {"suspicious": ["newClientOrderId"]}
    with pytest.raises(RateLimited):
        await spot.call(PLACE_ORDER, BUY)
    assert len(exchange.asked("/api/v3/order")) == 1
    await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams())


async def test_a_call_waits_up_to_two_seconds_for_its_turn_and_else_says_when_to_come_back(
    exchange: Exchange, machine: Machine
) -> None:
    full = reply(200, {"symbol": "BTCUSDT", "price": "1"}, x_mbx_used_weight_1m="3599")
    exchange.on("GET /api/v3/ticker/price", full, PRICE_OF_BTC)
    spot = machine.spot(**KEY)
    await spot.call(PRICE, BTC)
    machine.pass_ms(57_999)
    with pytest.raises(RateLimited, match="REQUEST_WEIGHT per 1M is at 3599 of the 3600 that market calls") as limited:
        await spot.call(PRICE, BTC)
    assert limited.value.retry_at_ms == NOW_MS + 60_000
    exchange.on(READ, reply(200, []))
    await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    assert machine.slept == []
    machine.pass_ms(1)
    await spot.call(PRICE, BTC)
    assert machine.slept == [2.0]


async def test_the_urgent_share_is_open_to_cancels_and_to_look_ups_after_an_order(
    exchange: Exchange, machine: Machine
) -> None:
    exchange.on("GET /api/v3/ping", reply(200, {}, x_mbx_used_weight_1m="5800"))
    exchange.on("GET /api/v3/time", reply(200, {"serverTime": NOW_MS}))
    exchange.on("DELETE /api/v3/order", refusal(400, -2011, "Unknown order sent."))
    exchange.on(READ, reply(200, []))
    spot = machine.spot(**KEY)
    await spot.measure_clock()
    await spot.call(PING, PingParams())
    with pytest.raises(RateLimited):
        await spot.call(PLACE_ORDER, BUY)
    with pytest.raises(RateLimited):
        await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams(), urgent=True)
    with pytest.raises(Rejected, match="look at it"):
        await spot.call(CANCEL_ORDER, CANCEL)


async def test_what_is_read_for_an_order_may_use_the_share_of_orders_and_a_cancel_keeps_its_own(
    exchange: Exchange, machine: Machine
) -> None:
    full = reply(200, {"symbol": "BTCUSDT", "price": "1"}, x_mbx_used_weight_1m="5390")
    exchange.on("GET /api/v3/ticker/price", full)
    exchange.on("GET /api/v3/ping", reply(200, {}, x_mbx_used_weight_1m="5500"))
    exchange.on("DELETE /api/v3/order", refusal(400, -2011, "Unknown order sent."))
    spot = machine.spot(**KEY)
    await spot.call(PRICE, BTC)
    with pytest.raises(RateLimited):
        await spot.call(PRICE, BTC)
    await spot.fetch(PRICE, BTC, share="order")
    await spot.call(PING, PingParams(), urgent=True)
    with pytest.raises(RateLimited):
        await spot.fetch(PRICE, BTC, share="order")
    with pytest.raises(Rejected, match="look at it"):
        await spot.fetch(CANCEL_ORDER, CANCEL, share="order")


async def test_a_call_above_its_whole_share_is_refused_at_once(exchange: Exchange, machine: Machine) -> None:
    limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 10}]
    info = {"timezone": "UTC", "serverTime": NOW_MS, "rateLimits": limits, "exchangeFilters": [], "symbols": []}
    exchange.on("GET /api/v3/exchangeInfo", reply(200, info))
    spot = machine.spot()
    await spot.call(EXCHANGE_INFO, ExchangeInfoParams())
    assert (await spot.rate_limits())["limits"][0]["limit"] == 10
    with pytest.raises(Refused, match="this call alone is more") as refused:
        await spot.call(EXCHANGE_INFO, ExchangeInfoParams())
    assert refused.value.code == "LIMIT_EXCEEDED"


async def test_an_answer_of_another_form_is_said_to_be_that_and_not_asked_for_again(
    exchange: Exchange, machine: Machine
) -> None:
    exchange.on("GET /api/v3/ticker/price", reply(200, {"symbol": "BTCUSDT"}))
    with pytest.raises(Unavailable, match="get_price is not of the documented form") as failure:
        await machine.spot().call(PRICE, BTC)
    assert (failure.value.code, failure.value.retry) == ("INTERNAL", "never")
    assert len(exchange.requests) == 1


async def test_json_too_deep_to_read_is_no_answer_and_no_crash(exchange: Exchange, machine: Machine) -> None:
    deep = b"[" * 100_000
    exchange.on("GET /api/v3/rateLimit/order", reply(200, deep))
    exchange.on("POST /api/v3/order", reply(200, deep), reply(400, deep))
    spot = machine.spot(**KEY)
    with pytest.raises(Unavailable, match="no JSON"):
        await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await spot.call(PLACE_ORDER, BUY)


async def test_public_reads_move_on_to_the_other_hosts_and_signed_ones_do_not(
    router: respx.MockRouter, machine: Machine
) -> None:
    hosts: list[str] = []

    def dead(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        raise httpx.ConnectError("refused")

    router.route(host__regex="api1?.binance.com|api-gcp.binance.com|data-api.binance.vision").mock(side_effect=dead)
    for call in (
        machine.spot(BINANCE_ENV="live").call(PRICE, BTC),
        machine.spot(BINANCE_ENV="live", BINANCE_BASE_URL="https://data-api.binance.vision").call(PRICE, BTC),
        machine.spot(**KEY, BINANCE_ENV="live").call(ORDER_RATE_LIMITS, OrderRateLimitsParams()),
    ):
        with pytest.raises(Unreachable):
            await call
    main, data = "api.binance.com", "data-api.binance.vision"
    assert hosts == [main, "api-gcp.binance.com", "api1.binance.com", data, data, data, main, main, main]


async def test_the_host_for_market_data_alone_serves_only_what_it_is_documented_for(machine: Machine) -> None:
    spot = machine.spot(**KEY, BINANCE_ENV="live", BINANCE_BASE_URL="https://data-api.binance.vision")
    for call in (
        spot.call(EXECUTION_RULES, ExecutionRulesParams.model_validate({"symbol": "BTCUSDT"})),
        spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams()),
    ):
        with pytest.raises(Refused, match="serves public market data alone") as refused:
            await call
        assert refused.value.code == "ENDPOINT_REFUSED"


async def test_no_network_is_said_with_the_way_that_needs_none(exchange: Exchange, machine: Machine) -> None:
    exchange.on(READ, reply(200, []))
    exchange.on("GET /api/v3/time", httpx.ConnectError("refused"))
    with pytest.raises(Unreachable, match="BINANCE_ENV=paper needs no network"):
        await machine.spot(**KEY).call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    assert len(exchange.requests) == 3


async def test_the_venue_is_looked_for_on_the_first_call_and_once(router: respx.MockRouter, machine: Machine) -> None:
    exchange = Exchange(router, machine, base="http://127.0.0.1:7777")
    exchange.on(READ, reply(200, []))
    found: list[str] = []

    async def find() -> Venue:
        found.append("found")
        return Venue(
            ("http://127.0.0.1:7777",), api_key=SecretStr("paper"), signer=lambda: hmac_signer(SecretStr("secret"))
        )

    spot = machine.paper_spot(find)
    assert found == []
    for _ in range(2):
        await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    await spot.aclose()
    assert found == ["found"]
    assert exchange.requests[-1].headers["x-mbx-apikey"] == "paper"


async def test_a_key_file_signs_and_one_that_cannot_be_used_stops_signed_calls_alone(
    exchange: Exchange, machine: Machine, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.generate()
    pem = tmp_path / "key.pem"
    pem.touch(0o600)
    environ = {"BINANCE_API_KEY": API_KEY, "BINANCE_PRIVATE_KEY_PATH": str(pem)}
    spot = machine.spot(**environ)
    exchange.on(READ, reply(200, []))
    exchange.on("GET /api/v3/ping", reply(200, {}))
    await spot.call(PING, PingParams())
    with pytest.raises(Refused, match="BINANCE_PRIVATE_KEY_PATH holds no PEM private key") as refused:
        await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    assert refused.value.code == "AUTH_FAILED"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    payload, _, signature = exchange.requests[-1].url.query.decode().rpartition("&signature=")
    key.public_key().verify(b64decode(unquote(signature)), payload.encode())


@pytest.mark.parametrize("origin", ["https://api.binance.com", "http://192.168.1.2:80"])
async def test_a_venue_outside_the_environment_is_refused_before_anything_is_sent(
    exchange: Exchange, machine: Machine, origin: str
) -> None:
    async def find() -> Venue:
        return Venue((origin,))

    with pytest.raises(Refused, match="loopback only") as refused:
        await machine.paper_spot(find).call(PING, PingParams())
    assert refused.value.code == "ENDPOINT_REFUSED"
    assert exchange.requests == []


def test_importing_the_client_imports_no_http_library() -> None:
    code = "import sys, binance_spot_mcp.client; sys.exit('httpx' in sys.modules or 'cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
