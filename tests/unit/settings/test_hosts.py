"""Which base URLs are let in."""

import pytest

from binance_spot_mcp.hosts import Channel, HostRefused, admit
from binance_spot_mcp.vocabulary import Environment


@pytest.mark.parametrize(
    ("given", "channel", "admitted"),
    [
        ("https://api.binance.com/", "rest", "https://api.binance.com"),
        ("https://api.binance.com/api/v3", "rest", "https://api.binance.com"),
        ("https://API.Binance.com:443", "rest", "https://api.binance.com"),
        ("wss://stream.binance.com:9443/ws", "streams", "wss://stream.binance.com:9443"),
        ("wss://ws-api.binance.com:443", "ws_api", "wss://ws-api.binance.com:443/ws-api/v3"),
    ],
)
def test_the_usual_ways_to_write_a_host_mean_the_same(given: str, channel: Channel, admitted: str) -> None:
    assert admit(given, "live", channel) == admitted


@pytest.mark.parametrize(
    "url",
    [
        "https://api.binance.com.evil.example",
        "https://evil.example/api.binance.com",
        "https://api.binance.com@evil.example",
        "https://user:password@api.binance.com",
        "https://api.binance.com:8443",
        "https://api.binance.com:0",
        "https://api.binance.com:port",
        "https://api.binance.com.",
        "https://api.binance.com?x=1",
        "https://api.binance.com#x",
        "https://api.binance.com/sapi/v1",
        "https://api.binance.com\\@evil.example",
        "https://api.binance.com\n.evil.example",
        "https://аpi.binance.com",  # a Cyrillic a
        "http://api.binance.com",
        "ftp://api.binance.com",
        "wss://api.binance.com",
        "api.binance.com",
        "https://",
        "https://[::1",
        "https://127.0.0.1",
        "https://api5.binance.com",
    ],
)
def test_a_url_that_is_not_exactly_a_host_of_live_is_refused(url: str) -> None:
    with pytest.raises(HostRefused):
        admit(url, "live", "rest")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost:1", "https://127.1.2.3", "http://[::1]:8080/api/v3"]
)
def test_paper_takes_any_port_of_loopback(url: str) -> None:
    assert admit(url, "paper", "rest").startswith(url.removesuffix("/api/v3"))


@pytest.mark.parametrize(
    "url", ["http://192.168.1.2", "http://127.0.0.1.evil.example", "http://0.0.0.0:80", "https://api.binance.com"]
)
def test_paper_takes_nothing_but_loopback(url: str) -> None:
    with pytest.raises(HostRefused, match=r"loopback"):
        admit(url, "paper", "rest")


@pytest.mark.parametrize(
    ("url", "environment", "told"),
    [
        ("https://api.binance.us", "live", "Binance.US, another exchange"),
        ("https://api.binance.us", "testnet", "Binance.US, another exchange"),
        ("https://fapi.binance.com", "live", "USD-M futures, not Spot"),
        ("https://data.binance.com", "live", "retired"),
        ("http://api.binance.com", "live", "http:// is for loopback only; use https://"),
        ("https://api.binance.com", "testnet", "it belongs to BINANCE_ENV=live"),
        ("https://testnet.binance.vision", "live", "it belongs to BINANCE_ENV=testnet"),
        ("https://testnet.binance.vision:8443", "testnet", "8443 is not a host of testnet; its hosts are"),
        ("https://localhost:8080", "testnet", "only BINANCE_ENV=paper"),
        ("https://other.example", "demo", "its hosts are https://demo-api.binance.com"),
    ],
)
def test_a_refusal_says_what_the_host_is_and_what_to_use(url: str, environment: Environment, told: str) -> None:
    with pytest.raises(HostRefused, match=told):
        admit(url, environment, "rest")
