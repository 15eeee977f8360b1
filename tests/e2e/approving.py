"""What tests of approvals share: persons with a habit, calls that need a yes, and the exchange's count of orders."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.types import CallToolResult, TextContent
from mcp_types import INTERNAL_ERROR, ElicitRequestParams, ElicitResult, ErrorData, InputRequiredResult
from tests.e2e.paper_client import PaperClient, limit_order

from paper_exchange.oracle import Request
from paper_exchange.running import Running

Era = Literal["legacy", "auto"]
Body = dict[str, Any]

ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "50000",
}
LIST = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "50000",
    "workingQuantity": "0.001",
    "workingTimeInForce": "GTC",
    "pendingType": "LIMIT",
    "pendingSide": "SELL",
    "pendingPrice": "60000",
    "pendingQuantity": "0.0009",
    "pendingTimeInForce": "GTC",
}
_CHANGING = {
    ("POST", "/api/v3/order"),
    ("POST", "/api/v3/orderList/oto"),
    ("POST", "/api/v3/order/cancelReplace"),
    ("PUT", "/api/v3/order/amend/keepPriority"),
}


@dataclass
class Person:
    """Somebody behind a host, who answers every question in one way.

    Attributes:
        habit: What is answered.
        asked: What was shown, one text a question.
    """

    habit: Callable[[], ElicitResult | ErrorData | Awaitable[ElicitResult]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult | ErrorData:
        """Answer a question."""
        self.asked.append(params.message)
        answer = self.habit()
        return answer if isinstance(answer, ElicitResult | ErrorData) else await answer


def accepts() -> ElicitResult:
    """The one honest yes."""
    return ElicitResult(action="accept", content={"place": True})


def declines() -> ElicitResult:
    """A no."""
    return ElicitResult(action="decline")


def dismisses() -> ElicitResult:
    """Neither a yes nor a no."""
    return ElicitResult(action="cancel")


def breaks() -> ErrorData:
    """A host that says that it can ask, and cannot."""
    return ErrorData(code=INTERNAL_ERROR, message="no window")


async def text_of(result: CallToolResult) -> Body:
    """The body of an answer."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    body: Body = msgspec.json.decode(block.text)
    return body


async def ask(agent: Client, tool: str, arguments: Mapping[str, Any]) -> Body:
    """Call a tool as a host does, questions included."""
    return await text_of(await agent.call_tool(tool, dict(arguments)))


async def ask_by_hand(
    agent: Client, tool: str, arguments: Mapping[str, Any], state: str | None = None, answer: object = None
) -> Body | InputRequiredResult:
    """Call a tool once in the newer era, with or without the answer to a question."""
    result = await agent.session.call_tool(
        tool,
        dict(arguments),
        input_responses={"approval": answer} if answer is not None else None,  # type: ignore[dict-item]  # also lies
        request_state=state,
        allow_input_required=True,
    )
    return result if isinstance(result, InputRequiredResult) else await text_of(result)


def sent_to(paper: Running) -> int:
    """How many requests that place, replace or amend have reached the exchange."""
    return sum(
        isinstance(entry, Request) and (entry.method, entry.path) in _CHANGING for entry in paper.doors.oracle.entries()
    )


@dataclass(frozen=True)
class Call:
    """A call that needs a yes, and another content for the same call.

    Attributes:
        tool: Which tool.
        arguments: What is asked for.
        other: The same with one number changed.
    """

    tool: str
    arguments: Mapping[str, Any]
    other: Mapping[str, Any]


async def place_order(paper: Running) -> Call:
    """A single order."""
    return Call("place_order", ORDER, ORDER | {"quantity": "0.002"})


async def place_list(paper: Running) -> Call:
    """An order list."""
    return Call("place_oto", LIST, LIST | {"workingQuantity": "0.002"})


async def replace_order(paper: Running) -> Call:
    """An order in the place of another."""
    arguments = ORDER | {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": await _resting(paper)}
    return Call("cancel_replace_order", arguments, arguments | {"price": "51000"})


async def amend_order(paper: Running) -> Call:
    """A smaller quantity for an order."""
    arguments = {"symbol": "BTCUSDT", "orderId": await _resting(paper), "newQty": "0.004"}
    return Call("amend_order", arguments, arguments | {"newQty": "0.003"})


CALLS = (place_order, place_list, replace_order, amend_order)


async def _resting(paper: Running) -> int:
    client = PaperClient(paper)
    async with client.http:
        answer = (await client.signed("POST", "order", **limit_order("BUY", "40000.00"))).json()
    number: int = answer["orderId"]
    return number


@asynccontextmanager
async def agent_of(server: Any, era: Era, person: Person | None) -> AsyncIterator[Client]:
    """An agent, with a person behind it or without one."""
    async with Client(server, mode=era, elicitation_callback=person) as agent:
        yield agent
