"""What an endpoint is: one value from which its tool, schema, command, reference page and tests are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from inspect import cleandoc
from typing import Any, Generic, Literal, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from binance_spot_mcp.catalogue.rules import Broken, Rule, broken
from binance_spot_mcp.vocabulary import plain

Security = Literal["NONE", "USER_DATA", "TRADE"]
Toolset = Literal["market", "trading", "lists", "account"]
Effect = Literal["read", "test", "place", "cancel", "amend"]
"""What a call does at the exchange. `place` covers lists, SOR and replace: whatever may create an order."""


class ServerDecides:
    """Marks a parameter that the server fills in, so that no agent may send it."""


SERVER_DECIDES = ServerDecides()


class Params(BaseModel):
    """The parameters of one endpoint, under Binance's names; snake_case is accepted as well.

    A name that is not known is refused: a misspelt `stopPrice` must never be dropped. What signing adds (recvWindow,
    timestamp, signature) is no parameter, since it belongs to an attempt and not to what is asked.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        validate_default=False,
        defer_build=True,
    )

    def given(self) -> dict[str, object]:
        """The parameters that are sent, defaults included, by wire name and in declaration order."""
        values = self.__dict__
        return {alias: value for name, alias in _wire_names(type(self)) if (value := values[name]) is not None}

    def wire(self) -> dict[str, str]:
        """The same as the text that goes on the wire."""
        return {alias: wire_text(value) for alias, value in self.given().items()}

    def members(self) -> dict[str, object]:
        """The same as members of a JSON object: numbers, flags and lists as they are, everything else as text."""
        return {
            alias: value if isinstance(value, bool | int | list | tuple) else wire_text(value)
            for alias, value in self.given().items()
        }

    @classmethod
    def asked(cls) -> list[str]:
        """Names of the fields that an agent may fill, i.e. those that the server does not decide."""
        return [name for name, info in cls.model_fields.items() if SERVER_DECIDES not in info.metadata]


@cache
def _wire_names(params: type[Params]) -> tuple[tuple[str, str], ...]:
    """The attributes of parameters, each with its wire name, in declaration order."""
    return tuple((name, info.alias or name) for name, info in params.model_fields.items())


def wire_text(value: object) -> str:
    """A parameter's value as Binance reads it; a list is a JSON array, a flag is `true` or `false`."""
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return plain(value)
        case list() | tuple():
            return msgspec.json.encode(value).decode()
        case _:
            return str(value)


class Payload(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The part of an answer that we compute with and show; the exchange's own JSON stays beside it.

    Unknown keys are passed over, since Binance adds fields. A table shows each field under its own name in camelCase,
    also where the wire has a letter or a position for it.
    """


P = TypeVar("P", bound=Params)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Route:
    """Where an endpoint lives.

    Attributes:
        rest: A method and a path; empty for what only the WebSocket API has.
        ws: The method name of the WebSocket API.
        ws_in_array: Whether the WebSocket API puts what REST answers into an array of one.
    """

    rest: str
    ws: str | None = None
    ws_in_array: bool = False

    @property
    def method(self) -> str:
        """GET, POST, PUT or DELETE."""
        return self.rest.split(" ", 1)[0]

    @property
    def path(self) -> str:
        """The path below the host, e.g. `/api/v3/depth`."""
        return self.rest.split(" ", 1)[1]


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[P, R]):
    """One endpoint of Binance Spot.

    Attributes:
        name: The tool's name.
        title: What a person reads in a host's tool list.
        route: Its REST route and WebSocket API method.
        params: Parameters; the class docstring is the tool's description.
        result: A type that msgspec can decode the answer into: a `Payload`, or lists and unions of them.
        toolset: The group by which an operator switches tools on and off.
        source: Document and section in Binance's documentation.
        security: `NONE` for public data, else the permission the key needs; both others are signed.
        effect: What a call does at the exchange.
        weight: Request weight (IP limit), fixed or a function of the parameters.
        weight_on_success: Weight of an accepted call where that differs.
        order_count: How much a call adds to the unfilled-order count of the account.
        rules: Conditions between parameters.
        data_only: Whether the hosts that serve public market data alone answer it too.
        bulky: Whether the answer to a call may be larger than a WebSocket message should be, so that REST carries it.
    """

    name: str
    title: str
    route: Route
    params: type[P]
    result: Any
    toolset: Toolset
    source: str
    security: Security = "NONE"
    effect: Effect = "read"
    weight: int | Callable[[P], int] = 1
    weight_on_success: int | None = None
    order_count: int = 0
    rules: tuple[Rule, ...] = field(default=())
    data_only: bool = False
    bulky: Callable[[P], bool] | None = None

    @property
    def signed(self) -> bool:
        """Whether a call carries timestamp and signature."""
        return self.security != "NONE"

    @property
    def description(self) -> str:
        """What a model reads about the tool, on one line."""
        return " ".join(cleandoc(self.params.__doc__ or "").split())

    def cost(self, params: P) -> int:
        """Request weight that a call with these parameters is listed with."""
        return self.weight(params) if callable(self.weight) else self.weight

    def method(self, params: P) -> str | None:
        """The WebSocket API's method for such a call; None where only REST can carry it."""
        return None if self.bulky is not None and self.bulky(params) else self.route.ws

    def faults(self, params: P) -> list[Broken]:
        """What is wrong between the parameters, in the order of the rules; empty if nothing is."""
        return broken(self.rules, params.given())

    def decode(self, body: bytes | str) -> Any:
        """The answer as `result` describes it.

        Raises:
            msgspec.DecodeError: The body is no JSON.
            msgspec.ValidationError: It is JSON, but not such an answer.
        """
        return _decoder(self.result).decode(body)


@cache
def _decoder(result: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(result)


Catalogue = Mapping[str, Endpoint[Any, Any]]
