"""Orders that exist and cannot be queried yet, as on an exchange whose queries lag behind its engine."""

from collections.abc import Iterable

from paper_exchange.engine.orders import Order, OrderList
from paper_exchange.engine.refusal import Refusal


class Curtain:
    """Hides orders, and the lists they are in, from queries for a while."""

    def __init__(self) -> None:
        self._until_us: dict[int, int] = {}

    def draw(self, order_ids: Iterable[int], until_us: int) -> None:
        """Hide orders until then."""
        self._until_us.update(dict.fromkeys(order_ids, until_us))

    def hides(self, found: Order | OrderList, now_us: int) -> bool:
        """Whether it cannot be queried now."""
        if not self._until_us:
            return False
        order_ids = found.order_ids if isinstance(found, OrderList) else (found.order_id,)
        return any(now_us < self._until_us.get(order_id, 0) for order_id in order_ids)

    def check(self, found: Order | OrderList, now_us: int) -> None:
        """Refuse what cannot be queried now.

        Raises:
            Refusal: -2013, as if there were none.
        """
        if self.hides(found, now_us):
            raise Refusal(-2013, "Order does not exist.")
