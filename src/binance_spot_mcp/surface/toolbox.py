"""The tools that exist, the ones an operator wants, and what each of them costs a model to know."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from binance_spot_mcp.catalogue.schema import input_schema
from binance_spot_mcp.settings import SettingsError
from binance_spot_mcp.surface.arguments import nearest
from binance_spot_mcp.surface.layout import encode
from binance_spot_mcp.surface.paging import CHARACTERS_PER_TOKEN, pages
from binance_spot_mcp.tools.checking import check_order
from binance_spot_mcp.tools.endpoints import ENDPOINT_TOOLS
from binance_spot_mcp.tools.limits import get_rate_limits
from binance_spot_mcp.tools.local_books import get_local_book
from binance_spot_mcp.tools.order_state import get_order_state, reconcile_orders
from binance_spot_mcp.tools.portfolio import get_portfolio
from binance_spot_mcp.tools.reading_streams import get_stream_snapshot, list_streams, read_stream, unsubscribe
from binance_spot_mcp.tools.stopping import get_trading_state, stop_trading
from binance_spot_mcp.tools.subscribing import (
    subscribe_to_average_price_stream,
    subscribe_to_book_ticker_stream,
    subscribe_to_depth_stream,
    subscribe_to_kline_stream,
    subscribe_to_reference_price_stream,
    subscribe_to_ticker_stream,
    subscribe_to_trade_stream,
    subscribe_to_user_stream,
)
from binance_spot_mcp.tools.tool import AnyTool, Toolset
from binance_spot_mcp.tools.waiting import wait_for

DESK_TOOLS: tuple[AnyTool, ...] = (
    check_order,
    get_order_state,
    reconcile_orders,
    get_trading_state,
    stop_trading,
    get_rate_limits,
    get_portfolio,
)
"""Tools that span endpoints."""

STREAM_TOOLS: tuple[AnyTool, ...] = (
    subscribe_to_trade_stream,
    subscribe_to_kline_stream,
    subscribe_to_ticker_stream,
    subscribe_to_book_ticker_stream,
    subscribe_to_depth_stream,
    subscribe_to_average_price_stream,
    subscribe_to_reference_price_stream,
    subscribe_to_user_stream,
    read_stream,
    list_streams,
    unsubscribe,
    get_stream_snapshot,
    get_local_book,
    wait_for,
)
"""Tools for whatever comes by itself."""

TOOLBOX: Mapping[str, AnyTool] = {tool.name: tool for tool in (*ENDPOINT_TOOLS, *DESK_TOOLS, *STREAM_TOOLS)}
"""Every tool by name, in the order in which a host lists them."""

DETAIL = ("concise", "full")
"""How much of an answer is shown; the first is the default."""


def select(
    toolsets: Iterable[str] = (), tools: Iterable[str] = (), exclude: Iterable[str] = (), *, read_only: bool = False
) -> tuple[AnyTool, ...]:
    """The tools that an operator asked for, in the order of the toolbox.

    Args:
        toolsets: Only these groups, together with `tools`; none of both means all.
        tools: Only these tools, together with `toolsets`.
        exclude: Not these.
        read_only: Nothing that could change an order.

    Raises:
        SettingsError: A name is not known, or nothing is left.
    """
    wanted_sets = [_known(name, get_args(Toolset), "toolset") for name in toolsets]
    wanted = [_known(name, TOOLBOX, "tool") for name in tools]
    unwanted = [_known(name, TOOLBOX, "tool") for name in exclude]
    everything = not wanted_sets and not wanted
    chosen = tuple(
        tool
        for tool in TOOLBOX.values()
        if (everything or tool.toolset in wanted_sets or tool.name in wanted)
        and tool.name not in unwanted
        and (tool.reads or not read_only)
    )
    if not chosen:
        raise SettingsError("The settings leave no tool: widen --toolsets or --tools, or shorten --exclude-tools.")
    return chosen


def _known(name: str, names: Iterable[str], kind: str) -> str:
    if name in (known := list(names)):
        return name
    near = nearest(name, known)
    raise SettingsError(
        f"There is no {kind} {name!r}; did you mean {near}?"
        if near
        else f"There is no {kind} {name!r}. Known: {', '.join(known)}."
    )


def options(tool: AnyTool) -> Mapping[str, dict[str, Any]]:
    """Our own arguments of a tool beside its parameters, as schema properties."""
    offered: dict[str, dict[str, Any]] = {}
    if tool.exact:
        offered["detail"] = {"type": "string", "enum": list(DETAIL)}
    if pages(tool.name):
        offered["cursor"] = {"type": "string"}
    return offered


def schema(tool: AnyTool) -> dict[str, Any]:
    """The JSON schema of a tool's arguments."""
    parameters = input_schema(tool.params)
    return parameters | {"properties": {**parameters["properties"], **options(tool)}}


def tokens(tool: AnyTool) -> int:
    """What a model pays to know a tool: characters of name, description and schema, over 3.6."""
    return round(len(tool.name + tool.description + encode(schema(tool))) / CHARACTERS_PER_TOKEN)


def total_tokens(tools: Sequence[AnyTool]) -> int:
    """What a model pays to know all of them."""
    return sum(tokens(tool) for tool in tools)
