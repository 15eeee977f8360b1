"""What it costs to write an intent down before it is sent, against the disk's own price for one write.

The floor is a bare 256-byte write with `fdatasync`. A durable intent is one of them and a trip to the writer's thread;
that it is about to leave is two, one in the journal and one in its head file. With many in flight they share them.
Floor and journal alternate, so that a busy moment of the disk hits both, and medians are compared. Run it with the
project's own interpreter:

    .venv/bin/python bench/journal.py [--runs 300] [--folder .] [--json]
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from binance_spot_mcp.trading.journal.file import journal_path, open_journal, read_journal
from binance_spot_mcp.trading.journal.records import Entry
from binance_spot_mcp.trading.journal.writer import Journal

IN_FLIGHT = 32
INTENT = Entry(
    kind="intent",
    state="INTENDED",
    intent_id="bench-0000000001",
    symbol="BTCUSDT",
    payload={"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01", "price": "50000"},
)

LEAVING = Entry(kind="intent", state="SENDING", intent_id="bench-0000000001", symbol="BTCUSDT")


async def milliseconds(work: Callable[[], Awaitable[None]]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1_000


async def measured(folder: Path, runs: int) -> dict[str, float]:
    """The medians in milliseconds."""
    path = journal_path(folder, "paper", "bench")
    journal = Journal(open_journal(path, "paper", "bench")[0])
    bare = os.open(folder / "bare", os.O_RDWR | os.O_CREAT, 0o600)

    async def floor() -> None:
        os.write(bare, b"x" * 256)
        os.fdatasync(bare)

    async def alone() -> None:
        await journal.append(INTENT, at_ms=1)

    async def leaving() -> None:
        await journal.append(LEAVING, at_ms=1)

    async def evidence() -> None:
        await journal.append(INTENT, at_ms=1, durable=False)

    async def together() -> None:
        await asyncio.gather(*(journal.append(INTENT, at_ms=1) for _ in range(IN_FLIGHT)))

    taken: dict[str, list[float]] = {"floor": [], "alone": [], "leaving": [], "evidence": [], "together": []}
    for _ in range(runs):
        for name, work in zip(taken, (floor, alone, leaving, evidence, together), strict=True):
            taken[name].append(await milliseconds(work))
    os.close(bare)
    await journal.close()
    medians = {name: statistics.median(times) for name, times in taken.items()}
    medians["together"] /= IN_FLIGHT
    began = time.perf_counter()
    records = len(read_journal(path).records)
    medians["read_10000"] = (time.perf_counter() - began) * 1_000 * 10_000 / records
    return medians


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        medians = asyncio.run(measured(Path(folder), options.runs))
    if options.json:
        print(json.dumps(medians))
        return
    for name, told in (
        ("floor", "bare write and fdatasync"),
        ("alone", "durable intent, alone"),
        ("leaving", "durable before its first byte leaves"),
        ("together", f"durable intent, each of {IN_FLIGHT} in flight"),
        ("evidence", "evidence"),
    ):
        print(f"{told:<40} {medians[name]:7.3f} ms {medians[name] / medians['floor']:6.2f}x")
    print(f"10,000 records read and verified           {medians['read_10000']:7.1f} ms")


if __name__ == "__main__":
    main()
