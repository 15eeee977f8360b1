"""How a paper exchange is to run, and the command line that says so."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DEFAULT_ACCOUNT = "default"


@dataclass(frozen=True, slots=True)
class Mirrored:
    """Another exchange whose books are to be shown: base URLs of its REST API and its streams."""

    rest: str
    ws: str
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a paper exchange is to run.

    Attributes:
        port: Of the REST API; 0 takes any that is free.
        ws_port: Of the streams and the WebSocket API; 0 takes any that is free.
        seed: Makes market and keys the same every time; None makes them different every time.
        market: Whether a house keeps books and trades alive; without it, books hold the accounts' own orders alone.
        symbols: A file with symbols beyond the built-in ones.
        tape: A recording that is played in the place of the synthetic market.
        mirror: Another exchange in its place.
        accounts: The accounts to open at the start.
        limit_factor: How many times Binance's rate limits are allowed.
        home: Where `state/paper/` is, in which everything is kept; without it, or with `memory`, nothing is.
        reset: Whether to forget what was kept before.
        lease: Whether the exchange ends with the last process that holds a lease on it.
        print_json: Whether the first line on stdout is one JSON object for a program, not for a person.
    """

    host: str = "127.0.0.1"
    port: int = 0
    ws_port: int = 0
    seed: int | None = None
    market: bool = True
    symbols: Path | None = None
    tape: Path | None = None
    mirror: Mirrored | None = None
    accounts: tuple[str, ...] = (DEFAULT_ACCOUNT,)
    limit_factor: int = 1
    home: Path | None = None
    memory: bool = False
    reset: bool = False
    lease: bool = False
    print_json: bool = False


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read a command line; a wrong one ends the process with status 2."""
    parser = argparse.ArgumentParser(prog="paper", description="A Binance Spot exchange on loopback.")
    parser.add_argument("--host", default="127.0.0.1", choices=("127.0.0.1", "::1", "localhost"))
    parser.add_argument("--port", type=int, default=0, help="port of the REST API (default: any free one)")
    parser.add_argument("--ws-port", type=int, default=0, help="port of the WebSockets (default: any free one)")
    parser.add_argument("--seed", type=int, help="the same market and keys every time")
    parser.add_argument("--no-market", action="store_false", dest="market", help="empty books, and no past")
    parser.add_argument("--symbols", type=Path, help="TOML or JSON file with symbols beyond the built-in ones")
    parser.add_argument("--tape", type=Path, help="play a recording instead of the synthetic market")
    parser.add_argument("--mirror", metavar="REST_URL", help="show the books of another exchange instead")
    parser.add_argument("--mirror-ws", metavar="WS_URL", help="the streams of that exchange")
    parser.add_argument("--mirror-symbols", metavar="A,B", help="what to show of it")
    parser.add_argument("--account", action="append", dest="accounts", help="account to open (repeatable)")
    parser.add_argument("--limit-factor", type=int, default=1, help="rate limits, as a multiple of Binance's")
    parser.add_argument("--home", type=Path, help="directory whose state/paper/ keeps the exchange (default: memory)")
    parser.add_argument("--memory", action="store_true", help="keep nothing, even with --home")
    parser.add_argument("--reset", action="store_true", help="forget what --home keeps, and begin anew")
    parser.add_argument("--lease", action="store_true", help="end with the last process that holds a lease")
    parser.add_argument("--json", action="store_true", dest="print_json", help="print one JSON line with URL and keys")
    said = vars(parser.parse_args(arguments))
    if said["lease"] and said["home"] is None:
        parser.error("--lease needs --home")
    rest, ws, symbols = said.pop("mirror"), said.pop("mirror_ws"), said.pop("mirror_symbols")
    if len({rest is None, ws is None, symbols is None}) > 1:
        parser.error("--mirror, --mirror-ws and --mirror-symbols go together")
    if rest is not None and said["tape"] is not None:
        parser.error("--mirror and --tape exclude each other")
    mirror = None if rest is None else Mirrored(rest, ws, tuple(symbols.split(",")))
    return Options(**{**said, "mirror": mirror, "accounts": tuple(said["accounts"] or (DEFAULT_ACCOUNT,))})
