"""The operator's yes from a terminal, for hosts that cannot ask."""

import getpass
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from binance_spot_mcp.settings import SettingsError
from binance_spot_mcp.trading.approval import APPROVE, DECLINE
from binance_spot_mcp.trading.drafts import WAITING, Draft
from binance_spot_mcp.trading.journal.file import read_journal
from binance_spot_mcp.trading.journal.records import Damaged
from binance_spot_mcp.trading.operator import OPERATOR_FILE, OperatorFile
from binance_spot_mcp.trading.passphrase import Passphrase, Paused
from binance_spot_mcp.trading.register import Register

TRIES = 3
"""So often a passphrase is asked for in one go."""


@dataclass(frozen=True, slots=True)
class Found:
    """A draft, and the account on which it would be sent."""

    env: str
    account: str
    draft: Draft


def approve(home: Path, code: str, *, unasked: bool) -> bool:
    """Show what a draft would send, and write down what the operator says of it; whether that was a yes.

    Args:
        home: The folder of the user's files.
        code: What names the draft.
        unasked: Take a yes for granted, which only play money allows.

    Raises:
        SettingsError: There is no such draft, or nobody can be asked here.
    """
    state = home / "state"
    found = _found(state, code)
    draft, now_ms = found.draft, _now_ms()
    _say(draft.text)
    if draft.state not in WAITING:
        return _complain(f"This question has ended: {draft.state} {draft.why}".rstrip())
    if draft.over(now_ms):
        return _complain("This question has lapsed; the agent has to make the call again.")
    if unasked and found.env == "live":
        raise SettingsError("--yes is for play money: an order in live needs a person at a terminal.")
    with closing(OperatorFile(state / OPERATOR_FILE)) as operator:
        yes = unasked or _asked(Passphrase(state, operator))
        said = APPROVE if yes else DECLINE
        operator.write(f"{found.env}-{found.account}", said, draft.id, {"seal": draft.seal}, at_ms=_now_ms())
    if not yes:
        return _complain("Declined. Nothing will be sent.")
    _say(
        f"Approved. The agent's next call with intent_id {draft.intent_id} sends it, until {_clock(draft.expires_ms)}."
    )
    return True


def set_passphrase(home: Path) -> bool:
    """Ask for a new passphrase, and for the old one before that if there is one; whether it was set.

    Raises:
        SettingsError: This is no terminal.
    """
    _need_a_terminal()
    state = home / "state"
    with closing(OperatorFile(state / OPERATOR_FILE)) as operator:
        passphrase = Passphrase(state, operator)
        if passphrase.is_set and not _right(passphrase, "Old passphrase: "):
            return _complain("Nothing was changed.")
        new = getpass.getpass("New passphrase: ")
        if getpass.getpass("Once more: ") != new:
            return _complain("These are two different ones. Nothing was changed.")
        try:
            passphrase.set(new, secrets.token_bytes)
        except ValueError as error:
            return _complain(f"Nothing was changed: {error}.")
    _say("The passphrase is set. Nobody can read it back; keep it from your agents.")
    return True


def _asked(passphrase: Passphrase) -> bool:
    """What the operator says: the passphrase is a yes, an empty line a no.

    Raises:
        SettingsError: Nobody can be asked here, or no passphrase was right.
    """
    _need_a_terminal()
    if not passphrase.is_set:
        raise SettingsError("There is no passphrase yet; set one first with: binance-spot-mcp passphrase")
    return _right(passphrase, "Passphrase to have it sent (empty to decline): ")


def _right(passphrase: Passphrase, prompt: str) -> bool:
    for _ in range(TRIES):
        given = getpass.getpass(prompt)
        if not given:
            return False
        try:
            if passphrase.is_right(given, _now_ms()):
                return True
        except Paused as pause:
            raise SettingsError(f"Too many wrong ones; try again after {_clock(pause.until_ms)}.") from None
        _complain("That is not the passphrase.")
    raise SettingsError("The passphrase was wrong; nothing was decided.")


def _need_a_terminal() -> None:
    if not (os.isatty(0) and os.isatty(1)):
        raise SettingsError("This needs a person at a terminal: neither input nor output may be a pipe or a file.")


def _found(state: Path, code: str) -> Found:
    """The draft that a code names, the latest one if there are several.

    Raises:
        SettingsError: There is none.
    """
    named = sorted(_named(state, code), key=lambda found: found.draft.expires_ms)
    if not named:
        raise SettingsError(f"No order waits under the code {code!r} in {state}.")
    return named[-1]


def _named(state: Path, code: str) -> Iterator[Found]:
    letters = "".join(letter for letter in code.upper() if letter.isalnum())
    for path in sorted(state.glob("*-*.sqlite")):
        try:
            contents = read_journal(path)
        except (Damaged, OSError) as error:
            _complain(f"{path.name} cannot be read: {error}")
            continue
        for draft in Register(contents.records).drafts.coded(f"{letters[:4]}-{letters[4:]}"):
            yield Found(contents.env, contents.account, draft)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _clock(epoch_ms: int) -> str:
    return f"{datetime.fromtimestamp(epoch_ms // 1000, UTC):%H:%M:%S} UTC"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _complain(sentence: str) -> bool:
    sys.stderr.write(sentence + "\n")
    return False
