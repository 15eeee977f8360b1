"""What lies outside the program: clocks, waiting, chance."""

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


def _short_name() -> str:
    return secrets.token_hex(4)


@dataclass(frozen=True, slots=True)
class World:
    """The outside as it is handed in, so that a test can hold it still.

    Attributes:
        monotonic_ns: A clock that never steps.
        wall_ns: Local time in epoch nanoseconds.
        sleep: Waits so many seconds.
        random: A number from 0 up to 1.
        new_id: A short name for one call, for the log.
        random_bytes: So many bytes that nobody can guess.
    """

    monotonic_ns: Callable[[], int] = time.monotonic_ns
    wall_ns: Callable[[], int] = time.time_ns
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random
    new_id: Callable[[], str] = _short_name
    random_bytes: Callable[[int], bytes] = secrets.token_bytes
