"""What goes wrong: faults of the network as rules of the exchange, and what befalls disk, clock and process."""

import asyncio
from random import Random
from typing import Any, Final

from tests.simulation.disk import FAULTS, Disk
from tests.simulation.machine import Machine
from tests.simulation.server import Server

from paper_exchange.faults import effects
from paper_exchange.faults.effects import Effect
from paper_exchange.faults.rules import Match, Phase, Rule, Where
from paper_exchange.running import Running

_HTML: Final = "<html><head><title>Bad gateway</title></head><body>upstream</body></html>"
_ORDERS: Final = {"rest": "/api/v3/order*", "ws_api": "*"}
_METHODS: Final[dict[Where, tuple[str, ...]]] = {
    "rest": ("*", "POST", "DELETE", "GET", "PUT"),
    "ws_api": ("*", "order.*", "order.place", "order.cancel", "order.status", "openOrders.status", "orderList.*"),
}
_LATEST_S: Final = 4.8
"""What arrives later than that is out of its window."""
_SECOND_NS: Final = 1_000_000_000


def _error(status: int, code: int, message: str, **headers: str) -> effects.Reply:
    return effects.Reply(status=status, headers=headers, body={"code": code, "msg": message})


def _held(status: int, where: Where, seconds: int, now_ms: int) -> effects.Reply:
    """A refusal that asks for a pause, as each transport states it."""
    body: dict[str, Any] = {"code": -1003, "msg": "Too many requests."}
    if where == "ws_api":
        body["data"] = {"serverTime": now_ms, "retryAfter": now_ms + seconds * 1000}
        return effects.Reply(status=status, body=body)
    return effects.Reply(status=status, headers={"Retry-After": str(seconds)}, body=body)


def spoilt_request(random: Random, now_ms: int) -> Rule:
    """A rule about requests."""
    where: Where = random.choice(("rest", "ws_api", "ws_api"))
    either: tuple[Phase, ...] = ("before", "after")
    effect: Effect
    phase: Phase | None
    match random.randrange(14):
        case 0 | 1:
            effect, phase = effects.NoReply(), random.choice(either)
        case 2 | 3:
            effect, phase = effects.Reset(), random.choice(either)
        case 4 | 5:
            effect, phase = (
                _error(503, -1007, "Timeout waiting for response from backend server."),
                random.choice(either),
            )
        case 6:
            effect, phase = _error(503, -1008, "Server is currently overloaded with other requests."), "before"
        case 7:
            effect, phase = effects.Reply(status=random.choice((500, 502, 504)), body=_HTML), random.choice(either)
        case 8:
            effect, phase = (
                effects.Delay(ms=0, most_ms=random.choice((200, 3_000, 12_000))),
                random.choice(("before", "reply")),
            )
        case 9:
            effect, phase = _held(429, where, random.randint(1, 7), now_ms), "before"
        case 10:
            effect, phase = effects.QueryLag(ms=random.choice((500, 4_000))), "after"
        case 11:
            effect, phase = effects.Refuse(ms=random.randint(100, 8_000)), random.choice(either)
        case 12 if where == "rest":
            effect, phase = effects.Cut(keep=random.randrange(120), whole_length=random.random() < 0.5), "reply"
        case 12:
            effect, phase = random.choice((effects.Duplicate(), effects.Reorder(), effects.Burst(count=5))), "reply"
        case _:
            effect, phase = _rare(random, where, now_ms), "before"
    return Rule(
        where=where,
        match=Match(method=random.choice(_METHODS[where]), path=random.choice((_ORDERS[where], "*"))),
        nth=random.randint(1, 3),
        times=random.choice((1, 1, 2, 5)),
        chance=random.choice((0.3, 1.0)),
        phase=phase,
        effect=effect,
    )


def _rare(random: Random, where: Where, now_ms: int) -> Effect:
    """Something that silences the server for long, or concerns its clock."""
    match random.randrange(4):
        case 0:
            return _held(418, where, 120, now_ms)
        case 1 if where == "rest":
            return effects.Reply(status=403, body=_HTML)
        case 2:
            return _error(400, -1021, "Timestamp for this request is outside of the recvWindow.")
        case _:
            return effects.Skew(ms=random.choice((-7_000, -1_500, 3_000, 30_000)))


def spoilt_stream(random: Random) -> Rule:
    """A rule about what comes by itself."""
    where: Where = random.choice(("user", "user", "market"))
    effect: Effect = random.choice(
        (
            effects.Drop(),
            effects.Duplicate(),
            effects.Reorder(by=random.randint(1, 3)),
            effects.Delay(ms=0, most_ms=5_000),
            effects.Burst(count=random.randint(2, 20)),
            effects.Reset(),
            effects.Close(code=random.choice((1001, 1008))),
            effects.Stall(ms=random.randint(1_000, 40_000)),
        )
    )
    if where == "user" and random.random() < 0.2:
        effect = effects.Event(payload={"e": "eventStreamTerminated", "E": 0})
    return Rule(where=where, nth=random.randint(1, 4), times=random.randint(1, 3), effect=effect)


class Chaos:
    """Lets things go wrong beside everything else.

    Args:
        machine: Whose network it is.
        exchange: Where the rules are.
        server: Who is killed.
        disk: What fails.
        random: Decides what happens when.

    Attributes:
        story: What has happened, and when (seconds of the machine).
    """

    def __init__(self, machine: Machine, exchange: Running, server: Server, disk: Disk, random: Random) -> None:
        self.story: list[tuple[float, str]] = []
        self._machine = machine
        self._exchange = exchange
        self._trouble = exchange.doors.trouble
        self._server = server
        self._disk = disk
        self._random = random
        self._rules: list[str] = []

    async def reign(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(self._random.random() ** 2 * 6)
            if self._disk.has_failed and self._random.random() < 0.5:
                self._tell("an operator has looked at the disk")
                await self._server.stop()
            elif self._random.random() < 0.1:
                self._tell("an operator opens the gate")
                self._server.reopen()
            else:
                await self._mishap()
            if not self._server.up.is_set():
                await asyncio.sleep(self._random.random() * 5)
                if self._random.random() < 0.2:
                    self._server.wall_step_ns = self._random.randint(-3600, 3600) * _SECOND_NS
                self._tell("the server is started")
                self._server.start()

    async def end(self) -> None:
        """Nothing goes wrong any more, and what was broken is whole again."""
        for rule in self._rules:
            await self._trouble.remove(rule)
        self._disk.heal()
        self._tell("the faults stop")
        if not self._server.up.is_set():
            self._server.start()

    async def _mishap(self) -> None:
        random = self._random
        match random.randrange(20):
            case 0:
                power = random.random() < 0.5
                self._tell("the power fails" if power else "the server is killed")
                self._server.kill(power=power)
            case 1:
                self._tell("the server is stopped")
                await self._server.stop()
            case 2:
                fault = random.choice(FAULTS)
                self._tell(f"the disk: {fault}")
                self._disk.plan(fault)
            case 3:
                await self._add(Rule(where="clock", effect=effects.ClockStep(ms=random.choice((300, 2_000, 9_000)))))
            case 4 | 5 | 6:
                self._break_late(random.random() ** 0.5 * _LATEST_S, random.random() * 2)
            case 7 | 8:
                await self._add(spoilt_stream(random))
            case _:
                await self._add(spoilt_request(random, self._exchange.exchange.now_us() // 1000))

    def _break_late(self, late_s: float, within_s: float) -> None:
        """Break the connections while something is under way, at best the next order."""

        def now() -> None:
            self._tell(f"the network: connections break, and what was sent arrives {late_s:.1f} s late")
            self._machine.network.break_late(late_s, within_s)

        if self._random.random() < 0.3:
            now()
        else:
            self._disk.before_sending = now

    async def _add(self, rule: Rule) -> None:
        rule = await self._trouble.add(rule)
        self._rules.append(rule.id)
        self._tell(f"{rule}")

    def _tell(self, what: str) -> None:
        self.story.append((asyncio.get_running_loop().time(), what))
