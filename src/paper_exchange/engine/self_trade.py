"""Self-trade prevention: orders of one account, or of one trade group, do not trade with each other.

Source: faqs/stp_faq.md
"""

from decimal import Decimal

from paper_exchange.engine.events import OrderReport, PreventedMatch
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.ledger import needed, pay, reserve
from paper_exchange.engine.lifecycle import forget, shorten
from paper_exchange.engine.lists import after_end, before_start
from paper_exchange.engine.market import Market
from paper_exchange.engine.orders import ZERO, Order
from paper_exchange.engine.words import StpMode

ENDS_TAKER: frozenset[StpMode] = frozenset({"EXPIRE_TAKER", "EXPIRE_BOTH"})
"""Modes that expire the whole taker."""

ENDS_MAKER: frozenset[StpMode] = frozenset({"EXPIRE_MAKER", "EXPIRE_BOTH"})
"""Modes that expire the whole maker."""


def prevention(x: Exchange, taker: Order, maker: Order) -> StpMode | None:
    """How a match of these two is prevented; None when they may trade.

    The taker's mode decides; TRANSFER needs both, and one symbol, else it acts as DECREMENT.
    """
    mode = taker.stp_mode
    if mode == "NONE":
        return None
    if taker.account != maker.account:
        group = x.accounts[taker.account].settings.trade_group_id
        if group < 0 or x.accounts[maker.account].settings.trade_group_id != group:
            return None
    if mode == "TRANSFER" and (maker.stp_mode != "TRANSFER" or maker.symbol != taker.symbol):
        return "DECREMENT"
    return mode


def prevent(x: Exchange, taker: Order, maker: Order, quantity: Decimal, mode: StpMode) -> PreventedMatch:
    """Let a match not happen: lower or expire what the mode says, keep the record.

    `quantity` is what would have traded.
    """
    market = x.markets[maker.symbol]
    own_market = x.markets[taker.symbol]
    own_market.prevented_match_id += 1
    shared = mode in {"DECREMENT", "TRANSFER"}
    taker_loses = taker.remaining if mode in ENDS_TAKER else quantity if shared else None
    maker_loses = maker.remaining if mode in ENDS_MAKER else quantity if shared else None
    price = maker.price or ZERO
    match = PreventedMatch(
        symbol=taker.symbol,
        prevented_match_id=own_market.prevented_match_id,
        taker_account=taker.account,
        maker_account=maker.account,
        taker_order_id=taker.order_id,
        maker_order_id=maker.order_id,
        maker_symbol=maker.symbol,
        trade_group_id=x.accounts[taker.account].settings.trade_group_id,
        stp_mode=mode,
        price=price,
        quantity=quantity,
        taker_prevented=taker_loses,
        maker_prevented=maker_loses,
        time_us=x.now_us,
    )
    x.events.append(match)
    for account in {taker.account, maker.account}:
        if x.accounts[account].settings.keeps_history:
            x.accounts[account].seat(own_market.spec).prevented_matches.append(match)
    if maker_loses is not None and maker.list_id >= 0:
        before_start(x, maker)
    if mode == "TRANSFER" and taker.account != maker.account:
        _transfer(x, market, taker, maker, quantity)
    if taker_loses is not None:
        _lose(x, taker, taker_loses, match)
    if maker_loses is not None:
        shorten(x, market, maker, maker_loses)
        _lose(x, maker, maker_loses, match)
    return match


def _transfer(x: Exchange, market: Market, taker: Order, maker: Order, quantity: Decimal) -> None:
    """Move base and quote between two accounts of a group as a trade would, free of commission."""
    quote = ((maker.price or ZERO) * quantity).quantize(market.quote_quantum)
    buyer, seller = (taker, maker) if taker.terms.side == "BUY" else (maker, taker)
    buyer_seat, seller_seat = x.seat(buyer), x.seat(seller)
    pay(x, buyer, buyer_seat.quote, quote)
    pay(x, seller, seller_seat.base, quantity)
    x.touch(buyer_seat.base).free += quantity
    x.touch(seller_seat.quote).free += quote


def _lose(x: Exchange, order: Order, quantity: Decimal, match: PreventedMatch) -> None:
    """Take prevented quantity off an order, and report it."""
    is_maker = order.order_id == match.maker_order_id
    order.prevented += quantity
    order.prevented_match_id = match.prevented_match_id
    remaining = order.remaining
    order.update_us = x.now_us
    if not remaining:
        order.status = "EXPIRED_IN_MATCH"
        forget(x, order)
    elif is_maker:
        reserve(x, order, needed(x.markets[order.symbol], order.terms.side, remaining, order.price))
    x.events.append(
        OrderReport(
            order=order.snapshot(),
            execution_type="TRADE_PREVENTION",
            execution_id=x.counters.next_execution(),
            client_order_id=order.client_order_id,
            time_us=x.now_us,
            is_maker=is_maker,
            on_book=is_maker and remaining > 0,
            prevented_match=match,
            last_prevented=quantity,
        )
    )
    if not remaining and order.list_id >= 0:
        after_end(x, order)
