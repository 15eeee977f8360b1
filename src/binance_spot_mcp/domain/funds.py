"""Whether the account can pay for an order.

Source: rest-api.md#account-information-user_data (what of a balance is free), errors.md#messages-for--1010-error_msg
"""

from collections.abc import Iterator
from typing import Final

from binance_spot_mcp.catalogue.market import SymbolInfo
from binance_spot_mcp.domain.facts import Account
from binance_spot_mcp.domain.findings import ONE, Limit, Unchecked
from binance_spot_mcp.domain.orders import Number
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.errors import ExchangeError

BALANCE: Final = "BALANCE"

_REFUSED: Final = ExchangeError(-2010, "Account has insufficient balance for requested action.")


def funds(request: Request, info: SymbolInfo, account: Account) -> Iterator[Limit | Unchecked]:
    """Limit what a single order takes out of the account by what is free there.

    Of a list, which funds it holds back at once depends on its kind; of an order that names no price, what it costs
    depends on the market. Both are left to the exchange.
    """
    if request.is_list:
        yield Unchecked(BALANCE, "which funds a list holds back is the exchange's to say")
        return
    (order,) = request.orders
    selling = order.side == "SELL"
    asset, free = (info.base_asset, account.base_free) if selling else (info.quote_asset, account.quote_free)
    spent: Number = "quantity" if order.quote_order_qty is None else "quoteOrderQty"
    amount = order.quantity if order.quote_order_qty is None else order.quote_order_qty
    unpriced = order.price is None and not selling and spent == "quantity"
    if amount is None or unpriced or (selling and spent == "quoteOrderQty"):
        yield Unchecked(BALANCE, f"how much {asset} the order takes is known when it fills")
    elif free is None:
        yield Unchecked(BALANCE, f"how much {asset} is free is not known", frozenset({"balances"}))
    else:
        by_price = order.price if not selling and spent == "quantity" else None
        yield Limit(
            rule=BALANCE,
            number=spent,
            param=order.leg.wire(spent),
            given=amount,
            maximum=free,
            factor=by_price or ONE,
            factor_name="price" if by_price else "",
            unit=asset,
            reason=f"{asset} that is free",
            exchange=_REFUSED,
        )
