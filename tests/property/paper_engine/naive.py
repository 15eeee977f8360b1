"""A second, naive reading of how plain orders match: slow, short, and sharing no code with the engine.

One list of orders, one match at a time, every best order looked for anew; balances are recomputed from the fills.
"""

from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal

CENT = Decimal("0.00000001")
ZERO = Decimal(0)


@dataclass
class NaiveOrder:
    """What was asked and what is left of it."""

    number: int
    account: int
    side: str
    kind: str
    quantity: Decimal
    price: Decimal | None
    lifetime: str
    iceberg: Decimal | None
    stp: str
    arrival: int
    executed: Decimal = ZERO
    prevented: Decimal = ZERO
    shown: Decimal = ZERO
    status: str = "NEW"

    @property
    def left(self) -> Decimal:
        return self.quantity - self.executed - self.prevented


@dataclass
class NaiveExchange:
    """One symbol, BASE against QUOTE, with one commission rate for everybody."""

    rate: Decimal
    funds: dict[tuple[int, str], Decimal] = field(default_factory=dict)
    orders: list[NaiveOrder] = field(default_factory=list)
    fills: list[tuple[int, int, Decimal, Decimal]] = field(default_factory=list)
    clock: int = 0

    def free(self, account: int, asset: str) -> Decimal:
        return self.funds[account, asset] - self.locked(account, asset)

    def locked(self, account: int, asset: str) -> Decimal:
        return sum(
            (self._lock(order) for order in self.resting() if order.account == account and self._pays(order) == asset),
            ZERO,
        )

    def resting(self, side: str | None = None) -> list[NaiveOrder]:
        """Open orders, in the order in which a taker meets them."""
        found = [order for order in self.orders if order.shown > 0 and side in {None, order.side}]
        sign = 1 if side == "SELL" else -1
        return sorted(found, key=lambda order: (sign * (order.price or ZERO), order.arrival))

    def place(self, order: NaiveOrder) -> bool:
        """Whether the order was accepted; what it did is in the lists."""
        if not self._affordable(order):
            return False
        if order.kind == "LIMIT_MAKER" and self._meets(order) is not None:
            return False
        self.orders.append(order)
        if order.lifetime == "FOK" and self._try(order)[0] < order.quantity:
            order.status = "EXPIRED"
            return True
        while order.status in {"NEW", "PARTIALLY_FILLED"} and (maker := self._meets(order)):
            self._match(order, maker)
        if order.status in {"NEW", "PARTIALLY_FILLED"}:
            if order.kind == "MARKET" or order.lifetime == "IOC":
                order.status = "EXPIRED"
            else:
                self._show(order)
        return True

    def cancel(self, order: NaiveOrder) -> None:
        order.status, order.shown = "CANCELED", ZERO

    def amend(self, order: NaiveOrder, quantity: Decimal) -> None:
        order.quantity = quantity
        order.shown = min(order.shown, order.left)

    def _match(self, taker: NaiveOrder, maker: NaiveOrder) -> None:
        quantity = min(taker.left, maker.shown)
        if taker.account == maker.account and taker.stp != "NONE":
            self._prevent(taker, maker, quantity)
            return
        price = maker.price or ZERO
        quote = (price * quantity).quantize(CENT, ROUND_DOWN)
        buyer, seller = (taker, maker) if taker.side == "BUY" else (maker, taker)
        for account, asset, change in (
            (buyer.account, "QUOTE", -quote),
            (buyer.account, "BASE", quantity - (quantity * self.rate).quantize(CENT, ROUND_DOWN)),
            (seller.account, "BASE", -quantity),
            (seller.account, "QUOTE", quote - (quote * self.rate).quantize(CENT, ROUND_DOWN)),
        ):
            self.funds[account, asset] += change
        self.fills.append((taker.number, maker.number, price, quantity))
        for order in (taker, maker):
            order.executed += quantity
            order.status = "PARTIALLY_FILLED" if order.left else "FILLED"
        self._shorten(maker, quantity)

    def _prevent(self, taker: NaiveOrder, maker: NaiveOrder, quantity: Decimal) -> None:
        ends = {"EXPIRE_TAKER": (1, 0), "EXPIRE_MAKER": (0, 1), "EXPIRE_BOTH": (1, 1)}
        if taker.stp == "DECREMENT":
            taker_loses = maker_loses = quantity
        else:
            taker_loses, maker_loses = (
                end * side.left for end, side in zip(ends[taker.stp], (taker, maker), strict=True)
            )
        taker.prevented += taker_loses
        maker.prevented += maker_loses
        for order in (taker, maker):
            if not order.left:
                order.status = "EXPIRED_IN_MATCH"
        if maker_loses:
            self._shorten(maker, maker_loses)

    def _shorten(self, maker: NaiveOrder, quantity: Decimal) -> None:
        maker.shown = max(maker.shown - quantity, ZERO)
        if not maker.shown and maker.left:
            self._show(maker)

    def _show(self, order: NaiveOrder) -> None:
        self.clock += 1
        order.arrival = self.clock
        order.shown = order.left if order.iceberg is None else min(order.left, order.iceberg)

    def _meets(self, taker: NaiveOrder) -> NaiveOrder | None:
        """The resting order that a taker meets next."""
        makers = self.resting("SELL" if taker.side == "BUY" else "BUY")
        return makers[0] if makers and self._crosses(taker, makers[0]) else None

    @staticmethod
    def _crosses(taker: NaiveOrder, maker: NaiveOrder) -> bool:
        if taker.price is None or maker.price is None:
            return True
        return taker.price >= maker.price if taker.side == "BUY" else taker.price <= maker.price

    def _affordable(self, order: NaiveOrder) -> bool:
        return self._need(order) <= self.free(order.account, self._pays(order))

    def _need(self, order: NaiveOrder) -> Decimal:
        if order.side == "SELL":
            return order.quantity
        if order.price is not None:
            return (order.price * order.quantity).quantize(CENT, ROUND_DOWN)
        _, cost = self._try(order)
        return cost

    def _try(self, order: NaiveOrder) -> tuple[Decimal, Decimal]:
        """What an order would fill and what that comes to: tried out on a copy of the book."""
        copy = NaiveExchange(ZERO, {key: Decimal(10) ** 30 for key in self.funds}, clock=self.clock)
        copy.orders = [NaiveOrder(**vars(each)) for each in self.orders if each.shown > 0]
        trial = NaiveOrder(**vars(order))
        while trial.status in {"NEW", "PARTIALLY_FILLED"} and (maker := copy._meets(trial)):
            copy._match(trial, maker)
        cost = sum(((price * quantity).quantize(CENT, ROUND_DOWN) for _, _, price, quantity in copy.fills), ZERO)
        return trial.executed, cost

    @staticmethod
    def _pays(order: NaiveOrder) -> str:
        return "QUOTE" if order.side == "BUY" else "BASE"

    def _lock(self, order: NaiveOrder) -> Decimal:
        if order.side == "SELL":
            return order.left
        return ((order.price or ZERO) * order.left).quantize(CENT, ROUND_DOWN)
