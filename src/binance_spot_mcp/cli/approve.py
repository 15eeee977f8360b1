"""The operator's yes from a terminal, for hosts that cannot ask."""

import getpass
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from binance_spot_mcp.cli.terminal import clock, complain, given_rightly, need_a_terminal, now_ms, say
from binance_spot_mcp.settings import SettingsError
from binance_spot_mcp.trading.approval import APPROVE, DECLINE
from binance_spot_mcp.trading.drafts import WAITING, Draft
from binance_spot_mcp.trading.journal.file import read_journal
from binance_spot_mcp.trading.journal.records import Damaged
from binance_spot_mcp.trading.operator import OPERATOR_FILE, OperatorFile
from binance_spot_mcp.trading.passphrase import Passphrase
from binance_spot_mcp.trading.register import Register


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
    draft = found.draft
    say(draft.text)
    if draft.state not in WAITING:
        return complain(f"This question has ended: {draft.state} {draft.why}".rstrip())
    if draft.over(now_ms()):
        return complain("This question has lapsed; the agent has to make the call again.")
    if unasked and found.env == "live":
        raise SettingsError("--yes is for play money: an order in live needs a person at a terminal.")
    with closing(OperatorFile(state / OPERATOR_FILE)) as operator:
        yes = unasked or asked_at_the_terminal(Passphrase(state, operator))
        said = APPROVE if yes else DECLINE
        operator.write(f"{found.env}-{found.account}", said, draft.id, {"seal": draft.seal}, at_ms=now_ms())
    if not yes:
        return complain("Declined. Nothing will be sent.")
    say(f"Approved. The agent's next call with intent_id {draft.intent_id} sends it, until {clock(draft.expires_ms)}.")
    return True


def set_passphrase(home: Path) -> bool:
    """Ask for a new passphrase, and for the old one before that if there is one; whether it was set.

    Raises:
        SettingsError: This is no terminal.
    """
    need_a_terminal()
    state = home / "state"
    with closing(OperatorFile(state / OPERATOR_FILE)) as operator:
        passphrase = Passphrase(state, operator)
        if passphrase.is_set and not given_rightly(passphrase, "Old passphrase: "):
            return complain("Nothing was changed.")
        new = getpass.getpass("New passphrase: ")
        if getpass.getpass("Once more: ") != new:
            return complain("These are two different ones. Nothing was changed.")
        try:
            passphrase.set(new, secrets.token_bytes)
        except ValueError as error:
            return complain(f"Nothing was changed: {error}.")
    say("The passphrase is set. Nobody can read it back; keep it from your agents.")
    return True


def asked_at_the_terminal(passphrase: Passphrase, show: Callable[[], None] = lambda: None) -> bool:
    """What the operator says: the passphrase is a yes, an empty line a no.

    Args:
        passphrase: What a yes takes.
        show: Shows what it is about, where that was not shown before.

    Raises:
        SettingsError: Nobody can be asked here, or no passphrase was right.
    """
    need_a_terminal()
    if not passphrase.is_set:
        raise SettingsError("There is no passphrase yet; set one first with: binance-spot-mcp passphrase")
    show()
    return given_rightly(passphrase, "Passphrase to have it sent (empty to decline): ")


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
            complain(f"{path.name} cannot be read: {error}")
            continue
        for draft in Register(contents.records).drafts.coded(f"{letters[:4]}-{letters[4:]}"):
            yield Found(contents.env, contents.account, draft)
