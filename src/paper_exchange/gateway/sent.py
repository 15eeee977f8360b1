"""What a REST request said, byte for byte: its parameters and the text that was signed.

Source: rest-api.md#signed-trade-and-user_data-endpoint-security, CHANGELOG.md (2026-01-15)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_plus

from paper_exchange.gateway import refusals

_SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Sent:
    """The parameters of a request, decoded, without its signature.

    Attributes:
        values: By name; what stands in query and body counts as the query says.
        payload: The bytes that the signature covers: query and body as received, nothing between them.
        signature: As sent, decoded; None when there is none.
    """

    values: dict[str, str]
    payload: bytes
    signature: str | None


def read(query: bytes, body: bytes) -> Sent:
    """Take a request apart.

    Raises:
        Rejected: -1100 for text that is not percent-encoded UTF-8, -1101 for a name repeated within query or body.
    """
    in_query = list(_segments(query))
    in_body = list(_segments(body))
    values = _by_name(in_body)
    values.update(_by_name(in_query))
    signature = values.pop(_SIGNATURE, None)
    payload = b"".join(b"&".join(raw for name, _, raw in part if name != _SIGNATURE) for part in (in_query, in_body))
    return Sent(values, payload, signature)


def _segments(part: bytes) -> Iterator[tuple[str, str, bytes]]:
    for segment in part.split(b"&") if part else ():
        name, _, value = segment.partition(b"=")
        yield _decoded(name), _decoded(value), segment


def _decoded(raw: bytes) -> str:
    try:
        return unquote_plus(raw.decode("utf-8"), errors="strict")
    except UnicodeDecodeError as error:
        raise refusals.undecodable() from error


def _by_name(part: list[tuple[str, str, bytes]]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value, raw in part:
        if not raw:
            continue
        if name in values:
            raise refusals.duplicated()
        values[name] = value
    return values
