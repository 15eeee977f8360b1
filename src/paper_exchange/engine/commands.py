"""Everything that can be asked of the engine: one frozen struct each, a tagged union together.

A log of `(now_us, command)` replays to the same state byte for byte; `encode` and `decode` are the JSON of one
command. What a refused command asked did not happen, so it need not be logged.
"""

from decimal import Decimal

import msgspec
from msgspec import Struct

from paper_exchange.engine.orders import Terms
from paper_exchange.engine.symbols import Commission, ExchangeFilter, MaxAsset, Sor, SymbolSpec
from paper_exchange.engine.words import CancelReplaceMode, CancelRestrictions, ListKind, SymbolStatus


class _Command(
    Struct, frozen=True, kw_only=True, tag=True, tag_field="command", omit_defaults=True, forbid_unknown_fields=True
):
    """One request; the tag in JSON is the class name."""


class Place(_Command, frozen=True):
    """Place one order. Reply: `Placed`."""

    account: int
    symbol: str
    order: Terms


class PlaceSor(_Command, frozen=True):
    """Place one LIMIT or MARKET order through smart order routing. Reply: `Placed`."""

    account: int
    symbol: str
    order: Terms


class PlaceList(_Command, frozen=True):
    """Place an order list. Reply: `PlacedList`.

    `orders` is (above, below) for OCO, (working, pending) for OTO and OPO, (working, pending above, pending below)
    for OTOCO and OPOCO. The legacy OCO endpoint is an OCO: its LIMIT_MAKER is above for SELL and below for BUY.
    """

    account: int
    symbol: str
    kind: ListKind
    orders: tuple[Terms, ...]
    list_client_order_id: str | None = None


class CancelOrder(_Command, frozen=True):
    """Cancel one order, and its whole list when it is in one. Reply: `Cancelled`, or `CancelledList`.

    With both ids, `order_id` is looked up and the client id must match it. `new_client_order_id` names the cancel.
    """

    account: int
    symbol: str
    order_id: int | None = None
    orig_client_order_id: str | None = None
    new_client_order_id: str | None = None
    restrictions: CancelRestrictions | None = None


class CancelList(_Command, frozen=True):
    """Cancel an order list. Reply: `CancelledList`."""

    account: int
    symbol: str
    list_id: int | None = None
    list_client_order_id: str | None = None
    new_client_order_id: str | None = None


class CancelAll(_Command, frozen=True):
    """Cancel everything an account has open on a symbol. Reply: `CancelledAll`."""

    account: int
    symbol: str


class CancelReplace(_Command, frozen=True):
    """Cancel one order, then place another. Reply: `Replaced`; only filter failures raise.

    `over_quota` is set by a gateway whose client is over its unfilled-order limit and asked for CANCEL_ONLY: the new
    order then fails with -1015 and that text, and only the cancel is tried.
    """

    account: int
    symbol: str
    mode: CancelReplaceMode
    order: Terms
    order_id: int | None = None
    orig_client_order_id: str | None = None
    cancel_client_order_id: str | None = None
    restrictions: CancelRestrictions | None = None
    over_quota: str | None = None


class Amend(_Command, frozen=True):
    """Lower the quantity of an open order in its place in the queue. Reply: `Amended`."""

    account: int
    symbol: str
    quantity: Decimal
    order_id: int | None = None
    orig_client_order_id: str | None = None
    new_client_order_id: str | None = None


class OpenAccount(_Command, frozen=True):
    """Open an account, or change the settings of an open one (balances and orders stay).

    Attributes:
        permissions: Binance's account permissions, e.g. SPOT.
        trade_group_id: Accounts of one group never trade with each other; -1 for none.
        pays_in_bnb: Whether commissions are paid in BNB where the symbol allows it.
        keeps_history: Whether closed orders and trades stay readable. Off for market makers, whose flow would fill
            the memory.
        max_assets: The account's MAX_ASSET filters.
    """

    account: int
    permissions: tuple[str, ...] = ("SPOT",)
    can_trade: bool = True
    can_withdraw: bool = True
    can_deposit: bool = True
    trade_group_id: int = -1
    pays_in_bnb: bool = False
    keeps_history: bool = True
    max_assets: tuple[MaxAsset, ...] = ()


class ClearAccount(_Command, frozen=True):
    """Let an account be as it was when it was opened: nothing open, nothing owned, nothing done. Settings stay."""

    account: int


class Deposit(_Command, frozen=True):
    """Credit an account from outside."""

    account: int
    asset: str
    amount: Decimal


class Withdraw(_Command, frozen=True):
    """Take free funds out of the exchange."""

    account: int
    asset: str
    amount: Decimal


class LockExternally(_Command, frozen=True):
    """Let another product lock free funds (a positive amount) or give them back (a negative one).

    What is locked there is in no balance here, as if it had been withdrawn.
    """

    account: int
    asset: str
    amount: Decimal


class AddSymbol(_Command, frozen=True):
    """List a symbol."""

    spec: SymbolSpec


class SetSymbol(_Command, frozen=True):
    """Replace the rules of a listed symbol: filters, commission, flags, status. Open orders stay."""

    spec: SymbolSpec


class SetSymbolStatus(_Command, frozen=True):
    """Open, halt or close a symbol."""

    symbol: str
    status: SymbolStatus


class SetCommission(_Command, frozen=True):
    """Give one account its own commission on a symbol; None takes it away."""

    account: int
    symbol: str
    commission: Commission | None


class SetReferencePrice(_Command, frozen=True):
    """Set the reference price of a symbol whose rule is EXTERNAL; None means not set now."""

    symbol: str
    price: Decimal | None


class SetExchange(_Command, frozen=True):
    """Replace the exchange-wide filters and the SOR configuration."""

    filters: tuple[ExchangeFilter, ...] = ()
    sors: tuple[Sor, ...] = ()


class ExpireOrders(_Command, frozen=True):
    """Let the exchange end everything open on a symbol (EXPIRED, reason EXCHANGE_CANCELED)."""

    symbol: str


Command = (
    Place
    | PlaceSor
    | PlaceList
    | CancelOrder
    | CancelList
    | CancelAll
    | CancelReplace
    | Amend
    | OpenAccount
    | ClearAccount
    | Deposit
    | Withdraw
    | LockExternally
    | AddSymbol
    | SetSymbol
    | SetSymbolStatus
    | SetCommission
    | SetReferencePrice
    | SetExchange
    | ExpireOrders
)

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)


def encode(command: Command) -> bytes:
    """The command as one JSON object."""
    return _ENCODER.encode(command)


def decode(data: bytes | str) -> Command:
    """The command that `encode` wrote.

    Raises:
        msgspec.ValidationError: `data` is no command.
    """
    return _DECODER.decode(data)
