"""A gate in front of an exchange that says what it is told to say."""

from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path

import pytest
from tests.unit.trading.order_events import FakeEvents
from tests.unit.trading.spot import FakeSpot

from binance_spot_mcp.allowance import NO_CAPS, Caps
from binance_spot_mcp.trading.approval import Approvals
from binance_spot_mcp.trading.cap_watch import CapWatch
from binance_spot_mcp.trading.client_ids import ClientOrderIds
from binance_spot_mcp.trading.gate import Gate
from binance_spot_mcp.trading.keeper import Keeper
from binance_spot_mcp.trading.key_watch import KeyWatch
from binance_spot_mcp.trading.operator import OPERATOR_FILE, OperatorFile
from binance_spot_mcp.trading.snapshots import Snapshots
from binance_spot_mcp.trading.switch import STOP_FILE, Switch
from binance_spot_mcp.vocabulary import Environment

MakeGate = Callable[..., Gate]


@pytest.fixture
def spot() -> FakeSpot:
    """The exchange."""
    return FakeSpot()


@pytest.fixture
async def make_gate(spot: FakeSpot, tmp_path: Path) -> AsyncIterator[MakeGate]:
    """A gate for an environment, in front of the exchange or of another one; each with a journal of its own."""
    drawn = count(1)
    made: list[tuple[Gate, Keeper]] = []

    def make(
        env: Environment = "testnet",
        exchange: FakeSpot | None = None,
        now_ms: Callable[[], int] | None = None,
        state: str = "",
        events: FakeEvents | None = None,
        *,
        switched_on: bool = False,
        always: bool = False,
        caps: Caps = NO_CAPS,
    ) -> Gate:
        exchange = exchange or spot
        now = now_ms or (lambda: exchange.now_ms)
        ids = ClientOrderIds("tag123", lambda size: next(drawn).to_bytes(size))
        keeper = Keeper(
            tmp_path / (state or f"state{len(made)}"),
            env,
            "key",
            exchange=exchange,
            ids=ids,
            recv_window_ms=5_000,
            know_the_time=exchange.know_the_time,
            now_ms=now,
            sleep=exchange.sleep,
            events=events,
        )
        watched = KeyWatch(exchange)
        operator = OperatorFile(tmp_path / OPERATOR_FILE)
        approvals = Approvals(
            env,
            "key",
            switched_on=switched_on,
            always=always,
            exchange=exchange,
            operator=operator,
            now_ms=now,
            new_id=ids.new,
        )
        snapshots = Snapshots(tmp_path / "snapshots")
        gate = Gate(
            watched,
            approvals=approvals,
            caps=CapWatch(caps, watched, now),
            switch=Switch(
                keeper.name,
                operator,
                tmp_path / STOP_FILE,
                now,
                orders_per_minute=caps.max_orders_per_minute,
                key_refusal=lambda: watched.refusal,
            ),
            keeper=keeper,
            ids=ids,
            now_ms=now,
            snapshots=snapshots,
        )
        made.append((gate, keeper))
        exchange.workers = lambda: workers(keeper)
        return gate

    yield make
    for gate, keeper in made:
        await gate.settled()
        await keeper.close()


def workers(keeper: Keeper) -> int:
    """How many there are behind a gate who do something and then wait for the time."""
    deciding = len(keeper._reconciler._deciding) if keeper._reconciler else 0
    following = keeper._following is not None and len(keeper._following._tasks) > 1  # the first one reads
    return deciding + following


@pytest.fixture
def gate(make_gate: MakeGate) -> Gate:
    """A gate on testnet."""
    return make_gate()
