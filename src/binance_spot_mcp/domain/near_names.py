"""Which listed symbols a wrong name may have meant."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

ALIKE: Final = 0.75
"""How alike two names are, from 0 to 1, before one is taken for a slip of the other."""

_SEPARATORS: Final = re.compile(r"[\W_]+")


def near_names(symbol: str, names: Sequence[str], most: int) -> list[str]:
    """The names that come near a symbol, the likeliest first.

    That is the same name without separators (BTC_USDT) or with its assets swapped (USDTBTC), then names that are
    spelled alike, then those that begin with it (BTC). Only where there are none of these, looser likeness counts.

    Args:
        symbol: What was asked for.
        names: Every symbol that is listed.
        most: How many to give at most.
    """
    bare = _SEPARATORS.sub("", symbol)
    swapped = {bare[place:] + bare[:place] for place in range(len(bare))}
    same = [name for name in names if name == symbol or name in swapped]
    alike = get_close_matches(bare, names, most, ALIKE)
    longer = [name for name in names if bare and name.startswith(bare)]
    return list(dict.fromkeys([*same, *alike, *longer]))[:most] or get_close_matches(bare, names, most)
