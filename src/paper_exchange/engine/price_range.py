"""The execution rule PRICE_RANGE: how far from the reference price a taker may trade.

Source: faqs/price_range_execution_rules.md
"""

from decimal import Decimal

from msgspec import Struct

from paper_exchange.engine.market import Market
from paper_exchange.engine.words import Side


class PriceLimits(Struct, frozen=True, gc=False):
    """Bounds of a taker phase; None is no bound."""

    low: Decimal | None
    high: Decimal | None

    def allow(self, price: Decimal) -> bool:
        """Whether a trade at `price` is within the bounds."""
        return (self.low is None or price >= self.low) and (self.high is None or price <= self.high)


_UNBOUND = PriceLimits(None, None)


def price_limits(market: Market, side: Side, now_us: int) -> PriceLimits:
    """The bounds for a taker that starts now; none without a rule or without a reference price."""
    if not market.spec.execution_rules:
        return _UNBOUND
    reference = market.reference_price(now_us)
    if reference is None:
        return _UNBOUND
    rule = market.spec.execution_rules[0]
    down, up = (
        (rule.bid_limit_mult_down, rule.bid_limit_mult_up)
        if side == "BUY"
        else (rule.ask_limit_mult_down, rule.ask_limit_mult_up)
    )
    return PriceLimits(None if down is None else reference * down, None if up is None else reference * up)
