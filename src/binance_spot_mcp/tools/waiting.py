"""Waiting for something to happen, over as many calls as it takes."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from binance_spot_mcp.catalogue.endpoint import Params
from binance_spot_mcp.catalogue.fields import Whole
from binance_spot_mcp.catalogue.rules import Needs
from binance_spot_mcp.streams.conditions import read_condition
from binance_spot_mcp.tools.stream_fields import LONGEST_WAIT_S, Conditions, Cursor
from binance_spot_mcp.tools.stream_rows import Row, gap_rows, health
from binance_spot_mcp.tools.subscribing import check_listed
from binance_spot_mcp.tools.tool import tool

if TYPE_CHECKING:
    from binance_spot_mcp.streams.waits import Waiting
    from binance_spot_mcp.tools.desk import Desk

NS = 1_000_000_000
TELL_S = 1.0
"""How often progress is told."""


class WaitForParams(Params):
    """Wait until any (or all at once) of: "BTCUSDT price >= 65000" (bid, ask, spread, volume), "BTCUSDT price crosses
    65000", "BTCUSDT kline 1m closes", "BTCUSDT order 42 FILLED", "balance BTC changes". After 40 s status is pending:
    go on with cursor alone; nothing is missed."""

    conditions: Conditions | None = None
    match: Literal["any", "all"] = "any"
    timeout_seconds: Annotated[int, Whole(1, 86_400), Field(description="over all calls")] = 40
    cursor: Cursor | None = None


@tool(title="Wait for conditions", toolset="streams", rules=(Needs({}, one_of=("conditions", "cursor")),))
async def wait_for(desk: "Desk", params: WaitForParams) -> object:
    """What happened and when, or how things stand."""
    call_ends_ns = desk.streams.world.monotonic_ns() + LONGEST_WAIT_S * NS
    if params.cursor is not None:
        waiting = desk.waits.find(params.cursor)
    else:
        conditions = [read_condition(text) for text in params.conditions or ()]
        for symbol in dict.fromkeys(each.stream.symbol for each in conditions if each.stream):
            if symbol is not None:
                await check_listed(desk, symbol)
        waiting = await desk.waits.begin(conditions, params.match, params.timeout_seconds)
    try:
        await _wait(desk, waiting, call_ends_ns)
    except BaseException:
        desk.waits.end(waiting)
        raise
    answer = _told(desk, waiting)
    if waiting.ended:
        desk.waits.end(waiting)
    return answer


async def _wait(desk: "Desk", waiting: "Waiting", call_ends_ns: int) -> None:
    now_ns = desk.streams.world.monotonic_ns
    began_ns = now_ns()
    until_ns = min(waiting.deadline_ns, call_ends_ns)
    total_s = (until_ns - began_ns) / NS
    while not waiting.ended and (left_s := (until_ns - now_ns()) / NS) > 0:
        await desk.progress(total_s - left_s, total_s, _in_short(waiting))
        await waiting.wait(min(left_s, TELL_S))


def _in_short(waiting: "Waiting") -> str:
    holding = sum(condition.holds is not None for condition in waiting.conditions)
    return f"{holding} of {len(waiting.conditions)} conditions hold"


def _told(desk: "Desk", waiting: "Waiting") -> Row:
    streams = desk.streams
    gaps = [{"stream": name, **row} for name, gap in waiting.gaps() for row in gap_rows(streams, (gap,))]
    trouble = [{"stream": feed.stream.name, **health(streams, feed)} for feed in waiting.troubled()]
    about: Row = {name: value for name, value in (("gaps", gaps), ("not_live", trouble)) if value}
    waited_ms = streams.ago_ms(waiting.began_ns)
    if waiting.met is not None:
        met = [{"condition": text, **facts} for text, facts in waiting.met.facts]
        return {"status": "met", "met": met, "at": streams.at_ms(waiting.met.at_ns), "waited_ms": waited_ms, **about}
    standing = [{"condition": each.text, "holds": each.holds is not None, **each.seen} for each in waiting.conditions]
    if waiting.ended:
        return {"status": "timed_out", "conditions": standing, "waited_ms": waited_ms, **about}
    left_ms = (waiting.deadline_ns - streams.world.monotonic_ns()) * 1000 // NS
    return {
        "status": "pending",
        "cursor": waiting.cursor,
        "next": "wait_for",
        "left_ms": left_ms,
        "conditions": standing,
        **about,
    }
