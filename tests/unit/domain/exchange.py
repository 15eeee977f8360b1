"""A symbol to check orders against, built from the JSON that the exchange would send."""

from decimal import Decimal
from typing import Any

import msgspec

from binance_spot_mcp.catalogue.market import ExchangeInfo
from binance_spot_mcp.domain.requests import Kind, Request
from binance_spot_mcp.domain.symbols import SymbolRules, read_symbol

PRICE_FILTER = {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01"}
LOT_SIZE = {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"}
NOTIONAL = {
    "filterType": "NOTIONAL",
    "minNotional": "5.00000000",
    "applyMinToMarket": True,
    "maxNotional": "9000000.00000000",
    "applyMaxToMarket": False,
    "avgPriceMins": 5,
}
BTCUSDT: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "baseAssetPrecision": 8,
    "quoteAsset": "USDT",
    "quotePrecision": 8,
    "quoteAssetPrecision": 8,
    "baseCommissionPrecision": 8,
    "quoteCommissionPrecision": 8,
    "orderTypes": [
        "LIMIT",
        "LIMIT_MAKER",
        "MARKET",
        "STOP_LOSS",
        "STOP_LOSS_LIMIT",
        "TAKE_PROFIT",
        "TAKE_PROFIT_LIMIT",
    ],
    "icebergAllowed": True,
    "ocoAllowed": True,
    "otoAllowed": True,
    "opoAllowed": True,
    "quoteOrderQtyMarketAllowed": True,
    "allowTrailingStop": True,
    "cancelReplaceAllowed": True,
    "amendAllowed": True,
    "pegInstructionsAllowed": True,
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": True,
    "filters": [PRICE_FILTER, LOT_SIZE, NOTIONAL],
    "permissions": [],
    "permissionSets": [["SPOT"]],
    "defaultSelfTradePreventionMode": "NONE",
    "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_MAKER"],
}


def exchange_info(*symbols: dict[str, Any], **top: Any) -> dict[str, Any]:
    """The body of an exchangeInfo answer."""
    return {
        "timezone": "UTC",
        "serverTime": 1_700_000_000_000,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": list(symbols),
        **top,
    }


def read(body: dict[str, Any], symbol: str = "BTCUSDT") -> SymbolRules:
    """The rules of one symbol in an exchangeInfo answer, for an account without filters of its own."""
    rules = read_symbol(msgspec.json.decode(msgspec.json.encode(body), type=ExchangeInfo), symbol)
    assert rules is not None
    return rules.for_account(())


def rules(*filters: dict[str, Any], **changes: Any) -> SymbolRules:
    """BTCUSDT with these filters alone (with none: its usual three), and with other fields changed."""
    return read(exchange_info({**BTCUSDT, **({"filters": list(filters)} if filters else {}), **changes}))


def limit(quantity: str = "1", price: str = "50000", **more: Any) -> dict[str, Any]:
    """The parameters of a LIMIT order."""
    return {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": quantity,
        "price": price,
        **more,
    }


def market(**more: Any) -> dict[str, Any]:
    """The parameters of a MARKET order without its size."""
    return {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", **more}


def order(**given: Any) -> Request:
    """A single order as a request."""
    return Request.read("order", given)


def listed(kind: Kind, **given: Any) -> Request:
    """An order list as a request."""
    return Request.read(kind, {"symbol": "BTCUSDT", **given})


def amounts(**values: str) -> dict[str, Decimal]:
    """Values as exact decimals."""
    return {name: Decimal(value) for name, value in values.items()}
