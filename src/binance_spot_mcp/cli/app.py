"""The commands. Each imports what it needs when it runs, so that `--help` answers at once."""

import gc
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import anyio
import typer

from binance_spot_mcp import __version__

if TYPE_CHECKING:
    from binance_spot_mcp.settings import Loaded

OK, TOOL_ERROR, USAGE, CONFIGURATION, NETWORK = 0, 1, 2, 3, 4
"""Exit codes: the tool refused, the command was mistyped, settings or key are wrong, the network or a limit said no."""

app = typer.Typer(
    name="binance-spot-mcp",
    help="Binance Spot as tools for LLM agents. Without a command it serves over stdio.",
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
)
config = typer.Typer(help="The settings and where they come from.")
app.add_typer(config, name="config")
journal = typer.Typer(help="What was meant, sent and heard of every order; one journal for each key.")
app.add_typer(journal, name="journal")

Env = Annotated[str | None, typer.Option("--env", help="testnet (default), paper, demo or live.", show_default=False)]
Home = Annotated[
    Path | None, typer.Option("--home", help="Folder of your files, ~/binance by default.", show_default=False)
]
LogLevel = Annotated[str | None, typer.Option("--log-level", help="DEBUG, INFO, WARNING or ERROR.", show_default=False)]
LogFile = Annotated[Path | None, typer.Option("--log-file", help="Log here instead of stderr.", show_default=False)]
Toolsets = Annotated[
    str | None,
    typer.Option("--toolsets", help="Only these: market,trading,lists,account,desk,streams.", show_default=False),
]
Tools = Annotated[str | None, typer.Option("--tools", help="Only these tools.", show_default=False)]
ExcludeTools = Annotated[str | None, typer.Option("--exclude-tools", help="Not these tools.", show_default=False)]
ReadOnly = Annotated[
    bool | None, typer.Option("--read-only", help="No tool that could change an order.", show_default=False)
]
Account = Annotated[
    str | None, typer.Option("--account", help="Fingerprint of the key, if there are several.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; without a command, serve."""
    from binance_spot_mcp.settings import SettingsError

    known = {"serve", "paper", "demo", "call", "tools", "config", "journal", "--help", "--version"}
    typed = list(arguments)
    if not typed or (typed[0].startswith("-") and typed[0] not in known):
        typed.insert(0, "serve")
    try:
        code = typer.main.get_command(app).main(typed, prog_name="binance-spot-mcp", standalone_mode=False)
    except SettingsError as error:
        return _complain(str(error), CONFIGURATION)
    except typer.Abort:
        return _complain("Stopped.", TOOL_ERROR)
    except Exception as error:
        # A mistyped command carries its own text and code; anything else is a bug and is shown whole.
        if (show := getattr(error, "show", None)) is None:
            raise
        show()
        return int(getattr(error, "exit_code", USAGE))
    return code if isinstance(code, int) else OK


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)] = False,
) -> None:
    """Binance Spot as tools for LLM agents. Without a command it serves over stdio."""
    if show:
        typer.echo(f"binance-spot-mcp {__version__}")
        raise typer.Exit(OK)


@app.command()
def serve(
    env: Env = None,
    home: Home = None,
    toolsets: Toolsets = None,
    tools: Tools = None,
    exclude_tools: ExcludeTools = None,
    read_only: ReadOnly = None,
    log_level: LogLevel = None,
    log_file: LogFile = None,
) -> None:
    """Serve the tools to an MCP host over stdin and stdout."""
    loaded = _settings(
        {
            "env": env,
            "home": home,
            "toolsets": toolsets,
            "tools": tools,
            "exclude_tools": exclude_tools,
            "read_only": read_only,
            "log_level": log_level,
            "log_file": log_file,
        }
    )
    gc.disable()  # what is imported now stays; `server.run` starts the collector behind it
    from binance_spot_mcp import server
    from binance_spot_mcp.cli.desk import opener

    server.run(loaded.settings, opener(loaded.settings))


@app.command()
def call(
    tool: Annotated[str, typer.Argument(help="Name of the tool, e.g. get_price.", show_default=False)],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Its arguments.", show_default=False)
    ] = None,
    env: Env = None,
    home: Home = None,
    as_json: AsJson = False,
    log_level: LogLevel = "WARNING",
    log_file: LogFile = None,
) -> int:
    """Call one tool, with the same checks as an agent's call. The answer is JSON where stdout is no terminal."""
    given = _pairs(arguments or [])
    loaded = _settings({"env": env, "home": home, "log_level": log_level, "log_file": log_file})
    from binance_spot_mcp.cli.desk import call_once
    from binance_spot_mcp.settings import SettingsError
    from binance_spot_mcp.surface.toolbox import select

    try:
        (chosen,) = select(tools=[tool])
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from None
    answer = anyio.run(call_once, loaded.settings, chosen, given)
    if as_json or not sys.stdout.isatty():
        typer.echo(json.dumps(answer, separators=(",", ":"), ensure_ascii=False))
    else:
        from binance_spot_mcp.cli.tables import show_answer

        show_answer(answer)
    return _exit_code(answer)


@app.command()
def tools(
    tokens: Annotated[bool, typer.Option("--tokens", help="What each tool costs a model to know.")] = False,
    as_json: AsJson = False,
    toolsets: Toolsets = None,
    tools: Tools = None,
    exclude_tools: ExcludeTools = None,
    read_only: ReadOnly = None,
) -> None:
    """List the tools that these settings select."""
    loaded = _settings({"toolsets": toolsets, "tools": tools, "exclude_tools": exclude_tools, "read_only": read_only})
    from binance_spot_mcp.cli.tables import show_tools
    from binance_spot_mcp.surface import toolbox

    chosen = toolbox.select(
        loaded.settings.toolsets,
        loaded.settings.tools,
        loaded.settings.exclude_tools,
        read_only=loaded.settings.read_only,
    )
    if as_json:
        listed = [
            {
                "name": one.name,
                "title": one.title,
                "description": one.description,
                "toolset": one.toolset,
                "readOnly": one.reads,
                **({"tokens": toolbox.tokens(one)} if tokens else {}),
                "inputSchema": toolbox.schema(one),
            }
            for one in chosen
        ]
        typer.echo(json.dumps(listed, separators=(",", ":"), ensure_ascii=False))
    else:
        show_tools(chosen, with_tokens=tokens)


@app.command()
def demo(
    env: Annotated[str, typer.Option("--env", help="paper, or testnet with your key.")] = "paper",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a step.")] = False,
) -> int:
    """Show an agent's first day, step by step, with what each step proved."""
    if env not in {"paper", "testnet"}:
        return _complain(f"The demo runs on paper or testnet, not on {env}.", USAGE)
    from binance_spot_mcp.cli.demo import demo as day
    from binance_spot_mcp.cli.tables import show_step, show_step_as_json

    passed, failed = anyio.run(day, env, show_step_as_json if as_json else show_step)
    if not as_json:
        typer.echo(f"demo: {passed} steps passed, {failed} failed")
    return TOOL_ERROR if failed else OK


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def paper(context: typer.Context) -> int:
    """Run the paper exchange alone, on loopback (see paper --help)."""
    from paper_exchange.__main__ import main as run_exchange

    return run_exchange(context.args)


@app.command()
def approve(
    code: Annotated[str, typer.Argument(help="As the agent was told, e.g. 7KD2-9XBC.", show_default=False)],
    home: Home = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nobody; refused for live orders.")] = False,
) -> int:
    """Say yes or no to an order that waits for you, with your passphrase. For hosts that show no questions."""
    from binance_spot_mcp.cli import approve as commands
    from binance_spot_mcp.settings import load

    return _told(commands.approve(load({"home": home}).settings.home, code, unasked=yes))


@app.command()
def resume(
    env: Env = None,
    home: Home = None,
    account: Account = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nobody; refused in live.")] = False,
) -> int:
    """Show what has closed trading, and open it again: after stop_trading, the file STOP, or too many failures."""
    from binance_spot_mcp.cli import resume as commands
    from binance_spot_mcp.errors import Refused
    from binance_spot_mcp.settings import load

    try:
        return _told(commands.resume(load({"env": env, "home": home}).settings, account, unasked=yes))
    except Refused as refusal:
        return _complain(refusal.message, TOOL_ERROR)


@app.command()
def passphrase(home: Home = None) -> int:
    """Set the passphrase with which you approve orders at a terminal."""
    from binance_spot_mcp.cli import approve as commands
    from binance_spot_mcp.settings import load

    return _told(commands.set_passphrase(load({"home": home}).settings.home))


@config.command("show")
def config_show(env: Env = None, home: Home = None, as_json: AsJson = False) -> None:
    """Print each setting, its value and where it came from. Secrets are not shown."""
    from binance_spot_mcp.settings import load

    loaded = load({"env": env, "home": home})
    if as_json:
        typer.echo(json.dumps({row.name: {"value": row.value, "origin": row.origin} for row in loaded.rows()}))
    else:
        from binance_spot_mcp.cli.tables import show_settings

        show_settings(loaded)


@journal.command("show")
def journal_show(
    env: Env = None,
    home: Home = None,
    account: Account = None,
    last: Annotated[int, typer.Option("--last", min=1, help="So many records.")] = 20,
) -> int:
    """Print the last records, one a line."""
    from binance_spot_mcp.cli import journal as commands

    return _told(commands.show(_journal_path(env, home, account), last))


@journal.command("verify")
def journal_verify(env: Env = None, home: Home = None, account: Account = None) -> int:
    """Check that every record is the one that was written, and that none is missing at the end."""
    from binance_spot_mcp.cli import journal as commands

    return _told(commands.verify(_journal_path(env, home, account)))


@journal.command("export")
def journal_export(env: Env = None, home: Home = None, account: Account = None) -> int:
    """Print all records as JSON lines."""
    from binance_spot_mcp.cli import journal as commands

    return _told(commands.export(_journal_path(env, home, account)))


@journal.command("archive")
def journal_archive(env: Env = None, home: Home = None, account: Account = None) -> int:
    """Put a journal aside whole, so that the next order begins a new one. Stop the server first."""
    from binance_spot_mcp.cli import journal as commands

    return _told(commands.archive(_journal_path(env, home, account)))


def _journal_path(env: str | None, home: Path | None, account: str | None) -> Path:
    from binance_spot_mcp.cli.journal import chosen
    from binance_spot_mcp.settings import load

    return chosen(load({"env": env, "home": home}).settings, account)


def _told(well: bool) -> int:
    return OK if well else TOOL_ERROR


def _settings(flags: Mapping[str, object]) -> "Loaded":
    """The settings, with logging set up by them."""
    from binance_spot_mcp.logs import configure_logs, logger
    from binance_spot_mcp.settings import load

    loaded = load(flags)
    settings = loaded.settings
    configure_logs(settings.log_level, settings.log_file, settings.secrets())
    for notice in loaded.notices:
        logger("cli").warning(notice)
    return loaded


def _pairs(arguments: Sequence[str]) -> dict[str, Any]:
    """`key=value` arguments; each value is text, which tools accept for every kind of parameter."""
    pairs: dict[str, Any] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals:
            raise typer.BadParameter(f"{argument!r} is no KEY=VALUE, e.g. symbol=BTCUSDT")
        if name in pairs:
            raise typer.BadParameter(f"{name} is there twice, as {pairs[name]!r} and as {value!r}.")
        pairs[name] = value
    return pairs


def _exit_code(answer: Mapping[str, Any]) -> int:
    if answer["ok"]:
        return OK
    match answer["code"]:
        case "AUTH_FAILED" | "LIVE_DISABLED" | "READ_ONLY" | "NOT_READY":
            return CONFIGURATION
        case "NETWORK_NOT_SENT" | "EXCHANGE_UNAVAILABLE" | "RATE_LIMITED" | "BANNED" | "WAF_BLOCKED" | "CLOCK_SKEW":
            return NETWORK
        case _:
            return TOOL_ERROR


def _complain(sentence: str, code: int) -> int:
    typer.echo(sentence, err=True)
    return code
