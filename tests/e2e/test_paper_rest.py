"""The paper exchange from outside: plain HTTP, printed keys."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.e2e.paper_client import PaperClient, limit_order

from paper_exchange.options import Options
from paper_exchange.running import running

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client() -> AsyncIterator[PaperClient]:
    async with running(Options(seed=1, market=False)) as exchange:
        client = PaperClient(exchange)
        async with client.http:
            yield client


def _error(response: httpx.Response) -> tuple[int, int, str]:
    body = response.json()
    return response.status_code, body["code"], body["msg"]


async def test_a_signed_order_is_accepted_found_open_and_cancelled(client: PaperClient) -> None:
    placed = await client.signed("POST", "order", **limit_order("BUY", "50000.00", newClientOrderId="mine"))
    assert placed.status_code == 200
    assert placed.json()["clientOrderId"] == "mine"
    assert placed.json()["status"] == "NEW"
    opened = (await client.signed("GET", "openOrders", symbol="BTCUSDT")).json()
    assert [order["clientOrderId"] for order in opened] == ["mine"]
    cancelled = (await client.signed("DELETE", "order", symbol="BTCUSDT", origClientOrderId="mine")).json()
    assert (cancelled["status"], cancelled["origClientOrderId"]) == ("CANCELED", "mine")
    assert (await client.signed("GET", "openOrders")).json() == []


async def test_an_order_locks_funds_and_its_cancel_frees_them(client: PaperClient) -> None:
    async def usdt() -> dict[str, str]:
        account = (await client.signed("GET", "account")).json()
        return next(balance for balance in account["balances"] if balance["asset"] == "USDT")

    before = await usdt()
    await client.signed("POST", "order", **limit_order("BUY", "50000.00", "0.10000"))
    assert await usdt() == {"asset": "USDT", "free": "95000.00000000", "locked": "5000.00000000"}
    await client.signed("DELETE", "openOrders", symbol="BTCUSDT")
    assert await usdt() == before


async def test_the_order_that_rests_is_in_the_public_book(client: PaperClient) -> None:
    await client.signed("POST", "order", **limit_order("BUY", "50000.00", "0.10000"))
    book = (await client.public("depth", symbol="BTCUSDT")).json()
    assert ["50000.00000000", "0.10000000"] in book["bids"]


async def test_parameters_may_stand_in_query_body_or_both(client: PaperClient) -> None:
    login = client.exchange.login
    in_query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC"
    server_time = (await client.public("time")).json()["serverTime"]
    in_body = f"quantity=0.01&price=50000&timestamp={server_time}"
    signature = _hmac(login.api_secret, in_query + in_body)
    response = await client.http.post(
        f"/api/v3/order?{in_query}",
        content=f"{in_body}&signature={signature}",
        headers={"X-MBX-APIKEY": login.api_key, "Content-Type": "application/x-www-form-urlencoded"},
    )
    assert response.status_code == 200, response.text


async def test_a_bad_signature_is_refused(client: PaperClient) -> None:
    login = client.exchange.login
    server_time = (await client.public("time")).json()["serverTime"]
    response = await client.http.get(
        f"/api/v3/account?timestamp={server_time}&signature={'0' * 64}", headers={"X-MBX-APIKEY": login.api_key}
    )
    assert _error(response) == (400, -1022, "Signature for this request is not valid.")


async def test_a_stale_timestamp_is_refused(client: PaperClient) -> None:
    server_time = (await client.public("time")).json()["serverTime"]
    response = await client.signed("GET", "account", timestamp=server_time - 10_000)
    assert _error(response) == (400, -1021, "Timestamp for this request is outside of the recvWindow.")


async def test_a_quantity_off_the_step_is_refused(client: PaperClient) -> None:
    response = await client.signed("POST", "order", **limit_order("BUY", "50000.00", "0.0123456"))
    assert _error(response) == (400, -1013, "Filter failure: LOT_SIZE")


async def test_an_unknown_symbol_is_refused(client: PaperClient) -> None:
    assert _error(await client.public("depth", symbol="NOPE")) == (400, -1121, "Invalid symbol.")
    response = await client.signed("POST", "order", **limit_order("BUY", "1", "1") | {"symbol": "NOPE"})
    assert _error(response) == (400, -1121, "Invalid symbol.")


async def test_weight_is_counted_and_an_accepted_order_costs_none(client: PaperClient) -> None:
    used = [
        int(response.headers["X-MBX-USED-WEIGHT-1M"])
        for response in (
            await client.public("ping"),
            await client.public("depth", symbol="BTCUSDT", limit=101),
            await client.signed("POST", "order", **limit_order("BUY", "50000.00")),
            await client.signed("POST", "order", **limit_order("BUY", "50000.001")),
        )
    ]
    assert used == [1, 26, 26, 27]


async def test_unfilled_orders_are_counted_in_the_headers(client: PaperClient) -> None:
    placed = await client.signed("POST", "order", **limit_order("BUY", "50000.00"))
    assert placed.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    assert placed.headers["X-MBX-ORDER-COUNT-1D"] == "1"
    refused = await client.signed("POST", "order", **limit_order("BUY", "50000.001"))
    assert refused.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    counts = (await client.signed("GET", "rateLimit/order")).json()
    assert [row["count"] for row in counts] == [1, 1]


@pytest.mark.long
async def test_an_idle_connection_is_kept_for_the_next_request(client: PaperClient) -> None:
    address = client.exchange.rest.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(*address)
    for _ in range(2):
        writer.write(b"GET /api/v3/ping HTTP/1.1\r\nHost: paper\r\n\r\n")
        assert (await reader.readuntil(b"{}")).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(6)
    writer.close()


async def test_times_come_in_microseconds_when_asked_for(client: PaperClient) -> None:
    plain = (await client.public("time")).json()["serverTime"]
    fine = (await client.public("time", headers={"X-MBX-TIME-UNIT": "MICROSECOND"})).json()["serverTime"]
    assert 0 <= fine - plain * 1000 < 5_000_000
    refused = await client.public("time", headers={"X-MBX-TIME-UNIT": "NANOSECOND"})
    assert _error(refused) == (
        400,
        -1194,
        "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
    )


async def test_an_unknown_path_is_404_with_html_for_browsers_alone(client: PaperClient) -> None:
    assert (await client.public("nothing")).status_code == 404
    assert (await client.public("nothing")).text == ""
    shown = await client.public("nothing", headers={"Accept": "text/html"})
    assert shown.text == "<html><body><h2>404 Not found</h2></body></html>"


async def test_the_removed_listen_key_endpoint_is_gone(client: PaperClient) -> None:
    for method in ("POST", "PUT", "DELETE"):
        gone = await client.http.request(method, "/api/v3/userDataStream")
        assert gone.status_code == 410
        assert gone.headers["content-type"].startswith("text/html")


async def test_a_body_of_more_than_64_kb_is_not_read(client: PaperClient) -> None:
    assert (await client.http.post("/api/v3/order", content=b"a=" + b"1" * 70_000)).status_code == 413


async def test_a_symbol_need_not_be_ascii(client: PaperClient) -> None:
    response = await client.signed(
        "POST", "order/test", **limit_order("BUY", "0.13", "10") | {"symbol": "币安人生USDT"}
    )
    assert (response.status_code, response.json()) == (200, {}), response.text


def _hmac(secret: str, payload: str) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
