"""The hosts of each environment, and the one rule that lets a URL in.

A base URL is taken apart and its scheme, host and port are compared with the table below. Nothing is matched by
pattern, so `api.binance.com.evil.example` is as foreign as any other name.

Source: rest-api.md#general-api-information, web-socket-api.md, web-socket-streams.md, testnet and demo-mode pages.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from binance_spot_mcp.vocabulary import Environment

Channel = Literal["rest", "ws_api", "streams"]

WS_API_PATH = "/ws-api/v3"


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where one environment is reached, the preferred URL of each channel first.

    Attributes:
        rest: Origins that serve the whole REST API.
        rest_market_data: Origin that serves public market data alone, if there is one.
        ws_api: WebSocket API endpoints, with their path.
        streams: Origins of the market streams; `/ws` and `/stream` are appended.
        streams_market_data: Stream origins that carry market data alone.
    """

    rest: tuple[str, ...]
    ws_api: tuple[str, ...]
    streams: tuple[str, ...]
    rest_market_data: str | None = None
    streams_market_data: tuple[str, ...] = ()

    def of(self, channel: Channel) -> tuple[str, ...]:
        """Every URL that may serve this channel."""
        match channel:
            case "rest":
                return self.rest + ((self.rest_market_data,) if self.rest_market_data else ())
            case "ws_api":
                return self.ws_api
            case "streams":
                return self.streams + self.streams_market_data


HOSTS: Mapping[Environment, Hosts] = {
    "live": Hosts(
        rest=(
            "https://api.binance.com",
            "https://api-gcp.binance.com",
            "https://api1.binance.com",
            "https://api2.binance.com",
            "https://api3.binance.com",
            "https://api4.binance.com",
        ),
        rest_market_data="https://data-api.binance.vision",
        ws_api=("wss://ws-api.binance.com:443/ws-api/v3", "wss://ws-api.binance.com:9443/ws-api/v3"),
        streams=("wss://stream.binance.com:9443", "wss://stream.binance.com:443"),
        streams_market_data=("wss://data-stream.binance.vision", "wss://data-stream.binance.vision:443"),
    ),
    "testnet": Hosts(
        rest=("https://testnet.binance.vision", "https://api1.testnet.binance.vision"),
        ws_api=(
            "wss://ws-api.testnet.binance.vision/ws-api/v3",
            "wss://ws-api.testnet.binance.vision:9443/ws-api/v3",
        ),
        streams=("wss://stream.testnet.binance.vision", "wss://stream.testnet.binance.vision:9443"),
    ),
    "demo": Hosts(
        rest=("https://demo-api.binance.com",),
        ws_api=("wss://demo-ws-api.binance.com/ws-api/v3",),
        streams=("wss://demo-stream.binance.com", "wss://demo-stream.binance.com:9443"),
    ),
}
"""The paper environment has no fixed host: it is loopback, on whatever port the exchange listens."""

SCHEMES: Mapping[Channel, tuple[str, str]] = {
    "rest": ("https", "http"),
    "ws_api": ("wss", "ws"),
    "streams": ("wss", "ws"),
}
"""The encrypted scheme, and the plain one that only loopback may use."""

_DEFAULT_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}
_PATHS: Mapping[Channel, tuple[str, ...]] = {
    "rest": ("", "/api", "/api/v3"),
    "ws_api": ("", WS_API_PATH),
    "streams": ("", "/ws", "/stream"),
}
_ELSEWHERE: Mapping[str, str] = {
    "fapi.binance.com": "serves USD-M futures, not Spot",
    "dapi.binance.com": "serves COIN-M futures, not Spot",
    "eapi.binance.com": "serves options, not Spot",
    "papi.binance.com": "serves portfolio margin, not Spot",
    "data.binance.com": "was retired in 2023",
    "data-stream.binance.com": "was retired in 2023",
}


class HostRefused(ValueError):
    """A URL that does not belong to the environment; the text says why and what to use."""


@dataclass(frozen=True, slots=True)
class _Origin:
    scheme: str
    host: str
    port: int


def admit(url: str, environment: Environment, channel: Channel) -> str:
    """Check a base URL against the hosts of the environment.

    Returns:
        The URL as the table writes it; for paper an origin, with the WebSocket API's path where the channel is that.

    Raises:
        HostRefused: The URL is malformed, or its scheme, host or port is not one of the environment's.
    """
    parts = _parsed(url, channel)
    origin = _origin(parts)
    base = f"{parts.scheme}://{parts.netloc.lower()}" + (WS_API_PATH if channel == "ws_api" else "")
    if environment == "paper":
        if not is_loopback(origin.host):
            belongs = _belongs(origin.host, environment)
            raise HostRefused(f"paper talks to loopback only, and {origin.host} is not loopback{belongs}")
        return base
    known = HOSTS[environment].of(channel)
    same = [host for host in known if _origin(urlsplit(host)) == origin]
    if not same:
        raise HostRefused(_why_foreign(origin, environment, channel))
    return base if base in same else same[0]


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def other_ports(url: str, environment: Environment, channel: Channel) -> tuple[str, ...]:
    """The same host at the other ports that the documents name for a channel.

    Args:
        url: Admitted already.
    """
    if environment == "paper":
        return ()
    there = _origin(urlsplit(url))
    origins = {known: _origin(urlsplit(known)) for known in HOSTS[environment].of(channel)}
    return tuple(known for known, origin in origins.items() if origin.host == there.host and origin.port != there.port)


def _parsed(url: str, channel: Channel) -> SplitResult:
    encrypted, plain = SCHEMES[channel]
    example = f"{encrypted}://host"
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in url):
        raise HostRefused("it holds blanks, backslashes or invisible characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise HostRefused(f"it is no URL of the form {example}") from None
    if parts.scheme not in (encrypted, plain) or not parts.hostname or port == 0:
        raise HostRefused(f"it is no URL of the form {example}")
    if "@" in parts.netloc:
        raise HostRefused("a user name or password has no place in it")
    if parts.query or parts.fragment or parts.path.rstrip("/") not in _PATHS[channel]:
        raise HostRefused(f"give the host alone, as {example}")
    if parts.scheme == plain and not is_loopback(parts.hostname):
        raise HostRefused(f"{plain}:// is for loopback only; use {encrypted}://")
    return parts


def _origin(parts: SplitResult) -> _Origin:
    return _Origin(parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme])


def _owners(host: str) -> Iterator[Environment]:
    for environment, hosts in HOSTS.items():
        urls = hosts.of("rest") + hosts.of("ws_api") + hosts.of("streams")
        if host in {urlsplit(url).hostname for url in urls}:
            yield environment


def _belongs(host: str, environment: Environment) -> str:
    owners = [*_owners(host)]
    return f" (it belongs to BINANCE_ENV={owners[0]})" if owners and environment not in owners else ""


def _why_foreign(origin: _Origin, environment: Environment, channel: Channel) -> str:
    host = origin.host
    if host == "binance.us" or host.endswith(".binance.us"):
        return (
            f"{host} is Binance.US, another exchange with its own accounts and keys; this server speaks to Binance "
            "(binance.com) only"
        )
    if host in _ELSEWHERE:
        return f"{host} {_ELSEWHERE[host]}"
    if is_loopback(host):
        return f"{host} is loopback, which only BINANCE_ENV=paper talks to"
    allowed = ", ".join(HOSTS[environment].of(channel))
    return f"{host}:{origin.port} is not a host of {environment}{_belongs(host, environment)}; its hosts are {allowed}"
