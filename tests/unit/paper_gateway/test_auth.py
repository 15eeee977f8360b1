"""Who is calling: the order of the checks, the clock, and every kind of key."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from paper_exchange.gateway import sent
from paper_exchange.gateway.auth import Credentials, authenticate
from paper_exchange.gateway.refusals import Rejected
from paper_exchange.keys import ApiKey, KeyRing, UnusableKey, hmac_key, new_text, public_key, seeded

SPEC = Path(__file__).parents[2] / "data" / "spec"
NOW_MS = 1_700_000_000_000
KEY, SECRET = new_text(seeded(1, "key")), new_text(seeded(1, "secret"))


def _sign(payload: bytes) -> str:
    return hmac.new(SECRET.encode(), payload, hashlib.sha256).hexdigest()


def _authenticate(
    query: str, signature: str | None = None, api_key: str | None = KEY, key: ApiKey | None = None
) -> int:
    """The account behind a GET whose signature is right unless one is given."""
    keys = KeyRing()
    keys.register(key or hmac_key(KEY, SECRET, account=7))
    said = sent.read(query.encode(), b"")
    credentials = Credentials(api_key, said.payload, _sign(said.payload) if signature is None else signature)
    found, _ = authenticate(
        credentials, said.values, keys=keys, permission="TRADE", address="127.0.0.1", now_us=NOW_MS * 1000
    )
    return found.account


def _refusal(
    query: str, signature: str | None = None, api_key: str | None = KEY, key: ApiKey | None = None
) -> tuple[int, str, int]:
    with pytest.raises(Rejected) as refusal:
        _authenticate(query, signature, api_key, key)
    return refusal.value.code, refusal.value.msg, refusal.value.status


def test_a_signed_request_is_known_by_its_account() -> None:
    assert _authenticate(f"timestamp={NOW_MS}") == 7


def test_checks_come_in_binances_order() -> None:
    """Each request has the next mistake as well, and the earlier one is named."""
    stale = f"timestamp={NOW_MS - 9000}"
    missing = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."
    assert _refusal("symbol=BTCUSDT", "", None) == (-1102, missing.format("signature"), 400)
    assert _refusal("symbol=BTCUSDT", "00", None) == (-1102, missing.format("timestamp"), 400)
    assert _refusal(stale, "00", None) == (-2014, "API-key format invalid.", 401)
    assert _refusal(stale, "00", "short") == (-2014, "API-key format invalid.", 401)
    unknown = (-2015, "Invalid API-key, IP, or permissions for action.", 401)
    assert _refusal(stale, "00", "A" * 64) == unknown
    assert _refusal(stale, "00") == (-1021, "Timestamp for this request is outside of the recvWindow.", 400)
    assert _refusal(f"timestamp={NOW_MS}", "00") == (-1022, "Signature for this request is not valid.", 400)


@pytest.mark.parametrize(
    ("age_ms", "window"),
    [(5000, ""), (0, ""), (-999, ""), (60_000, "&recvWindow=60000"), (6000, "&recvWindow=6000.346")],
    ids=["just in the default window", "now", "just under a second ahead", "the widest window", "with decimals"],
)
def test_a_timestamp_within_the_window_is_good(age_ms: int, window: str) -> None:
    assert _authenticate(f"timestamp={NOW_MS - age_ms}{window}")


@pytest.mark.parametrize(
    ("timestamp", "window", "code", "text"),
    [
        (str(NOW_MS - 5001), "", -1021, "Timestamp for this request is outside of the recvWindow."),
        (str(NOW_MS - 11), "&recvWindow=10", -1021, "Timestamp for this request is outside of the recvWindow."),
        (str(NOW_MS + 1000), "", -1021, "Timestamp for this request was 1000ms ahead of the server's time."),
        (str(NOW_MS), "&recvWindow=60001", -1131, "recvWindow must be less than 60000"),
        (str(NOW_MS), "&recvWindow=60000.001", -1131, "recvWindow must be less than 60000"),
        (
            str(NOW_MS),
            "&recvWindow=1.2345",
            -1100,
            r"Illegal characters found in parameter 'recvWindow'; legal range is '^[0-9]{1,20}(\.[0-9]{1,3})?$'.",
        ),
        (
            "yesterday",
            "",
            -1100,
            "Illegal characters found in parameter 'timestamp'; legal range is '^[0-9]{1,20}$'.",
        ),
    ],
    ids=["old", "old for its window", "ahead", "window too wide", "a hair too wide", "window too fine", "no number"],
)
def test_a_timestamp_outside_the_window_is_refused(timestamp: str, window: str, code: int, text: str) -> None:
    assert _refusal(f"timestamp={timestamp}{window}")[:2] == (code, text)


def test_a_timestamp_may_be_in_microseconds() -> None:
    assert _authenticate(f"timestamp={NOW_MS * 1000 - 4_999_999}")
    assert _refusal(f"timestamp={NOW_MS * 1000 - 5_000_001}")[0] == -1021


def test_a_key_without_the_permission_or_from_elsewhere_is_refused() -> None:
    reader = hmac_key(KEY, SECRET, 7, frozenset({"USER_DATA"}))
    assert _refusal(f"timestamp={NOW_MS}", key=reader)[0] == -2015
    elsewhere = ApiKey(KEY, 7, "HMAC", hmac_key(KEY, SECRET, 7).verify, addresses=frozenset({"10.0.0.1"}))
    assert _refusal(f"timestamp={NOW_MS}", key=elsewhere)[0] == -2015


def test_an_hmac_signature_may_be_in_either_case() -> None:
    query = f"timestamp={NOW_MS}"
    assert _authenticate(query, _sign(query.encode()).upper())


def test_what_was_signed_before_percent_encoding_is_refused() -> None:
    raw = f"symbol=１２３&timestamp={NOW_MS}"
    encoded = f"symbol=%EF%BC%91%EF%BC%92%EF%BC%93&timestamp={NOW_MS}"
    assert _authenticate(encoded)
    assert _refusal(encoded, _sign(raw.encode()))[0] == -1022
    assert _refusal(raw, _sign(raw.encode()))[0] == -1022


def test_ed25519_signatures_are_verified() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    key = public_key(KEY, _pem(private.public_key()), 7)
    payload = f"timestamp={NOW_MS}".encode()
    signature = base64.b64encode(private.sign(payload)).decode()
    assert key.kind == "Ed25519"
    assert key.verify(payload, signature)
    assert not key.verify(payload, signature.swapcase())
    assert not key.verify(payload, "not base64!")
    assert not key.verify(payload + b"0", signature)


def test_rsa_signatures_are_verified_and_small_keys_turned_away() -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = public_key(KEY, _pem(private.public_key()), 7)
    signature = base64.b64encode(private.sign(b"payload", padding.PKCS1v15(), hashes.SHA256())).decode()
    assert key.kind == "RSA"
    assert key.verify(b"payload", signature)
    assert not key.verify(b"other", signature)
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    with pytest.raises(UnusableKey):
        public_key(KEY, _pem(small.public_key()), 7)
    with pytest.raises(UnusableKey):
        public_key(KEY, b"nonsense", 7)


VECTORS: list[dict[str, Any]] = [
    vector
    for vector in json.loads((SPEC / "signing_vectors.json").read_text("utf-8"))["vectors"]
    if vector["algorithm"] == "HMAC-SHA256" and vector.get("verified")
]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_every_published_hmac_vector_verifies(vector: dict[str, Any]) -> None:
    key = hmac_key(vector["api_key"], vector["secret"], account=1)
    assert key.verify(vector["payload"].encode(), vector["signature"])
    assert not key.verify(vector["payload"].encode() + b" ", vector["signature"])


def test_the_payload_of_the_mixed_vector_is_what_query_and_body_give() -> None:
    vector = next(vector for vector in VECTORS if vector["id"] == "rest-hmac-mixed-query-body")
    said = sent.read(vector["query"].encode(), f"{vector['body']}&signature={vector['signature']}".encode())
    assert said.payload == vector["payload"].encode()


def test_keys_of_one_seed_are_the_same_and_well_formed() -> None:
    assert new_text(seeded(5, "a")) == new_text(seeded(5, "a"))
    assert new_text(seeded(5, "a")) != new_text(seeded(6, "a"))
    assert len(new_text()) == 64
    assert new_text().isalnum()


def _pem(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
