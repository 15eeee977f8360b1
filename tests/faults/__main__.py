"""`python -m tests.faults [WORD…]`: drive the rows whose number, way or title holds a word, or all."""

import argparse
import asyncio
import sys
import time

from tests.faults.rows import ROWS
from tests.faults.table import AT_ONCE, HEADER, drive_all, line, verdict


def say(text: str) -> None:
    """Show a row while the others are driven."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> int:
    """Print the table; 1 if a row failed."""
    parser = argparse.ArgumentParser(prog="faults")
    parser.add_argument("words", nargs="*", help="only rows that hold one of these")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="rows side by side")
    said = parser.parse_args()
    rows = [
        row
        for row in ROWS
        if not said.words or any(word.lower() in f"{row.fault} {row.mode} {row.title}".lower() for word in said.words)
    ]
    began = time.monotonic()
    outcomes = asyncio.run(drive_all(rows, said.at_once, say))
    text, passed = verdict(outcomes)
    sys.stdout.write("\n".join(["", HEADER, *map(line, outcomes), ""]))
    sys.stdout.write(f"{text}; {time.monotonic() - began:.0f} s\n")
    return not passed


if __name__ == "__main__":
    sys.exit(main())
