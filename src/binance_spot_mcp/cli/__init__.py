"""What a person types."""

import sys


def main() -> None:
    """Run the command `binance-spot-mcp`; without a command it serves."""
    from binance_spot_mcp.cli.app import run  # noqa: PLC0415  (so that importing this package costs nothing)

    sys.exit(run(sys.argv[1:]))
