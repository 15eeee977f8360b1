"""Asking whoever calls a tool at a terminal; the process that asks is the one that sends, so no code is needed."""

from contextlib import closing
from pathlib import Path
from secrets import token_hex
from typing import Final

import anyio

from binance_spot_mcp.cli.approve import asked_at_the_terminal
from binance_spot_mcp.cli.terminal import say
from binance_spot_mcp.settings import SettingsError
from binance_spot_mcp.trading.approver import Answer, Question
from binance_spot_mcp.trading.operator import OPERATOR_FILE, OperatorFile
from binance_spot_mcp.trading.passphrase import Passphrase

PATIENCE_S: Final = 35.0
"""How long a tool waits for the passphrase; what follows a yes has to fit into the rest of the call."""


class AtTheTerminal:
    """Asks with the operator's passphrase.

    Args:
        home: The folder of the user's files.
    """

    answered = None

    def __init__(self, home: Path) -> None:
        self.session = f"terminal {token_hex(4)}"
        self._state = home / "state"

    async def ask(self, asked: Question) -> Answer:
        """Show the question, and take the passphrase for a yes."""
        try:
            with anyio.fail_after(PATIENCE_S):
                yes = await anyio.to_thread.run_sync(self._yes, asked.text, abandon_on_cancel=True)
        except TimeoutError:
            return Answer("no", "nobody answered at the terminal")
        except SettingsError as why:
            return Answer("no", str(why).rstrip("."))
        return Answer("yes", "the passphrase at the terminal") if yes else Answer("no", "declined at the terminal")

    def _yes(self, text: str) -> bool:
        with closing(OperatorFile(self._state / OPERATOR_FILE)) as operator:
            return asked_at_the_terminal(Passphrase(self._state, operator), lambda: say(text))
