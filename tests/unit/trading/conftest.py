"""A gate in front of an exchange that says what it is told to say."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from tests.unit.trading.spot import FakeSpot

from binance_spot_mcp.trading.client_ids import ClientOrderIds
from binance_spot_mcp.trading.gate import Gate
from binance_spot_mcp.trading.snapshots import Snapshots
from binance_spot_mcp.vocabulary import Environment

MakeGate = Callable[..., Gate]


@pytest.fixture
def spot() -> FakeSpot:
    """The exchange."""
    return FakeSpot()


@pytest.fixture
def make_gate(spot: FakeSpot, tmp_path: Path) -> MakeGate:
    """A gate for an environment, in front of the exchange or of another one."""
    drawn = count(1)

    def make(
        env: Environment = "testnet", exchange: FakeSpot | None = None, now_ms: Callable[[], int] = lambda: 5_000
    ) -> Gate:
        ids = ClientOrderIds("tag123", lambda size: next(drawn).to_bytes(size))
        return Gate(env, exchange or spot, ids=ids, now_ms=now_ms, snapshots=Snapshots(tmp_path / "snapshots"))

    return make


@pytest.fixture
def gate(make_gate: MakeGate) -> Gate:
    """A gate on testnet."""
    return make_gate()
