"""What a parameter may look like: one value per parameter, which reads the wire's text or refuses it as Binance does.

A `Parameter[int]` in an endpoint's table is also the key by which a handler reads its value (`arguments[LIMIT]`).

Source: rest-api.md (the parameter tables), errors.md; the patterns are those that Binance prints in its -1100 texts.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Generic, TypeVar, cast

import msgspec

from paper_exchange.gateway import refusals
from paper_exchange.gateway.auth import in_microseconds
from paper_exchange.gateway.refusals import Rejected

T = TypeVar("T")
Read = Callable[[str, str], T]
"""Reads the text of the parameter of that name, or raises `Rejected`."""

_INTEGER_PATTERN = "^[0-9]{1,20}$"
_DECIMAL_PATTERN = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_SYMBOL_PATTERN = r"^[\w\-._&&[^a-z]]{1,50}$"
"""A Java regular expression (an intersection); `_is_symbol` is what it means."""
_CLIENT_ID_PATTERN = "^[a-zA-Z0-9-_]{1,36}$"

_REST_OF_MILLISECOND_US = 999

INT_MAX = 2**31 - 1
LONG_MAX = 2**63 - 1

_integer = re.compile(_INTEGER_PATTERN).fullmatch
_decimal = re.compile(_DECIMAL_PATTERN).fullmatch
_client_id = re.compile(_CLIENT_ID_PATTERN).fullmatch
_symbol = re.compile(r"[\w\-.]{1,50}").fullmatch
_lower_case = re.compile(r"[a-z]").search


@dataclass(frozen=True, eq=False, slots=True)
class Parameter(Generic[T]):
    """One parameter of an endpoint.

    Attributes:
        read: Turns the sent text into a value.
        mandatory: Refused with -1102 when not sent.
        default: The value when it is not sent.
        when_empty: The refusal of an empty text.
    """

    name: str
    read: Read[T]
    mandatory: bool = False
    default: T | None = None
    when_empty: Callable[[str], Rejected] = refusals.empty

    @property
    def required(self) -> "Parameter[T]":
        """The same parameter where it must be sent."""
        return replace(self, mandatory=True)


class Arguments:
    """The parameters of one request, read: look them up by their `Parameter`."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        """Whether a parameter of that name was sent."""
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        """The names that were sent."""
        return iter(self._values)

    def __getitem__(self, parameter: Parameter[T]) -> T:
        """The value of a parameter that is mandatory, conditionally required or has a default."""
        value = self.get(parameter)
        if value is None:
            raise refusals.missing(parameter.name)
        return value

    def get(self, parameter: Parameter[T]) -> T | None:
        """The value of a parameter, its default when it was not sent."""
        return cast("T | None", self._values.get(parameter.name, parameter.default))

    def precise(self, parameter: Parameter[Decimal], decimals: int) -> Decimal | None:
        """An amount of an asset that has so many decimals.

        Raises:
            Rejected: -1111, it has more.
        """
        value = self.get(parameter)
        if value is not None and -int(value.as_tuple().exponent) > decimals:
            raise refusals.too_precise(parameter.name)
        return value

    def sent(self, name: str) -> object:
        """The value that was sent under a name, None when none was."""
        return self._values.get(name)


def read_all(parameters: tuple[Parameter[Any], ...], sent: Mapping[str, str], ignored: frozenset[str]) -> Arguments:
    """Read what was sent against an endpoint's table: count, then each parameter in the table's order, then the rest.

    Args:
        ignored: Names that somebody else has read already (timestamp, recvWindow); they count as known.

    Raises:
        Rejected: -1101 for more parameters than the endpoint has, what each parameter refuses, -1104 for unknown names.
    """
    known = len(parameters) + len(ignored)
    if len(sent) > known:
        raise refusals.too_many_parameters(known, len(sent))
    values: dict[str, object] = {}
    for parameter in parameters:
        text = sent.get(parameter.name)
        if text:
            values[parameter.name] = parameter.read(parameter.name, text)
        elif parameter.mandatory:
            raise refusals.missing(parameter.name)
        elif text is not None:
            raise parameter.when_empty(parameter.name)
    read = len(values) + len(ignored & sent.keys())
    if read < len(sent):
        raise refusals.unread(read, len(sent))
    return Arguments(values)


def symbol(name: str = "symbol") -> Parameter[str]:
    """A trading pair: letters of any script but a-z, digits, `-`, `_` and `.`."""

    def read(name: str, text: str) -> str:
        if not is_symbol(text):
            raise refusals.illegal_characters(name, _SYMBOL_PATTERN)
        return text

    return Parameter(name, read)


def is_symbol(text: str) -> bool:
    """Whether a text could be the name of a pair."""
    return _symbol(text) is not None and _lower_case(text) is None


def symbol_list(name: str = "symbols", maximum: int | None = None) -> Parameter[tuple[str, ...]]:
    """Several trading pairs as a JSON array of strings."""

    def read(name: str, text: str) -> tuple[str, ...]:
        try:
            names = msgspec.json.decode(text, type=tuple[str, ...])
        except msgspec.DecodeError as error:
            raise refusals.invalid_json(name) from error
        if not names:
            raise refusals.invalid(name)
        if not all(is_symbol(each) for each in names):
            raise refusals.illegal_characters(name, _SYMBOL_PATTERN)
        if len(set(names)) < len(names):
            raise refusals.duplicate_symbols()
        if maximum is not None and len(names) > maximum:
            raise refusals.too_many_values(name, maximum)
        return names

    return Parameter(name, read)


def name_or_list(name: str, allowed: frozenset[str], default: tuple[str, ...]) -> Parameter[tuple[str, ...]]:
    """One of a set of names, or a JSON array of them."""

    def read(name: str, text: str) -> tuple[str, ...]:
        names: tuple[str, ...] = (text,)
        if text.startswith("["):
            try:
                names = msgspec.json.decode(text, type=tuple[str, ...])
            except msgspec.DecodeError as error:
                raise refusals.invalid_json(name) from error
        if not names or not allowed.issuperset(names):
            raise refusals.invalid(name)
        return names

    return Parameter(name, read, default=default)


def client_id(name: str, when_empty: Callable[[str], Rejected] = refusals.empty) -> Parameter[str]:
    """A client's own name for an order, a list or a cancel."""

    def read(name: str, text: str) -> str:
        if not _client_id(text):
            raise refusals.illegal_characters(name, _CLIENT_ID_PATTERN)
        return text

    return Parameter(name, read, when_empty=when_empty)


def new_client_id(name: str) -> Parameter[str]:
    """The client id of a new order."""
    return client_id(name, lambda _: Rejected(-1118, "New client order ID was empty."))


def orig_client_id(name: str) -> Parameter[str]:
    """The client id of an existing order."""
    return client_id(name, lambda _: Rejected(-1119, "Original client order ID was empty."))


def whole(
    name: str,
    *,
    largest: int = LONG_MAX,
    refuse: Callable[[int], Rejected | None] = lambda _: None,
    default: int | None = None,
) -> Parameter[int]:
    """A whole number from zero.

    Args:
        largest: What the wire's type can hold; beyond is -1108.
        refuse: Says what is wrong with a value, if anything.
    """

    def read(name: str, text: str) -> int:
        if not _integer(text):
            raise refusals.illegal_characters(name, _INTEGER_PATTERN)
        value = int(text)
        if value > largest:
            raise refusals.overflowed(name)
        refusal = refuse(value)
        if refusal is not None:
            raise refusal
        return value

    return Parameter(name, read, default=default)


def row_limit(default: int = 500, maximum: int = 1000) -> Parameter[int]:
    """How many rows to answer; more than there may be means as many as there may be."""

    def read(name: str, text: str) -> int:
        value = plain.read(name, text)
        if value == 0:
            raise refusals.invalid(name)
        return min(value, maximum)

    plain = whole("limit")
    return Parameter("limit", read, default=default)


def moment(name: str, *, is_end: bool = False) -> Parameter[int]:
    """A time bound in ms or us since the epoch; the value is microseconds. A millisecond that ends a range is in it."""
    plain = whole(name)

    def read(name: str, text: str) -> int:
        sent = plain.read(name, text)
        value = in_microseconds(sent)
        return value + _REST_OF_MILLISECOND_US if is_end and value != sent else value

    return Parameter(name, read)


def amount(name: str) -> Parameter[Decimal]:
    """A price or a quantity, without trailing zeros."""

    def read(name: str, text: str) -> Decimal:
        if not _decimal(text):
            raise refusals.illegal_characters(name, _DECIMAL_PATTERN)
        return Decimal(text.rstrip("0").rstrip(".") or "0" if "." in text else text)

    return Parameter(name, read)


def flag(name: str, *, default: bool = False) -> Parameter[bool]:
    """`true` or `false`, any case."""

    def read(name: str, text: str) -> bool:
        spelt = text.lower()
        if spelt not in {"true", "false"}:
            raise refusals.invalid(name)
        return spelt == "true"

    return Parameter(name, read, default=default)


def words(*allowed: T) -> dict[str, T]:
    """Binance's words, as `one_of` takes them."""
    return {str(word): word for word in allowed}


def one_of(
    name: str,
    allowed: Mapping[str, T],
    refuse: Callable[[str], Rejected] = refusals.invalid,
    default: T | None = None,
) -> Parameter[T]:
    """One of the names of a table, spelt exactly so."""

    def read(name: str, text: str) -> T:
        if text not in allowed:
            raise refuse(name)
        return allowed[text]

    return Parameter(name, read, default=default)


def parsed(name: str, parse: Callable[[str], T], default: T) -> Parameter[T]:
    """What a function makes of the text; a ValueError of it is -1130."""

    def read(name: str, text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise refusals.invalid(name) from error

    return Parameter(name, read, default=default)
