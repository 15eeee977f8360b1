"""Whether orders may be sent now: what closes the gate, what opens it again, and how both outlive this process.

    stop      somebody called `stop_trading`                      until the operator resumes
    breaker   orders went wrong too often, see `breaker`          until the operator resumes
    file      the file STOP lies in the folder of the user        as long as it lies there
    key       the exchange refused the key                        until something signed has worked

Stop and breaker are written to the operator's file before they are answered, where every process on the account sees
them; what the operator says there is taken into the journal before the next order. Cancels and look-ups do not ask.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from binance_spot_mcp.errors import Refused, SpotError
from binance_spot_mcp.logs import logger
from binance_spot_mcp.trading.breaker import Breaker
from binance_spot_mcp.trading.intents import Intents
from binance_spot_mcp.trading.journal.records import Entry
from binance_spot_mcp.trading.operator import Decision, OperatorFile

STOP_FILE: Final = "STOP"
"""Its name, in the folder of the user's files."""
RESUME: Final = "resume"
UNTIL: Final = "until"
"""The number of the latest closing that the operator has seen before resuming."""

Reason = Literal["stop", "breaker", "file", "key"]
_LATCHED: Final[tuple[Reason, ...]] = ("stop", "breaker")

_log = logger("trading")


@dataclass(frozen=True, slots=True)
class Closing:
    """Something that keeps the gate closed.

    Attributes:
        reason: What it is.
        why: In words.
        at_ms: Since when; 0 where that is not known.
        number: Its number in the operator's file; 0 where it does not stand there.
    """

    reason: Reason
    why: str
    at_ms: int = 0
    number: int = 0


def still_closed(decisions: Iterable[Decision], closings: Iterable[Closing] = ()) -> list[Closing]:
    """What keeps the gate of an account closed after all that was said of it, in the order of the numbers."""
    left = [*closings]
    for said in decisions:
        if said.kind == RESUME:
            left = [closing for closing in left if closing.number > said.data[UNTIL]]
        elif said.kind in _LATCHED:
            reason: Reason = "stop" if said.kind == "stop" else "breaker"
            left.append(Closing(reason, str(said.data["why"]), said.at_ms, said.id))
    return left


class Attempt:
    """An order on its way through the gate, as far as the breaker is concerned.

    Attributes:
        counts: Whether it is one; a call that was made before is none.
    """

    def __init__(self) -> None:
        self.counts = True


class Switch:
    """The gate's own switch, for one account.

    Args:
        account: Environment and fingerprint of the key.
        operator: What the operator says, and what only the operator takes back.
        stop_file: The file that closes the gate by being there.
        now_ms: The exchange's time in epoch milliseconds.
        orders_per_minute: What the operator allows; as many orders are no storm.
        key_refusal: The answer by which the exchange refuses the key, as long as it does.
        when_closed: Told the reason, and why in words, when stop or breaker close the gate.
    """

    def __init__(
        self,
        account: str,
        operator: OperatorFile,
        stop_file: Path,
        now_ms: Callable[[], int],
        *,
        orders_per_minute: int | None = None,
        key_refusal: Callable[[], SpotError | None] = lambda: None,
        when_closed: Callable[[str, str], None] = lambda reason, why: None,
    ) -> None:
        self._account = account
        self._operator = operator
        self._stop_file = stop_file
        self._key_refusal = key_refusal
        self._when_closed = when_closed
        self._breaker = Breaker(orders_per_minute)
        self._now_ms = now_ms
        self._said: list[Decision] = []
        self._latched: list[Closing] = []
        self._heard = 0
        self._unwritten: list[Closing] = []

    def closings(self) -> list[Closing]:
        """All that keeps the gate closed; nothing if it is open.

        Raises:
            Refused: JOURNAL_UNAVAILABLE, nobody can tell.
        """
        self._write_what_is_left()
        self._hear()
        closings = [*self._latched, *self._unwritten]
        if self.stop_file_is_there():
            closings.append(Closing("file", f"the file {self._stop_file} is there"))
        if refusal := self._key_refusal():
            closings.append(Closing("key", f"the exchange refused the key: {refusal.message}"))
        return closings

    def latest_stop(self) -> int | None:
        """The number of the latest stop that is in force; 0 for one that could not be written, None without any.

        Raises:
            Refused: JOURNAL_UNAVAILABLE, nobody can tell.
        """
        return max((closing.number for closing in self.closings() if closing.reason == "stop"), default=None)

    def stop_file_is_there(self) -> bool:
        """Whether the file closes the gate now."""
        return self._stop_file.exists()

    def close(self, reason: Reason, why: str) -> bool:
        """Close the gate until the operator resumes; whether that will outlive this process."""
        _log.error("trading is closed", reason=reason, why=why)
        self._when_closed(reason, why)
        self._breaker.reset()
        self._unwritten.append(Closing(reason, why, self._now_ms()))
        try:
            self._write_what_is_left()
        except Refused as refusal:
            _log.error("that trading is closed could not be written down", why=refusal.message)
        return not self._unwritten

    def stop(self, why: str) -> bool:
        """Close the gate because somebody wants it closed, if nobody did before; whether that outlives this process."""
        try:
            if any(closing.reason == "stop" for closing in self.closings()):
                return not self._unwritten
        except Refused:
            pass  # whatever was said before, it is closed from now on
        return self.close("stop", why)

    def refuse_closed(self) -> None:
        """Return if orders may be sent.

        Raises:
            Refused: BREAKER_OPEN, the operator has to look; AUTH_FAILED, the exchange refuses the key;
                JOURNAL_UNAVAILABLE, nobody can tell.
        """
        closings = self.closings()
        if not closings:
            return
        reasons = [closing.reason for closing in closings]
        why = " and ".join(dict.fromkeys(closing.why for closing in closings))
        if reasons == ["key"]:
            raise Refused(
                f"Trading is closed: {why} No order is sent until a signed read, such as get_account, has worked.",
                code="AUTH_FAILED",
                next="get_account",
                details={"closed_by": reasons},
            )
        raise Refused(
            f"Trading is closed: {why}. Operator needed: only `binance-spot-mcp resume` opens it again. Cancels and "
            "look-ups work.",
            code="BREAKER_OPEN",
            next="get_trading_state",
            details={"closed_by": [*dict.fromkeys(reasons)]},
        )

    async def admit(self, intents: Intents) -> None:
        """Take into the journal what was said about the gate since the last order, and return if orders may be sent.

        Raises:
            Refused: As `refuse_closed`; also JOURNAL_UNAVAILABLE, it could not be taken in.
        """
        self._hear()
        while self._said:
            said = self._said.pop(0)
            try:
                if said.id > intents.register.decided:
                    await intents.decided(_noted(said))
            except BaseException:
                self._said.insert(0, said)
                raise
        self.refuse_closed()

    @contextmanager
    def counted(self) -> Iterator[Attempt]:
        """Let the breaker count what becomes of an order; it does not as long as the gate is closed anyway."""
        attempt, closed = Attempt(), bool(self.closings())
        if not closed:
            self._open_breaker(self._breaker.attempted(self._now_ms()))
        try:
            yield attempt
        except SpotError as error:
            if not closed:
                self._open_breaker(self._breaker.failed(error, self._now_ms()) if attempt.counts else self._spared())
            raise
        if attempt.counts:
            self._breaker.went_through()
        else:
            self._spared()

    def _hear(self) -> None:
        """Take in what was said since the last time."""
        said = self._operator.read(self._account, self._heard)
        if said:
            self._heard = said[-1].id
            about_us = [each for each in said if each.kind in (*_LATCHED, RESUME)]
            self._latched = still_closed(about_us, self._latched)
            self._said += about_us

    def _spared(self) -> str:
        self._breaker.spared()
        return ""

    def _open_breaker(self, why: str) -> None:
        if why and not any(closing.reason == "breaker" for closing in self.closings()):
            self.close("breaker", why)

    def _write_what_is_left(self) -> None:
        while self._unwritten:
            closing = self._unwritten[0]
            self._operator.write(self._account, closing.reason, data={"why": closing.why}, at_ms=closing.at_ms)
            del self._unwritten[0]


def _noted(said: Decision) -> Entry:
    state = "OPENED" if said.kind == RESUME else "CLOSED"
    evidence = {**said.data, "decision": said.id, "kind": said.kind, "at_ms": said.at_ms}
    return Entry(kind="gate", state=state, evidence=evidence)
