"""What is said of a request without an answer: nothing of it left, or it left and nobody knows what became of it."""

from collections.abc import Iterator
from socket import gaierror
from ssl import SSLError

from binance_spot_mcp.errors import OutcomeUnknown, SpotError, Unavailable, Unreachable

TRY_AGAIN = " Nothing was sent; try again."
"""What ends the text of every such failure."""


def never_left(why: str) -> Unreachable:
    """No byte of a request left, for a reason that is a sentence."""
    return Unreachable(f"{why}{TRY_AGAIN}")


def lost(cause: str, *, changes: bool) -> SpotError:
    """A request left, and no complete answer came back.

    Args:
        cause: What happened, as a sentence without its full stop.
        changes: Whether the request may change orders.
    """
    if changes:
        return OutcomeUnknown(f"{cause} after the request had left, so it may have happened.")
    return Unavailable(f"{cause}; try again shortly.", sent="no")


def why_unreachable(error: BaseException, host: str) -> str:
    """Why no connection to a host came about, as a sentence."""
    chain = list(_causes(error))
    if any(isinstance(link, gaierror) for link in chain):
        return f"The name {host} could not be resolved; there may be no network."
    if any(isinstance(link, SSLError) for link in chain):
        return f"{host} did not show a valid TLS certificate for its name, so the connection was refused."
    if any(isinstance(link, TimeoutError) for link in chain):
        return f"{host} did not accept a connection in time."
    return f"No connection to {host} came about."


def proxy_failed(host: str) -> str:
    """The same where the proxy is in the way."""
    return f"The proxy of BINANCE_PROXY did not connect to {host}."


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
