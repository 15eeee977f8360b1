"""Trading accounts: opened by name, with funds to start with and a key to use them."""

import os
from collections.abc import Mapping
from decimal import Decimal

from paper_exchange.engine.commands import ClearAccount, Deposit, OpenAccount
from paper_exchange.exchange import PaperExchange
from paper_exchange.keys import ApiKey, Randomness, hmac_key, new_text, public_key
from paper_exchange.store import KeptKey, Login, Store

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


class UnknownAccount(LookupError):
    """There is no account of that name; the text says which there are."""


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
        self._more_keys: list[KeptKey] = [] if store is None else store.keys()
        for key in self._more_keys:
            self._exchange.keys.register(_usable(key))

    def login(self, name: str) -> Login:
        """The login of an account, which is opened and funded when it is new."""
        found = self._logins.get(name)
        return self._open(name) if found is None else found

    @property
    def numbers(self) -> range:
        """The numbers of all accounts."""
        return range(FIRST_ACCOUNT, FIRST_ACCOUNT + len(self._logins))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all accounts, in the order of their numbers."""
        return tuple(self._logins)

    def number(self, name: str) -> int:
        """The number of an account.

        Raises:
            UnknownAccount: There is none of that name.
        """
        login = self._logins.get(name)
        if login is None:
            raise UnknownAccount(f"no account {name!r}; there are: {', '.join(self._logins)}")
        return login.number

    def start_over(self, name: str) -> None:
        """Let an account be as new: no orders, no history, the funds to start with. Its keys stay.

        Raises:
            UnknownAccount: There is none of that name.
        """
        number = self.number(name)
        with self._exchange.together():
            self._exchange.submit(ClearAccount(account=number))
            self._fund(number)

    def add_hmac_key(self, name: str) -> tuple[str, str]:
        """Give an account one more key; returns the key and its secret.

        Raises:
            UnknownAccount: There is none of that name.
        """
        number = self.number(name)
        api_key, secret = new_text(self._randomness), new_text(self._randomness)
        self._add_key(KeptKey(api_key, number, "HMAC", secret))
        return api_key, secret

    def add_public_key(self, name: str, pem: str) -> str:
        """Give an account a key whose signatures fit a public key, unless it has one already; returns the key.

        Raises:
            UnknownAccount: There is none of that name.
            UnusableKey: `pem` is no Ed25519 or RSA public key that Binance would take.
        """
        number = self.number(name)
        known = next((key for key in self._more_keys if (key.number, key.material) == (number, pem)), None)
        if known is not None:
            return known.api_key
        api_key = new_text(self._randomness)
        kind = public_key(api_key, pem.encode(), number).kind
        self._add_key(KeptKey(api_key, number, kind, pem))
        return api_key

    def _open(self, name: str) -> Login:
        login = Login(
            number=FIRST_ACCOUNT + len(self._logins),
            account=name,
            api_key=new_text(self._randomness),
            api_secret=new_text(self._randomness),
        )
        with self._exchange.together():
            self._exchange.submit(OpenAccount(account=login.number, permissions=ACCOUNT_PERMISSIONS))
            self._fund(login.number)
            if self._store is not None:
                self._store.add_login(login)
        self._let_in(login)
        return login

    def _fund(self, number: int) -> None:
        for asset, amount in self._funds.items():
            self._exchange.submit(Deposit(account=number, asset=asset, amount=amount))

    def _add_key(self, key: KeptKey) -> None:
        self._more_keys.append(key)
        if self._store is not None:
            self._store.add_key(key)
        self._exchange.keys.register(_usable(key))

    def _let_in(self, login: Login) -> None:
        self._logins[login.account] = login
        self._exchange.keys.register(hmac_key(login.api_key, login.api_secret, login.number))


def _usable(key: KeptKey) -> ApiKey:
    if key.kind == "HMAC":
        return hmac_key(key.api_key, key.material, key.number)
    return public_key(key.api_key, key.material.encode(), key.number)
