"""The journal: what is written stays, what is missing is seen, and what cannot be written stops the desk."""

import asyncio
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from binance_spot_mcp.errors import Refused
from binance_spot_mcp.trading.journal.file import (
    Contents,
    JournalFile,
    fingerprint,
    head_path,
    journal_path,
    open_journal,
    put_aside,
    read_journal,
)
from binance_spot_mcp.trading.journal.lock import WriterLock
from binance_spot_mcp.trading.journal.records import Damaged, Entry
from binance_spot_mcp.trading.journal.writer import Journal

pytestmark = pytest.mark.anyio

KEY = fingerprint("some-key")


def entry(name: str) -> Entry:
    return Entry(kind="intent", state="INTENDED", intent_id=name, symbol="BTCUSDT", payload={"quantity": "0.1"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return journal_path(tmp_path / "state", "testnet", KEY)


def opened(path: Path) -> tuple[JournalFile, Contents]:
    return open_journal(path, "testnet", KEY)


@pytest.fixture
async def journal(path: Path) -> AsyncIterator[Journal]:
    made = Journal(opened(path)[0])
    yield made
    await made.close()


def written(path: Path, count: int) -> None:
    """A journal of so many records, closed."""
    file, _ = opened(path)
    for number in range(count):
        file.commit([(number, entry(f"i{number}"))], durable=True)
    file.close()


def cut(path: Path, last: int) -> None:
    """Lose every record behind this one, as a disk may, and not as a program can."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("DROP TRIGGER no_delete")
    database.execute("DELETE FROM records WHERE seq > ?", (last,))
    database.close()


async def test_what_is_appended_is_read_back_in_order(journal: Journal, path: Path) -> None:
    meant = Entry(
        kind="order",
        state="NEW",
        intent_id="mine",
        symbol="币安人生USDT",
        client_order_id="tag-1",
        order_id=7,
        evidence={"executed": "0", "fills": [1, None]},
    )
    await journal.append(entry("first"), at_ms=1)
    await journal.append(meant, entry("third"), durable=False, at_ms=1)
    contents = read_journal(path)
    assert [record.seq for record in contents.records] == [1, 2, 3]
    assert [record.entry for record in contents.records] == [entry("first"), meant, entry("third")]
    assert (contents.env, contents.account, contents.lost) == ("testnet", KEY, 0)


async def test_what_gathers_is_committed_at_once_and_everybody_hears_of_it(path: Path) -> None:
    commits: list[int] = []

    class Counting:
        def __init__(self, file: JournalFile) -> None:
            self.close = file.close
            self._file = file

        def commit(self, entries: Sequence[tuple[int, Entry]], *, durable: bool) -> None:
            commits.append(len(entries))
            self._file.commit(entries, durable=durable)

    journal = Journal(Counting(opened(path)[0]))
    await asyncio.gather(*(journal.append(entry(f"i{number}"), at_ms=1) for number in range(32)))
    await journal.close()
    assert sum(commits) == 32
    assert len(commits) < 16
    assert len(read_journal(path).records) == 32


def test_the_files_belong_to_their_owner_alone(path: Path) -> None:
    written(path, 1)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for file in (path, head_path(path)):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_journal_goes_on_where_it_ended(path: Path) -> None:
    written(path, 2)
    file, contents = opened(path)
    assert contents.end.seq == 2
    file.commit([(5, entry("third"))], durable=False)
    file.close()
    assert [record.at_ms for record in read_journal(path).records] == [0, 1, 5]


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_lost_end_is_seen(path: Path, left: int) -> None:
    written(path, 3)
    cut(path, left)
    assert read_journal(path).lost == 3 - left
    file, contents = opened(path)
    assert (contents.end.seq, contents.lost) == (left, 3 - left)
    file.commit([(9, Entry(kind="journal", state="TAIL_LOST"))], durable=True)
    file.close()
    assert read_journal(path).lost == 0


def test_a_journal_whose_file_is_gone_has_lost_its_end(path: Path) -> None:
    written(path, 3)
    path.unlink()
    file, contents = opened(path)
    file.close()
    assert contents.lost == 3


def test_without_its_head_file_nobody_knows_where_a_journal_ended(path: Path) -> None:
    written(path, 1)
    head_path(path).unlink()
    assert read_journal(path).lost is None


def test_a_head_that_was_half_written_leaves_the_one_before(path: Path) -> None:
    written(path, 3)
    head = head_path(path)
    whole = head.read_bytes()
    for start in (0, 128):
        head.write_bytes(whole[:start] + b"3 torn" + whole[start + 6 :])
        assert read_journal(path).lost == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE records SET state = 'FILLED' WHERE seq = 2",
        "UPDATE records SET payload = '{}' WHERE seq = 2",
        "UPDATE records SET at_ms = 7 WHERE seq = 2",
        "DELETE FROM records WHERE seq = 2",
        "UPDATE journal SET env = 'live'",
        "PRAGMA user_version = 99",
    ],
)
def test_a_change_inside_is_seen_and_closes_the_journal(path: Path, change: str) -> None:
    written(path, 3)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("DROP TRIGGER no_delete")
    database.execute("DROP TRIGGER no_update")
    database.execute(change)
    database.close()
    for read in (read_journal, opened):
        with pytest.raises(Damaged):
            read(path)


def test_the_record_that_is_missing_is_named(path: Path) -> None:
    written(path, 3)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("DROP TRIGGER no_delete")
    database.execute("DELETE FROM records WHERE seq = 2")
    database.close()
    with pytest.raises(Damaged, match="record 2 is missing"):
        read_journal(path)


def test_another_chain_under_the_same_head_is_seen(path: Path) -> None:
    written(path, 3)
    cut(path, 1)
    head = head_path(path).read_bytes()
    file, _ = opened(path)
    file.commit([(9, entry("other")), (9, entry("other too"))], durable=True)
    file.close()
    head_path(path).write_bytes(head)
    with pytest.raises(Damaged, match="head file"):
        read_journal(path)


def test_no_byte_of_a_journal_can_change_unseen(path: Path) -> None:
    written(path, 3)
    whole = path.read_bytes()
    before = read_journal(path)
    for place in range(0, len(whole), 13):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            seen: Contents | None = read_journal(path)
        except (Damaged, OSError):
            seen = None
        assert seen is None or seen.lost or seen == before


def test_a_journal_of_another_account_is_refused(path: Path) -> None:
    written(path, 1)
    with pytest.raises(Damaged, match="belongs to testnet"):
        open_journal(path, "live", KEY)


def test_records_cannot_be_changed_or_removed(path: Path) -> None:
    written(path, 1)
    database = sqlite3.connect(path)
    for statement in ("DELETE FROM records", "UPDATE records SET state = ''"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.execute(statement)
    database.close()


async def test_a_full_disk_refuses_what_must_be_written_and_room_lets_it_go_on(path: Path) -> None:
    file, contents = opened(path)
    journal = Journal(file)
    await journal.append(entry("before"), at_ms=1)
    pages = file._database.execute("PRAGMA page_count").fetchone()[0]
    file._database.execute(f"PRAGMA max_page_count = {pages}")
    too_much = [Entry(kind="intent", state="INTENDED", payload={"long": "x" * 2_000}) for _ in range(100)]
    with pytest.raises(Refused) as refusal:
        await journal.append(*too_much, at_ms=1)
    assert (refusal.value.code, refusal.value.sent) == ("JOURNAL_UNAVAILABLE", "no")
    file._database.execute("PRAGMA max_page_count = 1000000")
    await journal.append(entry("after"), at_ms=1)
    await journal.close()
    contents = read_journal(path)
    assert (contents.records[-1].entry.intent_id, contents.lost) == ("after", 0)


async def test_after_any_other_failure_nothing_is_written_any_more(path: Path) -> None:
    class Failing:
        failures = 1

        def commit(self, entries: Sequence[tuple[int, Entry]], *, durable: bool) -> None:
            self.failures -= 1
            if not self.failures:
                raise OSError(5, "Input/output error")

        def close(self) -> None:
            opened(path)[0].close()

    journal = Journal(Failing())
    for _ in range(2):
        with pytest.raises(Refused, match="Input/output error"):
            await journal.append(entry("lost"), at_ms=1)
    await journal.close()
    assert read_journal(path).records == ()


def test_one_process_writes_and_its_death_passes_the_lock_on(path: Path) -> None:
    script = (
        "import sys, pathlib; from binance_spot_mcp.trading.journal.lock import WriterLock;"
        f"lock = WriterLock(pathlib.Path({str(path)!r})); print(lock.take(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"True\n"
        lock = WriterLock(path)
        assert not lock.take()
        assert lock.writer() == f"process {other.pid}"
        other.kill()
        other.wait()
        assert lock.take()
        lock.release()


def test_a_journal_is_put_aside_whole(path: Path) -> None:
    written(path, 2)
    folder = put_aside(path, "then")
    assert read_journal(folder / path.name).end.seq == 2
    file, contents = opened(path)
    file.close()
    assert (contents.records, contents.lost) == ((), 0)
