"""How a paper exchange is to run, and the command line that says so."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paper_exchange.clock import chosen
from paper_exchange.faults.rules import Rule, decode, read_file

DEFAULT_ACCOUNT = "default"
REAL = "real"
"""The clock of the machine."""
DEFAULT_MIRRORED = ("BTCUSDT", "ETHUSDT")

_KNOWN_EXCHANGES = {
    "live": ("https://data-api.binance.vision", "wss://data-stream.binance.vision"),
    "testnet": ("https://testnet.binance.vision", "wss://stream.testnet.binance.vision"),
}
"""REST API and streams; of live, those that serve market data alone. Source: rest-api.md#general-api-information"""


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
        admin_port: Of the operator's door; 0 takes any that is free.
        seed: Makes market, keys and faults the same every time; None makes them different every time.
        market: Whether a house keeps books and trades alive; without it, books hold the accounts' own orders alone.
        symbols: A file with symbols beyond the built-in ones.
        tape: A recording that is played in the place of the synthetic market.
        mirror: Another exchange in its place.
        clock: `real`, `virtual`, `virtual@MILLISECONDS` or `x60`.
        faults: Rules in force from the start.
        oracle: A file for what truly happens, as lines of JSON.
        accounts: The accounts to open at the start.
        limit_factor: How many times Binance's rate limits are allowed.
        home: Where `state/paper/` is, in which everything is kept. None means nothing to `running`; to a process it
            means the usual home, where that is free and has no other market.
        memory: Whether nothing is kept, whatever the home.
        reset: Whether to forget what was kept before.
        lease: Whether the exchange ends with the last process that holds a lease on it.
        print_json: Whether the first line on stdout is one JSON object for a program, not for a person.
    """

    host: str = "127.0.0.1"
    port: int = 0
    ws_port: int = 0
    admin_port: int = 0
    seed: int | None = None
    market: bool = True
    symbols: Path | None = None
    tape: Path | None = None
    mirror: Mirrored | None = None
    clock: str = REAL
    faults: tuple[Rule, ...] = ()
    oracle: Path | None = None
    accounts: tuple[str, ...] = (DEFAULT_ACCOUNT,)
    limit_factor: int = 1
    home: Path | None = None
    memory: bool = False
    reset: bool = False
    lease: bool = False
    print_json: bool = False


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read a command line; a wrong one ends the process with status 2."""
    parser = argparse.ArgumentParser(
        prog="paper",
        description="A Binance Spot exchange on loopback.",
        epilog="What can be done to the exchange of a home, running or not: "
        "paper state, deposit, withdraw, reset, keys add; each has its own --help.",
    )
    parser.add_argument("--host", default="127.0.0.1", choices=("127.0.0.1", "::1", "localhost"))
    parser.add_argument("--port", type=int, default=0, help="port of the REST API (default: any free one)")
    parser.add_argument("--ws-port", type=int, default=0, help="port of the WebSockets (default: any free one)")
    parser.add_argument("--admin-port", type=int, default=0, help="port of the operator's door (default: any free one)")
    parser.add_argument("--seed", type=int, help="the same market, keys and faults every time")
    parser.add_argument("--no-market", action="store_false", dest="market", help="empty books, and no past")
    parser.add_argument("--symbols", type=Path, help="TOML or JSON file with symbols beyond the built-in ones")
    parser.add_argument("--tape", type=Path, help="play a recording instead of the synthetic market")
    parser.add_argument("--mirror", metavar="live|testnet|REST_URL", help="show the books of another exchange instead")
    parser.add_argument("--mirror-ws", metavar="WS_URL", help="the streams of that exchange, where it is a URL")
    parser.add_argument("--mirror-symbols", metavar="A,B", help="what to show of it (default: BTCUSDT,ETHUSDT)")
    parser.add_argument(
        "--clock", default=REAL, metavar="real|virtual|xN", help="virtual stands still until the operator moves it"
    )
    parser.add_argument("--faults", type=Path, metavar="FILE", help="rules of what is to go wrong (JSON or TOML)")
    parser.add_argument("--fault", action="append", metavar="JSON", help="one such rule (repeatable)")
    parser.add_argument("--oracle", type=Path, metavar="FILE", help="write down what truly happens, as lines of JSON")
    parser.add_argument("--account", action="append", dest="accounts", help="account to open (repeatable)")
    parser.add_argument("--limit-factor", type=int, default=1, help="rate limits, as a multiple of Binance's")
    parser.add_argument(
        "--home",
        type=Path,
        help="directory whose state/paper/ keeps the exchange (default: BINANCE_HOME or ~/binance, where that is free)",
    )
    parser.add_argument("--memory", action="store_true", help="keep nothing")
    parser.add_argument("--reset", action="store_true", help="forget what the home keeps, and begin anew")
    parser.add_argument("--lease", action="store_true", help="end with the last process that holds a lease")
    parser.add_argument("--json", action="store_true", dest="print_json", help="print one JSON line with URL and keys")
    said = vars(parser.parse_args(arguments))
    if said["lease"] and said["home"] is None:
        parser.error("--lease needs --home")
    rest, ws, symbols = said.pop("mirror"), said.pop("mirror_ws"), said.pop("mirror_symbols")
    try:
        said["mirror"] = _mirrored(rest, ws, symbols)
        said["faults"] = _rules(said["faults"], said.pop("fault") or [])
        chosen(said["clock"])
    except ValueError as error:
        parser.error(str(error))
    if said["mirror"] is not None and said["tape"] is not None:
        parser.error("--mirror and --tape exclude each other")
    return Options(**{**said, "accounts": tuple(said["accounts"] or (DEFAULT_ACCOUNT,))})


def _mirrored(rest: str | None, ws: str | None, symbols: str | None) -> Mirrored | None:
    if rest is None:
        if ws is not None or symbols is not None:
            raise ValueError("--mirror-ws and --mirror-symbols say more about --mirror")
        return None
    if rest in _KNOWN_EXCHANGES:
        if ws is not None:
            raise ValueError(f"--mirror {rest} knows its streams; leave --mirror-ws out")
        rest, ws = _KNOWN_EXCHANGES[rest]
    if ws is None:
        raise ValueError("--mirror with a URL needs --mirror-ws, where the streams are")
    return Mirrored(rest, ws, DEFAULT_MIRRORED if symbols is None else tuple(symbols.split(",")))


def _rules(file: Path | None, texts: Sequence[str]) -> tuple[Rule, ...]:
    of_file = [] if file is None else read_file(file)
    return (*of_file, *(decode(text) for text in texts))
