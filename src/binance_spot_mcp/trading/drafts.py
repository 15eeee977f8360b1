"""Calls that wait for a person's yes, as the journal tells them.

    DRAFT -> AWAITING_APPROVAL -> APPROVED -> the call is made (INTENDED)
                               -> DECLINED     the answer was not a yes
                               -> LAPSED       its time was over, its session ended, or the call was not made after all

APPROVED is the one record that uses a yes up: from then on there is none any more, whatever happens next.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

import msgspec

from binance_spot_mcp.trading.journal.records import Entry

WAITING: Final = frozenset({"DRAFT", "AWAITING_APPROVAL"})
"""A yes would still count."""
ENDED: Final = frozenset({"DECLINED", "LAPSED"})
"""Nothing comes of it any more."""
CODE_LENGTH: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A call as it would be made, and what a person is shown of it.

    Attributes:
        id: Its own name, never used for another.
        intent_id: The name of the call.
        tool: Which call.
        symbol: The symbol.
        digest: What tells the call from every other.
        session: Who asked for it; the approval of one session is none of another's.
        asked: The parameters that were given, as text.
        payload: All parameters as they would be sent.
        orders: The side of each order that it places, by the order's name.
        existing: What an order that it cancels or amends was like; empty without one.
        text: What the person is shown.
        notes: Sentences for the caller: what could not be checked or tested beforehand.
        expires_ms: Until when a yes counts, in epoch milliseconds of the exchange.
        state: DRAFT, AWAITING_APPROVAL, APPROVED, DECLINED or LAPSED.
        why: Why it ended without a yes, in words.
    """

    id: str
    intent_id: str
    tool: str
    symbol: str
    digest: str
    session: str
    asked: Mapping[str, str]
    payload: Mapping[str, str]
    orders: Mapping[str, str]
    existing: Mapping[str, str]
    text: str
    notes: tuple[str, ...]
    expires_ms: int
    state: str = "DRAFT"
    why: str = ""

    @property
    def seal(self) -> str:
        """What a yes is bound to: this draft, this payload, this text, and no other."""
        parts = (self.id, self.tool, sorted(self.payload.items()), self.text, self.session, self.expires_ms)
        return sha256(msgspec.json.encode(parts)).hexdigest()

    @property
    def code(self) -> str:
        """What a person types to name it, e.g. `7KD2-9XBC`."""
        letters = self.id.rpartition("-")[2][:CODE_LENGTH].upper()
        return f"{letters[:4]}-{letters[4:]}"

    @property
    def name(self) -> str:
        """The name of its first order, or of the order that it changes."""
        return next(iter(self.orders), "")

    def over(self, now_ms: int) -> bool:
        """Whether its time is over."""
        return now_ms >= self.expires_ms


def drafted(draft: Draft) -> Entry:
    """The entry that a draft was made."""
    return Entry(
        kind="draft",
        state="DRAFT",
        intent_id=draft.intent_id,
        symbol=draft.symbol,
        client_order_id=draft.name,
        payload={
            "draft": draft.id,
            "tool": draft.tool,
            "asked": draft.asked,
            "payload": draft.payload,
            "orders": [*draft.orders.items()],
            "existing": draft.existing,
            "text": draft.text,
            "notes": draft.notes,
            "digest": draft.digest,
            "seal": draft.seal,
            "session": draft.session,
            "expires_ms": draft.expires_ms,
        },
    )


def moved(draft: Draft, state: str, **evidence: str) -> Entry:
    """The entry that a draft is in another state."""
    return Entry(
        kind="draft",
        state=state,
        intent_id=draft.intent_id,
        symbol=draft.symbol,
        client_order_id=draft.name,
        evidence={"draft": draft.id, "seal": draft.seal, **evidence},
    )


class Drafts:
    """Every draft, by its own name; of the drafts of one call the latest counts."""

    def __init__(self) -> None:
        self._all: dict[str, Draft] = {}
        self._by_intent: dict[str, str] = {}
        self._by_digest: dict[str, str] = {}
        self._open: dict[str, None] = {}

    def apply(self, entry: Entry) -> None:
        """Take in what was written of a draft."""
        if entry.state == "DRAFT":
            self._keep(_read(entry))
        else:
            draft = self._all[entry.evidence["draft"]]
            self._keep(replace(draft, state=entry.state, why=entry.evidence.get("why", "")))

    def known(self, draft_id: str) -> Draft | None:
        """A draft by its own name."""
        return self._all.get(draft_id)

    def of_call(self, intent_id: str) -> Draft | None:
        """The latest draft of a call."""
        return self._all.get(self._by_intent.get(intent_id, ""))

    def of_content(self, digest: str) -> Draft | None:
        """The latest draft of a call of this content."""
        return self._all.get(self._by_digest.get(digest, ""))

    def coded(self, code: str) -> Iterator[Draft]:
        """Every draft that a person names so."""
        return (draft for draft in self._all.values() if draft.code == code)

    def open(self) -> Iterator[Draft]:
        """Every draft that has not ended, and whose call was not made yet."""
        return (self._all[name] for name in [*self._open])

    def made(self, intent_id: str) -> None:
        """Take in that a call is being made."""
        self._open.pop(self._by_intent.get(intent_id, ""), None)

    def _keep(self, draft: Draft) -> None:
        self._all[draft.id] = draft
        self._by_intent[draft.intent_id] = draft.id
        self._by_digest[draft.digest] = draft.id
        if draft.state in ENDED:
            self._open.pop(draft.id, None)
        else:
            self._open[draft.id] = None


def _read(entry: Entry) -> Draft:
    said: Mapping[str, Any] = entry.payload
    return Draft(
        id=said["draft"],
        intent_id=entry.intent_id,
        tool=said["tool"],
        symbol=entry.symbol,
        digest=said["digest"],
        session=said["session"],
        asked=said["asked"],
        payload=said["payload"],
        orders=dict(said["orders"]),
        existing=said["existing"],
        text=said["text"],
        notes=tuple(said["notes"]),
        expires_ms=said["expires_ms"],
    )
