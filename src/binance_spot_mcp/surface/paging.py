"""Answers that are too long come in pages, and a cursor that really works goes on where a page ended.

How a tool pages depends on what it returns:

- history with ids or times (`ByAnchor`): the missing rows are asked for by the anchor of the first one and their
  number, so the pages together hold each row exactly once, whatever happened in between;
- lists of what is there now (`ByRow`): the call is repeated and so many rows are skipped;
- a moving book or tape (`Unpaged`): a second page would show another moment, so a hint says how to narrow.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

from pydantic.alias_generators import to_snake

from binance_spot_mcp.errors import InvalidInput, SpotError
from binance_spot_mcp.surface.layout import Json, encode
from binance_spot_mcp.surface.text import given

CHARACTERS_PER_TOKEN = 3.6
CONCISE_TOKENS = 8_000
"""A concise answer ends here."""
HARD_TOKENS = 20_000
"""Any answer ends here, also with `detail=full`."""
_ENVELOPE = 200
"""Characters kept free for what a cut answer says about itself."""
_MOST_ROWS = 1_000
"""The exchange's own bound of `limit` for whatever has anchors."""
_LAST_MILLISECOND = 10**14


@dataclass(frozen=True, slots=True)
class ByAnchor:
    """Rows have an increasing anchor: `param` asks for rows from a value of it on.

    Attributes:
        param: The parameter by wire name.
        column: Where a concise answer holds the anchor.
        wire: Where the exchange's own JSON holds it, if that differs.
    """

    param: str
    column: str
    wire: str = ""


@dataclass(frozen=True, slots=True)
class ByRow:
    """Rows are counted from the start of the same call."""


@dataclass(frozen=True, slots=True)
class Unpaged:
    """No second page; `hint` says how to ask for less, `keep` which end is the better one."""

    hint: str
    keep: Literal["first", "last"] = "first"


Paging = ByAnchor | ByRow | Unpaged

ANYTHING_ELSE = Unpaged("Ask for less.")
_EVERY_FILL = Unpaged("The order stands as it says; get_my_trades with its orderId lists every fill.")

PAGING: Mapping[str, Paging] = {
    "get_exchange_info": ByRow(),
    "get_execution_rules": ByRow(),
    "get_order_book": Unpaged("These are the levels nearest the spread; ask for a smaller limit."),
    "get_recent_trades": Unpaged(
        "These are the newest; ask for a smaller limit, or page with get_historical_trades and fromId.", keep="last"
    ),
    "get_historical_trades": ByAnchor("fromId", "id"),
    "get_historical_block_trades": ByAnchor("fromId", "id"),
    "get_aggregate_trades": ByAnchor("fromId", "id", "a"),
    "get_historical_prices": ByAnchor("startTime", "openTime"),
    "get_ui_klines": ByAnchor("startTime", "openTime"),
    "get_24hr_ticker": ByRow(),
    "get_trading_day_ticker": ByRow(),
    "get_price": ByRow(),
    "get_book_ticker": ByRow(),
    "get_rolling_window_ticker": ByRow(),
    "place_order": _EVERY_FILL,
    "place_sor_order": _EVERY_FILL,
    "cancel_replace_order": _EVERY_FILL,
    "get_open_orders": ByRow(),
    "get_all_orders": ByAnchor("orderId", "orderId"),
    "cancel_all_orders": Unpaged("All of it was done; see get_all_orders for each order."),
    "get_open_order_lists": ByRow(),
    "get_all_order_lists": ByAnchor("fromId", "orderListId"),
    "get_account": ByRow(),
    "get_my_trades": ByAnchor("fromId", "id"),
    "get_prevented_matches": ByAnchor("fromPreventedMatchId", "preventedMatchId"),
    "get_allocations": ByAnchor("fromAllocationId", "allocationId"),
    "get_order_amendments": ByAnchor("fromExecutionId", "executionId"),
}
"""How each endpoint tool pages; a tool that is not here returns no list that could grow."""


def pages(tool: str) -> bool:
    """Whether the tool takes a cursor."""
    return isinstance(PAGING.get(tool), ByAnchor | ByRow)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page begins: `row` skips rows; `after` and `before` name an anchor and a number of rows."""

    kind: Literal["row", "after", "before"]
    start: int
    count: int = 0

    def __str__(self) -> str:
        return f"row:{self.start}" if self.kind == "row" else f"{self.kind}:{self.start}:{self.count}"


_CURSOR = re.compile(r"(?:(row):([0-9]{1,9})|(after|before):([0-9]{1,19}):([0-9]{1,4}))", re.ASCII)


def read_cursor(text: object, paging: Paging) -> Cursor:
    """The cursor that an answer of the same tool gave as `next_cursor`.

    Raises:
        InvalidInput: It was not given by this tool.
    """
    match = _CURSOR.fullmatch(text) if isinstance(text, str) else None
    if match and match[1] and isinstance(paging, ByRow):
        return Cursor("row", int(match[2]))
    if match and match[3] and isinstance(paging, ByAnchor):
        return Cursor("after" if match[3] == "after" else "before", int(match[4]), int(match[5]))
    raise InvalidInput(
        "cursor must be the next_cursor of an earlier answer of this tool, with the other arguments unchanged.",
        details={"param": "cursor", "given": given(text)},
    )


def resume(arguments: Mapping[str, Any], cursor: Cursor | None, paging: Paging) -> dict[str, Any]:
    """The arguments by which the exchange is asked for the page: an anchor takes the place of any time range."""
    if cursor is None or not isinstance(paging, ByAnchor):
        return dict(arguments)
    replaced = {"startTime", "endTime", "limit", paging.param}
    kept = {name: value for name, value in arguments.items() if name not in replaced | {*map(to_snake, replaced)}}
    start = cursor.start
    if paging.param == "startTime" and start > _LAST_MILLISECOND:
        start //= 1_000  # the answer's times are microseconds, the argument's never are
    return {**kept, paging.param: start, "limit": max(1, min(cursor.count, _MOST_ROWS))}


def wants_newest(arguments: Mapping[str, Any], cursor: Cursor | None, paging: Paging) -> bool:
    """Whether a call for history names no start, so that its latest rows are the ones that matter."""
    if cursor is not None or not isinstance(paging, ByAnchor):
        return cursor is not None and cursor.kind == "before"
    starts = {"startTime", paging.param}
    return not (starts | {*map(to_snake, starts)}) & arguments.keys()


def fit(
    body: dict[str, Json], tokens: int, paging: Paging = ANYTHING_ELSE, cursor: Cursor | None = None, *, newest: bool
) -> dict[str, Json]:
    """The answer, or as many of its rows as the limit allows together with the way to the others.

    Args:
        body: An answer.
        tokens: The most it may take.
        paging: How its tool pages.
        cursor: The cursor with which it was asked for.
        newest: Whether the caller asked for the latest rows, so that the last ones matter most.

    Raises:
        SpotError: TOO_LARGE, where not even one row fits.
    """
    skipped = cursor.start if cursor and cursor.kind == "row" else 0
    whole = _sliced(body, slice(skipped, None)) if skipped else body
    limit = int(tokens * CHARACTERS_PER_TOKEN)
    if (length := len(encode(whole))) <= limit:
        return whole
    lists = _row_lists(whole)
    total = max((len(rows) for rows in lists), default=0)
    count = _rows_that_fit(lists, limit - _ENVELOPE - length, total)
    if count == 0:
        hint = paging.hint if isinstance(paging, Unpaged) else "Ask for one symbol."
        raise SpotError(
            f"The answer takes {int(length / CHARACTERS_PER_TOKEN)} tokens, more than {tokens}. {hint}",
            code="TOO_LARGE",
            retry="after_fix",
        )
    last = newest if isinstance(paging, ByAnchor) else isinstance(paging, Unpaged) and paging.keep == "last"
    shown = _sliced(whole, slice(-count, None) if last else slice(count))
    about: dict[str, Json] = {"truncated": True, "total": total + skipped}
    match paging:
        case ByRow():
            about["next_cursor"] = str(Cursor("row", skipped + count))
        case ByAnchor():
            first_missing = _anchors(whole, paging)[0 if last else count]
            about["next_cursor"] = str(Cursor("before" if last else "after", first_missing, total - count))
        case Unpaged():
            about["hint"] = paging.hint
    head = {name: shown[name] for name in ("ok", "env") if name in shown}
    return head | about | shown


def _row_lists(body: Json) -> list[list[Json]]:
    """Every list that can be cut: those that are not inside a row of another."""
    if isinstance(body, list):
        return [body]
    if not isinstance(body, dict):
        return []
    return [rows for name, value in body.items() if name != "columns" for rows in _row_lists(value)]


def _sliced(body: dict[str, Json], rows: slice) -> dict[str, Json]:
    """The same with every such list cut."""

    def cut(value: Json) -> Json:
        if isinstance(value, list):
            return value[rows]
        return _sliced(value, rows) if isinstance(value, dict) else value

    return {name: value if name == "columns" else cut(value) for name, value in body.items()}


def _rows_that_fit(lists: list[list[Json]], over: int, total: int) -> int:
    """The largest number of rows a list may keep; `over` is the room that is left with all of them, below zero."""
    sizes = [[0, *accumulate(len(encode(row)) + 1 for row in rows)] for rows in lists]
    everything = sum(size[-1] for size in sizes)
    for count in range(total - 1, 0, -1):
        dropped = everything - sum(size[min(count, len(size) - 1)] for size in sizes)
        if over + dropped >= 0:
            return count
    return 0


def _anchors(body: dict[str, Json], paging: ByAnchor) -> list[int]:
    """The anchor of each row of the answer."""
    if "columns" in body:
        columns = body["columns"]
        place = columns.index(paging.column if paging.column in columns else paging.wire)
        return [row[place] for row in body["rows"]]
    return [item[paging.column if paging.column in item else paging.wire] for item in body["items"]]
