"""Keys of every kind, good and bad."""

from base64 import b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from binance_spot_mcp.errors import Refused
from binance_spot_mcp.signing import HmacSigner, hmac_signer, private_key_signer, query_string, signed_query

PrivateKey = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PASSPHRASE = SecretStr("correct horse")


def pem(key: PrivateKey, encryption: KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def locked(key: PrivateKey) -> bytes:
    return pem(key, BestAvailableEncryption(PASSPHRASE.get_secret_value().encode()))


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_an_ed25519_key_signs_what_its_public_half_verifies(encrypted: bool) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    signer = private_key_signer(locked(key) if encrypted else pem(key), PASSPHRASE if encrypted else None)
    assert signer.kind == "Ed25519"
    key.public_key().verify(b64decode(signer.sign(b"payload")), b"payload")


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_an_rsa_key_signs_with_pkcs1_and_sha256(rsa_key: rsa.RSAPrivateKey, encrypted: bool) -> None:
    signer = private_key_signer(locked(rsa_key) if encrypted else pem(rsa_key), PASSPHRASE if encrypted else None)
    assert signer.kind == "RSA"
    rsa_key.public_key().verify(b64decode(signer.sign(b"payload")), b"payload", padding.PKCS1v15(), SHA256())


def test_an_encrypted_key_without_passphrase_names_the_setting() -> None:
    with pytest.raises(Refused, match=r"encrypted; set BINANCE_PRIVATE_KEY_PASSPHRASE") as refusal:
        private_key_signer(locked(ed25519.Ed25519PrivateKey.generate()))
    assert (refusal.value.code, refusal.value.sent) == ("AUTH_FAILED", "no")


def test_a_wrong_passphrase_is_called_that_and_not_shown() -> None:
    with pytest.raises(Refused, match="does not open the private key") as refusal:
        private_key_signer(locked(ed25519.Ed25519PrivateKey.generate()), SecretStr("wrong-passphrase"))
    assert "wrong-passphrase" not in str(refusal.value)


def test_a_passphrase_for_a_plain_key_is_refused() -> None:
    with pytest.raises(Refused, match="not encrypted; remove"):
        private_key_signer(pem(ed25519.Ed25519PrivateKey.generate()), PASSPHRASE)


def test_a_short_rsa_key_is_refused_with_its_size() -> None:
    with pytest.raises(Refused, match=r"has 1024 bits; Binance takes 2048 to 4096"):
        private_key_signer(pem(rsa.generate_private_key(65537, 1024)))


def test_a_key_of_another_kind_is_refused() -> None:
    with pytest.raises(Refused, match="neither Ed25519 nor RSA"):
        private_key_signer(pem(ec.generate_private_key(ec.SECP256R1())))


def test_a_public_key_and_a_text_that_is_no_key_are_refused() -> None:
    public = (
        ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    for text in (public, b"", b"not a key"):
        with pytest.raises(Refused, match="no PEM private key"):
            private_key_signer(text)


def test_no_signer_shows_its_key(rsa_key: rsa.RSAPrivateKey) -> None:
    assert "canary" not in repr(HmacSigner(b"canary"))
    assert "RSAPrivateKey" not in repr(private_key_signer(pem(rsa_key)))


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=20), min_size=1, max_size=6))
def test_the_signed_query_is_ascii_and_starts_with_the_bytes_that_were_signed(params: dict[str, str]) -> None:
    signer = hmac_signer(SecretStr("secret"))
    sent = signed_query(params, signer)
    payload, _, signature = sent.rpartition("&signature=")
    assert sent.isascii()
    assert payload == query_string(params)
    assert signature == signer.sign(payload.encode())
