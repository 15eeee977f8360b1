"""Whether orders may be placed at all in this environment, and what Spot itself tells of the account behind the key.

Source: rest-api.md#account-information-user_data
"""

from collections.abc import Callable
from typing import Final

import msgspec

from binance_spot_mcp.catalogue.account import ACCOUNT, AccountParams
from binance_spot_mcp.catalogue.endpoint import Payload
from binance_spot_mcp.errors import Refused
from binance_spot_mcp.logs import logger
from binance_spot_mcp.trading.rules_cache import MAX_AGE_MS, Exchange
from binance_spot_mcp.vocabulary import Environment

TAIL: Final = 4
"""So many of its last characters name an account to a person who has others."""
SPOT: Final = "SPOT"
TRADE_GROUP: Final = "TRD_GRP_"
"""How permissions for groups of symbols begin; which symbols an account may trade, the rules of each symbol say."""
UNSEEN: Final = (
    "Whether this key is restricted to your IP and may withdraw cannot be read from Spot: restrict it by IP and never "
    "allow withdrawals."
)

_log = logger("trading")


class Standing(Payload, frozen=True, kw_only=True):
    """What Spot tells of an account."""

    account_type: str = SPOT
    can_trade: bool = True
    permissions: tuple[str, ...] = ()
    uid: int | None = None
    require_self_trade_prevention: bool = False


class LiveDoor:
    """Opens placing in the live environment when everything that can be seen speaks for it; elsewhere it is open.

    Args:
        env: The environment.
        key: The fingerprint of the key.
        switched_on: Whether the operator has switched live trading on.
        exchange: Makes the calls.
        now_ms: A clock in epoch milliseconds that does not step.
    """

    def __init__(
        self, env: Environment, key: str, *, switched_on: bool, exchange: Exchange, now_ms: Callable[[], int]
    ) -> None:
        self._env = env
        self._switched_on = switched_on
        self._key = key
        self._exchange = exchange
        self._now_ms = now_ms
        self._standing: tuple[int, Standing] | None = None

    async def open(self) -> None:
        """Return where orders may be placed and changed.

        Raises:
            Refused: LIVE_DISABLED, the operator has not switched it on, or the account does not trade.
            SpotError: The account could not be looked up.
        """
        if self._env != "live":
            return
        if not self._switched_on:
            raise Refused(
                "Placing and changing orders is switched off in the live environment; cancelling and looking work. The "
                "operator switches it on with BINANCE_LIVE_TRADING=1, and then confirms each order.",
                code="LIVE_DISABLED",
            )
        standing = await self.standing()
        if why := _why_closed(standing):
            raise Refused(
                f"Trading is closed: {why}. The operator has to look at the account and at the rights of its API key.",
                code="LIVE_DISABLED",
                details={
                    "account_type": standing.account_type,
                    "can_trade": standing.can_trade,
                    "permissions": standing.permissions,
                },
            )

    async def standing(self) -> Standing:
        """What Spot tells of the account, at most an hour old.

        Raises:
            SpotError: It could not be looked up.
        """
        if self._standing is None or self._now_ms() - self._standing[0] > MAX_AGE_MS:
            answer = await self._exchange.fetch(ACCOUNT, AccountParams())
            known = msgspec.json.decode(answer.body, type=Standing)
            self._standing = self._now_ms(), known
            _log.info(
                "account",
                type=known.account_type,
                can_trade=known.can_trade,
                permissions=known.permissions,
                requires_self_trade_prevention=known.require_self_trade_prevention,
                not_visible=UNSEEN,
            )
        return self._standing[1]

    def told(self) -> dict[str, object]:
        """What is known of the account in live, and what cannot be; nothing elsewhere."""
        if self._env != "live" or self._standing is None:
            return {}
        standing = self._standing[1]
        return {
            "spot_says": {
                "account_type": standing.account_type,
                "can_trade": standing.can_trade,
                "permissions": list(standing.permissions),
                "requires_self_trade_prevention": standing.require_self_trade_prevention,
                "not_visible": UNSEEN,
            }
        }

    async def account_tail(self) -> str:
        """What names the account to a person.

        Raises:
            SpotError: It could not be looked up.
        """
        uid = (await self.standing()).uid
        return f"key …{self._key[-TAIL:]}" if uid is None else f"uid …{str(uid)[-TAIL:]}"


def _why_closed(standing: Standing) -> str:
    """Why no order can be placed on an account; empty if nothing speaks against it."""
    if not standing.can_trade:
        return "Spot says that this account may not trade (canTrade is false)"
    if standing.account_type != SPOT:
        return f"this is no Spot account but {standing.account_type}"
    if not any(permission == SPOT or permission.startswith(TRADE_GROUP) for permission in standing.permissions):
        return "this account has neither the SPOT permission nor that of a trade group"
    return ""
