"""Signatures: which bytes are signed, and how each kind of key signs them. Pure; keys are arguments.

REST signs the query string exactly as it is sent, so it is percent-encoded first. The WebSocket API signs the
parameters sorted by name, as raw UTF-8.

Source: rest-api.md and web-socket-api.md, section "SIGNED request security"
"""

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import quote

from pydantic import SecretStr

from binance_spot_mcp.errors import Refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

KeyKind = Literal["HMAC", "RSA", "Ed25519"]

RSA_BITS = range(2048, 4097)
"""Sizes of RSA keys that Binance takes."""

_must_be_encoded = re.compile(r"[^A-Za-z0-9._~-]").search


class Signer(Protocol):
    """A key that can sign. Its repr never shows the key."""

    @property
    def kind(self) -> KeyKind:
        """What kind of key it is; only Ed25519 can log a WebSocket session on."""
        ...

    def sign(self, payload: bytes) -> str:
        """The signature of a payload, in the text form that Binance takes: hex for HMAC, else base64."""
        ...


@dataclass(frozen=True, slots=True)
class HmacSigner:
    """Signs with HMAC-SHA256."""

    secret: bytes = field(repr=False)
    kind: KeyKind = field(default="HMAC", init=False)

    def sign(self, payload: bytes) -> str:
        """The signature in hexadecimal."""
        return hmac.digest(self.secret, payload, "sha256").hex()


@dataclass(frozen=True, slots=True)
class Ed25519Signer:
    """Signs with Ed25519, the kind of key that Binance advises."""

    key: "Ed25519PrivateKey" = field(repr=False)
    kind: KeyKind = field(default="Ed25519", init=False)

    def sign(self, payload: bytes) -> str:
        """The signature in base64."""
        return b64encode(self.key.sign(payload)).decode()


@dataclass(frozen=True, slots=True)
class RsaSigner:
    """Signs with RSASSA-PKCS1-v1_5 and SHA-256."""

    key: "RSAPrivateKey" = field(repr=False)
    kind: KeyKind = field(default="RSA", init=False)

    def sign(self, payload: bytes) -> str:
        """The signature in base64."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415  (loaded with the key)
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        return b64encode(self.key.sign(payload, PKCS1v15(), SHA256())).decode()


def hmac_signer(secret: SecretStr) -> HmacSigner:
    """The signer of an HMAC key."""
    return HmacSigner(secret.get_secret_value().encode())


def private_key_signer(pem: bytes, passphrase: SecretStr | None = None) -> Signer:
    """The signer of a PEM file; the key itself says whether it is Ed25519 or RSA.

    Raises:
        Refused: The text is no private key, the passphrase does not open it, or Binance takes no such key.
    """
    # Importing cryptography takes longer than all the rest of this module; HMAC users never need it.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    if b"ENCRYPTED" in pem and passphrase is None:
        raise _unusable("The private key is encrypted; set BINANCE_PRIVATE_KEY_PASSPHRASE.")
    try:
        key = load_pem_private_key(pem, passphrase.get_secret_value().encode() if passphrase else None)
    except TypeError:
        raise _unusable("The private key is not encrypted; remove BINANCE_PRIVATE_KEY_PASSPHRASE.") from None
    except (ValueError, UnsupportedAlgorithm):
        if passphrase is not None:
            raise _unusable("BINANCE_PRIVATE_KEY_PASSPHRASE does not open the private key.") from None
        raise _unusable("BINANCE_PRIVATE_KEY_PATH holds no PEM private key; a public key will not do.") from None
    match key:
        case Ed25519PrivateKey():
            return Ed25519Signer(key)
        case RSAPrivateKey() if key.key_size in RSA_BITS:
            return RsaSigner(key)
        case RSAPrivateKey():
            raise _unusable(f"The RSA key has {key.key_size} bits; Binance takes {RSA_BITS[0]} to {RSA_BITS[-1]}.")
        case _:
            raise _unusable("The private key is neither Ed25519 nor RSA; Binance takes only these two.")


def _unusable(message: str) -> Refused:
    return Refused(message, code="AUTH_FAILED", retry="after_fix")


def percent_encoded(text: str) -> str:
    """Text for a query string: UTF-8, everything but letters, digits and `-._~` encoded."""
    return quote(text, safe="") if _must_be_encoded(text) else text


def query_string(params: Mapping[str, str]) -> str:
    """The parameters as they go on the wire, in their own order."""
    return "&".join([f"{percent_encoded(name)}={percent_encoded(value)}" for name, value in params.items()])


def signed_query(params: Mapping[str, str], signer: Signer) -> str:
    """The query string with its signature at the end. Send this very text."""
    query = query_string(params)
    return f"{query}&signature={percent_encoded(signer.sign(query.encode()))}"


def ws_payload(params: Mapping[str, str]) -> str:
    """The text that the WebSocket API signs: sorted by name, raw, without any signature."""
    return "&".join([f"{name}={params[name]}" for name in sorted(params) if name != "signature"])


def ws_signed(params: Mapping[str, str], signer: Signer) -> dict[str, str]:
    """The parameters of a WebSocket API request with their signature. `apiKey` and `timestamp` must be among them."""
    return {**params, "signature": signer.sign(ws_payload(params).encode())}
