"""A local order book, and what can be asked of it without asking the exchange."""

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from binance_spot_mcp.catalogue.fields import Amount, at_most
from binance_spot_mcp.catalogue.selection import SymbolParams
from binance_spot_mcp.domain.liquidity import band, imbalance, offered_to, spread, take
from binance_spot_mcp.tools.stream_rows import Row
from binance_spot_mcp.tools.subscribing import check_listed
from binance_spot_mcp.tools.tool import tool

if TYPE_CHECKING:
    from binance_spot_mcp.domain.local_book import LocalBook
    from binance_spot_mcp.streams.books import FollowedBook
    from binance_spot_mcp.tools.desk import Desk

LIVE_S = 10.0
"""How long a call waits for a book to become live."""
LOOK_S = 0.05


class LocalBookParams(SymbolParams):
    """A live order book kept here (subscribes on first use): best levels, spread, imbalance. quantity: what buying and
    selling it would cost. toPrice: how much is offered up to it. bandBps: depth around the middle. Rely on it only
    while state is LIVE."""

    limit: Annotated[int, at_most(100)] = 10
    quantity: Annotated[Amount | None, Field(description="base units")] = None
    to_price: Amount | None = None
    band_bps: Amount | None = None


@tool(title="Local order book", toolset="streams")
async def get_local_book(desk: "Desk", params: LocalBookParams) -> object:
    """A symbol's book and what it offers."""
    streams = desk.streams
    if params.symbol not in streams.books:
        await check_listed(desk, params.symbol)
    followed = await streams.follow(params.symbol)
    await _live(desk, followed)
    answer = view(followed, params.limit)
    if followed.state == "LIVE":
        answer |= _asked(followed.book, params)
    return answer


async def _live(desk: "Desk", followed: "FollowedBook") -> None:
    left_s = LIVE_S
    while followed.state != "LIVE" and left_s > 0:
        await desk.streams.world.sleep(LOOK_S)
        left_s -= LOOK_S


def view(followed: "FollowedBook", limit: int) -> Row:
    """A book as an answer shows it: how far to trust it, and its best levels."""
    book, state = followed.book, followed.state
    bids, asks = book.bids.top(limit), book.asks.top(limit)
    told: Row = {
        "symbol": followed.symbol,
        "state": state,
        "reason": followed.reason,
        "age_ms": followed.age_ms,
        "last_update_id": book.update_id,
        "known_down_to": book.bids.known_to,
        "known_up_to": book.asks.known_to,
        "bids": [list(level) for level in bids],
        "asks": [list(level) for level in asks],
    }
    if state == "LIVE" and bids and asks:
        told["spread"] = asdict(spread(bids[0][0], asks[0][0]))
        told["imbalance"] = imbalance(bids, asks)
    return {name: value for name, value in told.items() if value not in (None, "")}


def _asked(book: "LocalBook", params: LocalBookParams) -> Row:
    told: Row = {}
    if params.quantity is not None:
        told["buy"] = asdict(take(book.asks, params.quantity))
        told["sell"] = asdict(take(book.bids, params.quantity))
    best = book.bids.best, book.asks.best
    if best[0] is None or best[1] is None:
        return told
    middle = spread(best[0][0], best[1][0]).mid
    if params.to_price is not None:
        told["to_price"] = _offered(book, params.to_price, middle)
    if params.band_bps is not None:
        low, high = band(middle, params.band_bps)
        told["band"] = {
            "from": low,
            "to": high,
            "bids": asdict(offered_to(book.bids, low, "SELL", book.bids.known_to)),
            "asks": asdict(offered_to(book.asks, high, "BUY", book.asks.known_to)),
        }
    return told


def _offered(book: "LocalBook", price: Decimal, middle: Decimal) -> Row:
    """Above the middle it is what a buyer finds, below it what a seller finds."""
    if price >= middle:
        return {"side": "BUY", **asdict(offered_to(book.asks, price, "BUY", book.asks.known_to))}
    return {"side": "SELL", **asdict(offered_to(book.bids, price, "SELL", book.bids.known_to))}
