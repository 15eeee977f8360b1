"""Trading accounts: opened by name, with funds to start with and a key to use them."""

import os
from collections.abc import Mapping
from decimal import Decimal

from paper_exchange.engine.commands import Deposit, OpenAccount
from paper_exchange.exchange import PaperExchange
from paper_exchange.keys import Randomness, hmac_key, new_text
from paper_exchange.store import Login, Store

FIRST_ACCOUNT = 1_000_001
"""Smaller numbers belong to the exchange and its market makers."""

STARTING_FUNDS: Mapping[str, Decimal] = {
    "USDT": Decimal(100_000),
    "USDC": Decimal(10_000),
    "BTC": Decimal(1),
    "ETH": Decimal(10),
    "BNB": Decimal(50),
    "SOL": Decimal(100),
}

ACCOUNT_PERMISSIONS = ("SPOT",)


class Accounts:
    """The named accounts of an exchange.

    Args:
        randomness: Where keys and secrets come from.
        funds: What a new account starts with.
        store: Where logins are kept; those that it has are there from the start.
    """

    def __init__(
        self,
        exchange: PaperExchange,
        *,
        randomness: Randomness = os.urandom,
        funds: Mapping[str, Decimal] = STARTING_FUNDS,
        store: Store | None = None,
    ) -> None:
        self._exchange = exchange
        self._randomness = randomness
        self._funds = funds
        self._store = store
        self._logins: dict[str, Login] = {}
        for login in store.logins() if store is not None else ():
            self._let_in(login)

    def login(self, name: str) -> Login:
        """The login of an account, which is opened and funded when it is new."""
        found = self._logins.get(name)
        return self._open(name) if found is None else found

    @property
    def numbers(self) -> range:
        """The numbers of all accounts."""
        return range(FIRST_ACCOUNT, FIRST_ACCOUNT + len(self._logins))

    def _open(self, name: str) -> Login:
        login = Login(
            number=FIRST_ACCOUNT + len(self._logins),
            account=name,
            api_key=new_text(self._randomness),
            api_secret=new_text(self._randomness),
        )
        with self._exchange.together():
            self._exchange.submit(OpenAccount(account=login.number, permissions=ACCOUNT_PERMISSIONS))
            for asset, amount in self._funds.items():
                self._exchange.submit(Deposit(account=login.number, asset=asset, amount=amount))
            if self._store is not None:
                self._store.add_login(login)
        self._let_in(login)
        return login

    def _let_in(self, login: Login) -> None:
        self._logins[login.account] = login
        self._exchange.keys.register(hmac_key(login.api_key, login.api_secret, login.number))
