"""What a REST request said, byte for byte."""

import pytest

from paper_exchange.gateway.refusals import Rejected
from paper_exchange.gateway.sent import read


def test_query_and_body_are_signed_as_one_text_with_nothing_between() -> None:
    said = read(b"symbol=LTCBTC&side=BUY", b"quantity=1&price=0.1&signature=abc")
    assert said.payload == b"symbol=LTCBTC&side=BUYquantity=1&price=0.1"
    assert said.signature == "abc"


@pytest.mark.parametrize(
    "query",
    [b"signature=s&a=1&b=2", b"a=1&signature=s&b=2", b"a=1&b=2&signature=s"],
    ids=["first", "between", "last"],
)
def test_the_signature_is_taken_out_wherever_it_stands(query: bytes) -> None:
    said = read(query, b"")
    assert said.payload == b"a=1&b=2"
    assert said.values == {"a": "1", "b": "2"}


def test_a_name_in_query_and_body_counts_as_the_query_says_and_is_signed_twice() -> None:
    said = read(b"price=1", b"price=2")
    assert said.values == {"price": "1"}
    assert said.payload == b"price=1price=2"


def test_the_payload_keeps_the_percent_encoding_and_the_values_lose_it() -> None:
    said = read(b"symbol=%EF%BC%91&note=a+b", b"")
    assert said.payload == b"symbol=%EF%BC%91&note=a+b"
    assert said.values == {"symbol": "１", "note": "a b"}


@pytest.mark.parametrize(("query", "body"), [(b"a=1&a=1", b""), (b"", b"a=1&a=2")], ids=["in query", "in body"])
def test_a_name_repeated_in_one_part_is_refused(query: bytes, body: bytes) -> None:
    with pytest.raises(Rejected) as refusal:
        read(query, body)
    assert (refusal.value.code, refusal.value.msg) == (-1101, "Duplicate values for a parameter detected.")


def test_text_that_is_no_utf_8_is_refused() -> None:
    with pytest.raises(Rejected) as refusal:
        read(b"symbol=%FF", b"")
    assert (refusal.value.code, refusal.value.msg) == (-1100, "Illegal characters found in a parameter.")
