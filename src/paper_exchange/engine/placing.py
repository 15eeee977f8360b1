"""How a single order comes in, matches, and what becomes of the rest."""

from paper_exchange.engine.accounts import Account
from paper_exchange.engine.admission import (
    Need,
    assess,
    assess_market,
    check_account,
    check_client_id,
    check_funds,
    check_order,
    draft,
    take_peg,
)
from paper_exchange.engine.commands import Place, PlaceSor
from paper_exchange.engine.events import Placed
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.ledger import needed, reserve
from paper_exchange.engine.lifecycle import accept, rest
from paper_exchange.engine.lists import before_start, end
from paper_exchange.engine.market import Market
from paper_exchange.engine.matching import Plan, PlanEnd, Taken, plan, take
from paper_exchange.engine.orders import Order, Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.routing import route_of
from paper_exchange.engine.words import ALGO, ExpiryReason


def place(x: Exchange, command: Place) -> Placed:
    """Place one order.

    Raises:
        Refusal: -1013 or -1111 from `check_order`, -2010 from `enter`.
    """
    market, account = x.market(command.symbol), x.account(command.account)
    check_order(x, market, account, command.order)
    return enter(x, market, account, command.order)


def place_sor(x: Exchange, command: PlaceSor) -> Placed:
    """Place one order through smart order routing.

    Raises:
        Refusal: -1020 when the symbol has no route, -1013 for what routing does not do, else as `place`.
    """
    market, account = x.market(command.symbol), x.account(command.account)
    check_sor_order(x, market, account, command.order)
    return enter(x, market, account, command.order, routed=True)


def check_sor_order(x: Exchange, market: Market, account: Account, terms: Terms) -> None:
    """Refuse an order that cannot be routed, or breaks a filter. Source: rest-api.md#new-order-using-sor-trade"""
    route_of(x, market.spec.symbol)
    if terms.type not in {"LIMIT", "MARKET"} or terms.quote_order_qty is not None:
        raise Refusal(-1013, "Unsupported order combination")
    if terms.peg_price_type is not None:
        raise Refusal(-1013, "This order type may not use pegged price.")
    check_order(x, market, account, terms)


def enter(x: Exchange, market: Market, account: Account, terms: Terms, *, routed: bool = False) -> Placed:
    """Accept an order whose values are in order, and let it match or wait.

    Raises:
        Refusal: -2010; -1013 when a pegged price breaks a filter.
    """
    seat = account.seat(market.spec)
    check_account(market, account)
    check_client_id(seat, terms.client_order_id)
    order = draft(x, market, account, terms)
    if routed:
        order.used_sor, order.working_floor = True, "SOR"
    need = assess(x, market, order)
    check_funds(seat, order, need.amount)
    accept(x, account, seat, order)
    return begin(x, market, order, need)


def begin(x: Exchange, market: Market, order: Order, need: Need) -> Placed:
    """Lock what an accepted order needs and let it start: contingent ones wait, others meet the book."""
    order.status = "NEW"
    reserve(x, order, need.amount)
    if order.terms.type in ALGO:
        x.report(order, "NEW")
        market.triggers.add(order, market.last_price, x.now_us)
        return placed(x, order, Taken())
    return placed(x, order, work(x, market, order, need.plan))


def placed(x: Exchange, order: Order, taken: Taken) -> Placed:
    """The answer to the order's sender."""
    return Placed(
        order=order.snapshot(),
        transact_us=x.now_us,
        fills=taken.fills,
        prevented_matches=taken.prevented,
        trade_group_id=x.accounts[order.account].settings.trade_group_id if taken.prevented else -1,
    )


def work(x: Exchange, market: Market, order: Order, matches: Plan | None = None) -> Taken:
    """Let an order meet the book: take what it can, and rest or expire with what is left."""
    order.is_working = True
    order.working_us = x.now_us
    x.report(order, "NEW", on_book=True)
    if matches is None:
        matches = plan(x, order)
    if order.time_in_force == "FOK" and matches.traded < order.remaining:
        end(x, market, order, "UNFILLED_FOK_ORDER_EXPIRED")
        return Taken()
    taken = take(x, order, matches)
    if order.is_open:
        reason = leftover_reason(order, matches.end)
        if reason is None:
            order.working_floor = "EXCHANGE"
            rest(x, market, order)
        else:
            end(x, market, order, reason)
    return taken


def leftover_reason(order: Order, plan_end: PlanEnd) -> ExpiryReason | None:
    """Why what the book could not fill expires; None when it rests."""
    if plan_end == "OUT_OF_RANGE":
        return "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"
    if order.price is None:
        return "INSUFFICIENT_LIQUIDITY"
    return "UNFILLED_IOC_QUANTITY_EXPIRED" if order.time_in_force == "IOC" else None


def fire(x: Exchange, order: Order) -> None:
    """Let a contingent order that a trade has set off start working.

    What the market or the funds do not allow now expires as REJECTED.
    """
    if not order.is_open:
        return
    market = x.markets[order.symbol]
    if order.list_id >= 0:
        before_start(x, order)
    try:
        if order.terms.peg_price_type is not None:
            take_peg(x, market, order)
        need = (
            assess_market(x, market, order)
            if order.price is None
            else Need(needed(market, order.terms.side, order.quantity, order.price))
        )
        check_funds(x.seat(order), order, need.amount)
    except Refusal:
        end(x, market, order, "REJECTED")
        return
    reserve(x, order, need.amount)
    work(x, market, order, need.plan)
