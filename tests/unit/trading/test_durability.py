"""Nothing leaves before its record would survive a power failure, whichever write fails."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.unit.domain.exchange import limit
from tests.unit.trading.conftest import MakeGate
from tests.unit.trading.spot import FakeSpot
from tests.unit.trading.test_gate import CANCEL, OCO
from tests.unit.trading.test_intents import AMEND, REPLACE, make

from binance_spot_mcp.errors import SpotError
from binance_spot_mcp.trading.journal import head
from binance_spot_mcp.trading.journal.file import JournalFile, open_journal
from binance_spot_mcp.trading.journal.records import Entry

pytestmark = pytest.mark.anyio

Commit = Sequence[tuple[int, Entry]]

FULL, NORMAL = 2, 1
"""What SQLite calls its ways to commit."""
CALLS = {
    "place_order": limit(),
    "place_oco": OCO,
    "cancel_replace_order": REPLACE,
    "amend_order": AMEND,
    "cancel_order": CANCEL,
}


@pytest.mark.parametrize("tool", [*CALLS])
@pytest.mark.parametrize("failing", range(6))
async def test_whichever_write_fails_nothing_leaves_that_was_not_written_down_as_sent(
    make_gate: MakeGate, spot: FakeSpot, monkeypatch: pytest.MonkeyPatch, tool: str, failing: int
) -> None:
    commit, written = JournalFile.commit, list[str]()
    calls = 0

    def failing_commit(file: JournalFile, entries: Commit, **how: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > failing:
            raise OSError(5, "Input/output error")
        commit(file, entries, **how)
        written.extend(entry.state for _, entry in entries)

    monkeypatch.setattr(JournalFile, "commit", failing_commit)
    with suppress(SpotError):
        await make(make_gate(), tool, CALLS[tool])
    assert bool(spot.asked(tool)) == ("SENDING" in written)


async def test_what_is_meant_and_what_is_about_to_be_sent_are_durable_when_it_leaves(
    make_gate: MakeGate, spot: FakeSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, durably = JournalFile.commit, dict[str, bool]()

    def watched(file: JournalFile, entries: Commit, *, durable: bool) -> None:
        commit(file, entries, durable=durable)
        durably.update((entry.state, durable) for _, entry in entries)

    monkeypatch.setattr(JournalFile, "commit", watched)
    for tool, given in CALLS.items():
        durably.clear()
        with suppress(SpotError):
            await make(make_gate(), tool, given)
        assert spot.asked(tool)
        assert (durably["INTENDED"], durably["SENDING"]) == (True, True)


@pytest.mark.parametrize(("durable", "way"), [(True, FULL), (False, NORMAL)])
def test_a_durable_commit_waits_for_the_disk_of_both_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: int, *, durable: bool
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(head, "_sync", synced.append)
    file, _ = open_journal(tmp_path / "journal.sqlite", "testnet", "key")
    try:
        file.commit([(1, Entry(kind="intent", state="SENDING"))], durable=durable)
        database: sqlite3.Connection = file._database
        assert database.execute("PRAGMA synchronous").fetchone() == (way,)
        assert bool(synced) is durable
    finally:
        file.close()
