"""The operator opens the gate again, after being shown what closed it."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from binance_spot_mcp.cli.terminal import complain, given_rightly, need_a_terminal, now_ms, say
from binance_spot_mcp.settings import Settings, SettingsError
from binance_spot_mcp.trading.operator import OPERATOR_FILE, OperatorFile
from binance_spot_mcp.trading.passphrase import Passphrase
from binance_spot_mcp.trading.switch import RESUME, STOP_FILE, UNTIL, Closing, still_closed


def resume(settings: Settings, account: str | None, *, unasked: bool) -> bool:
    """Show what keeps the gate closed, and open it if the operator says so; whether it is open now.

    Args:
        settings: Which environment, and whose files.
        account: The fingerprint of a key, where the gates of several are closed.
        unasked: Take a yes for granted, which only play money allows.

    Raises:
        SettingsError: It is not clear which account is meant, or nobody can be asked here.
        Refused: The operator's file cannot be used.
    """
    state, stop_file = settings.home / "state", settings.home / STOP_FILE
    with closing(OperatorFile(state / OPERATOR_FILE)) as operator:
        name, closings = _chosen(operator, settings.env, account)
        for closing_ in closings:
            say(f"[{settings.env.upper()}] {name} is closed since {_when(closing_.at_ms)}: {closing_.why}")
        if stop_file.exists():
            say(f"[{settings.env.upper()}] every account of {settings.home} is closed by the file {stop_file}")
        elif not closings:
            say(f"[{settings.env.upper()}] nothing keeps trading closed here")
            return True
        if not _agreed(Passphrase(state, operator), settings, unasked=unasked):
            return complain("It stays closed.")
        if not _removed(stop_file):
            return False
        if closings:
            operator.write(name, RESUME, data={UNTIL: closings[-1].number}, at_ms=now_ms())
    say("Open: the next order is taken again, by a server that runs as by one that starts.")
    return True


def _chosen(operator: OperatorFile, env: str, account: str | None) -> tuple[str, list[Closing]]:
    """The account that is meant and what keeps its gate closed; an empty name where no gate is.

    Raises:
        SettingsError: Several are.
    """
    names = sorted({said.account for said in operator.read(None) if said.account.startswith(f"{env}-{account or ''}")})
    closed = {name: closings for name in names if (closings := still_closed(operator.read(name)))}
    if len(closed) > 1:
        listed = ", ".join(name.partition("-")[2] for name in closed)
        raise SettingsError(f"The gates of several keys are closed ({listed}): choose one with --account.")
    return next(iter(closed.items()), ("", []))


def _agreed(passphrase: Passphrase, settings: Settings, *, unasked: bool) -> bool:
    """Whether the operator wants it open."""
    if unasked:
        if settings.env == "live":
            raise SettingsError("--yes is for play money: live needs a person at a terminal.")
        return True
    need_a_terminal()
    if passphrase.is_set:
        return given_rightly(passphrase, "Passphrase to open it (empty to leave it closed): ")
    return input("Type `resume` to open it: ").strip().lower() == RESUME


def _removed(stop_file: Path) -> bool:
    try:
        stop_file.unlink(missing_ok=True)
    except OSError as error:
        return complain(f"{stop_file} cannot be removed ({error.strerror}), so trading stays closed.")
    return True


def _when(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%F %T} UTC"
