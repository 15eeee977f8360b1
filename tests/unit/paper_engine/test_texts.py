"""What the engine says when it refuses is what Binance says, letter by letter."""

import ast
import json
from pathlib import Path

from paper_exchange.engine import engine

SPEC = json.loads(Path("tests/data/spec/errors.json").read_text("utf-8"))
ROOM = Path(engine.__file__).parent

OUR_OWN = {
    (-1013, "Invalid amount."): "deposits and withdrawals are not part of the Spot API",
    (-1013, "OTO orders are not supported for this symbol."): "otoAllowed has no documented text; follows the others",
    (-2038, "This account may not place or cancel orders."): "documented for -2010 and -2011",
    (-2038, "Duplicate order sent."): "documented for -2010",
    (-2038, "Unknown order sent."): "documented for -2011",
    (-2038, "Market is closed."): "documented for -1013 and -2010",
}


def documented() -> set[tuple[int, str]]:
    known = {(row["code"], text) for row in SPEC["codes"] for text in row["messages"]}
    known |= {(code, row["message"]) for row in SPEC["engine_messages"] for code in row["codes"]}
    known |= {(row["code"], row["message"]) for row in SPEC["filter_failures"]}
    known |= {(-1013, row["message"]) for row in SPEC["engine_messages_elsewhere"]}
    return known


def raised() -> set[tuple[int, str]]:
    """Every code and literal text with which the engine's source refuses."""
    found: set[tuple[int, str]] = set()
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            match node.func.id, node.args:
                case "Refusal", [ast.UnaryOp(operand=ast.Constant(int(code))), ast.Constant(str(text))]:
                    found.add((-code, text))
                case "_refused", [ast.Constant(str(text))]:
                    found.add((-2038, text))
                case "filter_failure", [ast.Constant(str(name))]:
                    found.add((-1013, f"Filter failure: {name}"))
    return found


def test_every_refusal_is_documented_or_has_a_reason() -> None:
    found = raised()
    assert len(found) > 50
    assert found - documented() == set(OUR_OWN)
