"""Runs many seeds, or one again: `python -m tests.simulation --seeds 200`, `python -m tests.simulation --seed 17`."""

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from tests.simulation.run import STEPS, Run, simulate

AGAIN_EVERY: Final = 20
"""Every so many seeds one is run again, in a process of another hash seed, and must come out the same."""


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run what the command line names; the status says whether every law held."""
    parser = argparse.ArgumentParser(prog="simulation")
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--seed", type=int, help="this one alone, told in full")
    parser.add_argument("--steps", type=int, default=STEPS, help="of the agent, in each")
    parser.add_argument("--digest", action="store_true", help="print nothing but the digest of that one")
    asked = parser.parse_args()
    if asked.seed is not None:
        return _one(asked.seed, asked.steps, digest=asked.digest)
    return _many(range(asked.first, asked.first + asked.seeds), asked.steps)


def _one(seed: int, steps: int, *, digest: bool) -> int:
    run = simulate(seed, steps)
    if digest:
        _say(run.digest)
        return 0
    told = [(call.at_s, f"{call.tool} {call.arguments}\n             {call.answer}") for call in run.calls]
    for at_s, what in sorted([*told, *run.story], key=lambda line: line[0]):
        _say(f"{at_s:11.3f}  {what}")
    _say("\n".join(run.journal))
    _say(run.failure or f"every law held; {run.digest}")
    return int(bool(run.failure))


def _many(seeds: range, steps: int) -> int:
    began_s = time.monotonic()
    failed, calls, seconds = 0, 0, 0.0
    with ProcessPoolExecutor() as pool:
        for run in pool.map(simulate, seeds, [steps] * len(seeds)):
            calls, seconds = calls + len(run.calls), seconds + run.seconds
            if why := run.failure or _otherwise(run, steps):
                failed += 1
                _say(f"seed {run.seed}: {why[:2000]}\n  again: make test-sim SEED={run.seed}")
    _say(
        f"{len(seeds)} seeds, {failed} failed; {calls} calls in {seconds / 3600:.1f} simulated hours, "
        f"{time.monotonic() - began_s:.0f} s"
    )
    return int(bool(failed))


def _otherwise(run: Run, steps: int) -> str:
    """How a second run of a seed differs; only now and then one is made."""
    if run.seed % AGAIN_EVERY:
        return ""
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(run.seed), "--steps", str(steps), "--digest"]
    environment = os.environ | {"PYTHONHASHSEED": str(run.seed)}
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return (
        "" if again.stdout.strip() == run.digest else f"a second run came out otherwise: {again.stdout}{again.stderr}"
    )


if __name__ == "__main__":
    sys.exit(main())
