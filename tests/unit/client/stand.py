"""A client whose clock stands still, in front of an exchange that answers from a script."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import httpx
import respx

from binance_spot_mcp.client import Spot, Venue, World
from binance_spot_mcp.settings import load

MS = 1_000_000
NOW_MS = 1_700_000_040_000
"""The start of a minute."""
TESTNET = "https://testnet.binance.vision"
API_KEY, SECRET = "canary-api-key", "canary-secret"
KEY = {"BINANCE_API_KEY": API_KEY, "BINANCE_API_SECRET": SECRET}


class Machine:
    """The outside: its clocks move only when somebody sleeps or a test says so."""

    def __init__(self) -> None:
        self.monotonic_ms = 5_000
        self.wall_ms = NOW_MS
        self.chance = 0.5
        self.slept: list[float] = []
        self.calls = 0

    def pass_ms(self, milliseconds: float) -> None:
        self.monotonic_ms += round(milliseconds)
        self.wall_ms += round(milliseconds)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_ms(seconds * 1000)

    def world(self) -> World:
        return World(
            monotonic_ns=lambda: self.monotonic_ms * MS,
            wall_ns=lambda: self.wall_ms * MS,
            sleep=self.sleep,
            random=lambda: self.chance,
            new_id=self.name_call,
        )

    def name_call(self) -> str:
        self.calls += 1
        return f"call-{self.calls}"

    def spot(self, **environ: str) -> Spot:
        """A client with these settings over REST; the testnet without a key if there are none."""
        environ = {"BINANCE_TRANSPORT": "rest", **environ}
        return Spot(load(environ=environ, env_file=None).settings, world=self.world())

    def paper_spot(self, venue: Callable[[], Awaitable[Venue]]) -> Spot:
        """A client that finds its paper exchange when it first needs it."""
        return Spot(load({"env": "paper"}, environ={}, env_file=None).settings, venue=venue, world=self.world())


class Exchange:
    """The exchange's side: its own clock, and what it answers to each path."""

    def __init__(self, router: respx.MockRouter, machine: Machine, base: str = TESTNET) -> None:
        self._router = router
        self._base = base
        self.machine = machine
        self.ahead_ms = 0
        self.requests: list[httpx.Request] = []
        self.on("GET /api/v3/time", lambda _: reply(200, {"serverTime": self.now_ms}))

    @property
    def now_ms(self) -> int:
        return self.machine.wall_ms + self.ahead_ms

    def on(self, route: str, *answers: httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]) -> None:
        """Answer a route, each call with the next of these and then always with the last."""
        method, path = route.split(" ")
        queue = list(answers)

        def serve(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            answer = queue.pop(0) if len(queue) > 1 else queue[0]
            if isinstance(answer, Exception):
                raise answer
            return answer if isinstance(answer, httpx.Response) else answer(request)

        self._router.route(method=method, url__regex=rf"^{self._base}{path}(\?.*)?$").mock(side_effect=serve)

    def asked(self, path: str) -> list[httpx.Request]:
        """The requests to one path."""
        return [request for request in self.requests if request.url.path == path]


def reply(status: int, body: Any, **headers: str) -> httpx.Response:
    """An answer; keyword arguments are headers with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers=named)


def refusal(status: int, code: int, msg: str = "…", **headers: str) -> httpx.Response:
    """Binance's error object."""
    return reply(status, {"code": code, "msg": msg}, **headers)


def sent_params(request: httpx.Request) -> dict[str, str]:
    """What a request carried in its query."""
    return dict(parse_qsl(request.url.query.decode()))
