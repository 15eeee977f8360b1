"""The engine and a naive second reading of the rules agree on every fill, status, balance and book."""

from decimal import Decimal, localcontext
from random import Random

import pytest
from tests.property.paper_engine.naive import ZERO, NaiveExchange, NaiveOrder
from tests.property.paper_engine.seeds import walks

from paper_exchange.engine.accounts import FEE_ACCOUNT
from paper_exchange.engine.commands import AddSymbol, Amend, CancelOrder, Deposit, OpenAccount, Place
from paper_exchange.engine.engine import Engine
from paper_exchange.engine.events import Placed, Trade
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.symbols import Commission, Rates, SymbolSpec

RATE = Decimal("0.00075")
ACCOUNTS = (1, 2, 3)
SYMBOL = "BASEQUOTE"
UNIT = Decimal("0.00000001")


class Pair:
    """The engine and the naive exchange, given the same orders."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.now_us = 0
        commission = Commission(standard=Rates(maker=RATE, taker=RATE))
        self.engine.execute(
            AddSymbol(spec=SymbolSpec(symbol=SYMBOL, base_asset="BASE", quote_asset="QUOTE", commission=commission)),
            now_us=0,
        )
        self.naive = NaiveExchange(RATE)
        self.same: dict[int, NaiveOrder] = {}
        for account in ACCOUNTS:
            self.engine.execute(OpenAccount(account=account), now_us=0)
            for asset in ("BASE", "QUOTE"):
                self.engine.execute(Deposit(account=account, asset=asset, amount=Decimal(40)), now_us=0)
                self.naive.funds[account, asset] = Decimal(40)

    def step(self, random: Random) -> None:
        """One random order, cancel or amendment, on both."""
        self.now_us += random.randrange(1_000_000)
        resting = self.naive.resting()
        choice = random.randrange(10)
        if choice < 7 or not resting:
            self._place(random)
        elif choice < 9:
            self._cancel(random.choice(resting))
        else:
            self._amend(random, random.choice(resting))

    def _place(self, random: Random) -> None:
        kind, lifetime = random.choice(
            [("LIMIT", "GTC")] * 4 + [("LIMIT", "IOC"), ("LIMIT", "FOK"), ("MARKET", "GTC"), ("LIMIT_MAKER", "GTC")]
        )
        price = None if kind == "MARKET" else Decimal(random.randrange(80, 120)) / 100 + UNIT * random.randrange(3)
        quantity = Decimal(random.randrange(1, 500)) / 100 + UNIT * random.randrange(3)
        sliced = lifetime == "GTC" and kind != "MARKET" and random.randrange(4) == 0
        iceberg = quantity / random.randrange(2, 5) // UNIT * UNIT if sliced else None
        order = NaiveOrder(
            number=0,
            account=random.choice(ACCOUNTS),
            side=random.choice(["BUY", "SELL"]),
            kind=kind,
            quantity=quantity,
            price=price,
            lifetime=lifetime,
            iceberg=iceberg,
            stp=random.choice(["NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT"]),
            arrival=0,
        )
        before = len(self.naive.fills)
        accepted = self.naive.place(order)
        try:
            result = self.engine.execute(self._command(order), now_us=self.now_us)
        except Refusal:
            assert not accepted
            return
        assert accepted
        assert isinstance(result.reply, Placed)
        order.number = result.reply.order.order_id
        self.same[order.number] = order
        makers = [
            (event.price, event.quantity, event.seller_order_id if order.side == "BUY" else event.buyer_order_id)
            for event in result.events
            if isinstance(event, Trade)
        ]
        assert makers == [(price, quantity, maker) for _, maker, price, quantity in self.naive.fills[before:]]

    def _command(self, order: NaiveOrder) -> Place:
        plain = order.kind == "LIMIT"
        terms = {
            "side": order.side,
            "type": order.kind,
            "quantity": order.quantity,
            "price": order.price,
            "time_in_force": order.lifetime if plain else None,
            "iceberg_qty": order.iceberg,
            "stp_mode": order.stp,
        }
        return Place(account=order.account, symbol=SYMBOL, order=Terms(**terms))  # type: ignore[arg-type]

    def _cancel(self, order: NaiveOrder) -> None:
        self.naive.cancel(order)
        command = CancelOrder(account=order.account, symbol=SYMBOL, order_id=order.number)
        self.engine.execute(command, now_us=self.now_us)

    def _amend(self, random: Random, order: NaiveOrder) -> None:
        used = order.executed + order.prevented
        quantity = used + (order.left * random.randrange(1, 10) / 10) // UNIT * UNIT
        if not used < quantity < order.quantity or (order.iceberg or ZERO) > quantity:
            return
        self.naive.amend(order, quantity)
        self.engine.execute(
            Amend(account=order.account, symbol=SYMBOL, order_id=order.number, quantity=quantity), now_us=self.now_us
        )

    def compare(self) -> None:
        """Everything that can be read of both is the same."""
        fees = {"BASE": ZERO, "QUOTE": ZERO}
        for account in ACCOUNTS:
            for asset in fees:
                balance = self.engine.balance(account, asset)
                assert balance.free == self.naive.free(account, asset)
                assert balance.locked == self.naive.locked(account, asset)
                fees[asset] += Decimal(40) - self.naive.funds[account, asset]
        assert {asset: self.engine.balance(FEE_ACCOUNT, asset).free for asset in fees} == fees
        for number, naive in self.same.items():
            order = self.engine.order(naive.account, SYMBOL, order_id=number, now_us=self.now_us)
            assert (order.status, order.executed, order.prevented) == (naive.status, naive.executed, naive.prevented)
        for side in ("BUY", "SELL"):
            levels: dict[Decimal, Decimal] = {}
            for naive in self.naive.resting(side):
                levels[naive.price or ZERO] = levels.get(naive.price or ZERO, ZERO) + naive.shown
            assert dict(self.engine.levels(SYMBOL, side, 1000)) == levels


def walk(random: Random, steps: int) -> None:
    pair = Pair()
    with localcontext(prec=60):
        for _ in range(steps):
            pair.step(random)
            pair.compare()


@walks(examples=40)
def test_the_engine_agrees_with_the_naive_reading(seed: int) -> None:
    walk(Random(seed), steps=50)


@pytest.mark.long
@walks(examples=200)
def test_the_engine_agrees_with_the_naive_reading_for_long(seed: int) -> None:
    walk(Random(seed), steps=500)
