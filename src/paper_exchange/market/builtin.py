"""The symbols that every paper exchange lists, with the kinds of rules that the live exchange has today.

Source: filters.md, faqs/price_range_execution_rules.md, CHANGELOG.md (values of 2025-08-28 and 2026-03-12)
"""

from decimal import Decimal

from paper_exchange.engine.symbols import (
    Commission,
    IcebergParts,
    LotSize,
    MarketLotSize,
    MaxNumAlgoOrders,
    MaxNumIcebergOrders,
    MaxNumOrderAmends,
    MaxNumOrderLists,
    MaxNumOrders,
    MaxPosition,
    MinNotional,
    Notional,
    PercentPrice,
    PercentPriceBySide,
    PriceFilter,
    PriceRange,
    Rates,
    ReferencePriceRule,
    Sor,
    SymbolFilter,
    SymbolSpec,
    TrailingDelta,
)
from paper_exchange.market.catalog import Asset, Catalog, Listing

STANDARD_COMMISSION = Commission(standard=Rates(maker=Decimal("0.00100000"), taker=Decimal("0.00100000")))
"""0.1 % each way, as for an ordinary account."""

PERMISSION_SETS = (("SPOT", "MARGIN", "TRD_GRP_004", "TRD_GRP_005", "TRD_GRP_006", "TRD_GRP_007", "TRD_GRP_008"),)

_ORDER_COUNTS: tuple[SymbolFilter, ...] = (
    MaxNumOrders(max_num_orders=200),
    MaxNumOrderLists(max_num_order_lists=20),
    MaxNumAlgoOrders(max_num_algo_orders=5),
    MaxNumOrderAmends(max_num_order_amends=10),
)
_ICEBERG_PARTS = IcebergParts(limit=100)
_TRAILING_DELTA = TrailingDelta(
    min_trailing_above_delta=10,
    max_trailing_above_delta=2000,
    min_trailing_below_delta=10,
    max_trailing_below_delta=2000,
)
_PERCENT_PRICE_BY_SIDE = PercentPriceBySide(
    bid_multiplier_up=Decimal(5),
    bid_multiplier_down=Decimal("0.2"),
    ask_multiplier_up=Decimal(5),
    ask_multiplier_down=Decimal("0.2"),
    avg_price_mins=5,
)
_EIGHT_PLACES = Decimal("0.00000001")


def filters(
    prices: tuple[str, str],
    quantities: tuple[str, str],
    max_market_quantity: str,
    min_notional: str,
    *more: SymbolFilter,
) -> tuple[SymbolFilter, ...]:
    """The filters of an ordinary symbol.

    Args:
        prices: Least and greatest price; the least is also the tick.
        quantities: Least and greatest quantity; the least is also the step.
        max_market_quantity: The greatest quantity of a MARKET order.
        min_notional: The least price times quantity.
    """
    (tick, max_price), (lot, max_quantity) = prices, quantities
    return (
        PriceFilter(min_price=_written(tick), max_price=_written(max_price), tick_size=_written(tick)),
        LotSize(min_qty=_written(lot), max_qty=_written(max_quantity), step_size=_written(lot)),
        _ICEBERG_PARTS,
        MarketLotSize(min_qty=_written("0"), max_qty=_written(max_market_quantity), step_size=_written("0")),
        _TRAILING_DELTA,
        _PERCENT_PRICE_BY_SIDE,
        Notional(
            min_notional=_written(min_notional),
            apply_min_to_market=True,
            max_notional=_written("9000000"),
            apply_max_to_market=False,
            avg_price_mins=5,
        ),
        *_ORDER_COUNTS,
        *more,
    )


def _written(number: str) -> Decimal:
    """A number with the eight places that exchangeInfo writes."""
    return Decimal(number).quantize(_EIGHT_PLACES)


def _listing(
    base: str,
    quote: str,
    symbol_filters: tuple[SymbolFilter, ...],
    *,
    trades_per_minute: int = 12,
    taker_notional: int = 400,
    spread: float = 0.0002,
    reference_price: ReferencePriceRule | None = None,
    execution_rules: tuple[PriceRange, ...] = (),
) -> Listing:
    spec = SymbolSpec(
        symbol=base + quote,
        base_asset=base,
        quote_asset=quote,
        filters=symbol_filters,
        permission_sets=PERMISSION_SETS,
        commission=STANDARD_COMMISSION,
        reference_price=reference_price,
        execution_rules=execution_rules,
    )
    return Listing(
        spec=spec, trades_per_minute=trades_per_minute, taker_notional=Decimal(taker_notional), spread=spread
    )


def _moving_average(seconds: int) -> ReferencePriceRule:
    return ReferencePriceRule(calculation_type="ARITHMETIC_MEAN", bucket_count=seconds, bucket_width_ms=1000)


_ASSETS = (
    Asset(name="USDT", price=Decimal(1), volatility=0.0, beta=0.0),
    Asset(name="USDC", price=Decimal("0.9998"), volatility=0.0001, beta=0.0),
    Asset(name="BTC", price=Decimal(96_500), volatility=0.007),
    Asset(name="ETH", price=Decimal(3_450), volatility=0.015, beta=1.25),
    Asset(name="BNB", price=Decimal(910), volatility=0.013, beta=0.9),
    Asset(name="SOL", price=Decimal(172), volatility=0.022, beta=1.4),
    Asset(name="XRP", price=Decimal("2.35"), volatility=0.024, beta=1.1),
    Asset(name="ADA", price=Decimal("0.62"), volatility=0.024, beta=1.3),
    Asset(name="DOGE", price=Decimal("0.187"), volatility=0.027, beta=1.4),
    Asset(name="币安人生", price=Decimal("0.1342"), volatility=0.06, beta=1.2),
)

_BTC_FILTERS = filters(("0.01", "1000000"), ("0.00001", "9000"), "118.70432451", "5")
_ETH_FILTERS = filters(("0.01", "1000000"), ("0.0001", "9000"), "2287.44213902", "5")
_BNB_FILTERS = filters(("0.01", "100000"), ("0.001", "900000"), "1531.9420413", "5")
_SOL_FILTERS = filters(("0.01", "100000"), ("0.001", "90000"), "21740.37", "5")
_XRP_FILTERS = filters(("0.0001", "10000"), ("0.1", "9222449"), "1530000.4", "5")
_ADA_FILTERS = filters(("0.0001", "1000"), ("0.1", "900000"), "884210.7", "5")
_DOGE_FILTERS = filters(
    ("0.00001", "1000"), ("1", "9000000"), "6391150", "1", MaxNumIcebergOrders(max_num_iceberg_orders=5)
)
_USDC_FILTERS = filters(("0.0001", "1000"), ("1", "90000000"), "51244022", "5")
_ETHBTC_FILTERS = filters(("0.00001", "922327"), ("0.0001", "100000"), "312.4405", "0.0001")
_BNBBTC_FILTERS = filters(("0.000001", "922327"), ("0.001", "100000"), "407.551", "0.0001")
_SOLBTC_FILTERS = filters(("0.0000001", "1000"), ("0.001", "9000000"), "950.28", "0.0001")
_OLDER_FILTERS: tuple[SymbolFilter, ...] = (
    PriceFilter(min_price=_written("0.00001"), max_price=_written("1000"), tick_size=_written("0.00001")),
    LotSize(min_qty=_written("1"), max_qty=_written("9222449"), step_size=_written("1")),
    _ICEBERG_PARTS,
    MarketLotSize(min_qty=_written("1"), max_qty=_written("900000"), step_size=_written("1")),
    _TRAILING_DELTA,
    PercentPrice(multiplier_up=Decimal(5), multiplier_down=Decimal("0.2"), avg_price_mins=5),
    MinNotional(min_notional=_written("1"), apply_to_market=True, avg_price_mins=5),
    *_ORDER_COUNTS,
    MaxPosition(max_position=_written("9000000")),
)
_TENTH = PriceRange(
    bid_limit_mult_up=Decimal("1.1"),
    bid_limit_mult_down=Decimal("0.9"),
    ask_limit_mult_up=Decimal("1.1"),
    ask_limit_mult_down=Decimal("0.9"),
)

_LISTINGS = (
    _listing("BTC", "USDT", _BTC_FILTERS, trades_per_minute=36, taker_notional=1800, spread=0.000002),
    # The engine's own reference price, here without and on BNBUSDT with a rule that enforces it.
    _listing(
        "ETH",
        "USDT",
        _ETH_FILTERS,
        trades_per_minute=30,
        taker_notional=1200,
        spread=0.000005,
        reference_price=_moving_average(10),
    ),
    _listing(
        "BNB",
        "USDT",
        _BNB_FILTERS,
        trades_per_minute=18,
        taker_notional=600,
        spread=0.00002,
        reference_price=_moving_average(60),
        execution_rules=(_TENTH,),
    ),
    _listing("SOL", "USDT", _SOL_FILTERS, trades_per_minute=24, taker_notional=700, spread=0.00006),
    _listing("XRP", "USDT", _XRP_FILTERS, trades_per_minute=18, taker_notional=500, spread=0.00005),
    _listing("ADA", "USDT", _ADA_FILTERS, spread=0.0002),
    _listing("DOGE", "USDT", _DOGE_FILTERS, trades_per_minute=18, spread=0.00006),
    _listing("BTC", "USDC", _BTC_FILTERS, trades_per_minute=18, taker_notional=900, spread=0.000004),
    _listing("ETH", "USDC", _ETH_FILTERS, taker_notional=600, spread=0.00001),
    _listing("USDC", "USDT", _USDC_FILTERS, taker_notional=2500, spread=0.0001),
    _listing("ETH", "BTC", _ETHBTC_FILTERS, spread=0.0003),
    _listing("BNB", "BTC", _BNBBTC_FILTERS, spread=0.0002),
    _listing("SOL", "BTC", _SOLBTC_FILTERS, spread=0.0002),
    # Not ASCII, and with the older kinds of filters.
    _listing("币安人生", "USDT", _OLDER_FILTERS, taker_notional=80, spread=0.0006),
)

BUILT_IN = Catalog(
    assets={asset.name: asset for asset in _ASSETS},
    listings={listing.spec.symbol: listing for listing in _LISTINGS},
    sors=(Sor(base_asset="BTC", symbols=("BTCUSDT", "BTCUSDC")),),
)
