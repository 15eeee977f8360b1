"""How a client times itself: the processor's time it took from its first event to its last.

What else runs on the machine hardly matters then; on one that has nothing else to do it is the time on the clock, as
every client is busy with one thread throughout.
"""

import asyncio
import time

LOOK_EVERY, TOP = 100, 20
"""How often a book is looked at, and how many levels of each side."""


class Count:
    """Counts events.

    Attributes:
        left: How many are still to come.
        done: Events a second of processor time, once all are there.
    """

    def __init__(self, events: int) -> None:
        self.left = events
        self.done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._events = events
        self._first = 0.0

    def one(self) -> None:
        """One more came."""
        if self.left == self._events:
            self._first = time.process_time()
        self.left -= 1
        if self.left == 0:
            self.done.set_result((self._events - 1) / (time.process_time() - self._first))
