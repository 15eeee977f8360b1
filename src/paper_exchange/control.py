"""What an operator may do to an exchange, whether it runs or lies in its files.

Whatever is asked by mistake raises an error whose text says what to do; nothing has changed then.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import structs

from paper_exchange.accounts import Accounts
from paper_exchange.clock import Clock, VirtualClock
from paper_exchange.engine.commands import Deposit, LockExternally, SetSymbol, SetSymbolStatus, Withdraw
from paper_exchange.engine.symbols import SymbolFilter
from paper_exchange.engine.words import SymbolStatus
from paper_exchange.exchange import PaperExchange
from paper_exchange.gateway.rendering import Json, decimal, queried

_US_PER_MS = 1_000


class NotPossible(Exception):
    """This exchange cannot do that."""


class Control:
    """The levers of one exchange.

    Args:
        clock: The one that `advance` moves.
    """

    def __init__(self, exchange: PaperExchange, accounts: Accounts, clock: Clock) -> None:
        self._exchange = exchange
        self._accounts = accounts
        self._clock = clock

    # Accounts

    def open_account(self, account: str) -> Json:
        """The login of an account, which is opened when it is new."""
        login = self._accounts.login(account)
        return {"account": account, "api_key": login.api_key, "api_secret": login.api_secret}

    def reset(self, account: str | None = None) -> list[str]:
        """Let one account start over, or all; returns their names.

        Raises:
            UnknownAccount: There is none of that name.
        """
        names = list(self._accounts.names) if account is None else [account]
        for name in names:
            self._accounts.start_over(name)
        return names

    def deposit(self, account: str, asset: str, amount: Decimal) -> Json:
        """Credit an account; returns the balance.

        Raises:
            UnknownAccount: There is none of that name.
            NotPossible: Nothing here is traded in the asset.
            Refusal: The amount is not positive, or has more than eight decimals.
        """
        number = self._accounts.number(account)
        traded = {
            name for spec in self._exchange.engine.symbols.values() for name in (spec.base_asset, spec.quote_asset)
        }
        if asset not in traded:
            raise NotPossible(f"nothing here is traded in {asset}; there are: {', '.join(sorted(traded))}")
        self._exchange.submit(Deposit(account=number, asset=asset, amount=amount))
        return self._balance(number, asset)

    def withdraw(self, account: str, asset: str, amount: Decimal) -> Json:
        """Take free funds of an account out of the exchange; returns the balance.

        Raises:
            UnknownAccount: There is none of that name.
            Refusal: The amount is not positive, has more than eight decimals, or is not free.
        """
        number = self._accounts.number(account)
        self._exchange.submit(Withdraw(account=number, asset=asset, amount=amount))
        return self._balance(number, asset)

    def lock(self, account: str, asset: str, amount: Decimal) -> Json:
        """Let another product lock free funds, or give them back when negative; returns the balance.

        Raises:
            UnknownAccount: There is none of that name.
            Refusal: The amount is zero, has more than eight decimals, or is not free.
        """
        number = self._accounts.number(account)
        self._exchange.submit(LockExternally(account=number, asset=asset, amount=amount))
        return self._balance(number, asset)

    def add_key(self, account: str, public_key: str | None = None) -> Json:
        """Give an account one more key: HMAC with a new secret, or that of a public key in PEM.

        Raises:
            UnknownAccount: There is none of that name.
            UnusableKey: It is no public key that Binance would take.
        """
        if public_key is None:
            api_key, api_secret = self._accounts.add_hmac_key(account)
            return {"account": account, "api_key": api_key, "api_secret": api_secret}
        return {"account": account, "api_key": self._accounts.add_public_key(account, public_key)}

    # Symbols

    def set_symbol_status(self, symbol: str, status: SymbolStatus) -> None:
        """Open, halt or close a symbol.

        Raises:
            Refusal: It is not listed.
        """
        self._exchange.submit(SetSymbolStatus(symbol=symbol, status=status))

    def set_filters(self, symbol: str, filters: tuple[SymbolFilter, ...]) -> None:
        """Give a symbol other filters; open orders stay.

        Raises:
            Refusal: It is not listed.
        """
        spec = self._exchange.engine.symbol(symbol)
        self._exchange.submit(SetSymbol(spec=structs.replace(spec, filters=filters)))

    # Time

    async def advance(self, ms: int) -> int:
        """Move a virtual clock; returns the exchange's time in milliseconds.

        Raises:
            NotPossible: The clock is not virtual.
            ValueError: `ms` is negative.
        """
        if not isinstance(self._clock, VirtualClock):
            raise NotPossible("the clock is not virtual: start the exchange with --clock virtual")
        await self._clock.advance(ms * _US_PER_MS)
        return self._exchange.now_us() // _US_PER_MS

    # Reading

    def state(self) -> Json:
        """Time, accounts with balances and open orders, and the status of every symbol."""
        engine = self._exchange.engine
        return {
            "time": self._exchange.now_us() // _US_PER_MS,
            "accounts": [self._account(name) for name in self._accounts.names],
            "symbols": {symbol: spec.status for symbol, spec in engine.symbols.items()},
        }

    def _account(self, name: str) -> Mapping[str, Any]:
        engine, number = self._exchange.engine, self._accounts.number(name)
        return {
            "account": name,
            "uid": number,
            "balances": [
                {"asset": row.asset, "free": decimal(row.free), "locked": decimal(row.locked)}
                for row in engine.balances(number)
            ],
            "openOrders": [queried(order, "MILLISECOND") for order in engine.open_orders(number)],
            "openOrderLists": len(engine.open_order_lists(number)),
        }

    def _balance(self, number: int, asset: str) -> Json:
        row = self._exchange.engine.balance(number, asset)
        return {"asset": asset, "free": decimal(row.free), "locked": decimal(row.locked)}
