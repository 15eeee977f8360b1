"""How the engine's values look on the wire."""

from decimal import Decimal

from paper_exchange.engine.symbols import MarketLotSize, MaxNumOrders
from paper_exchange.gateway.rendering import filters


def test_decimals_of_filters_are_written_without_exponents() -> None:
    market_lot = MarketLotSize(min_qty=Decimal("0.00000000"), max_qty=Decimal("1E+3"), step_size=Decimal("0.00000010"))
    assert filters([market_lot, MaxNumOrders(max_num_orders=200)]) == [
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": "1000", "stepSize": "0.00000010"},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
    ]
