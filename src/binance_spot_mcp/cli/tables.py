"""What commands print for a person."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from binance_spot_mcp.cli.demo import Outcome
    from binance_spot_mcp.settings import Loaded
    from binance_spot_mcp.tools.tool import AnyTool


def show_tools(chosen: Sequence["AnyTool"], *, with_tokens: bool) -> None:
    """The tools, one a line; the last line sums up."""
    from binance_spot_mcp.surface.toolbox import tokens, total_tokens  # noqa: PLC0415  (the settings' table needs none)

    width = max(len(tool.name) for tool in chosen)
    for tool in chosen:
        cost = f"{tokens(tool):>5}" if with_tokens else ""
        print(f"{tool.name:<{width}} {tool.toolset:<8}{cost}  {'read' if tool.reads else 'write'}")
    endpoints = [tool for tool in chosen if tool.exact]
    summary = f"{len(chosen)} tools, {len(endpoints)} of them endpoints"
    if with_tokens:
        summary += f"; {total_tokens(chosen)} tokens, endpoints {total_tokens(endpoints)} (characters/3.6)"
    print(summary)


def show_settings(loaded: "Loaded") -> None:
    """Each setting, its value and its origin."""
    table = Table("setting", "value", "from", box=None, header_style="bold")
    for row in loaded.rows():
        table.add_row(row.name, row.value, row.origin)
    console = Console()
    console.print(table)
    for notice in loaded.notices:
        console.print(f"Note: {notice}", style="yellow", markup=False)


def show_answer(answer: Mapping[str, Any]) -> None:
    """An answer as tables: one for its plain fields, one for each list of rows."""
    console = Console()
    console.print(f"[{answer['env'].upper()}]", markup=False, style="bold" if answer["ok"] else "bold red")
    plain = Table(box=None, show_header=False)
    wide: list[tuple[str, Mapping[str, Any]]] = []
    if _is_rows(answer):
        wide.append(("", answer))
    for name, value in answer.items():
        if _is_rows(value):
            wide.append((name, value))
        elif name not in {"ok", "env"} and not (name in {"columns", "rows"} and _is_rows(answer)):
            plain.add_row(name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    if plain.row_count:
        console.print(plain, markup=False)
    for name, table in wide:
        console.print(_rows(name, table), markup=False)


def _is_rows(value: object) -> bool:
    return isinstance(value, Mapping) and {"columns", "rows"} <= value.keys()


def _rows(name: str, table: Mapping[str, Any]) -> Table:
    shown = Table(*table["columns"], title=name or None, box=None, header_style="bold", title_justify="left")
    for row in table["rows"]:
        shown.add_row(*(cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False) for cell in row))
    return shown


def show_step(outcome: "Outcome") -> None:
    """One step of the demo on one line."""
    mark = "ok  " if outcome.passed else "FAIL"
    colour, end = ("\x1b[32m" if outcome.passed else "\x1b[31m", "\x1b[0m") if sys.stdout.isatty() else ("", "")
    print(f"{outcome.number:>2} {colour}{mark}{end} {outcome.title:<30} {outcome.proof}", flush=True)


def show_step_as_json(outcome: "Outcome") -> None:
    """One step of the demo as one JSON object."""
    told = {name: getattr(outcome, name) for name in ("number", "title", "passed", "proof", "milliseconds")}
    print(json.dumps(told, ensure_ascii=False), flush=True)
