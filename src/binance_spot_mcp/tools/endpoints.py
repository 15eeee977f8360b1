"""Each endpoint of the catalogue as a tool: reads go to the exchange, whatever may change an order through the gate."""

from functools import partial
from typing import TYPE_CHECKING, Any

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.tools.tool import Answer, AnyTool, Tool, described

if TYPE_CHECKING:
    from binance_spot_mcp.tools.desk import Desk


async def _read(endpoint: Endpoint[Any, Any], desk: "Desk", params: Params) -> Answer:
    return await desk.spot.call(endpoint, params)


async def _order(endpoint: Endpoint[Any, Any], desk: "Desk", params: Params) -> Answer:
    return await desk.gate.call(endpoint, params)


def endpoint_tool(endpoint: Endpoint[Any, Any]) -> AnyTool:
    """The tool that makes one endpoint callable."""
    return Tool(
        name=endpoint.name,
        title=endpoint.title,
        description=described(endpoint.params),
        toolset=endpoint.toolset,
        effect=endpoint.effect,
        params=endpoint.params,
        call=partial(_read if endpoint.effect == "read" else _order, endpoint),
        rules=endpoint.rules,
        exact=True,
    )


ENDPOINT_TOOLS: tuple[AnyTool, ...] = tuple(endpoint_tool(endpoint) for endpoint in CATALOGUE.values())
