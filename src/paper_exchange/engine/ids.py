"""Numbers and names that the engine gives out, in order and without chance."""

from typing import Final

from msgspec import Struct

_CLIENT_IDS: Final = 1 << 88
_CLIENT_ID_STEP: Final = 0x9E3779B97F4A7C15F39CC1
"""Odd, so that its multiples modulo a power of two do not meet before all are used up; they look random in between."""


class Counters(Struct):
    """The last number given out of each kind; list ids count from 0, all others from 1."""

    order: int = 0
    order_list: int = -1
    execution: int = 0
    priority: int = 0
    client_id: int = 0

    def next_order(self) -> int:
        """An order id."""
        self.order += 1
        return self.order

    def next_list(self) -> int:
        """An order list id."""
        self.order_list += 1
        return self.order_list

    def next_execution(self) -> int:
        """An execution id."""
        self.execution += 1
        return self.execution

    def next_priority(self) -> int:
        """A place behind everything queued so far."""
        self.priority += 1
        return self.priority

    def next_client_id(self) -> str:
        """A client id for an order, list or cancel whose sender named none: 22 hexadecimal digits."""
        self.client_id += 1
        return f"{self.client_id * _CLIENT_ID_STEP % _CLIENT_IDS:022x}"
