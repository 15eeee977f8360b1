"""One call of one tool, from raw arguments to the answer; the only place where an error becomes something to read."""

import asyncio
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import anyio
import structlog

from binance_spot_mcp.errors import InvalidInput, OutcomeUnknown, Refused, SpotError, Unavailable
from binance_spot_mcp.logs import logger
from binance_spot_mcp.surface.arguments import check_size, nearest, read_arguments, read_otherwise, take_choice
from binance_spot_mcp.surface.layout import Json, concise, encode, exact
from binance_spot_mcp.surface.paging import (
    ANYTHING_ELSE,
    CONCISE_TOKENS,
    HARD_TOKENS,
    PAGING,
    fit,
    read_cursor,
    resume,
    wants_newest,
)
from binance_spot_mcp.surface.render import failure, success
from binance_spot_mcp.surface.session import Session
from binance_spot_mcp.surface.text import given
from binance_spot_mcp.surface.toolbox import DETAIL, TOOLBOX, options
from binance_spot_mcp.tools.desk import Desk, Progress
from binance_spot_mcp.tools.tool import AnyTool, Found
from binance_spot_mcp.trading.approver import NOBODY, Approver
from binance_spot_mcp.vocabulary import Environment

LONGEST_CALL_S = 45.0
"""Hosts give up near 60 s."""
LARGE = 500_000
"""Bytes of an answer from which it is laid out beside the event loop, which would stand still for too long."""

_numbers = itertools.count(1)
_log = logger("surface")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a call: the JSON object, and the text that says the very same."""

    body: dict[str, Json]
    text: str

    @property
    def ok(self) -> bool:
        """Whether the call did what it was asked to do."""
        return self.body["ok"] is True


async def call(
    tool: AnyTool,
    arguments: Mapping[str, Any],
    session: Session,
    progress: Progress | None = None,
    approver: Approver = NOBODY,
) -> Outcome:
    """Check the arguments, make the call, lay out the answer. Never raises: what goes wrong is an answer too.

    Args:
        tool: What to call.
        arguments: As they were sent.
        session: What tools work with.
        progress: Tells the caller how far a long call is; None where nobody wants to know.
        approver: Asks the person behind the call.
    """
    request_id = f"r{next(_numbers):06d}"
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        try:
            body = await _answered(tool, arguments, session, progress, approver)
        except SpotError as error:
            _log.info("refused", tool=tool.name, code=error.code, sent=error.sent, message=error.message)
            body = failure(session.env, error)
        except Exception:  # noqa: BLE001  # the one boundary: whatever else goes wrong is a bug, and is told as one
            _log.exception("crashed", tool=tool.name)
            body = failure(session.env, _bug(tool, request_id))
    return Outcome(body, encode(body))


def no_such_tool(env: Environment, name: str, offered: Iterable[str]) -> Outcome:
    """The answer to a call of a tool that this server does not offer."""
    if name in TOOLBOX:
        refusal: SpotError = Refused(f"The operator of this server has switched {name} off.", code="ENDPOINT_REFUSED")
    else:
        near = nearest(name, offered)
        hint = f" Did you mean {near}?" if near else " The tool list has them all."
        refusal = InvalidInput(
            f"There is no tool of this name.{hint}", code="NOT_FOUND", next=near, details={"given": given(name)}
        )
    body = failure(env, refusal)
    return Outcome(body, encode(body))


async def _answered(
    tool: AnyTool, arguments: Mapping[str, Any], session: Session, progress: Progress | None, approver: Approver
) -> dict[str, Json]:
    check_size(arguments)
    offered, asked = options(tool), dict(arguments)
    detail = take_choice(asked, "detail", DETAIL) if "detail" in offered else DETAIL[0]
    paging = PAGING.get(tool.name, ANYTHING_ELSE)
    where = asked.pop("cursor", None) if "cursor" in offered else None
    cursor = None if where is None else read_cursor(where, paging)
    asked = resume(asked, cursor, paging)
    params = read_arguments(tool.params, asked, tool.rules, offered)
    found = await _called(tool, params, session, progress, approver)
    read_as = read_otherwise(params, asked)
    newest = wants_newest(asked, cursor, paging)

    def laid_out() -> dict[str, Json]:
        shown = exact(found.raw, found.model) if detail == "full" and found.raw is not None else concise(found.value)
        body = success(session.env, shown, **_about(shown, params.wire()), **found.about)
        if echoed := {name: meant for name, meant in read_as.items() if body.get(name) != meant}:
            body["read_as"] = echoed
        if found.notes:
            body["notes"] = list(found.notes)
        return fit(body, HARD_TOKENS if detail == "full" else CONCISE_TOKENS, paging, cursor, newest=newest)

    try:
        return await asyncio.to_thread(laid_out) if len(found.raw or b"") > LARGE else laid_out()
    except SpotError as too_large:
        too_large.sent = "no" if tool.reads else "yes"
        raise


async def _called(tool: AnyTool, params: Any, session: Session, progress: Progress | None, approver: Approver) -> Found:
    try:
        with anyio.fail_after(LONGEST_CALL_S):
            desk = replace(await session.desk(), approver=approver)
            return await _remembered(tool, desk if progress is None else replace(desk, progress=progress), params)
    except TimeoutError:
        late = f"No answer within {LONGEST_CALL_S:.0f} s."
        if tool.reads:
            raise Unavailable(f"{late} Nothing was changed; try again.", sent="no") from None
        raise OutcomeUnknown(f"{late} It may still happen: query the order first.", next="get_open_orders") from None


async def _remembered(tool: AnyTool, desk: Desk, params: Any) -> Found:
    """Make a call, and let the desk remember how it went."""
    try:
        found = await tool.call(desk, params)
    except SpotError as error:
        desk.incidents.refused(tool.name, error)
        raise
    desk.incidents.worked(tool.name)
    return found


def _about(shown: Json, wire: Mapping[str, str]) -> dict[str, Json]:
    """The symbol that an answer is about, where the answer itself does not say so."""
    named = {*shown, *shown.get("columns", ())} if isinstance(shown, dict) else set()
    return {"symbol": wire["symbol"]} if "symbol" in wire and not named & {"symbol", "symbols", "symbolRules"} else {}


def _bug(tool: AnyTool, request_id: str) -> SpotError:
    return SpotError(
        f"This is a bug of the server, not of the call. Its log has the details under {request_id}.",
        code="INTERNAL",
        sent="no" if tool.reads else "unknown",
        retry="never" if tool.reads else "after_reconcile",
        details={"request_id": request_id},
    )
