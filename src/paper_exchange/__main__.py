"""`python -m paper_exchange`: the exchange alone."""

import logging
import sys
from collections.abc import Sequence

from paper_exchange import console
from paper_exchange.options import parse
from paper_exchange.process import run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the exchange as a command line says, or do something to it; logs to stderr, returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in console.COMMANDS:
        return console.main(arguments)
    options = parse(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
