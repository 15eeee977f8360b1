"""What a person should know of later: one line when it begins, one when it ends, counted in between."""

from collections.abc import Sequence
from typing import Any

import pytest

from binance_spot_mcp.errors import Code, InvalidInput, Rejected, SpotError
from binance_spot_mcp.trading.incidents import Incidents, Watching
from binance_spot_mcp.trading.journal.records import Entry

NOW_MS = 1_763_640_000_000


class Lines:
    """Keeps lines."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, line: str) -> None:
        """Keep one."""
        self.written.append(line)


class Store:
    """A journal's store that keeps nothing."""

    def commit(self, entries: Sequence[tuple[int, Entry]], *, durable: bool) -> None:
        """Take entries."""

    def close(self) -> None:
        """End."""


@pytest.fixture
def lines() -> Lines:
    """Where lines end up."""
    return Lines()


@pytest.fixture
def incidents(lines: Lines) -> Incidents:
    """Remembers."""
    return Incidents("testnet", lines, lambda: NOW_MS)


def error(code: Code, message: str = "No.") -> SpotError:
    return SpotError(message, code=code)


def entry(kind: Any, state: str, **more: Any) -> Entry:
    return Entry(kind=kind, state=state, **more)


def order(state: str, **evidence: Any) -> Entry:
    return entry("order", state, intent_id="i1", symbol="BTCUSDT", client_order_id="o1", evidence=evidence)


def tell(incidents: Incidents, *entries: Entry, past: Sequence[Entry] = ()) -> None:
    watching = Watching(Store(), past, incidents)
    for each in entries:
        watching.commit([(1, each)], durable=True)


def test_a_line_says_when_where_what_and_under_which_mark(incidents: Incidents, lines: Lines) -> None:
    incidents.refused("get_account", error("BANNED", "Banned until noon."))
    (line,) = lines.written
    assert line.startswith("2025-11-20 12:00:00Z testnet BANNED #")
    assert line.endswith("get_account: Banned until noon.")


def test_an_incident_that_lasts_is_counted_and_its_end_is_told_under_its_mark(
    incidents: Incidents, lines: Lines
) -> None:
    for _ in range(3):
        incidents.refused("get_account", error("AUTH_FAILED"))
    incidents.worked("get_price")
    incidents.worked("get_account")
    incidents.worked("get_account")
    began, ended = lines.written
    assert began.split("#")[1].split()[0] == ended.split("#")[1].split()[0]
    assert ended.endswith("ended: get_account works again. It happened 3 times.")


def test_wrong_arguments_and_ordinary_refusals_are_no_incidents(incidents: Incidents, lines: Lines) -> None:
    incidents.refused("place_order", InvalidInput("No."))
    incidents.refused("place_order", error("RATE_LIMITED"))
    incidents.refused("place_order", Rejected("No.", code="EXCHANGE_REJECTED"))
    assert lines.written == []


def test_refusals_of_the_exchange_in_a_row_are_one(incidents: Incidents, lines: Lines) -> None:
    refusal = Rejected("Insufficient balance.", code="EXCHANGE_REJECTED")
    for _ in range(2):
        incidents.refused("place_order", refusal)
    incidents.worked("place_order")
    for _ in range(3):
        incidents.refused("place_order", refusal)
    (line,) = lines.written
    assert "3 times in a row, last: Insufficient balance." in line


def test_an_order_without_a_verdict_is_told_and_how_it_ended(incidents: Incidents, lines: Lines) -> None:
    tell(incidents, order("INTENDED"), order("SENDING"), order("UNKNOWN"), order("NEEDS_HUMAN"), order("FILLED"))
    codes = [line.split()[3] for line in lines.written]
    assert codes == ["OUTCOME_UNKNOWN", "NEEDS_HUMAN", "NEEDS_HUMAN", "OUTCOME_UNKNOWN"]
    assert lines.written[-1].endswith("ended: order o1 on BTCUSDT (call i1) is FILLED.")


def test_an_order_of_an_earlier_process_has_its_end_told(incidents: Incidents, lines: Lines) -> None:
    tell(incidents, order("NOT_PLACED"), past=[order("UNKNOWN")])
    (line,) = lines.written
    assert line.endswith("ended: order o1 on BTCUSDT (call i1) is NOT_PLACED.")


def test_an_order_that_was_proved_absent_and_exists_is_an_incident(incidents: Incidents, lines: Lines) -> None:
    tell(incidents, order("NEW"), past=[order("NOT_PLACED")])
    assert " REVIVED " in lines.written[0]


def test_orders_that_go_their_way_are_none(incidents: Incidents, lines: Lines) -> None:
    tell(incidents, order("INTENDED"), order("SENDING"), order("NEW"), order("FILLED"), entry("shape", "TESTED"))
    assert lines.written == []


@pytest.mark.parametrize(
    ("began", "code", "ended"),
    [
        (
            entry("gate", "CLOSED", evidence={"kind": "breaker", "why": "5 rejects"}),
            "TRADING_CLOSED",
            entry("gate", "OPENED", evidence={"kind": "resume"}),
        ),
        (
            entry("journal", "TAIL_LOST", evidence={"after": 3, "lost": 1}),
            "JOURNAL_TAIL_LOST",
            entry("journal", "TAIL_RECONCILED", evidence={"adopted": 1}),
        ),
        (
            entry("intent", "UNKNOWN", intent_id="i1", symbol="BTCUSDT"),
            "OUTCOME_UNKNOWN",
            entry("intent", "DONE", intent_id="i1", symbol="BTCUSDT"),
        ),
    ],
    ids=["breaker", "lost tail", "a cancel without a verdict"],
)
def test_what_closes_trading_or_leaves_doubt_is_told_with_its_end(
    incidents: Incidents, lines: Lines, began: Entry, code: str, ended: Entry
) -> None:
    tell(incidents, began, ended)
    first, last = lines.written
    assert (first.split()[3], last.split()[3]) == (code, code)
    assert "ended: " in last


def test_a_stop_is_told_at_once_and_once_and_its_end_also_by_a_later_process(
    incidents: Incidents, lines: Lines
) -> None:
    closed = entry("gate", "CLOSED", evidence={"kind": "stop", "why": "enough"})
    incidents.closed("stop", "enough")
    tell(incidents, closed)
    tell(Incidents("testnet", lines, lambda: NOW_MS), entry("gate", "OPENED"), past=[closed])
    assert [line.partition("#")[2][7:] for line in lines.written] == [
        "stop: enough",
        "ended: the operator has resumed.",
    ]


def test_an_exchange_that_has_started_over_is_told(incidents: Incidents, lines: Lines) -> None:
    tell(incidents, entry("journal", "VENUE_RESET", evidence={"gone": ["o1"], "archive": ""}))
    assert "1 open orders are gone" in lines.written[0]


def test_an_entry_that_cannot_be_read_disturbs_no_journal(incidents: Incidents, lines: Lines) -> None:
    tell(incidents, entry("gate", "CLOSED"))
    assert lines.written == []


def test_the_end_of_the_server_says_how_often_what_lasts_has_happened(incidents: Incidents, lines: Lines) -> None:
    incidents.refused("get_account", error("AUTH_FAILED"))
    incidents.close()
    incidents.refused("get_account", error("AUTH_FAILED"))
    incidents.close()
    assert [line.partition(" happened ")[2] for line in lines.written] == ["", "2 times until the server ended."]
