"""Which exchange is talked to, and with which key."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from pydantic import SecretStr

from binance_spot_mcp.errors import Refused
from binance_spot_mcp.hosts import HOSTS, Channel, HostRefused, admit
from binance_spot_mcp.settings import Settings, SettingsError
from binance_spot_mcp.signing import Signer, hmac_signer, private_key_signer
from binance_spot_mcp.vocabulary import Environment


@dataclass(frozen=True, slots=True)
class Venue:
    """The exchange that is talked to, and the key that is shown to it.

    Attributes:
        rest: Origins that serve every call, the preferred one first.
        market_data: An origin that serves public market data alone, if there is one.
        streams: Origin of the market streams; None where that channel is off.
        ws_api: URL of the WebSocket API; None likewise.
        api_key: The API key; without one only public calls are possible.
        signer: Makes ready what signs with that key; called once, by the first signed call.
    """

    rest: tuple[str, ...]
    market_data: str | None = None
    api_key: SecretStr | None = None
    signer: Callable[[], Signer] | None = None
    streams: str | None = None
    ws_api: str | None = None

    @property
    def account(self) -> str:
        """What stands for the account in the rate ledger: a fingerprint of its key; nothing without a key."""
        return sha256(self.api_key.get_secret_value().encode()).hexdigest()[:16] if self.api_key else ""


def checked(venue: Venue, env: Environment) -> Venue:
    """The venue, if every host of it belongs to the environment: a key must never be shown to another.

    Raises:
        Refused: One does not.
    """
    channels: tuple[tuple[Channel, tuple[str | None, ...]], ...] = (
        ("rest", (*venue.rest, venue.market_data)),
        ("streams", (venue.streams,)),
        ("ws_api", (venue.ws_api,)),
    )
    for channel, urls in channels:
        for url in filter(None, urls):
            try:
                admit(url, env, channel)
            except HostRefused as refusal:
                raise Refused(f"{url} was refused: {refusal}.", code="ENDPOINT_REFUSED") from None
    return venue


def configured_venue(settings: Settings) -> Venue:
    """The venue that the settings name.

    Raises:
        Refused: No exchange is named that could be called.
    """
    venue = _named_venue(settings)
    if settings.transport == "ws" and venue.ws_api is None:
        raise Refused(
            "BINANCE_TRANSPORT=ws needs the WebSocket API, which is off: set BINANCE_WS_API_BASE.",
            code="ENDPOINT_REFUSED",
        )
    only_rest = settings.transport == "rest" or venue.ws_api is None
    if only_rest and not (venue.rest or venue.market_data):
        raise Refused("REST is off, as BINANCE_BASE_URL names no exchange.", code="ENDPOINT_REFUSED")
    return venue


def _named_venue(settings: Settings) -> Venue:
    signer = partial(_configured_signer, settings) if settings.has_key else None
    if settings.env == "paper":
        rest = (settings.base_url,) if settings.base_url else ()
        return Venue(rest, None, settings.api_key, signer, streams=settings.ws_base, ws_api=settings.ws_api_base)
    hosts = HOSTS[settings.env]
    first = settings.base_url or hosts.rest[0]
    streams = settings.ws_base or hosts.streams[0]
    if first == hosts.rest_market_data:
        return Venue((), first, streams=streams)
    others = tuple(host for host in hosts.rest if host != first)
    ws_api = settings.ws_api_base or hosts.ws_api[0]
    return Venue((first, *others), hosts.rest_market_data, settings.api_key, signer, streams=streams, ws_api=ws_api)


def _configured_signer(settings: Settings) -> Signer:
    if settings.api_secret is not None:
        return hmac_signer(settings.api_secret)
    try:
        return private_key_signer(settings.private_key_pem(), settings.private_key_passphrase)
    except SettingsError as error:
        raise Refused(str(error), code="AUTH_FAILED") from None
