"""Putting a question to the person behind a call, in both eras of the protocol.

Up to 2025-11-25 the server asks while the call waits. From 2026-07-28 on the call ends with the question, and the host
makes it once more with the answer; what that brings back is sealed by the SDK, so that it is what we sent. An answer
counts as a yes only if it is an explicit accept with `place` set to true. Whatever else a host sends is none.

Source: modelcontextprotocol.io/specification/2026-07-28/client/elicitation
"""

import json
from typing import Any, Final

import anyio
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from binance_spot_mcp.logs import logger
from binance_spot_mcp.surface.session import Session
from binance_spot_mcp.trading.approver import Answer, Question, Reference

PATIENCE_S: Final = 35.0
"""How long a call waits for a person, from its beginning. What follows a yes has to fit into the rest of the call."""
FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "place": {
            "type": "boolean",
            "title": "Yes, send exactly this",
            "description": "It is sent once, and only if this is set.",
        }
    },
    "required": ["place"],
}
"""What a person fills in."""
_KEY: Final = "approval"

_log = logger("surface")


class AsksWithinTheCall:
    """Asks while the call waits, as hosts do up to 2025-11-25."""

    answered = None

    def __init__(self, context: Context[Session, Any]) -> None:
        self._context = context
        self._patience_ends = anyio.current_time() + PATIENCE_S
        self.session = context.request_context.lifespan_context.name

    @property
    def pending(self) -> InputRequiredResult | None:
        """Nothing: the answer to the call is its answer."""
        return None

    async def ask(self, asked: Question) -> Answer:
        """Ask, and wait for the answer as long as the call may."""
        if not (_can_show_a_form(self._context) and self._context.session.can_send_request):
            return Answer("unable")
        if (left_s := self._patience_ends - anyio.current_time()) <= 0:
            return Answer("open")
        try:
            with anyio.fail_after(left_s):
                answer = await self._context.session.elicit_form(asked.text, FORM, self._context.request_id)
        except TimeoutError:
            return Answer("open")
        except (MCPError, ValidationError) as error:
            _log.warning("the host could not ask", error=type(error).__name__)
            return Answer("open")
        return _judged(answer)


class AsksByEndingTheCall:
    """Lets the call end with the question, as hosts do from 2026-07-28 on; a later call brings the answer."""

    def __init__(self, context: Context[Session, Any]) -> None:
        self._context = context
        self._pending: InputRequiredResult | None = None
        self.session = context.request_context.lifespan_context.name
        self.answered = _read(context.request_state)

    @property
    def pending(self) -> InputRequiredResult | None:
        """The question with which the call has to end, if one was asked."""
        return self._pending

    async def ask(self, asked: Question) -> Answer:
        """The answer that the call has brought to this question; without one, it is asked."""
        brought = (self._context.input_responses or {}).get(_KEY)
        if self.answered == asked.about and brought is not None:
            return _judged(brought)
        if not _can_show_a_form(self._context):
            return Answer("unable")
        form = ElicitRequestFormParams(message=asked.text, requested_schema=FORM)
        self._pending = InputRequiredResult(
            request_state=json.dumps({"draft": asked.about.draft, "seal": asked.about.seal}),
            input_requests={_KEY: ElicitRequest(params=form)},
        )
        return Answer("open")


def approver(context: Context[Session, Any]) -> AsksWithinTheCall | AsksByEndingTheCall:
    """Whoever asks in the era of a call."""
    if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return AsksByEndingTheCall(context)
    return AsksWithinTheCall(context)


def _can_show_a_form(context: Context[Session, Any]) -> bool:
    """Whether the host says that it can; one that names no kind of question means forms."""
    said = context.client_capabilities
    asks = said.elicitation if said is not None else None
    return asks is not None and (asks.form is not None or asks.url is None)


def _judged(answer: object) -> Answer:
    """Whether an answer is a yes. Everything but an explicit one is a no, also what a host should never send."""
    match answer:
        case ElicitResult(action="accept", content={"place": True as place}) if place is True:
            return Answer("yes", "the host's form")
        case ElicitResult(action="accept", content={"place": False as place}) if place is False:
            return Answer("no", "the form came back without a yes")
        case ElicitResult(action="accept"):
            return Answer("no", "the host accepted without an answer that counts")
        case ElicitResult(action="decline"):
            return Answer("no", "the question was declined")
        case ElicitResult(action="cancel"):
            return Answer("no", "the question was dismissed")
        case _:
            return Answer("no", "what came back is no answer to this question")


def _read(state: str | None) -> Reference | None:
    """The question that a call brings the answer to; the SDK has checked that we sent this."""
    if state is None:
        return None
    said = json.loads(state)
    return Reference(said["draft"], said["seal"])
