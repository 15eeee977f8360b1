"""What a person should know of later: orders of which nobody knew, trading that closed, an exchange that refused us.

An incident is one line when it begins and one when it ends, under the same mark; while it lasts it is counted and not
repeated. It is read from two places: from the journal, entry by entry as they are written, and from the errors that
calls end with. Arguments that are wrong are no incidents.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import Final, Protocol

from binance_spot_mcp.errors import Code, SpotError
from binance_spot_mcp.logs import logger
from binance_spot_mcp.trading.journal.file import Contents
from binance_spot_mcp.trading.journal.records import Entry
from binance_spot_mcp.trading.journal.writer import Store
from binance_spot_mcp.trading.keeper import OpenJournal
from binance_spot_mcp.trading.states import GONE, NEVER
from binance_spot_mcp.vocabulary import Environment

GRAVE: Final[frozenset[Code]] = frozenset(
    {"BANNED", "WAF_BLOCKED", "AUTH_FAILED", "CLOCK_SKEW", "JOURNAL_UNAVAILABLE", "INTERNAL"}
)
"""Errors that are incidents whenever they happen; they end when the same tool works again."""
REJECTS: Final = 3
"""So many refusals of one tool in a row, by the exchange itself, are an incident too."""
MOST_OPEN: Final = 256
"""So many incidents are followed; the end of older ones is not told."""

_UNSURE: Final = {"UNKNOWN": "OUTCOME_UNKNOWN", "NEEDS_HUMAN": "NEEDS_HUMAN"}
_TOLD: Final = {
    "UNKNOWN": "got no verdict, so it may have happened; the server keeps asking.",
    "NEEDS_HUMAN": "was neither found nor proved absent; a person has to look at the exchange.",
}
_REVIVED: Final = "REVIVED"
_GATE: Final = "TRADING_CLOSED"
_TAIL: Final = "JOURNAL_TAIL_LOST"


INCIDENTS: Final = "incidents.md"
"""The name of the file, in the folder of the user."""

_log = logger("incidents")


class Lines(Protocol):
    """Where lines end up; `incident_file.IncidentFile` is one."""

    def write(self, line: str) -> None:
        """Have a line written, and return at once."""
        ...


class Incidents:
    """Remembers incidents of one environment; several threads may tell it of them.

    Args:
        env: The environment.
        lines: Where they end up.
        now_ms: The exchange's time in epoch milliseconds.
    """

    def __init__(self, env: Environment, lines: Lines, now_ms: Callable[[], int]) -> None:
        self._env = env
        self._lines = lines
        self._now_ms = now_ms
        self._open: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._rejects: dict[str, int] = {}
        self._lock = RLock()

    def began(self, code: str, subject: str, told: str) -> None:
        """Something has gone wrong, or does so still.

        Args:
            code: What kind of thing.
            subject: What it is about; with the code it tells one incident from another.
            told: What happened, for a person.
        """
        with self._lock:
            times = self._open[code, subject] = self._open.get((code, subject), 0) + 1
            if times == 1:
                self._line(code, subject, told)
            if len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)

    def ended(self, code: str, subject: str, how: str) -> None:
        """It is over; nothing is said of what is not known to have begun."""
        with self._lock:
            times = self._open.pop((code, subject), 0)
            if times:
                self._line(code, subject, f"ended: {how}" + (f" It happened {times} times." if times > 1 else ""))

    def lasting(self, code: str, subject: str) -> None:
        """It began in an earlier process, which has told of it."""
        with self._lock:
            self._open.setdefault((code, subject), 1)

    def closed(self, reason: str, why: str) -> None:
        """Trading was closed until the operator resumes; it may be told more than once."""
        with self._lock:
            if (_GATE, _GATE) not in self._open:
                self.began(_GATE, _GATE, f"{reason}: {why}")

    def refused(self, tool: str, error: SpotError) -> None:
        """A call has ended with an error."""
        if error.code in GRAVE:
            self.began(error.code, tool, f"{tool}: {error.message}")
        elif error.code == "EXCHANGE_REJECTED":
            self._rejects[tool] = self._rejects.get(tool, 0) + 1
            if self._rejects[tool] >= REJECTS:
                self.began(error.code, tool, f"{tool} was refused {REJECTS} times in a row, last: {error.message}")

    def worked(self, tool: str) -> None:
        """A call has done what it was asked to do."""
        self._rejects.pop(tool, None)
        with self._lock:
            for code, subject in [key for key in self._open if key[1] == tool]:
                self.ended(code, subject, f"{tool} works again.")

    def close(self) -> None:
        """Say how often what has not ended has happened."""
        with self._lock:
            for (code, subject), times in self._open.items():
                if times > 1:
                    self._line(code, subject, f"happened {times} times until the server ended.")

    def _line(self, code: str, subject: str, told: str) -> None:
        at = datetime.fromtimestamp(self._now_ms() / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        mark = sha256(f"{self._env} {code} {subject}".encode()).hexdigest()[:6]
        self._lines.write(f"{at} {self._env} {code} #{mark} {told}")


class Watching:
    """A journal's store that lets incidents be read from what is written. A failing reader disturbs nobody.

    Args:
        store: The store.
        past: What it holds already.
        incidents: What is told of it.
    """

    def __init__(self, store: Store, past: Iterable[Entry], incidents: Incidents) -> None:
        self._store = store
        self._incidents = incidents
        self._unsure: dict[str, set[str]] = {}
        self._absent: set[str] = set()
        self._closed = False
        for entry in past:
            self._follow(entry)
        if self._closed:
            incidents.lasting(_GATE, _GATE)
        for subject, codes in self._unsure.items():
            for code in codes:
                incidents.lasting(code, subject)

    def commit(self, entries: Sequence[tuple[int, Entry]], *, durable: bool) -> None:
        """Write all of them down, or none; then see what they tell."""
        self._store.commit(entries, durable=durable)
        try:
            for _, entry in entries:
                self._tell(entry)
                self._follow(entry)
        except Exception:  # noqa: BLE001  # the journal has it, and nothing of an order may depend on a line for people
            _log.exception("what was written down could not be read for incidents")

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _tell(self, entry: Entry) -> None:
        match entry.kind, entry.state:
            case "order" | "intent", state if state in _UNSURE:
                self._incidents.began(_UNSURE[state], _subject(entry), f"{_named(entry)} {_TOLD[state]}")
            case "order" | "intent", state if state != "SENDING":
                for code in sorted(self._unsure.get(_subject(entry), ())):
                    self._incidents.ended(code, _subject(entry), f"{_named(entry)} is {state}.")
                if _subject(entry) in self._absent and state not in NEVER:
                    told = f"{_named(entry)} was proved absent, and is {state}."
                    self._incidents.began(_REVIVED, _subject(entry), told)
            case "gate", "CLOSED":
                self._incidents.closed(entry.evidence["kind"], entry.evidence.get("why", ""))
            case "gate", _:
                self._incidents.ended(_GATE, _GATE, "the operator has resumed.")
            case "journal", "TAIL_LOST":
                self._incidents.began(_TAIL, _TAIL, "the journal has lost its end; the exchange is asked for it.")
            case "journal", "TAIL_RECONCILED":
                self._incidents.ended(_TAIL, _TAIL, f"{entry.evidence['adopted']} orders were adopted.")
            case "journal", state if state == GONE:
                gone = len(entry.evidence["gone"])
                self._incidents.began(GONE, GONE, f"the exchange has started over; {gone} open orders are gone.")

    def _follow(self, entry: Entry) -> None:
        if entry.kind == "gate":
            self._closed = entry.state == "CLOSED"
        if entry.kind not in ("order", "intent"):
            return
        subject = _subject(entry)
        if entry.state in _UNSURE:
            self._unsure.setdefault(subject, set()).add(_UNSURE[entry.state])
        elif entry.state != "SENDING":
            self._unsure.pop(subject, None)
        if entry.state == "NOT_PLACED":
            self._absent.add(subject)
        else:
            self._absent.discard(subject)


def with_incidents(
    incidents: Incidents, open_file: OpenJournal, path: Path, env: str, account: str
) -> tuple[Store, Contents]:
    """Open a journal, errors as in `open_file`, and have its incidents told."""
    store, contents = open_file(path, env, account)
    return Watching(store, (record.entry for record in contents.records), incidents), contents


def _subject(entry: Entry) -> str:
    return entry.client_order_id if entry.kind == "order" else entry.intent_id


def _named(entry: Entry) -> str:
    what = f"order {entry.client_order_id}" if entry.kind == "order" else "what was to be done to an order"
    return f"{what} on {entry.symbol} (call {entry.intent_id})"
