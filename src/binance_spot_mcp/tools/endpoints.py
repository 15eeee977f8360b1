"""Each endpoint of the catalogue as a tool: reads go to the exchange, whatever may change an order through the gate."""

from functools import partial
from typing import TYPE_CHECKING, Any

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.errors import Rejected, SpotError
from binance_spot_mcp.tools.intent_ids import NAMED, split, with_intent_id
from binance_spot_mcp.tools.tool import AnyTool, Found, Tool, described

if TYPE_CHECKING:
    from binance_spot_mcp.tools.desk import Desk


async def _call(endpoint: Endpoint[Any, Any], desk: "Desk", params: Params) -> Found:
    try:
        if endpoint.effect == "read":
            answer = await desk.spot.fetch(endpoint, params)
            return Found(answer.payload, answer.body, endpoint.result)
        meant, intent_id, wait_seconds = split(endpoint, params)
        passed = await desk.gate.call(endpoint, meant, intent_id, desk.approver, wait_seconds)
    except Rejected as refusal:
        if refusal.code != "UNKNOWN_SYMBOL":
            raise
        raise await _explained(refusal, desk, params) from refusal
    names = {"intent_id": passed.intent_id, "client_order_id": passed.client_order_id}
    about = {**{name: value for name, value in names.items() if value}, **passed.about}
    return Found(passed.answer.payload, passed.answer.body, endpoint.result, passed.notes, about)


async def _explained(refusal: Rejected, desk: "Desk", params: Params) -> SpotError:
    """The exchange's "Invalid symbol." with the symbol that is meant and those that come near it."""
    given = params.given()
    symbols = given.get("symbols") or (given["symbol"],)
    for symbol in symbols if isinstance(symbols, tuple) else ():
        error = await desk.gate.unknown_symbol(symbol)
        if symbol not in error.details["near"]:
            error.exchange = refusal.exchange
            return error
    return refusal


def endpoint_tool(endpoint: Endpoint[Any, Any]) -> AnyTool:
    """The tool that makes one endpoint callable."""
    return Tool(
        name=endpoint.name,
        title=endpoint.title,
        description=described(endpoint.params),
        toolset=endpoint.toolset,
        effect=endpoint.effect,
        params=with_intent_id(endpoint) if endpoint.effect in NAMED else endpoint.params,
        call=partial(_call, endpoint),
        rules=endpoint.rules,
        exact=True,
    )


ENDPOINT_TOOLS: tuple[AnyTool, ...] = tuple(endpoint_tool(endpoint) for endpoint in CATALOGUE.values())
