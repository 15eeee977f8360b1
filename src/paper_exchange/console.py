"""What a person does to the exchange of a home from the command line: `paper reset`, `deposit`, `state`, `keys add` …

A running exchange is asked through its operator's door. Where none runs, the same is done to its files, and whoever
starts it next finds it done.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import msgspec

from paper_exchange.accounts import Accounts, UnknownAccount
from paper_exchange.admin_client import AdminAddress, Refused, ask, found
from paper_exchange.clock import RealClock
from paper_exchange.control import Control, NotPossible
from paper_exchange.engine.refusal import Refusal
from paper_exchange.exchange import PaperExchange
from paper_exchange.lease import AlreadyRunning, NotRunning, exclusive, state_directory, usual_home
from paper_exchange.market.record import NoRecord
from paper_exchange.operations import AddKey, Deposit, Operation, ReadState, Reset, Withdraw
from paper_exchange.options import DEFAULT_ACCOUNT
from paper_exchange.store import Store

COMMANDS: Final = ("reset", "deposit", "withdraw", "state", "keys")

_WRONG: Final = (
    NotRunning,
    AlreadyRunning,
    NotPossible,
    OSError,
    Refusal,
    Refused,
    UnknownAccount,
    ValueError,
)
_Show = Callable[[Any], str]


def main(arguments: Sequence[str]) -> int:
    """Do what a command line says; returns 0, or 1 when it was refused. A mistyped one ends the process with 2."""
    said = _parser().parse_args(arguments)
    try:
        operation: Operation = said.operation(said)
        answer = _carried_out(operation, said.home.expanduser())
    except _WRONG as error:
        sys.stderr.write(f"{error.msg if isinstance(error, Refusal) else error}\n")
        return 1
    show: _Show = said.show
    sys.stdout.write(f"{msgspec.json.encode(answer).decode() if said.print_json else show(answer)}\n")
    return 0


def _carried_out(operation: Operation, home: Path) -> Any:
    """The answer of the exchange that runs on a home, or of its files."""
    try:
        return _asked(operation, found(home))
    except NotRunning:
        return asyncio.run(_done_to_files(operation, home))


def _asked(operation: Operation, address: AdminAddress) -> Any:
    method, path = operation.route.split(" ")
    return ask(address, method, path, operation)


async def _done_to_files(operation: Operation, home: Path) -> Any:
    directory = state_directory(home)
    if not directory.exists():
        raise NotPossible(f"{home} has no paper exchange yet; start one with: paper --home {home}")
    async with exclusive(home):
        with closing(Store(directory)) as store:
            clock = RealClock()
            exchange = PaperExchange(clock=clock, record=NoRecord(), store=store)
            if not exchange.resume():
                raise NotPossible(f"{home} has no paper exchange yet; start one with: paper --home {home}")
            return operation.carry_out(Control(exchange, Accounts(exchange, store=store), clock))


# What is said


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--home", type=Path, default=usual_home(), help="whose exchange (default: %(default)s)")
    common.add_argument("--json", action="store_true", dest="print_json", help="print one JSON line")
    of_account = argparse.ArgumentParser(add_help=False, parents=[common])
    of_account.add_argument("--account", default=DEFAULT_ACCOUNT, help="(default: %(default)s)")
    of_amount = argparse.ArgumentParser(add_help=False, parents=[of_account])
    of_amount.add_argument("asset", type=str.upper)
    of_amount.add_argument("amount", type=_amount)

    parser = argparse.ArgumentParser(prog="paper", description="The paper exchange of a home, running or not.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    reset = commands.add_parser("reset", parents=[common], help="let accounts start over; their keys stay")
    reset.add_argument("--account", help="(default: all)")
    reset.set_defaults(operation=lambda said: Reset(account=said.account), show=_show_reset)
    deposit = commands.add_parser("deposit", parents=[of_amount], help="credit an account")
    deposit.set_defaults(operation=lambda said: _moving(Deposit, said), show=_show_balance)
    withdraw = commands.add_parser("withdraw", parents=[of_amount], help="take free funds out of an account")
    withdraw.set_defaults(operation=lambda said: _moving(Withdraw, said), show=_show_balance)
    state = commands.add_parser("state", parents=[common], help="what accounts have")
    state.set_defaults(operation=lambda _: ReadState(), show=_show_state)
    keys = commands.add_parser("keys", help="API keys").add_subparsers(required=True, metavar="COMMAND")
    add = keys.add_parser("add", parents=[of_account], help="one more key: HMAC, or that of a public key")
    add.add_argument("--public-key", type=Path, metavar="FILE", help="Ed25519 or RSA, in PEM")
    add.set_defaults(operation=_new_key, show=_show_key)
    return parser


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise argparse.ArgumentTypeError(f"{text!r} is no amount")
    return amount


def _moving(kind: type[Deposit | Withdraw], said: argparse.Namespace) -> Operation:
    return kind(account=said.account, asset=said.asset, amount=said.amount)


def _new_key(said: argparse.Namespace) -> Operation:
    pem = None if said.public_key is None else said.public_key.read_text("ascii")
    return AddKey(account=said.account, public_key=pem)


# What is shown


def _show_reset(answer: Any) -> str:
    return f"started over: {', '.join(answer['reset'])}"


def _show_balance(answer: Any) -> str:
    return f"{answer['asset']}: {answer['free']} free, {answer['locked']} locked"


def _show_key(answer: Any) -> str:
    lines = [f"API key     {answer['api_key']}"]
    if "api_secret" in answer:
        lines.append(f"API secret  {answer['api_secret']}")
    return "\n".join(lines)


def _show_state(answer: Any) -> str:
    lines = []
    for account in answer["accounts"]:
        lines.append(f"account {account['account']}")
        lines.extend(f"  {_show_balance(balance)}" for balance in account["balances"])
        lines.extend(
            f"  {order['symbol']} {order['side']} {order['type']} {order['origQty']} at {order['price']}, "
            f"{order['status']}, {order['executedQty']} filled ({order['clientOrderId']})"
            for order in account["openOrders"]
        )
    return "\n".join(lines)
