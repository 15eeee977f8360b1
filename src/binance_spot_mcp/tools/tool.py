"""What a tool is, before anything knows how models are spoken to."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from binance_spot_mcp.catalogue.endpoint import Effect, Params
from binance_spot_mcp.catalogue.rules import Rule

if TYPE_CHECKING:
    from binance_spot_mcp.tools.desk import Desk

Toolset = Literal["market", "trading", "lists", "account", "desk", "streams"]
P = TypeVar("P", bound=Params)

_CANCELS_BY_ID = frozenset({"cancel_order", "cancel_order_list", "stop_trading"})


@dataclass(frozen=True, slots=True)
class Found:
    """What a tool found.

    Attributes:
        value: What we model of it: structs, mappings, lists, tuples and plain values.
        raw: The exchange's own JSON, where the answer is one answer of the exchange.
        model: The type of `value`, which names the columns of raw rows.
        notes: Sentences that belong beside the answer.
        about: What else the answer says of itself, by name, as JSON.
    """

    value: object
    raw: bytes | None = None
    model: object = None
    notes: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tool(Generic[P]):
    """Something an agent can call.

    Attributes:
        name: At most 40 characters, verb and noun.
        title: What a person reads in a host's tool list.
        description: What it answers and when to use it, at most 300 characters.
        toolset: The group by which an operator switches tools on and off.
        effect: What a call does at the exchange.
        params: What an agent may send.
        call: Does it.
        rules: Conditions between parameters.
        local: Whether it is answered without the exchange.
        exact: Whether an answer has the exchange's own JSON, so that `detail` makes a difference.
    """

    name: str
    title: str
    description: str
    toolset: Toolset
    effect: Effect
    params: type[P]
    call: Callable[["Desk", P], Awaitable[Found]]
    rules: tuple[Rule, ...] = ()
    local: bool = False
    exact: bool = False

    @property
    def reads(self) -> bool:
        """Whether a call leaves orders and account as they are."""
        return self.effect in {"read", "test"}

    @property
    def repeatable(self) -> bool:
        """Whether calling it twice does no more than calling it once."""
        return self.reads or self.name in _CANCELS_BY_ID


AnyTool = Tool[Any]


def described(params: type[Params]) -> str:
    """The description of a tool: the docstring of its parameters, on one line."""
    return " ".join((params.__doc__ or "").split())


def tool(
    *, title: str, toolset: Toolset = "desk", effect: Effect = "read", rules: tuple[Rule, ...] = (), local: bool = False
) -> Callable[[Callable[["Desk", P], Awaitable[object]]], Tool[P]]:
    """Make a tool of a function that spans endpoints: `async def check_order(desk: Desk, params: P) -> object`.

    The function's name is the tool's name and the docstring of its parameters the description. It raises what it
    cannot answer and never returns an error.
    """

    def made(function: Callable[["Desk", P], Awaitable[object]]) -> Tool[P]:
        params: type[P] = function.__annotations__["params"]

        async def call(desk: "Desk", given: P) -> Found:
            return Found(await function(desk, given))

        return Tool(
            name=function.__name__,
            title=title,
            description=described(params),
            toolset=toolset,
            effect=effect,
            params=params,
            call=call,
            rules=rules,
            local=local,
        )

    return made
