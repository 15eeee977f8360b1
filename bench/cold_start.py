"""How long a host waits for the tools: our server against an empty one of the same SDK, in one run.

Each start is timed from the creation of the process to its answer to `tools/list`. The two alternate, so that a busy
moment of the machine hits both, and the median is compared. Run it with the project's own interpreter:

    .venv/bin/python bench/cold_start.py [--runs 15] [--json]

The exit status is 1 where the ratio is above the aim.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence

AIM = 1.5
EMPTY = ("-c", "from mcp.server import MCPServer\nMCPServer('empty').run()")
OURS = ("-m", "binance_spot_mcp", "serve", "--env", "testnet")
OPENING = (
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "1"},
        },
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
)


def seconds_to_tools(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[float, int]:
    """Start a server, ask for its tools, and end it. Returns the seconds it took, and how many tools there are."""
    opening = b"".join(json.dumps(message).encode() + b"\n" for message in OPENING)
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(opening)
        server.stdin.flush()
        server.stdout.readline()
        tools = json.loads(server.stdout.readline())["result"]["tools"]
        took = time.perf_counter() - started
        server.stdin.close()
        server.wait()
    return took, len(tools)


def measure(runs: int) -> dict[str, float | int]:
    """Time both servers, alternating; the first pair warms the disk and does not count."""
    empty: list[float] = []
    ours: list[float] = []
    with tempfile.TemporaryDirectory() as home:
        surroundings = {name: value for name, value in os.environ.items() if not name.startswith("BINANCE_")}
        surroundings["BINANCE_HOME"] = home
        for _ in range(runs + 1):
            empty.append(seconds_to_tools(EMPTY, surroundings)[0])
            took, tools = seconds_to_tools(OURS, surroundings)
            ours.append(took)
    medians = statistics.median(empty[1:]), statistics.median(ours[1:])
    return {
        "runs": runs,
        "tools": tools,
        "empty_ms": round(medians[0] * 1000),
        "ours_ms": round(medians[1] * 1000),
        "ratio": round(medians[1] / medians[0], 2),
        "aim": AIM,
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.runs)
    if options.json:
        print(json.dumps(result))
    else:
        print(
            f"cold start to tools/list, median of {result['runs']}: "
            f"empty server {result['empty_ms']} ms, ours with {result['tools']} tools {result['ours_ms']} ms, "
            f"ratio {result['ratio']} (aim {AIM})"
        )
    return int(result["ratio"] > AIM)


if __name__ == "__main__":
    sys.exit(main())
