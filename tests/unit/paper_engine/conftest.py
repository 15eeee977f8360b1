"""The floor every engine test stands on."""

import pytest
from tests.unit.paper_engine.exchange_floor import Floor


@pytest.fixture
def floor() -> Floor:
    return Floor()
