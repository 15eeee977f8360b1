"""The taker phase: what an order would match with, and the matches themselves.

A plan is made first and changes nothing, so that whatever must be known beforehand (is a FOK fillable, is a MARKET
order affordable) is read off it; then it is carried out match by match.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from paper_exchange.engine.accounts import Seat
from paper_exchange.engine.events import AccountTrade, Allocation, Fill, OrderReport, PreventedMatch, Trade
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.ledger import needed, pay, receive, reserve
from paper_exchange.engine.lifecycle import forget, shorten
from paper_exchange.engine.lists import after_end, before_start, hold_proceeds
from paper_exchange.engine.market import Market
from paper_exchange.engine.orders import ZERO, Order
from paper_exchange.engine.price_range import price_limits
from paper_exchange.engine.routing import liquidity
from paper_exchange.engine.self_trade import ENDS_TAKER, prevent, prevention
from paper_exchange.engine.words import Side, StpMode

PlanEnd = Literal["FILLED", "DRY", "PREVENTED", "OUT_OF_RANGE"]
"""Why a plan stops: nothing left to fill, nothing more to match, ended by self-trade prevention, or by PRICE_RANGE."""


class Match(Struct, frozen=True, gc=False):
    """A resting order that will be met, how much of it, and how the trade is prevented if it is."""

    maker: Order
    quantity: Decimal
    prevention: StpMode | None = None


class Plan(Struct, frozen=True, gc=False):
    """The matches of a taker, in order."""

    matches: list[Match]
    end: PlanEnd

    @property
    def traded(self) -> Decimal:
        """How much would be filled."""
        return sum((match.quantity for match in self.matches if match.prevention is None), ZERO)

    def cost(self, quantum: Decimal) -> Decimal:
        """What the matches take from a buyer in the quote asset."""
        return sum(
            (
                _quote(match.maker, match.quantity, quantum)
                for match in self.matches
                if match.prevention in {None, "TRANSFER"}
            ),
            ZERO,
        )


class Taken(Struct, frozen=True, gc=False):
    """What a taker phase came to."""

    fills: tuple[Fill, ...] = ()
    prevented: tuple[PreventedMatch, ...] = ()


def plan(x: Exchange, order: Order) -> Plan:
    """What an order matches with, best price first, as far as its own price goes."""
    matches: list[Match] = []
    limit, left, buying = order.price, order.remaining, order.terms.side == "BUY"
    bounds = price_limits(x.markets[order.symbol], order.terms.side, x.now_us)
    expiring: set[int] = set()
    for level in liquidity(x, order):
        price = level.price
        if limit is not None and (price > limit if buying else price < limit):
            break
        if not bounds.allow(price):
            return Plan(matches, "OUT_OF_RANGE")
        for maker, available in level.slices():
            quantity = min(available, left)
            mode = prevention(x, order, maker)
            if mode == "EXPIRE_MAKER":
                if maker.order_id not in expiring:
                    expiring.add(maker.order_id)
                    matches.append(Match(maker, quantity, mode))
                continue
            matches.append(Match(maker, quantity, mode))
            if mode in ENDS_TAKER:
                return Plan(matches, "PREVENTED")
            left -= quantity
            if not left:
                return Plan(matches, "FILLED" if mode is None else "PREVENTED")
    return Plan(matches, "DRY")


def take(x: Exchange, order: Order, plan: Plan) -> Taken:
    """Carry out a plan."""
    fills: list[Fill] = []
    prevented: list[PreventedMatch] = []
    level: tuple[Market, Side, Decimal] | None = None
    for match in plan.matches:
        maker = match.maker
        here = x.markets[maker.symbol], maker.terms.side, maker.price or ZERO
        if level is not None and level != here:
            _tell_level(x, *level)
        level = here
        if match.prevention is None:
            fills.append(_trade(x, here[0], order, maker, match.quantity))
        else:
            prevented.append(prevent(x, order, maker, match.quantity, match.prevention))
    if level is not None:
        _tell_level(x, *level)
    return Taken(tuple(fills), tuple(prevented))


def _tell_level(x: Exchange, market: Market, side: Side, price: Decimal) -> None:
    x.book_changed(market, side, price, market.book.own(side).quantity_at(price))


def _quote(maker: Order, quantity: Decimal, quantum: Decimal) -> Decimal:
    """The quote amount of a match, truncated."""
    return ((maker.price or ZERO) * quantity).quantize(quantum)


class _Deal(Struct, frozen=True, gc=False):
    """One side of a fill: a trade on `market`, or an allocation when smart order routing filled a taker."""

    market: Market
    price: Decimal
    quantity: Decimal
    quote: Decimal
    trade_id: int = -1
    allocation_id: int = -1


def _trade(x: Exchange, market: Market, taker: Order, maker: Order, quantity: Decimal) -> Fill:
    """Let two orders trade; returns the taker's fill."""
    price = maker.price or ZERO
    quote = _quote(maker, quantity, market.quote_quantum)
    deal = _Deal(market, price, quantity, quote, market.traded(price, quantity, quote, x.now_us))
    taker_buys = taker.terms.side == "BUY"
    x.events.append(
        Trade(
            symbol=market.spec.symbol,
            trade_id=deal.trade_id,
            price=price,
            quantity=quantity,
            quote_quantity=quote,
            buyer_order_id=taker.order_id if taker_buys else maker.order_id,
            seller_order_id=maker.order_id if taker_buys else taker.order_id,
            buyer_is_maker=not taker_buys,
            time_us=x.now_us,
        )
    )
    report = _fill(x, taker, _allocation(x, taker, deal) if taker.used_sor else deal, is_maker=False)
    shorten(x, market, maker, quantity)
    _fill(x, maker, deal, is_maker=True)
    if market.triggers:
        x.work.extend(market.triggers.fired_by(price, x.now_us))
    return Fill(
        price=price,
        quantity=quantity,
        commission=report.commission,
        commission_asset=report.commission_asset or "",
        trade_id=report.trade_id,
        allocation_id=report.allocation_id,
    )


def _allocation(x: Exchange, taker: Order, deal: _Deal) -> _Deal:
    """A routed order's side of a trade, in its own quote asset; the routing account stands in for the difference."""
    market = x.markets[taker.symbol]
    market.allocation_id += 1
    quote = (deal.price * deal.quantity).quantize(market.quote_quantum)
    paid, received = (quote, deal.quote) if taker.terms.side == "BUY" else (-quote, -deal.quote)
    x.routing_account.balance(market.spec.quote_asset).free += paid
    x.routing_account.balance(deal.market.spec.quote_asset).free -= received
    return _Deal(market, deal.price, deal.quantity, quote, allocation_id=market.allocation_id)


def _fill(x: Exchange, order: Order, deal: _Deal, *, is_maker: bool) -> OrderReport:
    """One order's side of a trade: money, counts, the account's record, the report, its list."""
    if order.list_id >= 0 and not order.executed:
        before_start(x, order)
    account = x.accounts[order.account]
    seat = account.seats[order.symbol]
    buys = order.terms.side == "BUY"
    given, received = (deal.quote, deal.quantity) if buys else (deal.quantity, deal.quote)
    pay(x, order, seat.quote if buys else seat.base, given)
    commission, asset = receive(x, deal.market, order, received, is_maker=is_maker)
    if order.list_id >= 0:
        hold_proceeds(x, order, received, commission, asset)
    order.executed += deal.quantity
    order.executed_quote += deal.quote
    order.update_us = x.now_us
    remaining = order.remaining
    if not remaining:
        order.status = "FILLED"
        forget(x, order)
    else:
        order.status = "PARTIALLY_FILLED"
        if is_maker:
            reserve(x, order, needed(deal.market, order.terms.side, remaining, order.price))
    report = OrderReport(
        order=order.snapshot(),
        execution_type="TRADE",
        execution_id=x.counters.next_execution(),
        client_order_id=order.client_order_id,
        time_us=x.now_us,
        last_quantity=deal.quantity,
        last_price=deal.price,
        last_quote=deal.quote,
        commission=commission,
        commission_asset=asset,
        trade_id=deal.trade_id,
        is_maker=is_maker,
        on_book=is_maker and remaining > 0,
        allocation_id=deal.allocation_id,
    )
    x.events.append(report)
    if account.settings.keeps_history:
        _record(seat, report, asset)
    if order.list_id >= 0 and not remaining:
        after_end(x, order)
    return report


def _record(seat: Seat, report: OrderReport, commission_asset: str) -> None:
    """Keep a fill for its owner to read."""
    order = report.order
    if report.allocation_id >= 0:
        seat.allocations.append(
            Allocation(
                symbol=order.symbol,
                allocation_id=report.allocation_id,
                order_id=order.order_id,
                list_id=order.list_id,
                price=report.last_price,
                quantity=report.last_quantity,
                quote_quantity=report.last_quote,
                commission=report.commission,
                commission_asset=commission_asset,
                time_us=report.time_us,
                is_buyer=order.terms.side == "BUY",
            )
        )
        return
    seat.trades.append(
        AccountTrade(
            symbol=order.symbol,
            trade_id=report.trade_id,
            order_id=order.order_id,
            list_id=order.list_id,
            price=report.last_price,
            quantity=report.last_quantity,
            quote_quantity=report.last_quote,
            commission=report.commission,
            commission_asset=commission_asset,
            time_us=report.time_us,
            is_buyer=order.terms.side == "BUY",
            is_maker=report.is_maker,
        )
    )
