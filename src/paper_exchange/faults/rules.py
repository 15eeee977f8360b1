"""What a fault rule is: where and when something happens to what.

    {"id": "lost", "where": "rest", "match": {"method": "POST", "path": "/api/v3/order", "symbol": "BTCUSDT"},
     "nth": 2, "times": 1, "phase": "after", "effect": {"kind": "no_reply"}}

(the answer to the second order on BTCUSDT is lost)

Of a request, `before` means that the engine never sees it, `after` that it was carried out and its answer is not sent,
`reply` that the answer is sent, but not as it should be. Messages of streams have no phase: `effect` is what becomes of
them.
"""

import json
import tomllib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from paper_exchange.faults import effects
from paper_exchange.faults.effects import Effect

Where = Literal["rest", "ws_api", "market", "user", "clock", "disk", "process"]
Phase = Literal["before", "after", "reply"]

CONNECT: Final = "CONNECT"
"""The method of the occasion that a WebSocket is asked for. Only rules that name it meet it."""


LOG: Final = "log"
SNAPSHOT: Final = "snapshot"
"""The paths of what happens to disk and process: the write of one command to the log, and of a snapshot."""


class BadRule(ValueError):
    """A rule that could never do what it says; the text says why."""


class Occasion(NamedTuple):
    """Something that a fault may befall.

    Attributes:
        method: HTTP method, WebSocket API method, `CONNECT`, or the engine's name of a command (disk, process).
        path: Of the URL; of disk and process, `log` or `snapshot`.
        stream: Name of a market stream, or type of a user data event.
    """

    where: Where
    method: str = ""
    path: str = ""
    symbol: str = ""
    stream: str = ""


class Match(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which occasions a rule is about. What is not said matches; `*` and `?` stand for other characters."""

    method: str = "*"
    path: str = "*"
    symbol: str = "*"
    stream: str = "*"

    def fits(self, occasion: Occasion) -> bool:
        """Whether an occasion is of this kind."""
        return (
            fnmatchcase(occasion.method, self.method)
            and fnmatchcase(occasion.path, self.path)
            and fnmatchcase(occasion.symbol, self.symbol)
            and fnmatchcase(occasion.stream, self.stream)
            and (occasion.method == CONNECT) == (self.method == CONNECT)
        )


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule.

    Attributes:
        id: What it is called; an empty one is replaced by a name that is free.
        nth: The first of the matching occasions that it befalls; 0 makes it act once, as soon as it is there.
        times: How many it befalls, None for all that follow.
        chance: How likely it befalls each of them.
        phase: Of a request; None is the first that the effect can have.
    """

    where: Where
    effect: Effect
    id: str = ""
    match: Match = Match()
    nth: int = 1
    times: int | None = 1
    chance: float = 1.0
    phase: Phase | None = None

    @property
    def acts_at_once(self) -> bool:
        """Whether it waits for no occasion. Rules about the clock never do."""
        return self.where == "clock" or self.nth == 0


_Phases = tuple[Phase, ...]

_NEVER_SEEN_OR_LOST: Final[_Phases] = ("before", "after")
_OF_REQUESTS: Final[dict[type[Effect], _Phases]] = {
    effects.Refuse: _NEVER_SEEN_OR_LOST,
    effects.Reset: _NEVER_SEEN_OR_LOST,
    effects.NoReply: _NEVER_SEEN_OR_LOST,
    effects.Delay: ("before", "reply"),
    effects.Reply: ("before", "after", "reply"),
    effects.ClockStep: _NEVER_SEEN_OR_LOST,
    effects.Skew: ("before",),
    effects.QueryLag: ("after",),
    effects.Kill: ("before", "after", "reply"),
    effects.Filters: _NEVER_SEEN_OR_LOST,
    effects.SymbolStatus: _NEVER_SEEN_OR_LOST,
    effects.ResetVenue: _NEVER_SEEN_OR_LOST,
}
_OF_MESSAGES: Final[dict[type[Effect], _Phases]] = {
    effects.Reset: (),
    effects.Delay: (),
    effects.Close: (),
    effects.Stall: (),
    effects.Drop: (),
    effects.Duplicate: (),
    effects.Reorder: (),
    effects.Event: (),
    effects.Burst: (),
}
_ALLOWED: Final[dict[Where, dict[type[Effect], _Phases]]] = {
    "rest": _OF_REQUESTS
    | {
        effects.Cut: ("reply",),
        effects.Drip: ("reply",),
        effects.Redirect: _NEVER_SEEN_OR_LOST,
    },
    "ws_api": _OF_REQUESTS
    | {
        effects.Close: _NEVER_SEEN_OR_LOST,
        effects.Stall: _NEVER_SEEN_OR_LOST,
        effects.Drop: _NEVER_SEEN_OR_LOST,
        effects.Duplicate: ("reply",),
        effects.Reorder: ("reply",),
        effects.Event: ("reply",),
        effects.Burst: ("reply",),
    },
    "market": _OF_MESSAGES | {effects.Refuse: ()},
    "user": _OF_MESSAGES,
    "clock": {effects.ClockStep: (), effects.Skew: ()},
    "disk": {effects.Enospc: ("before",), effects.Eio: ("before",), effects.TornWrite: ("after",)},
    "process": {effects.Kill: _NEVER_SEEN_OR_LOST},
}
"""The phases that an effect can have, by where; the first is the usual one."""

_CLOSE_CODES: Final = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})
"""What may be sent. Source: RFC 6455 section 7.4"""
_OF_CONNECTING: Final = (effects.Refuse, effects.Reset, effects.NoReply, effects.Delay, effects.Reply)
_AT_ONCE: Final = (
    effects.Refuse,
    effects.Reset,
    effects.Close,
    effects.Stall,
    effects.Event,
    effects.ClockStep,
    effects.Skew,
    effects.Filters,
    effects.SymbolStatus,
    effects.ResetVenue,
)


def completed(rule: Rule) -> Rule:
    """The rule with its phase said.

    Raises:
        BadRule: It could never act, or not as it says.
    """
    kind, where = name(rule.effect), rule.where
    connects = rule.match.method == CONNECT
    phases = ("before",) if connects else _ALLOWED[where].get(type(rule.effect))
    if phases is None or (connects and not isinstance(rule.effect, _OF_CONNECTING)):
        raise BadRule(f"{_title(rule)}: {kind} cannot happen to {CONNECT if connects else where}")
    if connects and where not in {"ws_api", "market"}:
        raise BadRule(f"{_title(rule)}: only ws_api and market are connected to")
    if rule.nth < 0 or (rule.times is not None and rule.times < 1):
        raise BadRule(f"{_title(rule)}: nth counts from 1 (0: at once), times is 1 or more, or null for ever")
    if not 0 < rule.chance <= 1:
        raise BadRule(f"{_title(rule)}: chance is more than 0 and at most 1")
    if rule.acts_at_once and (not isinstance(rule.effect, _AT_ONCE) or (where == "rest" and kind == "reset")):
        raise BadRule(f"{_title(rule)}: {kind} needs something to happen to; nth counts from 1")
    if rule.phase is not None and rule.phase not in phases:
        expected = f"the phase is {' or '.join(phases)}" if phases else "there are no phases"
        raise BadRule(f"{_title(rule)}: of {kind} at {where} {expected}, not {rule.phase}")
    _check_effect(rule)
    if isinstance(rule.effect, effects.Kill) and where == "process":
        rule = replace(rule, match=replace(rule.match, path=rule.effect.point))
    return replace(rule, phase=phases[0]) if phases and rule.phase is None else rule


def _check_effect(rule: Rule) -> None:
    effect = rule.effect
    for field in ("ms", "most_ms", "size", "every_ms", "by", "count", "keep"):
        amount = getattr(effect, field, None)
        if amount is not None and amount < 0 and not isinstance(effect, effects.Skew):
            raise BadRule(f"{_title(rule)}: {field} must not be negative")
    if isinstance(effect, effects.Delay) and effect.most_ms is not None and effect.most_ms < effect.ms:
        raise BadRule(f"{_title(rule)}: most_ms is less than ms")
    if isinstance(effect, effects.Drip | effects.TornWrite) and effect.size == 0:
        raise BadRule(f"{_title(rule)}: size must be positive")
    if isinstance(effect, effects.Close) and effect.code not in _CLOSE_CODES:
        raise BadRule(f"{_title(rule)}: {effect.code} is no code to close a WebSocket with")
    if isinstance(effect, effects.Event) and rule.where == "market" and rule.acts_at_once and not effect.stream:
        raise BadRule(f"{_title(rule)}: an event at once needs the stream it comes on")
    if isinstance(effect, effects.Reply) and rule.phase in {None, "before", "after"} and effect.status is None:
        raise BadRule(f"{_title(rule)}: a reply instead of the exchange's needs a status")


def name(effect: Effect) -> str:
    """What an effect is called in rules."""
    return str(type(effect).__struct_config__.tag)


def _title(rule: Rule) -> str:
    return f"rule {rule.id}" if rule.id else "rule"


def decode(document: bytes | str) -> Rule:
    """A rule from its JSON.

    Raises:
        BadRule: It is none, or could never act.
    """
    try:
        return completed(msgspec.json.decode(document, type=Rule))
    except msgspec.DecodeError as error:
        raise BadRule(f"not a rule: {error}") from error


def read_file(path: Path) -> list[Rule]:
    """The rules of a file: a JSON array, or `[[rules]]` in TOML.

    Raises:
        BadRule: The file cannot be read, or one of its rules is none.
    """
    try:
        rules = [completed(msgspec.convert(entry, Rule)) for entry in _entries(path)]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadRule(f"{path}: {error}") from error
    except (msgspec.ValidationError, BadRule) as error:
        raise BadRule(f"{path}: {error}") from error
    return rules


def _entries(path: Path) -> Sequence[Any]:
    content = path.read_text("utf-8")
    entries = tomllib.loads(content).get("rules") if path.suffix == ".toml" else json.loads(content)
    if not isinstance(entries, list):
        raise BadRule("expected a JSON array of rules, or [[rules]] in TOML")
    return entries
