"""Numbers and names that the engine gives out, in order and without chance."""

from base64 import urlsafe_b64encode
from hashlib import blake2b

from msgspec import Struct


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
        """A client id for an order, list or cancel whose sender named none: 22 letters, digits, `-` and `_`."""
        self.client_id += 1
        digest = blake2b(self.client_id.to_bytes(8), digest_size=16).digest()
        return urlsafe_b64encode(digest)[:22].decode()
