"""What a person types about journals."""

import json
import sqlite3
from pathlib import Path

import pytest

from binance_spot_mcp.cli.app import run
from binance_spot_mcp.trading.journal.file import journal_path, open_journal
from binance_spot_mcp.trading.journal.lock import WriterLock
from binance_spot_mcp.trading.journal.records import Entry

MEANT = Entry(
    kind="intent",
    state="INTENDED",
    intent_id="mine",
    symbol="BTCUSDT",
    client_order_id="tag-1",
    payload={"tool": "place_order", "asked": {}, "digest": "d", "acts": False, "orders": [["tag-1", "BUY"]]},
)
FILLED = Entry(
    kind="order",
    state="FILLED",
    intent_id="mine",
    symbol="BTCUSDT",
    client_order_id="tag-1",
    order_id=42,
    evidence={"source": "reply", "executed": "1", "at_ms": 1},
)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BINANCE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return journal_path(tmp_path / "state", "paper", "abc")


@pytest.fixture
def journal(path: Path) -> Path:
    file, _ = open_journal(path, "paper", "abc")
    file.commit([(1_000, MEANT), (2_000, FILLED)], durable=True)
    file.close()
    return path


def test_the_last_records_are_shown_one_a_line(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["journal", "show", "--env", "paper", "--last", "1"]) == 0
    assert capsys.readouterr().out.split() == [
        "2", "1970-01-01", "00:00:02", "order", "FILLED", "BTCUSDT", "mine", "tag-1", "42",
    ]  # fmt: skip


def test_an_export_has_every_field_of_every_record(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["journal", "export", "--env", "paper"]) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert [*second] == [
        "seq", "at_ms", "env", "account", "intent_id", "kind", "symbol", "state", "client_order_id", "order_id",
        "payload", "evidence", "hash",
    ]  # fmt: skip
    assert (second["seq"], second["env"], second["account"], second["order_id"]) == (2, "paper", "abc", 42)
    assert first["state"] == "INTENDED"


def test_a_whole_journal_verifies_and_one_that_is_not_does_not(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["journal", "verify", "--env", "paper"]) == 0
    assert "whole: 2 records" in capsys.readouterr().out
    database = sqlite3.connect(journal, isolation_level=None)
    database.execute("DROP TRIGGER no_delete")
    database.execute("DELETE FROM records WHERE seq = 2")
    assert run(["journal", "verify", "--env", "paper"]) == 1
    assert "end lost: 1 records, and 1 behind them are gone" in capsys.readouterr().out
    database.execute("DROP TRIGGER no_update")
    database.execute("UPDATE records SET state = 'SENDING'")
    database.close()
    assert run(["journal", "verify", "--env", "paper"]) == 1
    assert "damaged: record 1 is not the one that was written" in capsys.readouterr().err


def test_a_journal_is_archived_when_nobody_writes_it(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writer = WriterLock(journal)
    assert writer.take()
    assert run(["journal", "archive", "--env", "paper"]) == 1
    assert "is being written by process" in capsys.readouterr().err
    assert journal.exists()
    writer.release()
    assert run(["journal", "archive", "--env", "paper"]) == 0
    assert not journal.exists()
    (kept,) = (journal.parent / "archive").glob("paper-abc-*/paper-abc.sqlite")
    assert kept.exists()


def test_a_journal_that_still_follows_an_order_stays(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, _ = open_journal(path, "paper", "abc")
    file.commit([(1_000, MEANT)], durable=True)
    file.close()
    assert run(["journal", "archive", "--env", "paper"]) == 1
    assert "still follows tag-1" in capsys.readouterr().err
    assert path.exists()


def test_a_journal_whose_last_doubt_is_a_person_s_can_be_put_aside(path: Path) -> None:
    file, _ = open_journal(path, "paper", "abc")
    doubt = Entry(kind="order", state="NEEDS_HUMAN", intent_id="mine", symbol="BTCUSDT", client_order_id="tag-1")
    file.commit([(1_000, MEANT), (2_000, doubt)], durable=True)
    file.close()
    assert run(["journal", "archive", "--env", "paper"]) == 0
    assert not path.exists()


def test_a_damaged_journal_can_be_put_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"x" * 4096)
    assert run(["journal", "archive", "--env", "paper"]) == 0


def test_a_journal_that_is_not_there_or_not_the_only_one_is_said(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["journal", "show", "--env", "paper"]) == 3
    assert "There is no journal of paper" in capsys.readouterr().err
    for account in ("abc", "def"):
        open_journal(journal_path(path.parent, "paper", account), "paper", account)[0].close()
    assert run(["journal", "show", "--env", "paper"]) == 3
    assert "--account" in capsys.readouterr().err
    assert run(["journal", "show", "--env", "paper", "--account", "def"]) == 0
