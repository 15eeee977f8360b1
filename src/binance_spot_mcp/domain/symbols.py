"""Everything that a symbol demands of an order, read from the exchange's own JSON.

What Binance added since this was written is kept by name instead of failing, so that whoever checks an order can say
that there is a rule nobody here knows.

Source: rest-api.md#exchange-information, rest-api.md#query-relevant-filters-user_data
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import msgspec

from binance_spot_mcp.catalogue.market import ExchangeInfo, SymbolInfo
from binance_spot_mcp.domain.filters import FILTERS, Filter, MaxAsset

F = TypeVar("F", bound=Filter)


class _Head(msgspec.Struct, rename="camel"):
    """What tells filters apart."""

    filter_type: str = "without a name"


_LIST: Final = msgspec.json.Decoder(tuple[msgspec.Raw, ...])
_HEAD: Final = msgspec.json.Decoder(_Head)
_KEYS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class SymbolRules:
    """The rules of one symbol for one account.

    Attributes:
        info: Names, precisions, order types and flags.
        filters: Filters of the symbol, of the exchange and, where they were asked for, of the account.
        unknown: Filters and fields of filters that this version does not know.
        sor: Whether orders on the symbol can be routed over several books.
        of_account: Whether the account's own filters are among them.
    """

    info: SymbolInfo
    filters: tuple[Filter, ...]
    unknown: tuple[str, ...] = ()
    sor: bool = False
    of_account: bool = False

    def filter(self, kind: type[F]) -> F | None:
        """The filter of a kind, if the symbol has it."""
        return next((found for found in self.filters if isinstance(found, kind)), None)

    def for_account(self, lists: Iterable[bytes | msgspec.Raw]) -> "SymbolRules":
        """These rules with the account's own filters, which take the place of the public ones of the same kind.

        Args:
            lists: The JSON arrays `exchangeFilters`, `symbolFilters` and `assetFilters` of myFilters.
        """
        filters, unknown = _read_lists(lists)
        replaced = {_slot(found) for found in filters}
        kept = tuple(found for found in self.filters if _slot(found) not in replaced)
        return replace(self, filters=kept + filters, unknown=_unique(self.unknown + unknown), of_account=True)


def read_symbol(answer: ExchangeInfo, symbol: str) -> SymbolRules | None:
    """The rules of one symbol out of an exchangeInfo answer, or None if it has no such symbol."""
    info = next((found for found in answer.symbols if found.symbol == symbol), None)
    if info is None:
        return None
    filters, unknown = _read_lists((info.filters, answer.exchange_filters))
    return SymbolRules(info, filters, unknown, sor=any(symbol in group.symbols for group in answer.sors))


def _read_lists(lists: Iterable[bytes | msgspec.Raw]) -> tuple[tuple[Filter, ...], tuple[str, ...]]:
    """The filters of some JSON arrays, and the names of what was not understood."""
    filters: list[Filter] = []
    unknown: list[str] = []
    for raw in (raw for array in lists for raw in _LIST.decode(array)):
        name = _HEAD.decode(raw).filter_type
        kind = FILTERS.get(name)
        if kind is None:
            unknown.append(f"filter {name}")
            continue
        try:
            filters.append(msgspec.json.decode(raw, type=kind))
        except msgspec.ValidationError as error:
            unknown.append(f"filter {name}, which reads: {error}")
            continue
        known = {"filterType", *kind.__struct_encode_fields__}
        unknown += [f"field {key} of filter {name}" for key in _KEYS.decode(raw) if key not in known]
    return tuple(filters), _unique(unknown)


def _slot(found: Filter) -> tuple[str, str]:
    """What there is one of: a filter of a kind, or a filter of a kind on an asset."""
    return found.name, found.asset if isinstance(found, MaxAsset) else ""


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
