"""What must hold before an order is accepted.

Two kinds of refusal: what the API layer refuses (-1013: composition and filters, all that `order/test` looks at), and
what the engine refuses (-2010: account, client id, prices, funds). None of these checks changes anything.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from paper_exchange.engine.accounts import Account, Seat
from paper_exchange.engine.composition import check_composition
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.filters import check_max_asset, fires_upward
from paper_exchange.engine.ledger import needed
from paper_exchange.engine.market import Market
from paper_exchange.engine.matching import Plan, plan
from paper_exchange.engine.orders import ZERO, Order, Terms
from paper_exchange.engine.pegs import peg_price
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.sizing import size_by_quote
from paper_exchange.engine.triggers import reaches
from paper_exchange.engine.words import ALGO


class Need(Struct, frozen=True, gc=False):
    """What it takes to place an order now: funds to lock, and what a MARKET order would match."""

    amount: Decimal
    plan: Plan | None = None


def check_order(x: Exchange, market: Market, account: Account, terms: Terms) -> None:
    """Refuse a single order by what it asks and by what the account has open."""
    check_values(x, market, account, terms)
    check_capacity(x, market, account, (terms,))


def check_values(x: Exchange, market: Market, account: Account, terms: Terms) -> None:
    """Refuse an order by its own values."""
    check_composition(market.spec, terms)
    market.filters.check(terms, market.reference, x.now_us)
    if account.settings.max_assets:
        price = terms.price or market.last_price or ZERO
        quantity = terms.quantity or ZERO
        check_max_asset(account, market.spec, quantity, terms.quote_order_qty or price * quantity)


def check_capacity(x: Exchange, market: Market, account: Account, added: Sequence[Terms]) -> None:
    """Refuse what would leave the account with too much open; several `added` make a list."""
    market.capacity.check(account, account.seat(market.spec), added)
    x.capacity.check(account, added)


def check_account(market: Market, account: Account) -> None:
    """Refuse an account that may not trade, or not this symbol. Source: errors.md#other-errors"""
    if not account.settings.can_trade:
        raise Refusal(-2010, "This account may not place or cancel orders.")
    for one_of in market.spec.permission_sets:
        if account.permissions.isdisjoint(one_of):
            raise Refusal(-2010, "This symbol is not permitted for this account.")


def check_client_id(seat: Seat, client_order_id: str | None) -> None:
    """Refuse a client id that an open order of the account on the symbol already has."""
    if client_order_id is not None and seat.by_client_id.get(client_order_id) in seat.open:
        raise Refusal(-2010, "Duplicate order sent.")


def check_funds(seat: Seat, order: Order, amount: Decimal) -> None:
    """Refuse an order that the account cannot pay for out of what is free and what the order has locked already."""
    balance = seat.quote if order.terms.side == "BUY" else seat.base
    if amount > balance.free + order.reserved:
        raise Refusal(-2010, "Account has insufficient balance for requested action.")


def draft(x: Exchange, market: Market, account: Account, terms: Terms) -> Order:
    """An order as asked, without ids."""
    return Order(
        order_id=0,
        account=account.settings.account,
        symbol=market.spec.symbol,
        terms=terms,
        client_order_id=terms.client_order_id or "",
        time_in_force=terms.time_in_force or "GTC",
        stp_mode=terms.stp_mode or market.spec.default_stp_mode,
        quantity=terms.quantity or ZERO,
        price=terms.price,
        created_us=x.now_us,
        update_us=x.now_us,
    )


def assess(x: Exchange, market: Market, order: Order) -> Need:
    """Say what an order needs to be placed now; a pegged one takes its price, one in quote units its quantity.

    Raises:
        Refusal: -2010, the market does not allow it now; -1013, a pegged price breaks a filter.
    """
    terms = order.terms
    if terms.type in ALGO:
        stop, last = terms.stop_price, market.last_price
        if stop is not None and last is not None and reaches(stop, last, upward=fires_upward(terms)):
            raise Refusal(-2010, "Order would trigger immediately.")
        return Need(stop_need(market, order))
    if terms.type == "MARKET":
        if terms.quote_order_qty is not None:
            order.quantity = size_by_quote(market, terms)
        return assess_market(x, market, order)
    if terms.peg_price_type is not None:
        take_peg(x, market, order)
    if terms.type == "LIMIT_MAKER" and market.book.crosses(terms.side, order.price or ZERO):
        raise Refusal(-2010, "Order would immediately match and take.")
    return Need(needed(market, terms.side, order.quantity, order.price))


def assess_market(x: Exchange, market: Market, order: Order) -> Need:
    """What an order without a price needs: all it sells, or what the book asks for all it buys."""
    matches = plan(x, order)
    if order.terms.side == "SELL":
        return Need(order.quantity, matches)
    return Need(matches.cost(market.quote_quantum), matches)


def stop_need(market: Market, order: Order) -> Decimal:
    """What a contingent order has locked while it waits: at its limit, else its stopPrice, else the last price."""
    terms = order.terms
    return needed(market, terms.side, order.quantity, terms.price or terms.stop_price or market.last_price)


def take_peg(x: Exchange, market: Market, order: Order) -> None:
    """Give a pegged order its price, which must pass the filters as a sent one would.

    Raises:
        Refusal: -2010, the book is not deep enough; -1013, a filter.
    """
    price = peg_price(market, order.terms)
    market.filters.check_price(order.terms.side, price, market.reference, x.now_us)
    market.filters.check_notional(price, order.quantity)
    order.price = order.pegged_price = price
