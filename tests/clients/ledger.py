"""Double entry over a client's shoulder: an account holds what it held and what its fills say, to the digit."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

TRADED = {
    "BTCUSDT": ("BTC", "USDT"),
    "SOLUSDT": ("SOL", "USDT"),
    "币安人生USDT": ("币安人生", "USDT"),
}
"""The symbols of the scripted day, each with its base and quote asset."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One fill of the account."""

    fill_id: tuple[str, int]
    symbol: str
    is_buyer: bool
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Fill":
        """A row of myTrades or of myAllocations, as on the wire."""
        key = "id" if "id" in row else "allocationId"
        return cls(
            fill_id=(f"{row['symbol']} {key}", int(row[key])),
            symbol=row["symbol"],
            is_buyer=row["isBuyer"],
            quantity=Decimal(row["qty"]),
            quote_quantity=Decimal(row["quoteQty"]),
            commission=Decimal(row["commission"]),
            commission_asset=row["commissionAsset"],
        )


@dataclass(frozen=True, slots=True)
class Balance:
    """What the account has of one asset."""

    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        """Free or not."""
        return self.free + self.locked


def read_balances(rows: Sequence[Mapping[str, Any]]) -> dict[str, Balance]:
    """The `balances` of an account, as on the wire."""
    return {row["asset"]: Balance(Decimal(row["free"]), Decimal(row["locked"])) for row in rows}


class Account(Protocol):
    """What a client can say of the account that it trades on."""

    async def balances(self) -> dict[str, Balance]:
        """All balances."""
        ...

    async def fills(self, symbol: str) -> list[Fill]:
        """All fills on a symbol so far, those by smart order routing included."""
        ...


@asynccontextmanager
async def conserved(account: Account) -> AsyncIterator[None]:
    """Whatever the block does: fills and commissions alone change what the account has, exactly, and some did."""
    before = {asset: balance.total for asset, balance in (await account.balances()).items()}
    known = {fill.fill_id for fill in await _all_fills(account)}
    yield
    fills = [fill for fill in await _all_fills(account) if fill.fill_id not in known]
    expected = dict(before)
    for fill in fills:
        base, quote = TRADED[fill.symbol]
        sign = 1 if fill.is_buyer else -1
        expected[base] += sign * fill.quantity
        expected[quote] -= sign * fill.quote_quantity
        expected[fill.commission_asset] -= fill.commission
    after = await account.balances()
    assert {asset: balance.total for asset, balance in after.items()} == expected
    assert fills
    assert all(fill.commission > 0 for fill in fills)


async def nothing_locked(account: Account) -> bool:
    """Whether no balance is held by an order."""
    return not any(balance.locked for balance in (await account.balances()).values())


async def _all_fills(account: Account) -> list[Fill]:
    return [fill for symbol in TRADED for fill in await account.fills(symbol)]
