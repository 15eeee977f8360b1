"""`python -m paper_exchange`: the exchange alone."""

import logging
import sys
from collections.abc import Sequence

from paper_exchange.options import parse
from paper_exchange.process import run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the exchange as a command line says, logging to stderr; returns the exit status."""
    options = parse(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
