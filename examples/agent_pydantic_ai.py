"""An agent on pydantic-ai that looks at a price and buys for 25 USDT on the paper exchange.

The model is scripted, so that it runs without a model's key; put a real one in its place with one line.

    python -m venv agent && agent/bin/pip install 'pydantic-ai-slim[mcp]>=2,<3'
    agent/bin/python examples/agent_pydantic_ai.py .venv/bin/binance-spot-mcp
"""

import asyncio
import sys
from pathlib import Path

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

SCRIPT = [
    ToolCallPart("get_price", {"symbol": "BTC/USDT"}),
    ToolCallPart("place_order", {"symbol": "BTCUSDT", "side": "buy", "type": "market", "quoteOrderQty": 25}),
]


def scripted(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
    """Call the tools of the script one after the other, then say what the last one answered."""
    turn = sum(isinstance(message, ModelResponse) for message in messages)
    if turn < len(SCRIPT):
        return ModelResponse(parts=[SCRIPT[turn]])
    return ModelResponse(parts=[TextPart(str(getattr(messages[-1].parts[0], "content", "")))])


async def main(command: str) -> None:
    """Run the agent against the server that the command starts."""
    server = MCPToolset(StdioTransport(command, ["serve", "--env", "paper", "--log-level", "ERROR"]))
    agent = Agent(FunctionModel(scripted), toolsets=[server])  # a real model: Agent("anthropic:…", toolsets=[server])
    async with agent:
        result = await agent.run("Look at the price of bitcoin and buy some for 25 USDT.")
        print(result.output)


if __name__ == "__main__":
    asyncio.run(main(str(Path(sys.argv[1]).absolute())))
