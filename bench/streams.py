"""How fast streams are taken in: events a second on one connection and one core, beside peers in one run.

A process of its own writes frames that were made beforehand to a loopback socket; each client is another process, and
counts the processor's time that it takes from its first event to its last. The clients alternate, so that a busy moment
of the machine hits all of them, and medians are compared.

    .venv/bin/python bench/streams.py [--events 100000] [--runs 3] [--json] [--peers PYTHON]

    floor             frames cut by hand, the few fields that matter decoded as text, nothing kept
    websockets        the same with that library's frames; picows likewise
    ours              each event kept for readers and decoded, what is missing counted; in `books`, each applied to a
                      local book whose best 20 levels of both sides are looked at every 100 events
    ours_over_picows  the same over a socket of that library
    python_binance    its socket manager and its depth cache
    ccxt              its WebSocket classes; depth only as a book

`--peers` names an interpreter that has the peers; `make bench` makes one in .venv/clients, which is used if it is
there. What cannot be run is named and left out. The exit status is 1 where ours has become slower against the floor.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

CLIENTS = {
    "trades": ("floor", "websockets", "picows", "ours", "ours_over_picows", "python_binance", "ccxt"),
    "depth": ("floor", "websockets", "picows", "ours", "ours_over_picows", "python_binance"),
    "books": ("floor", "ours", "ours_over_picows", "python_binance", "ccxt"),
}
OURS_ALONE = ("floor", "websockets", "ours")
"""What our own interpreter can run; the others need the peers'."""
AIMS = {
    ("trades", "python_binance"): 5.0,
    ("depth", "python_binance"): 5.0,
    ("books", "python_binance"): 10.0,
    ("trades", "ccxt"): 3.0,
    ("books", "ccxt"): 3.0,
    ("trades", "websockets"): 0.9,
    ("depth", "websockets"): 0.9,
}
"""How many times a peer's events a second ours should be; said where it is not."""
LEAST = {"trades": 0.2, "depth": 0.35, "books": 0.25}
"""Shares of the floor below which something has become slower."""
INTAKE = Path(__file__).with_name("intake")
ROOT = INTAKE.parents[1]


def _run(interpreter: str, *words: str) -> str | None:
    """What a process of the benchmark printed; None if it could not be run."""
    around = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    try:
        finished = subprocess.run(
            [interpreter, str(INTAKE), *words], capture_output=True, text=True, check=False, timeout=60, env=around
        )
    except subprocess.TimeoutExpired:
        print(f"{' '.join(words)}: no end within a minute", file=sys.stderr)
        return None
    if finished.returncode:
        print(f"{' '.join(words)}: {finished.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return finished.stdout


def _medians(what: str, options: argparse.Namespace) -> dict[str, float]:
    """Events a second of each client that can be run."""
    count = str(options.events)
    server = subprocess.Popen([sys.executable, str(INTAKE), "serve", what, count], stdout=subprocess.PIPE, text=True)
    rates: dict[str, list[float]] = {}
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        for _ in range(options.runs):
            for client in CLIENTS[what]:
                interpreter = sys.executable if client in OURS_ALONE else options.peers
                if interpreter and (printed := _run(interpreter, "client", client, what, count, port)):
                    rates.setdefault(client, []).append(float(printed))
    finally:
        server.terminate()
        server.wait()
    return {client: statistics.median(found) for client, found in rates.items()}


def main() -> int:
    """Measure and print."""
    made = ROOT / ".venv" / "clients" / "bin" / "python"
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", default=str(made) if made.exists() else None)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.peers is None:
        print("Without python-binance, ccxt and picows: name an interpreter that has them, or run make bench.")
    results: dict[str, Any] = {what: _medians(what, options) for what in CLIENTS}
    results["mib_of_100_books"] = round(float(_run(sys.executable, "memory") or "nan"), 1)
    missed = [
        f"{what}: {results[what]['ours'] / results[what][peer]:.1f}x {peer}, aim {aim}x"
        for (what, peer), aim in AIMS.items()
        if peer in results[what] and results[what]["ours"] < aim * results[what][peer]
    ]
    slower = [what for what, least in LEAST.items() if results[what]["ours"] < least * results[what]["floor"]]
    if options.json:
        print(json.dumps(results))
        return bool(slower)
    for what in CLIENTS:
        _print_table(what, results[what])
    print(f"100 local books of 1,000 levels a side: {results['mib_of_100_books']} MiB")
    print("\n".join(["below the aim:", *missed]) if missed else "every aim was met")
    print("\n".join(f"{what}: below {LEAST[what]}x of the floor, so something has become slower" for what in slower))
    return bool(slower)


def _print_table(what: str, rates: dict[str, float]) -> None:
    print(f"{what + ', events a second':28} {'':>12} of floor   ours is")
    for client, rate in rates.items():
        print(f"  {client:26} {rate:>12,.0f} {rate / rates['floor']:>7.2f}x {rates['ours'] / rate:>8.1f}x")


if __name__ == "__main__":
    sys.exit(main())
