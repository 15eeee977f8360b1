"""The exchange's own test of an order, made before the first order of a shape is sent.

It looks at the parameters and at most filters, but at neither balance, open-order limits nor post-only. There is a test
for single and for routed orders; of a list each leg is tested as an order of its own, of a replacement the new order.

Source: rest-api.md#test-new-order-trade
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, TypeVar

import msgspec

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.catalogue.trading import (
    PLACE_ORDER,
    PLACE_SOR_ORDER,
    TEST_ORDER,
    TEST_SOR_ORDER,
    OrderTestParams,
    SorOrderTestParams,
)
from binance_spot_mcp.client import Answer
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.errors import SpotError
from binance_spot_mcp.trading.intents import Intents
from binance_spot_mcp.trading.register import Register, Shape
from binance_spot_mcp.trading.rules_cache import Exchange

P = TypeVar("P", bound=Params)
R = TypeVar("R")

MOST_SHAPES: Final = 4096
"""So many shapes that a caller let the exchange test are remembered until an order of theirs is placed."""

_TESTED_AS: Final = {TEST_ORDER.name: PLACE_ORDER.name, TEST_SOR_ORDER.name: PLACE_SOR_ORDER.name}
"""What a test that passed vouches for."""


class Rehearsal:
    """Sees to it that the exchange has tested an order of a shape before the first one is sent; the journal remembers.

    Args:
        exchange: Makes the calls.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._passed: set[Shape] = set()

    async def before(
        self, intents: Intents, endpoint: Endpoint[Any, Any], params: Params, request: Request, *, always: bool
    ) -> tuple[str, ...]:
        """Test what would be placed, unless a request of this shape has passed before.

        Args:
            intents: Remembers what has passed.
            endpoint: Where the request would go.
            params: Its parameters.
            request: The same as orders.
            always: Test it whatever passed before.

        Returns:
            What could not be tested, in sentences for the caller.

        Raises:
            SpotError: The test did not pass, or could not be made. Nothing was placed.
        """
        shape = _shape(endpoint.name, params, request)
        if not always and not self.due(intents.register, endpoint, params, request):
            await intents.tested(shape)
            return ()
        tests = (self._exchange.fetch(test, given) for test, given in _tests(params, request))
        for outcome in await asyncio.gather(*tests, return_exceptions=True):
            if isinstance(outcome, SpotError):
                raise replace(outcome, message=f"Nothing was placed: the test failed. {outcome.message}") from outcome
            if isinstance(outcome, BaseException):
                raise outcome
        await intents.tested(shape)
        return tuple(_untested(request))

    def due(self, register: Register, endpoint: Endpoint[Any, Any], params: Params, request: Request) -> bool:
        """Whether `before` would test a request, as none of its shape has passed yet."""
        shape = _shape(endpoint.name, params, request)
        return shape not in register.shapes and shape not in self._passed

    async def test(self, endpoint: Endpoint[P, R], params: P, request: Request) -> Answer[R]:
        """Let the exchange test an order because the caller asked for it."""
        answer = await self._exchange.fetch(endpoint, params)
        if len(self._passed) >= MOST_SHAPES:
            self._passed.clear()  # shapes that still matter are tested once more
        self._passed.add(_shape(_TESTED_AS[endpoint.name], params, request))
        return answer


def _shape(name: str, params: Params, request: Request) -> Shape:
    kinds = [(order.type, order.time_in_force) for order in request.orders]
    names = sorted(params.given().keys() - {"computeCommissionRates"})
    return Shape(request.symbol, msgspec.json.encode((name, kinds, names)).decode())


def _tests(params: Params, request: Request) -> Iterator[tuple[Endpoint[Any, Any], Params]]:
    """The tests that together come nearest to the request."""
    match request.kind:
        case "order":
            yield TEST_ORDER, OrderTestParams.model_validate(params.wire())
        case "sor":
            yield TEST_SOR_ORDER, SorOrderTestParams.model_validate(params.wire())
        case _:
            for order in request.orders:
                if not order.leg.sized_later:
                    yield TEST_ORDER, OrderTestParams.model_validate(order.alone())


def _untested(request: Request) -> Iterator[str]:
    """What the tests of this request leave open."""
    if request.kind == "replace":
        yield "The exchange tested the new order beforehand; a cancel cannot be tested."
    if request.is_list:
        yield "The exchange tested each leg beforehand as an order of its own; the list as a whole cannot be tested."
    if any(order.leg.sized_later for order in request.orders):
        yield "A leg that sells what the working order buys has no quantity yet and could not be tested."
