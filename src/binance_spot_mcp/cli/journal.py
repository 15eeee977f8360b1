"""What a person can do with a journal: look at it, check it, take it elsewhere, put it aside."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from binance_spot_mcp.settings import Settings, SettingsError
from binance_spot_mcp.trading.journal.file import Contents, put_aside, read_journal
from binance_spot_mcp.trading.journal.lock import WriterLock
from binance_spot_mcp.trading.journal.records import Damaged
from binance_spot_mcp.trading.register import Register


def chosen(settings: Settings, account: str | None) -> Path:
    """The one journal that is meant.

    Args:
        settings: Which environment, and whose files.
        account: The fingerprint of a key, where the environment has journals of several.

    Raises:
        SettingsError: There is none, or more than one.
    """
    state = settings.home / "state"
    found = sorted(state.glob(f"{settings.env}-{account or '*'}.sqlite"))
    if not found:
        raise SettingsError(f"There is no journal of {settings.env} in {state}: no order was placed from here.")
    if len(found) > 1:
        names = ", ".join(path.stem.partition("-")[2] for path in found)
        raise SettingsError(f"There are journals of several keys ({names}): choose one with --account.")
    return found[0]


def show(path: Path, last: int) -> bool:
    """Print the last records, one a line; whether the journal could be read."""

    def print_last(contents: Contents) -> bool:
        for record in contents.records[-last:]:
            at, entry = datetime.fromtimestamp(record.at_ms / 1000, UTC), record.entry
            words = (entry.kind, entry.state, entry.symbol, entry.intent_id, entry.client_order_id)
            number = "" if entry.order_id is None else str(entry.order_id)
            _say("  ".join(word for word in (f"{record.seq:>6}", f"{at:%F %T}", *words, number) if word))
        return True

    return _read(path, print_last)


def verify(path: Path) -> bool:
    """Check every record against the one before, and the end against the head file; whether nothing is missing."""

    def judge(contents: Contents) -> bool:
        count = len(contents.records)
        if contents.lost == 0:
            _say(f"whole: {count} records, the last one {contents.end.hash[:16]}")
        elif contents.lost is None:
            _say(f"end unknown: {count} records, and no head file that says how many there should be")
        else:
            _say(
                f"end lost: {count} records, and {contents.lost} behind them are gone; the next start asks the exchange"
            )
        return contents.lost == 0

    return _read(path, judge)


def export(path: Path) -> bool:
    """Print all records as JSON lines; whether the journal could be read."""

    def print_all(contents: Contents) -> bool:
        for record in contents.records:
            entry = record.entry
            line = {
                "seq": record.seq,
                "at_ms": record.at_ms,
                "env": contents.env,
                "account": contents.account,
                "intent_id": entry.intent_id,
                "kind": entry.kind,
                "symbol": entry.symbol,
                "state": entry.state,
                "client_order_id": entry.client_order_id,
                "order_id": entry.order_id,
                "payload": entry.payload,
                "evidence": entry.evidence,
                "hash": record.hash,
            }
            _say(msgspec.json.encode(line).decode())
        return True

    return _read(path, print_all)


def archive(path: Path) -> bool:
    """Put a journal aside whole, so that the next order begins a new one; whether that was possible."""
    lock = WriterLock(path)
    if not lock.take():
        return _complain(f"{path.name} is being written by {lock.writer()}; stop it first.")
    try:
        if open_orders := _open_orders(path):
            return _complain(
                f"{path.name} still follows {', '.join(open_orders)}; a new journal would not know them. Let the "
                "server decide or cancel them first."
            )
        folder = put_aside(path, f"{datetime.fromtimestamp(time.time(), UTC):%Y%m%dT%H%M%SZ}")
    finally:
        lock.release()
    _say(f"{path.name} is now in {folder}")
    return True


def _open_orders(path: Path) -> list[str]:
    """The orders that the server still follows, by a journal that can be read; a damaged one can only be put aside.

    What needs a person is that person's business: putting the journal aside is how it is settled.
    """
    try:
        register = Register(read_journal(path).records)
    except Damaged:
        return []
    return [order.client_order_id for order in register.open() if order.state != "NEEDS_HUMAN"]


def _read(path: Path, use: Callable[[Contents], bool]) -> bool:
    try:
        return use(read_journal(path))
    except Damaged as damage:
        return _complain(
            f"damaged: {damage}. Trading on this account is closed until the journal is put aside with "
            "`binance-spot-mcp journal archive`; look at the orders at the exchange first."
        )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _complain(sentence: str) -> bool:
    sys.stderr.write(sentence + "\n")
    return False
