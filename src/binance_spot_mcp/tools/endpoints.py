"""Each endpoint of the catalogue as a tool: reads go to the exchange, whatever may change an order through the gate."""

from functools import partial
from typing import TYPE_CHECKING, Any

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.tools.tool import AnyTool, Found, Tool, described

if TYPE_CHECKING:
    from binance_spot_mcp.tools.desk import Desk


async def _read(endpoint: Endpoint[Any, Any], desk: "Desk", params: Params) -> Found:
    answer = await desk.spot.fetch(endpoint, params)
    return Found(answer.payload, answer.body, endpoint.result)


async def _submit(endpoint: Endpoint[Any, Any], desk: "Desk", params: Params) -> Found:
    answer = await desk.gate.submit(endpoint, params)
    return Found(answer.payload, answer.body, endpoint.result)


def endpoint_tool(endpoint: Endpoint[Any, Any]) -> AnyTool:
    """The tool that makes one endpoint callable."""
    return Tool(
        name=endpoint.name,
        title=endpoint.title,
        description=described(endpoint.params),
        toolset=endpoint.toolset,
        effect=endpoint.effect,
        params=endpoint.params,
        call=partial(_read if endpoint.effect == "read" else _submit, endpoint),
        rules=endpoint.rules,
        exact=True,
    )


ENDPOINT_TOOLS: tuple[AnyTool, ...] = tuple(endpoint_tool(endpoint) for endpoint in CATALOGUE.values())
