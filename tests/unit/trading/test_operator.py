"""The operator's file: what is said in one process is heard in every other, once it is said."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from binance_spot_mcp.errors import Refused
from binance_spot_mcp.trading.operator import OperatorFile

ACCOUNT = "paper-abc"


def operator(tmp_path: Path) -> OperatorFile:
    return OperatorFile(tmp_path / "state" / "operator.sqlite")


def test_nothing_was_said_where_there_is_no_file_and_reading_makes_none(tmp_path: Path) -> None:
    assert operator(tmp_path).read(ACCOUNT) == ()
    assert list(tmp_path.iterdir()) == []


def test_what_one_process_writes_another_reads_in_order_and_by_account(tmp_path: Path) -> None:
    server, command = operator(tmp_path), operator(tmp_path)
    assert server.read(ACCOUNT) == ()
    first = command.write(ACCOUNT, "resume", data={"until": 7}, at_ms=1)
    other = command.write("live-abc", "approve", "K7", at_ms=2)
    last = command.write(ACCOUNT, "stop", at_ms=1)
    assert server.read(ACCOUNT) == (first, last)
    assert server.read(ACCOUNT, after=first.id) == (last,)
    assert server.read(None) == (first, other, last)
    assert first.data == {"until": 7}
    assert first.id < other.id < last.id
    server.close()
    command.close()
    assert operator(tmp_path).read(None) == (first, other, last)


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    operator(tmp_path).write(ACCOUNT, "stop", at_ms=1)
    folder = tmp_path / "state"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_nobody_who_reads_waits_for_one_who_writes(tmp_path: Path) -> None:
    first = operator(tmp_path).write(ACCOUNT, "stop", at_ms=1)
    reader = operator(tmp_path)
    with closing(sqlite3.connect(tmp_path / "state" / "operator.sqlite", isolation_level=None)) as stuck:
        stuck.execute("BEGIN IMMEDIATE")
        stuck.execute("INSERT INTO decisions (at_ms, account, kind, subject, data) VALUES (2, 'x', 'stop', '', '{}')")
        assert reader.read(ACCOUNT) == (first,)
        with pytest.raises(Refused) as refused:
            operator(tmp_path).write(ACCOUNT, "stop", at_ms=3)
        assert refused.value.code == "JOURNAL_UNAVAILABLE"


@pytest.mark.parametrize("statement", ["UPDATE decisions SET kind = 'resume'", "DELETE FROM decisions"])
def test_what_was_said_stays(tmp_path: Path, statement: str) -> None:
    operator(tmp_path).write(ACCOUNT, "stop", at_ms=1)
    with sqlite3.connect(tmp_path / "state" / "operator.sqlite") as database, pytest.raises(sqlite3.IntegrityError):
        database.execute(statement)
    database.close()


@pytest.mark.parametrize("contents", [b"", b"no database at all, but long enough to look at" * 30])
def test_a_file_that_is_not_ours_closes_trading(tmp_path: Path, contents: bytes) -> None:
    path = tmp_path / "state" / "operator.sqlite"
    path.parent.mkdir()
    path.write_bytes(contents)
    for use in (lambda: operator(tmp_path).read(ACCOUNT), lambda: operator(tmp_path).write(ACCOUNT, "stop", at_ms=1)):
        with pytest.raises(Refused) as refused:
            use()
        assert refused.value.code == "JOURNAL_UNAVAILABLE"
    assert path.read_bytes() == contents
