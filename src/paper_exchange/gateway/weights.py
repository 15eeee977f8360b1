"""What calls cost where the price depends on their parameters; all read the text as sent, right or wrong.

Source: rest-api.md (the weight under each endpoint)
"""

from collections.abc import Mapping

import msgspec

from paper_exchange.gateway.endpoint import Weight

_MOST_DIGITS = 20


def of_flag(name: str, without: int, with_it: int) -> Weight:
    """One price without a flag, one with it."""
    return lambda sent: with_it if sent.get(name, "").lower() == "true" else without


def if_sent(name: str, without: int, with_it: int) -> Weight:
    """One price where a parameter is sent, one where it is not."""
    return lambda sent: with_it if name in sent else without


def by_symbols(one: int, many: int) -> Weight:
    """One price for one symbol, one for several or all."""
    return lambda sent: one if "symbol" in sent else many


def per_symbol(each: int, most: int, everything: int | None = None) -> Weight:
    """So much for each symbol, up to a cap; `everything` is for no symbol named."""

    def weight(sent: Mapping[str, str]) -> int:
        if everything is not None and "symbol" not in sent and "symbols" not in sent:
            return everything
        return min(each * max(count_of_symbols(sent), 1), most)

    return weight


def by_rows(*steps: tuple[int, int], beyond: int, default: int) -> Weight:
    """A price by how many rows are asked for: (up to, weight) in ascending order."""

    def weight(sent: Mapping[str, str]) -> int:
        text = sent.get("limit", "")
        rows = int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else default
        return next((cost for most, cost in steps if rows <= most), beyond)

    return weight


def by_symbol_count(*steps: tuple[int, int], beyond: int) -> Weight:
    """A price by how many symbols are named: (up to, weight) in ascending order; `beyond` also for all of them."""

    def weight(sent: Mapping[str, str]) -> int:
        named = count_of_symbols(sent)
        return next((cost for most, cost in steps if 0 < named <= most), beyond)

    return weight


def count_of_symbols(sent: Mapping[str, str]) -> int:
    """How many symbols a call names; what cannot be read names none."""
    if "symbol" in sent:
        return 1
    try:
        return len(msgspec.json.decode(sent.get("symbols", "[]"), type=list[str]))
    except msgspec.DecodeError:
        return 0
