"""Opening a connection to the WebSocket API.

Here we send, must know whether a request left, and may ping; the sockets of the market streams (`socket.py`) mostly
listen, and every message of ours counts there.

Source: web-socket-api.md#general-api-information, #connection-limits
"""

from urllib.parse import urlsplit

from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidProxy, InvalidStatus, ProxyError, WebSocketException

from binance_spot_mcp import __version__
from binance_spot_mcp.transport.failures import never_left, proxy_failed, why_unreachable
from binance_spot_mcp.transport.verdict import Reply, retry_after_ms

MOST_BYTES = 8 * 2**20
"""An answer above this ends the connection."""
OPEN_SECONDS = 10.0
CLOSE_SECONDS = 0.5
PING_SECONDS = 20.0
"""How often we ask whether the exchange is still there, and how long its pong may take."""


async def open_connection(url: str, proxy: SecretStr | None) -> ClientConnection | Reply:
    """Connect once.

    Args:
        url: Checked against the environment's hosts already.
        proxy: The one proxy to use; those of the environment are ignored.

    Returns:
        The connection, or what the exchange answered instead of taking it.

    Raises:
        Unreachable: No connection came about.
    """
    host = urlsplit(url).netloc
    try:
        return await _Connect(
            url,
            proxy=proxy.get_secret_value() if proxy else None,
            user_agent_header=f"binance-spot-mcp/{__version__}",
            compression=None,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            max_size=MOST_BYTES,
        )
    except InvalidStatus as refused:
        response = refused.response
        said = {name.lower(): value for name, value in response.headers.raw_items()}
        return Reply(response.status_code, bytes(response.body or b""), pause_ms=retry_after_ms(said))
    except (ProxyError, InvalidProxy):
        raise never_left(proxy_failed(host)) from None
    except WebSocketException:
        raise never_left(f"{host} does not speak WebSocket at this address.") from None
    except OSError as error:
        raise never_left(why_unreachable(error, host)) from None


class _Connect(connect):
    """The library's way to connect, except that no redirect is followed: a key goes nowhere but where it was meant."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc
