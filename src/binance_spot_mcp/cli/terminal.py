"""A person at a terminal: what they are told, and how it is known that they are there."""

import getpass
import os
import sys
import time
from datetime import UTC, datetime

from binance_spot_mcp.settings import SettingsError
from binance_spot_mcp.trading.passphrase import Passphrase, Paused

TRIES = 3
"""So often a passphrase is asked for in one go."""


def given_rightly(passphrase: Passphrase, prompt: str) -> bool:
    """Whether the passphrase is given when it is asked for; False for an empty line.

    Raises:
        SettingsError: None of those given was right.
    """
    for _ in range(TRIES):
        given = getpass.getpass(prompt)
        if not given:
            return False
        try:
            if passphrase.is_right(given, now_ms()):
                return True
        except Paused as pause:
            raise SettingsError(f"Too many wrong ones; try again after {clock(pause.until_ms)}.") from None
        complain("That is not the passphrase.")
    raise SettingsError("The passphrase was wrong; nothing was decided.")


def need_a_terminal() -> None:
    """Return if a person sits there.

    Raises:
        SettingsError: Nobody does.
    """
    if not (os.isatty(0) and os.isatty(1)):
        raise SettingsError("This needs a person at a terminal: neither input nor output may be a pipe or a file.")


def now_ms() -> int:
    """Local time in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def clock(epoch_ms: int) -> str:
    """A time of today as a person reads it."""
    return f"{datetime.fromtimestamp(epoch_ms // 1000, UTC):%H:%M:%S} UTC"


def say(line: str) -> None:
    """Tell a person something."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def complain(sentence: str) -> bool:
    """Tell a person what went wrong, and answer that it did."""
    sys.stderr.write(sentence + "\n")
    return False
