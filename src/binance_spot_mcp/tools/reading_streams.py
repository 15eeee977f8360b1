"""Tools that read what streams brought, and that look after subscriptions."""

import asyncio
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from binance_spot_mcp.catalogue.endpoint import Params
from binance_spot_mcp.catalogue.fields import Whole, at_most
from binance_spot_mcp.catalogue.streams import read_stream_name
from binance_spot_mcp.errors import InvalidInput
from binance_spot_mcp.tools.local_books import view
from binance_spot_mcp.tools.stream_fields import (
    LONGEST_WAIT_S,
    SequenceNumber,
    StreamNames,
    SubscriptionName,
    WaitSeconds,
)
from binance_spot_mcp.tools.stream_rows import Row, gap_rows, health, rows
from binance_spot_mcp.tools.subscribing import check_listed
from binance_spot_mcp.tools.tool import tool

if TYPE_CHECKING:
    from binance_spot_mcp.streams.feed import Feed
    from binance_spot_mcp.tools.desk import Desk

MOST_BYTES = 24_000
"""Bytes of the exchange's JSON in one answer; laid out they take about half as many."""
TOP = 10
"""Levels a side of a local book that is read as a stream."""


class ReadStreamParams(Params):
    """What a subscription brought after a number (each answer says where to go on; without it the newest). Tells what
    was dropped, replaced or missed, and how old the newest is. waitSeconds waits for something new."""

    subscription: SubscriptionName
    after: SequenceNumber | None = None
    limit: Annotated[int, at_most(200)] = 50
    wait_seconds: WaitSeconds = 0


@tool(title="Read a stream", toolset="streams")
async def read_stream(desk: "Desk", params: ReadStreamParams) -> object:
    """Events with numbers that never repeat."""
    from binance_spot_mcp.streams.watching import until  # noqa: PLC0415  (not needed to list the tools)

    streams = desk.streams
    subscription = streams.find(params.subscription)
    feed = subscription.feed
    start = feed.seq if params.after is None else params.after
    if start > feed.seq:
        raise InvalidInput(
            f"The newest event of {subscription.name} has number {feed.seq}; {start} is not from this run. "
            "Leave after out to begin with the newest.",
            details={"param": "after", "given": start, "allowed": feed.seq},
        )
    nothing_yet = feed.seq <= start and (params.after is not None or not feed.received)
    if params.wait_seconds and nothing_yet:
        await until(streams.world, feed, lambda: feed.seq > start, params.wait_seconds)
    page = feed.page(params.after, params.limit, MOST_BYTES)
    kind = feed.stream.kind
    lost = "dropped" if kind.policy == "every" else "replaced"
    answer: Row = {
        "subscription": subscription.name,
        **health(streams, feed),
        "next_after": page.next_after,
        "left": page.left,
        lost: page.let_go,
        "missed_in_all": feed.missed,
        "gaps": gap_rows(streams, (gap for gap in feed.gaps if gap.after_seq >= start or gap.to_ns is None)),
    }
    if subscription.book is not None:
        return answer | {"book": view(subscription.book, TOP)}
    return answer | {"events": rows(streams, kind, page.entries)}


class ListStreamsParams(Params):
    """Your subscriptions: state, age and number of the newest event, what is missing, and how the connections do."""


@tool(title="List subscriptions", toolset="streams", local=True)
async def list_streams(desk: "Desk", params: ListStreamsParams) -> object:
    """Every subscription and every connection."""
    streams = desk.streams
    user = streams.user.status()
    return {
        "subscriptions": [
            {
                "subscription": each.name,
                **health(streams, each.feed),
                "seq": each.feed.seq,
                "gaps": each.feed.gap_count,
                "missed": each.feed.missed,
                "copies": each.feed.copies,
                **({"book": each.book.state} if each.book else {}),
            }
            for each in streams.subscriptions
        ],
        "connections": [
            {"connection": name, **asdict(status)}
            for name, status in [
                *((f"market {number}", status) for number, status in enumerate(streams.market.status(), 1)),
                *([("user", user)] if user else []),
            ]
        ],
    }


class UnsubscribeParams(Params):
    """End a subscription; what it kept is gone. Ending one that does not exist does nothing and says so."""

    subscription: SubscriptionName


@tool(title="Unsubscribe", toolset="streams", local=True)
async def unsubscribe(desk: "Desk", params: UnsubscribeParams) -> object:
    """No more of it."""
    ended = desk.streams.unsubscribe(params.subscription)
    left = len(desk.streams.subscriptions)
    return {"subscription": params.subscription, "ended": ended, "subscriptions_left": left} | (
        {} if ended else {"note": "There was no such subscription; nothing was changed."}
    )


class StreamSnapshotParams(Params):
    """A short look at streams without subscribing, by wire name such as btcusdt@trade, btcusdt@depth5 or
    !miniTicker@arr: listens until each brought count events or seconds passed."""

    streams: Annotated[StreamNames, Field(description="At most 20.")]
    count: Annotated[int, at_most(50)] = 1
    seconds: Annotated[int, Whole(1, LONGEST_WAIT_S)] = 5


@tool(title="Look at streams", toolset="streams")
async def get_stream_snapshot(desk: "Desk", params: StreamSnapshotParams) -> object:
    """What streams say within some seconds."""
    from binance_spot_mcp.streams.watching import until  # noqa: PLC0415  (not needed to list the tools)

    streams = desk.streams
    wanted = list({stream.name: stream for stream in map(read_stream_name, params.streams)}.values())
    await streams.check_market()
    for symbol in dict.fromkeys(stream.symbol for stream in wanted):
        if symbol is not None:
            await check_listed(desk, symbol)
    with ExitStack() as held:
        feeds = [held.enter_context(streams.market.held(stream)) for stream in wanted]
        starts = [feed.seq for feed in feeds]

        def waiting(feed: "Feed", start: int) -> Any:
            return until(streams.world, feed, lambda: feed.seq - start >= params.count, params.seconds)

        await asyncio.gather(*(waiting(feed, start) for feed, start in zip(feeds, starts, strict=True)))
        share = MOST_BYTES // len(feeds)
        return {
            "streams": {
                feed.stream.name: {
                    **health(streams, feed),
                    **({"note": stream.note} if stream.note else {}),
                    "heard": feed.seq - start,
                    "events": rows(streams, feed.stream.kind, feed.page(None, params.count, share).entries),
                }
                for stream, feed, start in zip(wanted, feeds, starts, strict=True)
            }
        }
