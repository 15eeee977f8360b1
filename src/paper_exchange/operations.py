"""What an operator may ask of an exchange: one struct each, with its place in the operator's door.

The same value is sent to a running exchange as JSON, and carried out on the files of one that does not run.
"""

from decimal import Decimal
from typing import ClassVar

from msgspec import Struct

from paper_exchange.control import Control
from paper_exchange.engine.symbols import SymbolFilter
from paper_exchange.engine.words import SymbolStatus
from paper_exchange.gateway.rendering import Json
from paper_exchange.options import DEFAULT_ACCOUNT


class Operation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to ask.

    Attributes:
        route: Method and path below the door's root.
    """

    route: ClassVar[str]

    def carry_out(self, control: Control) -> Json:
        """Do it; returns the answer.

        Raises:
            UnknownAccount, NotPossible, UnusableKey, Refusal: It was asked by mistake; nothing has changed.
        """
        raise NotImplementedError


class ReadState(Operation, frozen=True):
    """What accounts have, and the status of every symbol."""

    route = "GET /state"

    def carry_out(self, control: Control) -> Json:
        """Read it."""
        return control.state()


class Reset(Operation, frozen=True):
    """Let one account start over, or all."""

    route = "POST /reset"
    account: str | None = None

    def carry_out(self, control: Control) -> Json:
        """Reset; returns the names of the accounts."""
        return {"reset": control.reset(self.account)}


class OpenAccount(Operation, frozen=True):
    """Open an account; one that is open already is told."""

    route = "POST /accounts"
    account: str

    def carry_out(self, control: Control) -> Json:
        """Open it; returns its login."""
        return control.open_account(self.account)


class Deposit(Operation, frozen=True):
    """Credit an account."""

    route = "POST /deposit"
    asset: str
    amount: Decimal
    account: str = DEFAULT_ACCOUNT

    def carry_out(self, control: Control) -> Json:
        """Credit it; returns the balance."""
        return control.deposit(self.account, self.asset, self.amount)


class Withdraw(Operation, frozen=True):
    """Take free funds out."""

    route = "POST /withdraw"
    asset: str
    amount: Decimal
    account: str = DEFAULT_ACCOUNT

    def carry_out(self, control: Control) -> Json:
        """Take them; returns the balance."""
        return control.withdraw(self.account, self.asset, self.amount)


class Lock(Operation, frozen=True):
    """Let another product lock free funds; a negative amount gives them back."""

    route = "POST /lock"
    asset: str
    amount: Decimal
    account: str = DEFAULT_ACCOUNT

    def carry_out(self, control: Control) -> Json:
        """Lock them; returns the balance."""
        return control.lock(self.account, self.asset, self.amount)


class AddKey(Operation, frozen=True):
    """Give an account one more key: HMAC with a new secret, or that of a public key in PEM."""

    route = "POST /keys"
    account: str = DEFAULT_ACCOUNT
    public_key: str | None = None

    def carry_out(self, control: Control) -> Json:
        """Make it; returns the key, and the secret where there is one."""
        return control.add_key(self.account, self.public_key)


class SetStatus(Operation, frozen=True):
    """Open, halt or close a symbol."""

    route = "POST /symbols/status"
    symbol: str
    status: SymbolStatus

    def carry_out(self, control: Control) -> Json:
        """Set it."""
        control.set_symbol_status(self.symbol, self.status)
        return {"symbol": self.symbol, "status": self.status}


class SetFilters(Operation, frozen=True):
    """Give a symbol other filters, as exchangeInfo lists them."""

    route = "POST /symbols/filters"
    symbol: str
    filters: tuple[SymbolFilter, ...]

    def carry_out(self, control: Control) -> Json:
        """Set them."""
        control.set_filters(self.symbol, self.filters)
        return {"symbol": self.symbol, "filters": len(self.filters)}


OPERATIONS: tuple[type[Operation], ...] = (
    ReadState,
    Reset,
    OpenAccount,
    Deposit,
    Withdraw,
    Lock,
    AddKey,
    SetStatus,
    SetFilters,
)
