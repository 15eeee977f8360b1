"""`python -m paper_exchange`: the exchange alone."""

import logging
import sys

from paper_exchange.options import parse
from paper_exchange.process import run

if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    sys.exit(run(parse()))
