"""API keys: who they belong to, what they may do, and how a signature made with them is checked.

Source: rest-api.md#request-security, faqs/api_key_types.md
"""

import base64
import binascii
import hashlib
import hmac
import os
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

KeyKind = Literal["HMAC", "RSA", "Ed25519"]
Permission = Literal["USER_DATA", "TRADE"]
Randomness = Callable[[int], bytes]
"""Gives that many random bytes."""

_ALPHABET = string.ascii_letters + string.digits
_KEY_LENGTH = 64
ALL_PERMISSIONS: frozenset[Permission] = frozenset({"USER_DATA", "TRADE"})


class UnusableKey(ValueError):
    """A public key that Binance would not accept."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One registered key.

    Attributes:
        api_key: What is sent in `X-MBX-APIKEY`.
        verify: Whether a signature (as sent) fits a payload.
        addresses: IP addresses it may be used from; None for any.
    """

    api_key: str
    account: int
    kind: KeyKind
    verify: Callable[[bytes, str], bool] = field(repr=False)
    permissions: frozenset[Permission] = ALL_PERMISSIONS
    addresses: frozenset[str] | None = None

    def allows(self, permission: Permission, address: str) -> bool:
        """Whether it may be used for this, from there."""
        return permission in self.permissions and (self.addresses is None or address in self.addresses)


class KeyRing:
    """Every key of the exchange, by its `X-MBX-APIKEY` value."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}

    def register(self, key: ApiKey) -> None:
        """Let a key in; one that is known by that name is replaced."""
        self._keys[key.api_key] = key

    def find(self, api_key: str) -> ApiKey | None:
        """The key of that name."""
        return self._keys.get(api_key)


def seeded(seed: int, label: str) -> Randomness:
    """Randomness that is the same for the same seed and label, for exchanges that must be repeatable."""
    counter = 0

    def draw(count: int) -> bytes:
        nonlocal counter
        counter += 1
        return hashlib.shake_256(f"{seed}/{label}/{counter}".encode()).digest(count)

    return draw


def new_text(randomness: Randomness = os.urandom, length: int = _KEY_LENGTH) -> str:
    """Letters and digits, as Binance's keys and secrets are made of."""
    text = ""
    while len(text) < length:
        # Bytes past the last whole alphabet would favour its first letters.
        text += "".join(_ALPHABET[byte % 62] for byte in randomness(length) if byte < 248)
    return text[:length]


def hmac_key(api_key: str, secret: str, account: int, permissions: frozenset[Permission] = ALL_PERMISSIONS) -> ApiKey:
    """A key whose signatures are HMAC-SHA256 in hex, any case."""
    secret_bytes = secret.encode()

    def verify(payload: bytes, signature: str) -> bool:
        expected = hmac.new(secret_bytes, payload, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected.encode(), signature.lower().encode())

    return ApiKey(api_key, account, "HMAC", verify, permissions)


def public_key(api_key: str, pem: bytes, account: int, permissions: frozenset[Permission] = ALL_PERMISSIONS) -> ApiKey:
    """A key whose signatures are base64 of Ed25519, or of RSASSA-PKCS1-v1_5 with SHA-256.

    Raises:
        UnusableKey: `pem` holds neither an Ed25519 nor an RSA public key of 2048 to 4096 bits.
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - slow to import, and HMAC does without
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa  # noqa: PLC0415

    try:
        loaded = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise UnusableKey(f"not a PEM public key: {error}") from error

    if isinstance(loaded, ed25519.Ed25519PublicKey):
        kind: KeyKind = "Ed25519"

        def check(signature: bytes, payload: bytes) -> None:
            loaded.verify(signature, payload)

    elif isinstance(loaded, rsa.RSAPublicKey) and 2048 <= loaded.key_size <= 4096:
        kind = "RSA"

        def check(signature: bytes, payload: bytes) -> None:
            loaded.verify(signature, payload, padding.PKCS1v15(), hashes.SHA256())

    else:
        raise UnusableKey("keys are Ed25519, or RSA of 2048 to 4096 bits")

    def verify(payload: bytes, signature: str) -> bool:
        try:
            check(base64.b64decode(signature, validate=True), payload)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True

    return ApiKey(api_key, account, kind, verify, permissions)
