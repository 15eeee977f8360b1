"""The accounts behind every market's orders, and how they come to their funds."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from paper_exchange.engine.commands import AddSymbol, CancelAll, Command, Deposit, OpenAccount, SetExchange
from paper_exchange.market.catalog import Catalog

HOUSE_MAKER = 1
"""The account that quotes. Its open orders have client ids of their own, so that it can replace them unseen."""
HOUSE_TAKER = 2
"""The account that trades with whatever the book offers."""

_FUNDS = Decimal(10) ** 10
"""What each of them gets of every asset, in USDT."""
_SHARE_OF_POSITION = Decimal("0.4")
"""Where MAX_POSITION limits what it may hold, it gets this share of the limit, to have room both ways."""
_WHOLE = Decimal(1)


def founding(catalog: Catalog, first_trade_ids: Mapping[str, int]) -> list[Command]:
    """Commands that list the symbols of a catalog and open and fund the house, for an exchange that is new.

    Args:
        catalog: What is traded.
        first_trade_ids: The id of the first trade to come, by symbol, where it is not 1.
    """
    commands: list[Command] = [
        AddSymbol(spec=replace(listing.spec, first_trade_id=first_trade_ids.get(symbol, 1)))
        for symbol, listing in catalog.listings.items()
    ]
    commands.append(SetExchange(sors=catalog.sors))
    for account in (HOUSE_MAKER, HOUSE_TAKER):
        commands.append(OpenAccount(account=account, keeps_history=False))
        commands.extend(
            Deposit(account=account, asset=asset, amount=_funds(catalog, asset)) for asset in catalog.assets
        )
    return commands


def resuming(catalog: Catalog) -> list[Command]:
    """Commands that clear the house's orders away, for an exchange that ran before."""
    return [CancelAll(account=HOUSE_MAKER, symbol=symbol) for symbol in catalog.listings]


def _funds(catalog: Catalog, asset: str) -> Decimal:
    limits = [
        listing.largest_position * _SHARE_OF_POSITION
        for listing in catalog.listings.values()
        if listing.spec.base_asset == asset and listing.largest_position is not None
    ]
    return min([(_FUNDS / catalog.assets[asset].price).quantize(_WHOLE), *limits])
