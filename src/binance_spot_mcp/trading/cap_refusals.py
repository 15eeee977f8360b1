"""What a caller is told whose request does not keep one of the operator's caps."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from binance_spot_mcp.domain.price_band import OutOfBand
from binance_spot_mcp.errors import Refused, Retry
from binance_spot_mcp.settings import variable
from binance_spot_mcp.trading.caps import Share
from binance_spot_mcp.vocabulary import plain

_UNCHANGED: Final = "Nothing was sent."


def over(share: Share, fix: Mapping[str, Decimal], opens_ms: int | None) -> Refused:
    """The refusal of a request that asks for more than is left of a cap.

    Args:
        share: How the cap stands.
        fix: A smaller size that would fit, by parameter.
        opens_ms: When more of it is left again by itself; None where that is not a matter of time.
    """
    asked, limit, left = plain(share.asked), plain(share.limit), plain(share.left)
    sentences = {
        "max_order_notional": f"It may trade up to {asked} {share.unit}; the operator allows {limit} for one order",
        "max_daily_notional": (
            f"It may trade up to {asked} {share.unit}; of the {limit} that the operator allows for this UTC day {left} "
            "are left"
        ),
        "max_open_orders": f"It would leave {asked} more open; of the {limit} that the operator allows {left} are left",
        "max_orders_per_minute": f"It sends {asked}; of the {limit} a minute that the operator allows {left} are left",
    }
    smaller = " and ".join(f"{name} {plain(value)}" for name, value in fix.items())
    hint = f" With {smaller} it would fit." if smaller else ""
    retry: Retry = "after_fix" if fix or opens_ms is None else "at"
    return Refused(
        f"{sentences[share.cap]} ({variable(share.cap)}). {_UNCHANGED}{hint}",
        code="LIMIT_EXCEEDED",
        retry=retry,
        retry_at_ms=opens_ms if retry == "at" else None,
        fix={name: plain(value) for name, value in fix.items()},
        next="get_open_orders" if share.cap == "max_open_orders" else "get_trading_state",
        details=share.facts(),
    )


def lost(share: Share, tomorrow_ms: int) -> Refused:
    """The refusal of every order on a day that has lost enough."""
    return Refused(
        f"This UTC day has realised a loss of {plain(share.used)} {share.unit}, and the operator ends trading at "
        f"{plain(share.limit)} ({variable(share.cap)}). {_UNCHANGED} Orders are taken again tomorrow; cancels work.",
        code="LIMIT_EXCEEDED",
        retry="at",
        retry_at_ms=tomorrow_ms,
        next="get_trading_state",
        details=share.facts(),
    )


def unlisted(symbol: str, listed: tuple[str, ...]) -> Refused:
    """The refusal of an order on a symbol that the operator does not list."""
    allowed = f"allows {', '.join(listed)}" if listed else "allows none yet"
    return Refused(
        f"The operator {allowed} ({variable('symbols')}), and {symbol} is not among them. {_UNCHANGED}",
        code="LIMIT_EXCEEDED",
        next="get_trading_state",
        details={"cap": "symbols", "param": "symbol", "given": symbol, "allowed": list(listed)},
    )


def too_far(found: OutOfBand, band: Decimal, symbol: str) -> Refused:
    """The refusal of a price that lies too far from the market."""
    low, high = plain(found.low), plain(found.high)
    details: dict[str, Any] = {"cap": "price_band", "limit": f"{plain(band)}%", "min": low, "max": high}
    if found.price is None:
        what, fits = "The part of the book that is known does not hold this order", "Use a smaller size or LIMIT."
    elif found.param:
        what, fits = f"{found.param} {plain(found.price)} lies outside {low} to {high}", "Move the price."
        details |= {"param": found.param, "given": plain(found.price)}
    else:
        what = f"It would trade down the book to {plain(found.price)}, outside {low} to {high}"
        fits = "Use a smaller size or LIMIT."
        details["expected"] = plain(found.price)
    return Refused(
        f"{what}: on {symbol} the operator allows {plain(band)} % from {found.measure} ({variable('price_band')}). "
        f"{_UNCHANGED} {fits}",
        code="LIMIT_EXCEEDED",
        retry="after_fix",
        next="get_book_ticker",
        details=details,
    )


def inconvertible(asset: str, unit: str, why: str) -> Refused:
    """The refusal of an order whose worth in the currency of a cap nobody can tell."""
    return Refused(
        f"The worth of {asset} in {unit}, the currency of the operator's limits, cannot be told: {why.rstrip('.')}. "
        f"{_UNCHANGED} The operator can set the limits in another currency.",
        code="LIMIT_EXCEEDED",
        next="get_trading_state",
        details={"cap": "conversion", "asset": asset, "unit": unit},
    )


def unpriced(unit: str, why: str, retry_at_ms: int) -> Refused:
    """The refusal of an order while what it comes to in the currency of a cap cannot be looked up."""
    return Refused(
        f"What orders come to in {unit}, the currency of the operator's limits, cannot be told now: {why} {_UNCHANGED}",
        code="STALE_DATA",
        retry="at",
        retry_at_ms=retry_at_ms,
        next="get_trading_state",
        details={"unit": unit},
    )
