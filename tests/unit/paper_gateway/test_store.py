"""What is kept is what there was, byte for byte, whether it comes from a snapshot or from the log."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from decimal import Decimal
from pathlib import Path

import pytest

from paper_exchange.accounts import Accounts
from paper_exchange.clock import VirtualClock
from paper_exchange.engine.commands import Place
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.words import Side
from paper_exchange.exchange import PaperExchange
from paper_exchange.keys import seeded
from paper_exchange.market.builtin import BUILT_IN
from paper_exchange.market.record import MarketRecord
from paper_exchange.market.synthetic.market import SyntheticMarket
from paper_exchange.store import FILE, Origin, OtherVersion, Store, erase

START_US = 1_767_225_600_000_000
SEED = 3


class Keeper:
    """An exchange on a directory, opened again and again."""

    def __init__(self, directory: Path) -> None:
        self.store = Store(directory)
        market = SyntheticMarket(BUILT_IN, seed=SEED, genesis_us=START_US)
        self.clock = VirtualClock(START_US)
        self.exchange = PaperExchange(clock=self.clock, record=MarketRecord(market.past), store=self.store)
        self.resumed = self.exchange.resume()
        if not self.resumed:
            with self.exchange.together():
                for command in market.founding():
                    self.exchange.submit(command)
        self.accounts = Accounts(self.exchange, randomness=seeded(SEED, "keys"), store=self.store)
        self.login = self.accounts.login("default")

    def order(self, side: Side, price: str, quantity: str = "0.1") -> None:
        """Place an order of the default account."""
        terms = Terms(side=side, type="LIMIT", time_in_force="GTC", price=Decimal(price), quantity=Decimal(quantity))
        self.exchange.submit(Place(account=self.login.number, symbol="BTCUSDT", order=terms))

    def state(self) -> tuple[bytes, bytes]:
        """Everything there is."""
        return self.exchange.engine.snapshot(), self.exchange.record.snapshot()


Opening = Callable[[Path], Keeper]


@pytest.fixture
def opening() -> Iterator[Opening]:
    """Opens exchanges, and closes their files at the end."""
    with ExitStack() as stack:

        def open_(directory: Path) -> Keeper:
            keeper = Keeper(directory)
            stack.callback(keeper.store.close)
            return keeper

        yield open_


@pytest.mark.parametrize("saved", [False, True], ids=["from the log", "from a snapshot and the log"])
def test_an_exchange_that_is_opened_again_is_as_it_was(opening: Opening, tmp_path: Path, saved: bool) -> None:
    first = opening(tmp_path)
    first.order("BUY", "90000")
    if saved:
        first.exchange.save()
    first.order("SELL", "90000", "0.04")
    kept, login = first.state(), first.login
    first.store.close()
    again = opening(tmp_path)
    assert again.resumed
    assert again.state() == kept
    assert again.login == login
    assert again.exchange.keys.find(login.api_key) is not None


def test_what_was_refused_is_not_kept(opening: Opening, tmp_path: Path) -> None:
    keeper = opening(tmp_path)
    before = keeper.store.logged
    with pytest.raises(Refusal):
        keeper.order("BUY", "90000", "500")
    assert keeper.store.logged == before


def test_a_snapshot_takes_the_place_of_the_log(opening: Opening, tmp_path: Path) -> None:
    keeper = opening(tmp_path)
    assert keeper.store.logged
    keeper.exchange.save()
    assert keeper.store.logged == 0
    assert keeper.store.snapshot() is not None


def test_how_the_market_began_is_kept(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        assert store.origin() is None
        store.set_origin(Origin(7, START_US, "synthetic"))
    with closing(Store(tmp_path)) as store:
        assert store.origin() == Origin(7, START_US, "synthetic")


def test_an_erased_exchange_begins_anew(opening: Opening, tmp_path: Path) -> None:
    keeper = opening(tmp_path)
    keeper.store.close()
    erase(tmp_path)
    assert not opening(tmp_path).resumed


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "state")):
        assert (tmp_path / "state" / "exchange.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_file_of_another_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    Store(tmp_path).close()
    file = tmp_path / FILE
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA user_version=999")
    before = file.read_bytes()
    with pytest.raises(OtherVersion, match="paper --reset"):
        Store(tmp_path)
    assert file.read_bytes() == before
