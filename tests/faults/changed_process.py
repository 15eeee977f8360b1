"""A server in another world: `wall HOURS`, its machine's wall clock steps; `life SECONDS`, its sockets live so long."""

import sys
import time
from dataclasses import fields

STEP_AFTER_S = 3.0


def step(hours: int) -> None:
    """Let the wall clock step three seconds after the start; the monotonic one never does."""
    began, told, told_ns = time.monotonic(), time.time, time.time_ns

    def late() -> bool:
        return time.monotonic() - began > STEP_AFTER_S

    time.time = lambda: told() + hours * 3600 * late()
    time.time_ns = lambda: told_ns() + hours * 3600 * 10**9 * late()


def shorten(seconds: int) -> None:
    """Let every socket be replaced after seconds, in place of hours."""
    from binance_spot_mcp.streams.timing import Timing  # noqa: PLC0415  (the clock has to be changed before this)
    from binance_spot_mcp.transport import ws_api  # noqa: PLC0415

    changed = {"life_s": seconds, "life_spread_s": 0.5, "overlap_s": 1}
    Timing.__init__.__defaults__ = tuple(changed.get(each.name, each.default) for each in fields(Timing))
    ws_api.LIFE_S, ws_api.LIFE_SPREAD_S = seconds, 1


def main(change: str, amount: str) -> None:
    """Serve."""
    if change == "wall":
        step(int(amount))
    from binance_spot_mcp.cli.desk import opener  # noqa: PLC0415
    from binance_spot_mcp.logs import configure_logs  # noqa: PLC0415
    from binance_spot_mcp.server import run  # noqa: PLC0415
    from binance_spot_mcp.settings import load  # noqa: PLC0415

    if change == "life":
        shorten(int(amount))
    settings = load(env_file=None).settings
    configure_logs("ERROR")
    run(settings, opener(settings))


if __name__ == "__main__":
    main(*sys.argv[1:])
