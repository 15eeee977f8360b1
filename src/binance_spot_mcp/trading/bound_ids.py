"""Names of calls that hold their content: what `check_order` hands out, and what a call under such a name must be.

Nothing is kept for it. The name carries a digest of the call as a whole, and a short one of each part of it, by which a
refusal can tell what was changed.
"""

import re
from base64 import b32encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from binance_spot_mcp.errors import InvalidInput
from binance_spot_mcp.trading.intents import digest_of

NONCE: Final = 10
"""So many letters or digits make a name another one each time."""

_PARTS: Final[tuple[tuple[str, ...], ...]] = (
    ("symbol",),
    ("side",),
    ("type", "timeInForce"),
    ("quantity", "quoteOrderQty"),
    ("price", "stopPrice", "trailingDelta"),
)
"""Parameters of which each group has a digest of its own; all others share one."""
_WHOLE: Final = 20
_PART: Final = 3
_FORM: Final = re.compile(
    rf"check-[a-z0-9]{{{NONCE}}}-(?P<parts>[a-z2-7]{{{_PART * (len(_PARTS) + 1)}}})-(?P<whole>[a-z2-7]{{{_WHOLE}}})"
)


def bound_id(nonce: str, tool: str, asked: Mapping[str, str]) -> str:
    """A name for a call that no other call may use.

    Args:
        nonce: Ten letters or digits that make it another name each time.
        tool: The call.
        asked: Its parameters as text.
    """
    return f"check-{nonce}-{''.join(_parts(asked))}-{_whole(tool, asked)}"


def refuse_changed(intent_id: str | None, tool: str, asked: Mapping[str, str]) -> None:
    """Refuse a call under a name that was made for another one; a name of any other form passes.

    Raises:
        InvalidInput: INTENT_CONFLICT; the details say what differs.
    """
    bound = _FORM.fullmatch(intent_id or "")
    if bound is None or bound["whole"] == _whole(tool, asked):
        return
    parts = [bound["parts"][start : start + _PART] for start in range(0, len(bound["parts"]), _PART)]
    changed = [
        "/".join(names)
        for names, then, now in zip((*_PARTS, ("another parameter",)), parts, _parts(asked), strict=True)
        if then != now
    ]
    raise InvalidInput(
        f"intent_id {intent_id} was given out for the order that check_order looked at, and this is another one: "
        f"{', '.join(changed) or 'the tool'} differs. Check this one too, or give it an intent_id of its own.",
        code="INTENT_CONFLICT",
        intent_id=intent_id,
        next="check_order",
        details={"param": "intent_id", "differs": changed or ["tool"]},
    )


def _parts(asked: Mapping[str, str]) -> list[str]:
    grouped = {name for names in _PARTS for name in names}
    rest = [name for name in sorted(asked) if name not in grouped]
    return [_short(repr([asked.get(name) for name in names]), _PART) for names in _PARTS] + [
        _short(repr([(name, asked[name]) for name in rest]), _PART)
    ]


def _whole(tool: str, asked: Mapping[str, str]) -> str:
    return _short(digest_of(tool, asked), _WHOLE)


def _short(text: str, letters: int) -> str:
    return b32encode(sha256(text.encode()).digest()).decode().lower()[:letters]
