"""The official modular Spot SDK on the paper exchange. Set here is all that is changed of it: addresses."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_spot import Spot
from pydantic import BaseModel
from tests.clients.ledger import Balance, Fill, read_balances
from tests.clients.paper import Paper

_CONDITIONAL = {
    "icebergQty", "preventedMatchId", "preventedMatches", "preventedQuantity", "stopPrice", "strategyId",
    "strategyType", "trailingDelta", "trailingTime", "pegOffsetType", "pegOffsetValue", "pegPriceType", "peggedPrice",
}  # fmt: skip
"""Documented keys that appear under conditions, and that the SDK's models of some answers leave out."""
_OF_EVERY_SOCKET_ANSWER = {"rateLimits"}
"""What the SDK reads of every answer, although its models of some leave it out."""
_NOT_IN_THEIR_EXAMPLES = {"selfTradePreventionMode"}
_REST = "additional_properties"
"""Where the SDK's models put what they do not know."""
_MISSING_IN_MODELS = _CONDITIONAL | _OF_EVERY_SOCKET_ANSWER | _NOT_IN_THEIR_EXAMPLES


def spot(paper: Paper, **settings: Any) -> Spot:
    """The SDK, pointed at the exchange; the settings go to all three of its parts."""
    return _at(paper, **{"api_key": paper.api_key, "api_secret": paper.api_secret, **settings})


def spot_with_ed25519(paper: Paper) -> Spot:
    """The SDK with a private key; it would prefer a secret."""
    return _at(paper, api_key=paper.ed25519_api_key, private_key=paper.ed25519_private_key_path)


def _at(paper: Paper, **settings: Any) -> Spot:
    return Spot(
        config_rest_api=ConfigurationRestAPI(base_path=paper.rest, **settings),
        config_ws_api=ConfigurationWebSocketAPI(stream_url=paper.ws_api, **settings),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=paper.ws, **settings),
    )


def strangers(answer: Any) -> set[str]:
    """The keys that the SDK's models do not know, apart from those that they should."""
    return set(_unknown(answer)) - _MISSING_IN_MODELS


def plain(answer: Any) -> Any:
    """What an answer says, whichever of the SDK's models says it."""
    if isinstance(answer, BaseModel):
        return {name: plain(getattr(answer, name)) for name in type(answer).model_fields if name != _REST}
    return [plain(each) for each in answer] if isinstance(answer, list) else answer


def _unknown(value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from getattr(value, _REST, ())
        for name in type(value).model_fields:
            if name != _REST:
                yield from _unknown(getattr(value, name))
    elif isinstance(value, list):
        for each in value:
            yield from _unknown(each)


class RestDesk:
    """The SDK's REST part: every answer is read by the SDK's own models, which must know its keys."""

    def __init__(self, client: Spot) -> None:
        self._api = client.rest_api

    def __call__(self, method: str, **parameters: Any) -> Any:
        """Call a method; gives its data, the right one where the SDK knows several forms."""
        return known(getattr(self._api, method)(**parameters).data())

    def price(self, symbol: str, factor: str) -> float:
        """The best bid times a factor, on a tick of 0.01."""
        bid = Decimal(self("ticker_book_ticker", symbol=symbol).bid_price)
        return float((bid * Decimal(factor)).quantize(Decimal("0.01")))

    async def balances(self) -> dict[str, Balance]:
        """All balances."""
        return read_balances([row.to_dict() for row in self("get_account").balances])

    async def fills(self, symbol: str) -> list[Fill]:
        """All fills on a symbol."""
        trades = self("my_trades", symbol=symbol, limit=1000)
        allocations = self("my_allocations", symbol=symbol, limit=1000)
        return [Fill.read(row.to_dict()) for row in (*trades, *allocations)]


class SocketDesk:
    """The SDK's WebSocket API part, held to the same.

    Args:
        api: Of a client, connected.
    """

    def __init__(self, api: Any) -> None:
        self.api = api

    async def __call__(self, method: str, **parameters: Any) -> Any:
        """Call a method; gives its result."""
        answer = known((await getattr(self.api, method)(**parameters)).data())
        return answer if isinstance(answer, dict) else answer.result


def known(answer: Any) -> Any:
    """An answer that has no key which the SDK does not know."""
    answer = getattr(answer, "actual_instance", answer)
    assert not strangers(answer)
    return answer
