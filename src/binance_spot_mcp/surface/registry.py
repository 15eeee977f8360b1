"""Our tools as the SDK's: our schema, our validation of the raw arguments, one error boundary, explicit annotations."""

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool as SdkTool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp_types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import PrivateAttr

from binance_spot_mcp.surface.asking import approver
from binance_spot_mcp.surface.calls import Outcome, call, no_such_tool
from binance_spot_mcp.surface.session import Session
from binance_spot_mcp.surface.toolbox import schema
from binance_spot_mcp.tools.tool import AnyTool
from binance_spot_mcp.vocabulary import Environment

_NO_MODEL = FuncMetadata(arg_model=ArgModelBase)


class ToolServer(MCPServer[Session]):
    """The SDK's server with our tools. What it does not offer is answered in the one form of every answer, too."""

    def __init__(self, name: str, env: Environment, tools: Sequence[AnyTool], **about: Any) -> None:
        super().__init__(name, tools=registry(tools), **about)
        self._env = env
        self._offered = tuple(tool.name for tool in tools)

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Session, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool by name."""
        if name not in self._offered:
            return shown(no_such_tool(self._env, name, self._offered))
        return await super().call_tool(name, arguments, context)


class RegisteredTool(SdkTool):
    """A tool of ours under the SDK's name for it. The SDK never reads its arguments."""

    _tool: AnyTool = PrivateAttr()

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        """Answer a call, or end it with a question to a person; both channels of the result say the same."""
        session, asks = context.request_context.lifespan_context, approver(context)
        outcome = await call(self._tool, arguments, session, context.report_progress, asks)
        if asks.pending is not None and outcome.body.get("code") == "CONFIRMATION_REQUIRED":
            return asks.pending
        return shown(outcome)


def shown(outcome: Outcome) -> CallToolResult:
    """An outcome as the SDK sends it. Failures are text only: some clients check structured content even of those."""
    return CallToolResult(
        content=[TextContent(type="text", text=outcome.text)],
        structured_content=outcome.body if outcome.ok else None,
        is_error=not outcome.ok,
    )


def annotations(tool: AnyTool) -> ToolAnnotations:
    """What a host may tell its user about a tool."""
    return ToolAnnotations(
        read_only_hint=tool.reads,
        destructive_hint=not tool.reads,
        idempotent_hint=tool.repeatable,
        open_world_hint=not tool.local,
    )


def registered(tool: AnyTool) -> RegisteredTool:
    """One of our tools, ready for `MCPServer(tools=…)`."""
    made = RegisteredTool(
        fn=_never_called,
        name=tool.name,
        title=tool.title,
        description=tool.description,
        parameters=schema(tool),
        fn_metadata=_NO_MODEL,
        is_async=True,
        annotations=annotations(tool),
    )
    made._tool = tool  # noqa: SLF001  # pydantic sets no private attribute through its constructor
    return made


def registry(tools: Iterable[AnyTool]) -> list[SdkTool]:
    """Our tools, in their order."""
    return [registered(tool) for tool in tools]


def _never_called() -> NoReturn:
    raise NotImplementedError
