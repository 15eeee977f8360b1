"""What an endpoint is: one value that names its route, its parameters, its price, and who answers.

REST and the WebSocket API are two ways to the same endpoints; neither appears here but in the names of the routes.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from paper_exchange.engine.orders import Order, OrderList
from paper_exchange.exchange import PaperExchange
from paper_exchange.gateway.curtain import Curtain
from paper_exchange.gateway.limits import Limits
from paper_exchange.gateway.parameters import Arguments, Parameter
from paper_exchange.gateway.refusals import Rejected
from paper_exchange.gateway.rules import Rule
from paper_exchange.market.wire import TimeUnit

Security = Literal["NONE", "USER_DATA", "TRADE"]
Queried = TypeVar("Queried", Order, OrderList)
Weight = Callable[[Mapping[str, str]], int]
"""The weight of a call from what was sent, before anything is checked."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what an answer must know of them.

    Attributes:
        account: -1 on public endpoints.
        unit: Of the times in answers,  in the unit the caller asked for.
        over_quota: What a new order would be refused with, where the endpoint goes on all the same.
    """

    account: int = -1
    unit: TimeUnit = "MILLISECOND"
    over_quota: Rejected | None = None


@dataclass(frozen=True, slots=True)
class Venue:
    """What endpoints answer from: the exchange, the counts that the gateway keeps, and what queries do not see yet."""

    exchange: PaperExchange
    limits: Limits
    curtain: Curtain = field(default_factory=Curtain)

    def shown(self, rows: Iterable[Queried]) -> list[Queried]:
        """The orders, or lists, that queries see by now."""
        now_us = self.exchange.now_us()
        return [row for row in rows if not self.curtain.hides(row, now_us)]


Answer = Callable[[Venue, Arguments, Caller], Any]
"""Answers a request with JSON values.

Raises:
    Rejected: The gateway refuses.
    Refusal: The engine refuses.
"""


def _never(_: Arguments) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint.

    Attributes:
        route: Method and path.
        parameters: In the order of the documents; `timestamp`, `recvWindow` and `signature` belong to `security`.
        rules: Conditions between them.
        weight: What a call costs, listed or computed.
        free_on_success: Whether it costs nothing when it is accepted.
        orders: What it adds to the unfilled order count.
        survives_quota: Whether a call goes on although the unfilled order quota is used up.
    """

    route: str
    answer: Answer
    parameters: tuple[Parameter[Any], ...] = ()
    rules: tuple[Rule, ...] = ()
    security: Security = "NONE"
    weight: int | Weight = 1
    free_on_success: bool = False
    orders: int = 0
    survives_quota: Callable[[Arguments], bool] = _never

    def cost(self, sent: Mapping[str, str]) -> int:
        """The weight of one call."""
        return self.weight if isinstance(self.weight, int) else self.weight(sent)
