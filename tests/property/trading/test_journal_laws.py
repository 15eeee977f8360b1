"""Whatever is written to a journal, and however it is cut, reading it gives what was written up to there."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from binance_spot_mcp.trading.journal.file import journal_path, open_journal, read_journal
from binance_spot_mcp.trading.journal.records import Entry, beginning, chained, verified

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.dictionaries(TEXT, TEXT | st.integers(-(2**53), 2**53) | st.none() | st.booleans(), max_size=3)
ENTRIES = st.builds(
    Entry,
    kind=st.sampled_from(["intent", "order", "journal"]),
    state=TEXT,
    intent_id=TEXT,
    symbol=TEXT,
    client_order_id=TEXT,
    order_id=st.none() | st.integers(0, 2**63 - 1),
    payload=VALUES,
    evidence=VALUES,
)


@settings(deadline=None, max_examples=30)  # each example waits for the disk
@given(st.lists(st.tuples(st.lists(ENTRIES, min_size=1, max_size=3), st.booleans()), max_size=4))
def test_a_journal_reads_back_as_it_was_written(batches: list[tuple[list[Entry], bool]]) -> None:
    with TemporaryDirectory() as folder:
        path = journal_path(Path(folder), "paper", "key")
        file, _ = open_journal(path, "paper", "key")
        for entries, durable in batches:
            file.commit([(1, entry) for entry in entries], durable=durable)
        file.close()
        read = read_journal(path)
    assert [record.entry for record in read.records] == [entry for entries, _ in batches for entry in entries]
    assert read.lost == 0


@given(st.lists(ENTRIES, max_size=6))
def test_a_chain_verifies_from_its_own_beginning_alone(entries: list[Entry]) -> None:
    place, records = beginning("paper", "key"), []
    for entry in entries:
        records.append(chained(place, 1, entry))
        place = type(place)(records[-1].seq, records[-1].hash)
    assert [*verified((record.row for record in records), beginning("paper", "key"))] == records
