"""Our signers against every published signature that can be checked."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from binance_spot_mcp.signing import (
    HmacSigner,
    Signer,
    percent_encoded,
    private_key_signer,
    query_string,
    signed_query,
    ws_payload,
    ws_signed,
)

SPEC = Path(__file__).parents[1] / "data" / "spec" / "signing_vectors.json"
VECTORS: dict[str, dict[str, Any]] = {vector["id"]: vector for vector in json.loads(SPEC.read_text("utf-8"))["vectors"]}

NO_KEY = "the documentation does not publish the key pair, so only the payload can be checked"
RSA_OUTPUT = "the page prints RSA-sized output in its Ed25519 section"
UNUSABLE = {
    "rest-rsa-ascii": NO_KEY,
    "rest-rsa-unicode": NO_KEY,
    "ws-rsa-ascii": NO_KEY,
    "ws-rsa-unicode": NO_KEY,
    "ws-ed25519-ascii": NO_KEY,
    "ws-ed25519-unicode": NO_KEY,
    "rest-ed25519-ascii": RSA_OUTPUT,
    "rest-ed25519-unicode": RSA_OUTPUT,
}
USABLE = sorted(VECTORS.keys() - UNUSABLE.keys())


def signer_of(vector: dict[str, Any]) -> Signer:
    if vector["algorithm"] == "HMAC-SHA256":
        return HmacSigner(vector["secret"].encode())
    owner = VECTORS[vector.get("private_key_ref", vector["id"])]
    return private_key_signer(owner["private_key_pem"].encode())


def params_of(vector: dict[str, Any]) -> dict[str, str]:
    """The vector's parameters; where it has only the payload, they are read back from it."""
    return dict(vector["params"] if "params" in vector else parse_qsl(vector["payload"], strict_parsing=True))


def ids(*, api: str) -> list[str]:
    """Vectors of one API that say which parameters they sign; a mixed query and body is a form that we never send."""
    return [name for name, vector in VECTORS.items() if vector["api"] == api and "body" not in vector]


def test_a_vector_is_left_out_only_where_the_facts_call_it_unverified() -> None:
    assert {name for name, vector in VECTORS.items() if not vector["verified"]} == UNUSABLE.keys()


@pytest.mark.parametrize("name", USABLE)
def test_the_payload_is_signed_as_documented(name: str) -> None:
    vector = VECTORS[name]
    assert signer_of(vector).sign(vector["payload"].encode()) == vector["signature"]


@pytest.mark.parametrize("name", ids(api="rest"))
def test_rest_parameters_are_encoded_into_the_documented_payload(name: str) -> None:
    vector = VECTORS[name]
    assert query_string(params_of(vector)) == vector["payload"]


@pytest.mark.parametrize("name", [name for name in ids(api="rest") if name in USABLE])
def test_a_rest_query_carries_the_documented_signature(name: str) -> None:
    vector = VECTORS[name]
    sent = signed_query(params_of(vector), signer_of(vector))
    signature = vector.get("signature_percent_encoded", vector["signature"])
    assert sent == f"{vector['payload']}&signature={signature}"


@pytest.mark.parametrize("name", ids(api="ws"))
def test_websocket_parameters_are_sorted_into_the_documented_payload(name: str) -> None:
    vector = VECTORS[name]
    assert ws_payload(params_of(vector)) == vector["payload"]


@pytest.mark.parametrize("name", [name for name in ids(api="ws") if name in USABLE])
def test_a_websocket_request_carries_the_documented_signature(name: str) -> None:
    vector = VECTORS[name]
    assert ws_signed(params_of(vector), signer_of(vector))["signature"] == vector["signature"]


@pytest.mark.parametrize("name", [name for name, vector in VECTORS.items() if "signature_percent_encoded" in vector])
def test_a_base64_signature_is_percent_encoded_for_rest(name: str) -> None:
    vector = VECTORS[name]
    assert percent_encoded(vector["signature"]) == vector["signature_percent_encoded"]
