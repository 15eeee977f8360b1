"""A paper exchange as an outside process: real HTTP and WebSockets on loopback, faults by rule, an oracle's log."""

import asyncio
import hashlib
import hmac
import json
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from tests.faults.agent import SOURCE

Entry = dict[str, Any]
Match = Mapping[str, Mapping[str, str]]
"""Requests, by where they are met: what a rule's `match` says."""

PLACE = {"rest": {"method": "POST", "path": "/api/v3/order"}, "ws_api": {"method": "order.place"}}
CANCEL = {"rest": {"method": "DELETE", "path": "/api/v3/order"}, "ws_api": {"method": "order.cancel"}}
QUERY = {"rest": {"method": "GET", "path": "/api/v3/order"}, "ws_api": {"method": "order.status"}}
AMEND = {"rest": {"path": "/api/v3/order/amend/keepPriority"}, "ws_api": {"method": "order.amend.keepPriority"}}
REPLACE = {"rest": {"path": "/api/v3/order/cancelReplace"}, "ws_api": {"method": "order.cancelReplace"}}
CANCEL_ALL = {"rest": {"method": "DELETE", "path": "/api/v3/openOrders"}, "ws_api": {"method": "openOrders.cancelAll"}}
OCO = {"rest": {"path": "/api/v3/orderList/oco"}, "ws_api": {"method": "orderList.place.oco"}}
PRICE = {"rest": {"path": "/api/v3/ticker/price"}, "ws_api": {"method": "ticker.price"}}
EVERYTHING: Match = {"rest": {}, "ws_api": {}}

CHANGING = frozenset(
    {
        ("POST", "/api/v3/order"),
        ("DELETE", "/api/v3/order"),
        ("DELETE", "/api/v3/openOrders"),
        ("POST", "/api/v3/order/cancelReplace"),
        ("PUT", "/api/v3/order/amend/keepPriority"),
        ("POST", "/api/v3/order/oco"),
        ("POST", "/api/v3/orderList/oco"),
        ("POST", "/api/v3/orderList/oto"),
        ("POST", "/api/v3/orderList/otoco"),
        ("POST", "/api/v3/orderList/opo"),
        ("POST", "/api/v3/orderList/opoco"),
        ("DELETE", "/api/v3/orderList"),
        ("POST", "/api/v3/sor/order"),
    }
)
CHANGING_METHODS = frozenset(
    {
        "order.place",
        "order.cancel",
        "openOrders.cancelAll",
        "order.cancelReplace",
        "order.amend.keepPriority",
        "orderList.place",
        "orderList.place.oco",
        "orderList.place.oto",
        "orderList.place.otoco",
        "orderList.place.opo",
        "orderList.place.opoco",
        "orderList.cancel",
        "sor.order.place",
    }
)


def changes(request: Entry) -> bool:
    """Whether a request in the oracle's log may change orders."""
    return request["method"] in CHANGING_METHODS or (request["method"], request["path"]) in CHANGING


MARKET = "--market"
"""Asks for an exchange that is alive by itself."""
KEPT = "--kept"
"""Asks for one that keeps what happens in files, and can be started again."""


@dataclass(frozen=True, slots=True)
class Login:
    """A key of an account."""

    api_key: str
    api_secret: str


class Exchange:
    """A running paper exchange, its operator, and a plain client of its REST API.

    Attributes:
        process: The exchange.
        rest: Base URL of the REST API.
        ws: Of the streams.
        ws_api: Of the WebSocket API.
        login: The key of the account that the server trades on.
    """

    def __init__(
        self, process: Process, said: Mapping[str, str], http: httpx.AsyncClient, words: Sequence[str]
    ) -> None:
        self.process = process
        self._words = words
        self._before: list[Entry] = []
        self.rest, self.ws, self.ws_api = said["rest"], said["ws"], said["ws_api"]
        self.login = Login(said["api_key"], said["api_secret"])
        self._admin, self._token = said["admin"], said["admin_token"]
        self._http = http

    async def operate(self, method: str, path: str, body: Any = None) -> Any:
        """Ask at the operator's door."""
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = await self._http.request(method, f"{self._admin}{path}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def fault(self, **rule: Any) -> str:
        """Put a rule in force; its id."""
        rule_id: str = (await self.operate("POST", "/faults", rule))["id"]
        return rule_id

    async def faults(self, match: Match, effect: Mapping[str, Any], **rule: Any) -> None:
        """Put a rule in force wherever its requests are met."""
        for where, each in match.items():
            await self.fault(where=where, match=each, effect=effect, **rule)

    async def heal(self) -> None:
        """Take every rule out of force."""
        await self.operate("DELETE", "/faults")

    async def oracle(self) -> list[Entry]:
        """What truly happened."""
        entries: list[Entry] = (await self.operate("GET", "/oracle"))["entries"]
        return [*self._before, *entries]

    async def requests(self, match: Match | None = None) -> list[Entry]:
        """The requests that arrived; those that may change orders, or those that are meant."""
        arrived = [entry for entry in await self.oracle() if entry["kind"] == "request"]
        if match is None:
            return [entry for entry in arrived if changes(entry)]
        return [
            entry for entry in arrived if entry["where"] in match and match[entry["where"]].items() <= entry.items()
        ]

    async def arrived(self, match: Match, many: int) -> None:
        """Wait until so many requests of a kind have arrived."""
        while len(await self.requests(match)) < many:  # noqa: ASYNC110  (the exchange is another process)
            await asyncio.sleep(0.05)

    async def restart(self) -> None:
        """Kill it, and start it again at the same place. Only one with a home knows then what was before."""
        self._before = await self.oracle()
        self.process.kill()
        await self.process.wait()
        ports = [f"--{name}={urlsplit(url).port}" for name, url in (
            ("port", self.rest), ("ws-port", self.ws), ("admin-port", self._admin),
        )]  # fmt: skip
        self.process, said = await _start([*self._words, *ports])
        self._admin, self._token = said["admin"], said["admin_token"]

    async def other(self) -> Login:
        """Somebody else's account."""
        said = await self.operate("POST", "/accounts", {"account": "other"})
        return Login(said["api_key"], said["api_secret"])

    async def signed(self, method: str, path: str, login: Login | None = None, **parameters: Any) -> Any:
        """Call a signed endpoint as somebody with a key, beside the server."""
        login = login or self.login
        payload = urlencode({**parameters, "timestamp": int(time.time() * 1000)})
        signature = hmac.new(login.api_secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        url = f"{self.rest}/api/v3/{path}?{payload}&signature={signature}"
        answer = await self._http.request(method, url, headers={"X-MBX-APIKEY": login.api_key})
        return answer.json()

    async def trade(self, side: str, price: str, quantity: str, symbol: str = "BTCUSDT") -> None:
        """Let somebody else send an order that meets what is in the book."""
        terms = {"symbol": symbol, "side": side, "type": "LIMIT", "timeInForce": "GTC"}
        said = await self.signed("POST", "order", await self.other(), **terms, price=price, quantity=quantity)
        assert "orderId" in said, said


@asynccontextmanager
async def exchange(*options: str) -> AsyncIterator[Exchange]:
    """An exchange in a process of its own while the block lasts.

    Args:
        options: Of its command line; without `MARKET`, nothing moves but our orders.
    """
    words = [*(option for option in options if option != MARKET), *(() if MARKET in options else ("--no-market",))]
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        process, said = await _start(words)
        running = Exchange(process, said, http, words)
        try:
            yield running
        finally:
            if running.process.returncode is None:
                running.process.kill()
            await running.process.wait()


async def _start(words: Sequence[str]) -> tuple[Process, Mapping[str, str]]:
    """Start an exchange; the process, and where it says it is."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "paper_exchange", "--json", "--seed", "7", *words, stdout=PIPE, stderr=DEVNULL,
        env={"PYTHONPATH": str(SOURCE / "src")},
    )  # fmt: skip
    assert process.stdout is not None
    return process, json.loads(await process.stdout.readline())
