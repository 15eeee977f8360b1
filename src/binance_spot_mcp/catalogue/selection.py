"""Which symbols a call about market data is about."""

from binance_spot_mcp.catalogue.endpoint import Params
from binance_spot_mcp.catalogue.fields import OneOf, Symbol, SymbolList
from binance_spot_mcp.catalogue.rules import AtMostOne, MaxItems, Needs
from binance_spot_mcp.vocabulary import SymbolStatusFilter

StatusFilter = OneOf[SymbolStatusFilter] | None
"""Keeps the symbols in this state. One named symbol in another state is an error (-1220); of several it is dropped."""

ONE_OR_SEVERAL = AtMostOne(("symbol", "symbols"))
ONE_OR_LIST = (Needs({}, one_of=("symbol", "symbols")), MaxItems("symbols", 100))


class SymbolParams(Params):
    """A symbol and nothing else."""

    symbol: Symbol


class SymbolsParams(Params):
    """One symbol, or several."""

    symbol: Symbol | None = None
    symbols: SymbolList | None = None

    def count(self) -> int:
        """How many symbols are named; 0 means that none is, which is all of them."""
        return 1 if self.symbol else len(self.symbols or ())
