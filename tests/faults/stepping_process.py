"""A server on a machine whose wall clock steps three seconds after the start, by as many hours as the argument says."""

import sys
import time

STEP_AFTER_S = 3.0


def step(hours: int) -> None:
    """Let the wall clock step; the monotonic one never does."""
    began, told, told_ns = time.monotonic(), time.time, time.time_ns

    def late() -> bool:
        return time.monotonic() - began > STEP_AFTER_S

    time.time = lambda: told() + hours * 3600 * late()
    time.time_ns = lambda: told_ns() + hours * 3600 * 10**9 * late()


def main() -> None:
    """Serve."""
    step(int(sys.argv[1]))
    from binance_spot_mcp.cli.desk import opener  # noqa: PLC0415  (whoever takes a clock takes the stepping one)
    from binance_spot_mcp.logs import configure_logs  # noqa: PLC0415
    from binance_spot_mcp.server import run  # noqa: PLC0415
    from binance_spot_mcp.settings import load  # noqa: PLC0415

    settings = load(env_file=None).settings
    configure_logs("ERROR")
    run(settings, opener(settings))


if __name__ == "__main__":
    main()
