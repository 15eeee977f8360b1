"""Why a call that needs a person's yes is not made, in words for the agent; nothing was sent in any of these cases."""

from datetime import UTC, datetime
from typing import Final

from binance_spot_mcp.errors import InvalidInput, Refused
from binance_spot_mcp.trading.drafts import Draft
from binance_spot_mcp.trading.register import Intent

AGAIN_MS: Final = 5_000
"""When to come back to a draft that nobody has answered."""


def unanswered(draft: Draft, now_ms: int, *, asked: bool) -> Refused:
    """Nobody has said yes yet, and somebody still can."""
    who = "No person has answered yet" if asked else "This host cannot ask a person"
    return Refused(
        f"{who}, so nothing was sent. The operator can run in a terminal: binance-spot-mcp approve {draft.code}. Then "
        f"make the same call with intent_id {draft.intent_id}, before {_clock(draft.expires_ms)}.",
        code="CONFIRMATION_REQUIRED",
        retry="at",
        retry_at_ms=min(now_ms + AGAIN_MS, draft.expires_ms),
        fix={"intent_id": draft.intent_id},
        next=draft.tool,
        intent_id=draft.intent_id,
        details={"draft": {"code": draft.code, "expires_ms": draft.expires_ms, "text": draft.text.splitlines()}},
    )


def not_a_yes(draft: Draft, said: str) -> Refused:
    """Somebody was asked and did not say yes."""
    return _invalid(
        draft,
        f"Not sent: {said or 'the answer was no'}. It is not asked again under this intent_id; do not try again unless "
        "the user wants it. A host that declines without showing the question has to allow elicitation first.",
        "never",
    )


def too_late(draft: Draft) -> Refused:
    """The time of a draft was over before a yes was there."""
    return _invalid(
        draft,
        f"Not sent: no yes came before {_clock(draft.expires_ms)}, and none counts any more. The same call once more "
        "asks a person anew, with fresh prices.",
    )


def ended(draft: Draft) -> Refused:
    """The answer is to a draft that has ended, or whose yes was used."""
    match draft.state:
        case "DECLINED":
            return not_a_yes(draft, draft.why)
        case "LAPSED":
            return _invalid(draft, f"Not sent: this question has ended ({draft.why}) The same call asks anew.")
        case _:
            return _invalid(draft, "Not sent: this yes was used already. get_order_state tells what became of it.")


def used(intent: Intent) -> Refused:
    """The yes belongs to a call that was made."""
    return Refused(
        "Nothing was sent now: this yes was used already, by the call that it was given to. get_order_state tells what "
        "became of that.",
        code="CONFIRMATION_INVALID",
        next="get_order_state",
        intent_id=intent.id,
        client_order_id=intent.name or None,
    )


def changed(draft: Draft) -> Refused:
    """The order that would be cancelled or amended is not the one any more that the person was shown."""
    return _invalid(
        draft, "Not sent: the order has changed since a person was asked about it. The same call asks anew."
    )


def other_session(draft: Draft) -> Refused:
    """The question was put to the person behind another session."""
    return _invalid(
        draft,
        "Not sent: the yes that this call waits for belongs to the session that asked for it. Take an intent_id of "
        "your own to have it asked here.",
    )


def other_content(draft: Draft) -> InvalidInput:
    """The name belongs to a call of other content."""
    return InvalidInput(
        f"intent_id {draft.intent_id} belongs to another call ({draft.tool} on {draft.symbol}) that a person was asked "
        "about, and a name is used for one call alone. Give this one its own.",
        code="INTENT_CONFLICT",
        intent_id=draft.intent_id,
        details={"param": "intent_id", "first": dict(draft.asked)},
    )


def another_question() -> Refused:
    """The answer is to a question that was not asked, or to one that a later one has replaced."""
    return Refused(
        "Not sent: the answer is to another question. The same call without it asks a person anew.",
        code="CONFIRMATION_INVALID",
        retry="after_fix",
    )


def too_many(most: int, retry_at_ms: int) -> Refused:
    """More questions than a person can answer."""
    return Refused(
        f"Not sent: {most} calls wait for a person's yes already. Let them be answered or lapse first.",
        code="LIMIT_EXCEEDED",
        retry="at",
        retry_at_ms=retry_at_ms,
    )


def _invalid(draft: Draft, message: str, retry: str = "after_fix") -> Refused:
    return Refused(
        message,
        code="CONFIRMATION_INVALID",
        retry="never" if retry == "never" else "after_fix",
        next=None if retry == "never" else draft.tool,
        intent_id=draft.intent_id,
        details={"draft": {"state": draft.state, "expires_ms": draft.expires_ms}},
    )


def _clock(epoch_ms: int) -> str:
    return f"{datetime.fromtimestamp(epoch_ms // 1000, UTC):%H:%M:%S} UTC"
