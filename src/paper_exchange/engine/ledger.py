"""How money moves: reserves are locked and released, fills are paid, commissions are taken.

Every movement is double entry, and amounts are exact: the quote amount of a fill is truncated to the quote asset's
precision once and is the same for both sides.
"""

from decimal import Decimal

from paper_exchange.engine.accounts import Account, Balance
from paper_exchange.engine.commissions import DISCOUNT_ASSET
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.market import Market
from paper_exchange.engine.orders import ZERO, Order
from paper_exchange.engine.words import Side

_BNB_QUANTUM = Decimal("0.00000001")


def needed(market: Market, side: Side, quantity: Decimal, price: Decimal | None) -> Decimal:
    """What an order of this size must have locked: base for SELL, quote for BUY (nothing while it has no price)."""
    if side == "SELL":
        return quantity
    return ZERO if price is None else (price * quantity).quantize(market.quote_quantum)


def reserve(x: Exchange, order: Order, amount: Decimal) -> None:
    """Have exactly `amount` locked for an order; what is over goes back to free."""
    change = amount - order.reserved
    if change:
        seat = x.seat(order)
        balance = x.touch(seat.quote if order.terms.side == "BUY" else seat.base)
        balance.free -= change
        balance.locked += change
        order.reserved = amount


def pay(x: Exchange, order: Order, balance: Balance, amount: Decimal) -> None:
    """Take what an order gives in a fill out of its reserve."""
    x.touch(balance).locked -= amount
    order.reserved -= amount


def receive(x: Exchange, market: Market, order: Order, amount: Decimal, *, is_maker: bool) -> tuple[Decimal, str]:
    """Credit what an order gets in a fill, less commission.

    Returns:
        The commission and its asset.
    """
    side, seat = order.terms.side, x.seat(order)
    balance = x.touch(seat.base if side == "BUY" else seat.quote)
    balance.free += amount
    fees = seat.fees or market.fees
    rate = fees.of(side, is_maker)
    if not rate.full:
        return ZERO, balance.asset
    account = x.accounts[order.account]
    if account.settings.pays_in_bnb and fees.commission.discount_enabled:
        owed = amount * (rate.standard * fees.commission.discount + rate.undiscounted)
        in_bnb = _pay_in_bnb(x, account, owed, balance.asset)
        if in_bnb is not None:
            return in_bnb, DISCOUNT_ASSET
    commission = (amount * rate.full).quantize(market.base_quantum if side == "BUY" else market.quote_quantum)
    balance.free -= commission
    x.fee_account.balance(balance.asset).free += commission
    return commission, balance.asset


def _pay_in_bnb(x: Exchange, account: Account, owed: Decimal, asset: str) -> Decimal | None:
    """Pay a commission in BNB; None, and nothing paid, when there is no price or not enough BNB."""
    owed_bnb = convert(x, owed, asset, DISCOUNT_ASSET)
    if owed_bnb is None:
        return None
    commission = owed_bnb.quantize(_BNB_QUANTUM)
    purse = account.balance(DISCOUNT_ASSET)
    if purse.free < commission:
        return None
    x.touch(purse).free -= commission
    x.fee_account.balance(DISCOUNT_ASSET).free += commission
    return commission


def convert(x: Exchange, amount: Decimal, asset: str, into: str) -> Decimal | None:
    """An amount in another asset at the last price of the symbol that pairs them; None when nothing traded there."""
    if asset == into:
        return amount
    market = x.markets.get(into + asset)
    if market is not None and market.last_price is not None:
        return amount / market.last_price
    market = x.markets.get(asset + into)
    if market is not None and market.last_price is not None:
        return amount * market.last_price
    return None
