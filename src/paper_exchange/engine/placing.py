"""How a single order comes in: checked, accepted, matched, and what becomes of the rest.

Two kinds of refusal come before anything changes: what the API layer refuses (-1013: composition and filters, all that
`order/test` looks at), and what the engine refuses (-2010: account, client id, prices, funds).
"""

from decimal import Decimal
from functools import partial
from typing import NamedTuple

from paper_exchange.engine.accounts import Account, Seat
from paper_exchange.engine.commands import Place
from paper_exchange.engine.composition import check_composition
from paper_exchange.engine.events import Fill, Placed
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.filters import check_max_asset, fires_upward
from paper_exchange.engine.ledger import needed, reserve
from paper_exchange.engine.lifecycle import accept, expire, rest
from paper_exchange.engine.market import Market
from paper_exchange.engine.matching import Plan, plan, take
from paper_exchange.engine.orders import ZERO, Order, Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.sizing import size_by_quote
from paper_exchange.engine.triggers import reaches
from paper_exchange.engine.words import ALGO, ExpiryReason


class Draft(NamedTuple):
    """An order that the engine would take: what it must lock, and, for a MARKET order, what it would match."""

    order: Order
    reserve: Decimal
    plan: Plan | None


def place(x: Exchange, command: Place) -> Placed:
    """Place one order.

    Raises:
        Refusal: -1013 or -1111 from the checks of `check_order`, -2010 from those of `admit`.
    """
    market, account = x.market(command.symbol), x.account(command.account)
    seat = account.seat(market.spec)
    check_order(x, market, account, seat, command.order)
    draft = admit(x, market, account, seat, command.order)
    placed = enter(x, market, account, seat, draft)
    settle(x)
    return placed


def check_order(x: Exchange, market: Market, account: Account, seat: Seat, terms: Terms) -> None:
    """Refuse an order by what it asks: composition, filters, what the account has open."""
    check_values(x, market, account, terms)
    market.capacity.check(account, seat, (terms,))
    x.capacity.check(account, (terms,))


def check_values(x: Exchange, market: Market, account: Account, terms: Terms) -> None:
    """Refuse an order by its own values."""
    check_composition(market.spec, terms)
    market.filters.check(terms, partial(market.reference, now_us=x.now_us))
    if account.settings.max_assets:
        price = terms.price or market.last_price or ZERO
        quantity = terms.quantity or ZERO
        check_max_asset(account, market.spec, quantity, terms.quote_order_qty or price * quantity)


def admit(x: Exchange, market: Market, account: Account, seat: Seat, terms: Terms) -> Draft:
    """Refuse an order by the state of account and book; otherwise say what it takes to place it.

    Raises:
        Refusal: -2010.
    """
    check_account(market, account)
    check_client_id(x, seat, terms.client_order_id)
    order = draft_order(x, market, account, terms)
    matches: Plan | None = None
    if terms.type in ALGO:
        check_stop(market, terms)
        amount = needed(market, terms.side, order.quantity, terms.price or terms.stop_price or market.last_price)
    elif terms.type == "MARKET":
        if terms.quote_order_qty is not None:
            order.quantity = size_by_quote(market, terms)
        matches = plan(order, market.book.opposite(terms.side).levels())
        amount = order.quantity if terms.side == "SELL" else matches.cost(market.quote_quantum)
    else:
        amount = needed(market, terms.side, order.quantity, order.price)
        if terms.type == "LIMIT_MAKER" and market.book.crosses(terms.side, order.price or ZERO):
            raise Refusal(-2010, "Order would immediately match and take.")
    check_funds(seat, terms, amount)
    return Draft(order, amount, matches)


def check_account(market: Market, account: Account) -> None:
    """Refuse an account that may not trade, or not this symbol. Source: errors.md#other-errors"""
    if not account.settings.can_trade:
        raise Refusal(-2010, "This account may not place or cancel orders.")
    permissions = account.settings.permissions
    if not all(any(each in permissions for each in one_of) for one_of in market.spec.permission_sets):
        raise Refusal(-2010, "This symbol is not permitted for this account.")


def check_client_id(x: Exchange, seat: Seat, client_order_id: str | None) -> None:
    """Refuse a client id that an open order of the account on the symbol already has."""
    if client_order_id is not None and seat.by_client_id.get(client_order_id) in seat.open:
        raise Refusal(-2010, "Duplicate order sent.")


def check_stop(market: Market, terms: Terms) -> None:
    """Refuse a stopPrice that the last trade already meets."""
    stop, last = terms.stop_price, market.last_price
    if stop is not None and last is not None and reaches(stop, last, upward=fires_upward(terms)):
        raise Refusal(-2010, "Order would trigger immediately.")


def check_funds(seat: Seat, terms: Terms, amount: Decimal) -> None:
    """Refuse an order that the account cannot pay for."""
    balance = seat.quote if terms.side == "BUY" else seat.base
    if amount > balance.free:
        raise Refusal(-2010, "Account has insufficient balance for requested action.")


def draft_order(x: Exchange, market: Market, account: Account, terms: Terms) -> Order:
    """An order as asked, without ids."""
    return Order(
        order_id=0,
        account=account.id,
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


def enter(x: Exchange, market: Market, account: Account, seat: Seat, draft: Draft) -> Placed:
    """Accept an order that nothing speaks against, and let it match or wait."""
    order = draft.order
    accept(x, account, seat, order)
    reserve(x, order, draft.reserve)
    fills: list[Fill] = []
    if order.terms.type in ALGO:
        x.report(order, "NEW")
        market.triggers.add(order, market.last_price, x.now_us)
    else:
        fills = work(x, market, order, draft.plan)
    return Placed(order=order.snapshot(), transact_us=x.now_us, fills=tuple(fills))


def work(x: Exchange, market: Market, order: Order, matches: Plan | None = None) -> list[Fill]:
    """Let an order meet the book: take what it can, and rest or expire with what is left; returns its fills."""
    order.is_working = True
    order.working_us = x.now_us
    x.report(order, "NEW", on_book=True)
    if matches is None:
        matches = plan(order, market.book.opposite(order.terms.side).levels())
    if order.time_in_force == "FOK" and matches.end != "FILLED":
        expire(x, market, order, "UNFILLED_FOK_ORDER_EXPIRED")
        return []
    fills = take(x, order, matches)
    if order.is_open:
        reason = leftover_reason(order)
        if reason is None:
            rest(x, market, order)
        else:
            expire(x, market, order, reason)
    return fills


def leftover_reason(order: Order) -> ExpiryReason | None:
    """Why what the book could not fill expires; None when it rests."""
    if order.price is None:
        return "INSUFFICIENT_LIQUIDITY"
    return "UNFILLED_IOC_QUANTITY_EXPIRED" if order.time_in_force == "IOC" else None


def settle(x: Exchange) -> None:
    """Place what the trades of this command have set off, until nothing more comes of it."""
    while x.work:
        order = x.work.popleft()
        if isinstance(order, Order):
            fire(x, x.markets[order.symbol], order)


def fire(x: Exchange, market: Market, order: Order) -> None:
    """Let a contingent order start working; one that cannot be paid for expires as REJECTED."""
    if order.terms.price is None:
        matches = plan(order, market.book.opposite(order.terms.side).levels())
        seat = x.seat(order)
        amount = order.quantity if order.terms.side == "SELL" else matches.cost(market.quote_quantum)
        balance = seat.quote if order.terms.side == "BUY" else seat.base
        if amount > balance.free + order.reserved:
            expire(x, market, order, "REJECTED")
            return
        reserve(x, order, amount)
        work(x, market, order, matches)
    else:
        work(x, market, order)
