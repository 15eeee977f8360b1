"""What an agent sent, checked and read before anything else happens.

The raw arguments are looked at, not what a schema library made of them: a name that we do not know is never dropped,
since a lost `stopPrice` costs money. Whatever is wrong is said in one sentence with the correction at hand.
"""

import difflib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from binance_spot_mcp.catalogue.endpoint import Params
from binance_spot_mcp.catalogue.rules import Rule, broken
from binance_spot_mcp.errors import InvalidInput
from binance_spot_mcp.surface.text import given

P = TypeVar("P", bound=Params)

MOST_CHARACTERS = 65_536
"""Arguments of one call, as JSON."""
_SENTENCES = 3
"""Mistakes that one refusal names."""
_FEW = 12
"""So many argument names fit into a sentence; the details always have them all."""

_SYNONYMS = {
    "qty": "quantity",
    "amount": "quantity",
    "size": "quantity",
    "pair": "symbol",
    "market": "symbol",
    "tif": "timeInForce",
    "trigger": "stopPrice",
    "since": "startTime",
    "start": "startTime",
    "end": "endTime",
    "count": "limit",
    "timeframe": "interval",
    "id": "orderId",
}
_ALIKE = 0.75
"""How alike two names are, from 0 to 1, before one is taken for a slip of the other."""

_DECIDED = {
    **dict.fromkeys(("timestamp", "recvwindow", "signature"), "The server signs each request itself; leave it out."),
    **dict.fromkeys(
        ("apikey", "apisecret", "secret", "secretkey"), "Keys come from the server's settings alone; leave it out."
    ),
    **dict.fromkeys(("confirm", "force", "approve"), "No argument can confirm or force an order; leave it out."),
    "neworderresptype": "The server always asks for the full answer; leave it out.",
}
_CLIENT_ID = "The server chooses client order ids; they come back in the answer. Leave it out."
_OWN_NAME = "To name the call yourself, give intent_id."


def check_size(arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that no honest call needs.

    Raises:
        InvalidInput: TOO_LARGE, above 64 KB.
    """
    try:
        size = len(json.dumps(arguments, ensure_ascii=False))
    except (ValueError, RecursionError):  # a number of thousands of digits, or lists in lists without end
        size = MOST_CHARACTERS + 1
    if size > MOST_CHARACTERS:
        raise InvalidInput(
            f"The arguments are longer than {MOST_CHARACTERS} characters. Send less.",
            code="TOO_LARGE",
            details={"allowed": MOST_CHARACTERS},
        )


def take_choice(arguments: dict[str, Any], name: str, choices: tuple[str, ...]) -> str:
    """Remove an option of ours from the arguments; the first choice is the default.

    Raises:
        InvalidInput: It is none of the choices.
    """
    value = arguments.pop(name, None)
    if value is None:
        return choices[0]
    if isinstance(value, str) and value.lower() in choices:
        return value.lower()
    raise InvalidInput(
        f"{name} must be {' or '.join(choices)}.",
        details={"param": name, "given": given(value), "allowed": list(choices)},
    )


def read_arguments(
    model: type[P], arguments: Mapping[str, Any], rules: Iterable[Rule] = (), options: Iterable[str] = ()
) -> P:
    """The parameters that an agent sent.

    Args:
        model: The parameters that the tool knows.
        arguments: What was sent, without our own options.
        rules: Conditions between parameters.
        options: Names of our own options, which are suggested like parameters.

    Raises:
        InvalidInput: UNKNOWN_ARGUMENT, MISSING_ARGUMENT or INVALID_ARGUMENT; `fix` holds what would be right.
    """
    _refuse_unknown(model, arguments, options)
    try:
        params = model.model_validate(_without_nulls(model, arguments))
    except ValidationError as faults:
        raise _wrong_values(model, faults.errors(include_url=False)) from None
    if faults_between := broken(rules, params.given()):
        raise InvalidInput(
            " ".join(fault.message for fault in faults_between[:_SENTENCES]),
            code="MISSING_ARGUMENT" if all(fault.missing for fault in faults_between) else "INVALID_ARGUMENT",
            details={
                what: names
                for what in ("missing", "refused")
                if (names := [name for fault in faults_between for name in getattr(fault, what)])
            },
        )
    return params


def read_otherwise(params: Params, arguments: Mapping[str, Any]) -> dict[str, str]:
    """What was not taken as it was written but as what it means (`btc/usdt`), by wire name."""
    wire = params.wire()
    names = _names(type(params))
    return {
        names[name]: wire[names[name]]
        for name, value in arguments.items()
        if value is not None and names[name] in wire and _text(value) != wire[names[name]]
    }


@cache
def _names(model: type[Params]) -> dict[str, str]:
    """Every name by which an agent may send a parameter, to its wire name."""
    wire = {name: model.model_fields[name].alias or name for name in model.asked()}
    return {alias: alias for alias in wire.values()} | wire


@cache
def _defaulted(model: type[Params]) -> frozenset[str]:
    """Every name of a parameter that has a value of its own where an agent sends none."""
    fields = model.model_fields.items()
    own = {info.alias or name for name, info in fields if info.default is not None and not info.is_required()}
    return frozenset(name for name, alias in _names(model).items() if alias in own)


def _without_nulls(model: type[Params], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments without those by which null asks for the default; null for an amount is no such thing."""
    return {name: value for name, value in arguments.items() if value is not None or name not in _defaulted(model)}


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _refuse_unknown(model: type[Params], arguments: Mapping[str, Any], options: Iterable[str]) -> None:
    names = _names(model)
    unknown = [name for name in arguments if name not in names]
    if unknown:
        accepted = [*dict.fromkeys(names.values()), *options]
        near = {name: match for name in unknown if not _decided(name) and (match := nearest(name, accepted))}
        sentences = [_unknown(name, near.get(name)) for name in unknown[:_SENTENCES]]
        if "intent_id" in accepted and any(_decided(name) is _CLIENT_ID for name in unknown):
            sentences.append(_OWN_NAME)
        already = {names.get(name, name) for name in arguments}
        fixes = {match: _text(arguments[name]) for name, match in near.items() if arguments[name] is not None}
        if not near and len(accepted) <= _FEW:
            sentences.append(f"It takes {', '.join(accepted) or 'none'}.")
        raise InvalidInput(
            " ".join(sentences),
            code="UNKNOWN_ARGUMENT",
            fix={match: text for match, text in fixes.items() if match not in already and given(text) == text},
            details={"param": given(unknown[0]), "allowed": accepted},
        )
    wire = [names[name] for name in arguments]
    if twice := next((name for name in wire if wire.count(name) > 1), None):
        raise InvalidInput(f"{twice} was sent twice, once in each spelling; send it once.", details={"param": twice})


def nearest(name: str, accepted: Iterable[str]) -> str | None:
    """The accepted name that was most likely meant, or None."""
    folded = {_folded(known): known for known in accepted}
    wanted = _folded(name)
    if wanted in folded:
        return folded[wanted]
    if (synonym := _SYNONYMS.get(wanted)) in folded.values():
        return synonym
    matches = difflib.get_close_matches(wanted, folded, 1, _ALIKE)
    return folded[matches[0]] if matches else None


def _folded(name: str) -> str:
    return name[:64].replace("_", "").replace("-", "").lower()


def _decided(name: str) -> str | None:
    """Why a name is none that an agent could send, where the server decides what it stands for."""
    folded = _folded(name)
    return _CLIENT_ID if folded.endswith("clientorderid") else _DECIDED.get(folded)


def _unknown(name: str, near: str | None) -> str:
    if decided := _decided(name):
        return f'"{given(name)}" is no argument. {decided}'
    if near:
        return f'"{given(name)}" is no argument of this tool; did you mean {near}?'
    return f'"{given(name)}" is no argument of this tool.'


def _wrong_values(model: type[Params], faults: list[ErrorDetails]) -> InvalidInput:
    names = _names(model)
    by_name: dict[str, ErrorDetails] = {}
    for fault in faults:
        name = str(fault["loc"][0])
        by_name.setdefault(names.get(name, name), fault)
    missing = [name for name, fault in by_name.items() if fault["type"] == "missing"]
    wrong = {name: fault for name, fault in by_name.items() if fault["type"] != "missing"}
    sentences = [f"{' and '.join(missing)} must be given."] if missing else []
    sentences += [f"{name} {_sentence(fault)}" for name, fault in wrong.items()]
    details: dict[str, Any] = {"missing": missing} if missing else {}
    for name, fault in list(wrong.items())[:1]:
        details |= {"param": name, "given": given(fault["input"])}
    return InvalidInput(
        " ".join(sentences[:_SENTENCES]),
        code="INVALID_ARGUMENT" if wrong else "MISSING_ARGUMENT",
        fix={name: str(fault["ctx"]["fix"]) for name, fault in wrong.items() if "fix" in fault.get("ctx", {})},
        details=details,
    )


def _sentence(fault: ErrorDetails) -> str:
    """What is wrong with a value, as the rest of a sentence that starts with the parameter's name."""
    if fault["type"] == "refused":
        return fault["msg"]
    return f"is not valid: {fault['msg'][:1].lower()}{fault['msg'][1:]}."
