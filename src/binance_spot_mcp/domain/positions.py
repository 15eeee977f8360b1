"""What was bought and sold through this server: how much is held of it, what it cost, and what came of it.

Accounts are kept in one currency, a quote asset such as USDT, by average cost. A trade parts with one asset and gets
another of the same value: what the quote side of it is worth in the currency. A fee parts with some more, and its value
is a loss of the day on which it is paid. What is parted with beyond what was got here has an unknown cost: it is
counted apart and makes neither profit nor loss.

Sums are exact. Two things are rounded: the share of a cost that leaves with a part of what is held, at twenty decimals
and such that both parts together are the whole, and averages, which are only shown, at sixteen digits.

Source: the definitions are this module's own; rest-api.md#account-trade-list-user_data (what a fill says of its fee).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal
from typing import Final, Protocol

from binance_spot_mcp.domain.exact import minus, times, total

PriceOf = Callable[[str], Decimal | None]
"""What one unit of an asset is worth in the currency now; None where nobody knows."""

DAY_MS: Final = 86_400_000

_ZERO: Final = Decimal(0)
_DIVISION: Final = Context(prec=80)
_SHARE: Final = Decimal("1E-20")
_AVERAGE: Final = Context(prec=16)


class Fill(Protocol):
    """A trade of an order; its fee is in either asset of the symbol, or in a third one such as BNB."""

    @property
    def side(self) -> str:
        """BUY or SELL."""
        ...

    @property
    def price(self) -> Decimal:
        """Units of the quote asset for one of the base asset."""
        ...

    @property
    def quantity(self) -> Decimal:
        """How much of the base asset, above 0."""
        ...

    @property
    def commission(self) -> Decimal:
        """The fee, not below 0."""
        ...

    @property
    def commission_asset(self) -> str:
        """What the fee was paid in."""
        ...

    @property
    def at_ms(self) -> int:
        """When, in epoch milliseconds."""
        ...


@dataclass(frozen=True, slots=True)
class Position:
    """One asset, as far as it was traded here.

    Attributes:
        quantity: How much is held of what was got here.
        cost: What that was worth in the currency when it was got.
        realised: What came of the parts that are gone, in the currency, above what they had cost; before fees.
        unknown_out: How much was parted with beyond what was got here.
        unknown_in: How much was got at a value that nobody knew.
    """

    quantity: Decimal = _ZERO
    cost: Decimal = _ZERO
    realised: Decimal = _ZERO
    unknown_out: Decimal = _ZERO
    unknown_in: Decimal = _ZERO

    @property
    def average(self) -> Decimal | None:
        """What one unit of what is held has cost; None if nothing is held."""
        return _AVERAGE.divide(self.cost, self.quantity) if self.quantity else None

    def unrealised(self, price: Decimal) -> Decimal:
        """What is held, at a price in the currency, above what it cost."""
        return minus(times(self.quantity, price), self.cost)

    def got(self, quantity: Decimal, value: Decimal | None) -> "Position":
        """This position with some more, of a value in the currency."""
        if value is None:
            return replace(self, unknown_in=total((self.unknown_in, quantity)))
        return replace(self, quantity=total((self.quantity, quantity)), cost=total((self.cost, value)))

    def parted(self, quantity: Decimal, value: Decimal | None) -> "Position":
        """This position without some of it, for a value in the currency; what nobody knows the value of leaves at cost.

        What has a known cost goes first.
        """
        known = min(quantity, self.quantity)
        cost = _share(self.cost, known, self.quantity)
        earned = cost if value is None else _share(value, known, quantity)
        return replace(
            self,
            quantity=minus(self.quantity, known),
            cost=minus(self.cost, cost),
            realised=total((self.realised, minus(earned, cost))),
            unknown_out=total((self.unknown_out, minus(quantity, known))),
        )


@dataclass(frozen=True, slots=True)
class Fees:
    """The fees that were paid in one asset.

    Attributes:
        amount: All of them, in the asset.
        value: What those with a known price were worth in the currency.
        unvalued: The part of `amount` for which there was no price, so that it is in no profit or loss.
    """

    amount: Decimal = _ZERO
    value: Decimal = _ZERO
    unvalued: Decimal = _ZERO

    def paid(self, amount: Decimal, value: Decimal | None) -> "Fees":
        """These and one more."""
        return Fees(
            total((self.amount, amount)),
            self.value if value is None else total((self.value, value)),
            total((self.unvalued, amount)) if value is None else self.unvalued,
        )


def no_prices(asset: str) -> Decimal | None:
    """Knows no price at all."""


@dataclass(slots=True)
class Positions:
    """All that was traded here, kept in one currency; fills are added in the order of their time.

    Attributes:
        currency: The quote asset that everything is counted in; it has no position of its own.
        held: The position in each asset.
        fees: The fees paid in each asset.
        unvalued: How many fills there were whose value in the currency nobody knew.
    """

    currency: str
    held: dict[str, Position] = field(default_factory=dict)
    fees: dict[str, Fees] = field(default_factory=dict)
    unvalued: int = 0
    _days: dict[int, Decimal] = field(default_factory=dict)

    def add(self, fill: Fill, base: str, quote: str, prices: PriceOf = no_prices) -> None:
        """Take in one fill.

        Args:
            fill: The fill.
            base: The base asset of its symbol.
            quote: The quote asset of its symbol.
            prices: Asked for the quote asset where neither asset is the currency, and for a third one that paid a fee.
        """
        sides = {base: fill.quantity, quote: times(fill.price, fill.quantity)}
        given, taken = (quote, base) if fill.side == "BUY" else (base, quote)
        value = self._value(sides, quote, prices)
        self.unvalued += value is None
        gain = self._part(given, sides[given], value)
        if taken != self.currency:
            self.held[taken] = self.held.get(taken, Position()).got(sides[taken], value)
        if fill.commission:
            gain = total((gain, self._pay(fill, sides, value, prices)))
        day = utc_day(fill.at_ms)
        self._days[day] = total((self.realised_on(day), gain))

    def realised_on(self, day: int) -> Decimal:
        """Profit, or loss below 0, of one UTC day (days since 1970, see `utc_day`), its fees taken off."""
        return self._days.get(day, _ZERO)

    @property
    def realised(self) -> Decimal:
        """Profit or loss of all days, fees taken off."""
        return total(self._days.values())

    def unrealised(self, prices: PriceOf) -> Decimal:
        """Profit or loss of what is held, were it sold at these prices; what has no price is left out."""
        priced = ((position, prices(asset)) for asset, position in self.held.items())
        return total(position.unrealised(price) for position, price in priced if price is not None)

    def _value(self, sides: Mapping[str, Decimal], quote: str, prices: PriceOf) -> Decimal | None:
        """What both sides of a fill are worth in the currency."""
        if self.currency in sides:
            return sides[self.currency]
        unit = prices(quote)
        return None if unit is None else times(sides[quote], unit)

    def _part(self, asset: str, quantity: Decimal, value: Decimal | None) -> Decimal:
        """Part with some of an asset, and give what came of it."""
        if asset == self.currency:
            return _ZERO
        before = self.held.get(asset, Position())
        after = self.held[asset] = before.parted(quantity, value)
        return minus(after.realised, before.realised)

    def _pay(self, fill: Fill, sides: Mapping[str, Decimal], value: Decimal | None, prices: PriceOf) -> Decimal:
        """Part with the fee of a fill, and give what came of it, which is mostly a loss."""
        asset, fee = fill.commission_asset, fill.commission
        if asset in sides:
            worth = None if value is None else _share(value, fee, sides[asset])
        else:
            unit = Decimal(1) if asset == self.currency else prices(asset)
            worth = None if unit is None else times(fee, unit)
        self.fees[asset] = self.fees.get(asset, Fees()).paid(fee, worth)
        return minus(self._part(asset, fee, worth), worth or _ZERO)


def utc_day(at_ms: int) -> int:
    """The UTC day of a time in epoch milliseconds, as days since 1970."""
    return at_ms // DAY_MS


def _share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """The share of an amount that belongs to a part of a whole; all of it where the part is the whole."""
    if part == whole:
        return amount if whole else _ZERO
    return _DIVISION.divide(times(amount, part), whole).quantize(_SHARE, context=_DIVISION)
