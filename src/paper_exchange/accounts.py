"""Trading accounts: opened by name, with funds to start with and a key to use them."""

import os
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from paper_exchange.engine.commands import Deposit, OpenAccount
from paper_exchange.exchange import PaperExchange
from paper_exchange.keys import Randomness, hmac_key, new_text

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


class Login(Struct, frozen=True, kw_only=True):
    """What somebody needs to use an account."""

    account: str
    api_key: str
    api_secret: str


class Accounts:
    """The named accounts of an exchange.

    Args:
        randomness: Where keys and secrets come from.
        funds: What a new account starts with.
    """

    def __init__(
        self,
        exchange: PaperExchange,
        *,
        randomness: Randomness = os.urandom,
        funds: Mapping[str, Decimal] = STARTING_FUNDS,
    ) -> None:
        self._exchange = exchange
        self._randomness = randomness
        self._funds = funds
        self._logins: dict[str, Login] = {}

    def login(self, name: str) -> Login:
        """The login of an account, which is opened and funded when it is new."""
        found = self._logins.get(name)
        if found is None:
            found = self._logins[name] = self._open(name, FIRST_ACCOUNT + len(self._logins))
        return found

    @property
    def numbers(self) -> range:
        """The numbers of all accounts."""
        return range(FIRST_ACCOUNT, FIRST_ACCOUNT + len(self._logins))

    def _open(self, name: str, number: int) -> Login:
        login = Login(account=name, api_key=new_text(self._randomness), api_secret=new_text(self._randomness))
        self._exchange.submit(OpenAccount(account=number, permissions=ACCOUNT_PERMISSIONS))
        for asset, amount in self._funds.items():
            self._exchange.submit(Deposit(account=number, asset=asset, amount=amount))
        self._exchange.keys.register(hmac_key(login.api_key, login.api_secret, number))
        return login
