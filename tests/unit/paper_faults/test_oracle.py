"""What the oracle writes down."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.paper_streams.stream_floor import ALICE, BOB, START_US, D, StreamFloor

from paper_exchange import oracle as module
from paper_exchange.faults.effects import Drop
from paper_exchange.faults.plan import planned
from paper_exchange.faults.rules import Occasion, Rule
from paper_exchange.oracle import Fill, Oracle, Order, Request, as_json


def told(oracle: Oracle) -> list[Any]:
    return as_json(oracle.entries())


@pytest.fixture
def floor() -> StreamFloor:
    return StreamFloor()


def oracle_of(floor: StreamFloor, **more: Any) -> Oracle:
    oracle = Oracle(floor.exchange.now_us, first_account=BOB, **more)
    floor.exchange.listen(oracle.hear)
    return oracle


def test_a_request_is_told_with_its_answer_and_without_key_and_signature(floor: StreamFloor) -> None:
    oracle = oracle_of(floor)
    request = oracle.arrived(
        "rest",
        "POST",
        "/api/v3/order",
        {"symbol": "BTCUSDT", "signature": "secret", "apiKey": "secret"},
        account=BOB,
    )
    oracle.settled(request, "exchange", 200)
    (entry,) = told(oracle)
    assert entry == {
        "kind": "request",
        "seq": 1,
        "at_us": START_US,
        "where": "rest",
        "method": "POST",
        "path": "/api/v3/order",
        "params": {"symbol": "BTCUSDT"},
        "account": BOB,
        "carried_out": False,
        "answered_by": "exchange",
        "status": 200,
        "fault": None,
    }


def test_what_a_request_caused_names_it(floor: StreamFloor) -> None:
    oracle = oracle_of(floor)
    request = oracle.arrived("rest", "POST", "/api/v3/order", {}, account=BOB)
    with oracle.causing(request):
        floor.limit(BOB, "BUY", "1", "100")
    floor.limit(BOB, "BUY", "1", "99")
    first, second = (entry for entry in oracle.entries() if isinstance(entry, Order))
    assert (first.request, first.status, first.executed) == (request.seq, "NEW", D(0))
    assert second.request is None
    assert request.carried_out


def test_fills_and_balances_of_accounts_are_told_but_not_those_of_the_house(floor: StreamFloor) -> None:
    oracle = oracle_of(floor)
    floor.limit(ALICE, "SELL", "1", "100")
    assert oracle.entries() == []
    floor.limit(BOB, "BUY", "1", "100")
    (fill,) = (entry for entry in oracle.entries() if isinstance(entry, Fill))
    assert (fill.account, fill.price, fill.quantity, fill.is_maker) == (BOB, D(100), D(1), False)
    kinds = [entry["kind"] for entry in told(oracle)]
    assert kinds == ["order", "order", "fill", "balance", "balance"]


def test_only_the_last_entries_are_kept_and_they_can_be_read_on(floor: StreamFloor) -> None:
    oracle = oracle_of(floor, kept=3)
    for _ in range(5):
        oracle.arrived("rest", "GET", "/api/v3/ping", {})
    assert [entry.seq for entry in oracle.entries()] == [3, 4, 5]
    assert [entry.seq for entry in oracle.entries(after=3, limit=1)] == [4]


def test_a_file_gets_every_entry_once_its_fate_is_known(floor: StreamFloor, tmp_path: Path) -> None:
    file = tmp_path / "oracle.jsonl"
    oracle = oracle_of(floor, file=file)
    request = oracle.arrived("rest", "POST", "/api/v3/order", {})
    with oracle.causing(request):
        floor.limit(BOB, "BUY", "1", "100")
    oracle.settled(request, "nobody")
    rule = Rule(id="lost", where="market", effect=Drop())
    struck = planned(1, [rule]).strike(Occasion("market", stream="btcusdt@trade"))
    assert struck is not None
    oracle.struck(struck, Occasion("market", stream="btcusdt@trade"))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["order", "balance", "request", "fault"]
    assert (lines[2]["seq"], lines[2]["answered_by"]) == (1, "nobody")
    assert (lines[3]["rule"], lines[3]["effect"], lines[3]["stream"]) == ("lost", "drop", "btcusdt@trade")
    oracle.close()


def test_a_long_file_begins_anew_and_the_one_before_is_kept(
    floor: StreamFloor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILE_BYTES", 500)
    file = tmp_path / "oracle.jsonl"
    oracle = oracle_of(floor, file=file)
    for _ in range(10):
        oracle.settled(oracle.arrived("rest", "GET", "/api/v3/ping", {}), "exchange", 200)
    oracle.close()
    lines = [line for part in (tmp_path / "oracle.jsonl.1", file) for line in part.read_text().splitlines()]
    numbers = [json.loads(line)["seq"] for line in lines]
    assert numbers == list(range(numbers[0], 11))
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_entry_knows_no_answer_before_there_is_one(floor: StreamFloor) -> None:
    oracle = oracle_of(floor)
    oracle.arrived("ws_api", "order.place", "/ws-api/v3", {})
    (entry,) = oracle.entries()
    assert isinstance(entry, Request)
    assert (entry.answered_by, entry.status) == (None, None)
