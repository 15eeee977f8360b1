"""Every error that Binance documents means something to us, and a model is told what to do next."""

import json
from pathlib import Path
from typing import Any

import pytest

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.errors import OutcomeUnknown, SpotError
from binance_spot_mcp.transport.meanings import CODES, TEXTS, UNKNOWN_OUTCOME, Meaning
from binance_spot_mcp.transport.verdict import Reply, verdict

SPEC: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "spec" / "errors.json").read_text("utf-8"))
FIX_ONLY = {row["code"] for row in SPEC["codes"] if row["protocols"] == ["fix"]}
REACHABLE = {row["code"] for row in SPEC["codes"]} - FIX_ONLY
UNDOCUMENTED = {row["code"] for row in SPEC["undocumented"]}
ENGINE_TEXTS = [row["message"] for row in SPEC["engine_messages"] + SPEC["engine_messages_elsewhere"]]
FIX_TEXTS = {"FIX API trading is not enabled."}
DESK_TOOLS = {"check_order", "get_rate_limits"}


def refusal(code: int, msg: str = "", *, status: int = 400, changes: bool = True) -> SpotError:
    error = verdict(Reply(status, json.dumps({"code": code, "msg": msg}).encode()), changes=changes)
    assert error is not None
    return error


def test_every_code_that_can_reach_us_has_a_meaning_and_no_other() -> None:
    assert CODES.keys() == REACHABLE | UNDOCUMENTED


def test_every_text_of_the_matching_engine_has_a_meaning_and_no_other() -> None:
    assert TEXTS.keys() == {text.rstrip(".") for text in ENGINE_TEXTS if text not in FIX_TEXTS}


@pytest.mark.parametrize("meaning", [*CODES.values(), *TEXTS.values()], ids=[*map(str, CODES), *TEXTS])
def test_a_meaning_is_a_short_sentence_and_names_tools_that_exist(meaning: Meaning) -> None:
    assert meaning.text.endswith(".")
    assert 20 <= len(meaning.text) <= 200
    assert meaning.next is None or meaning.next in CATALOGUE.keys() | DESK_TOOLS


@pytest.mark.parametrize("code", SPEC["unknown_execution"]["codes"])
def test_a_code_documented_as_unknown_execution_leaves_the_outcome_unknown(code: int) -> None:
    assert code in UNKNOWN_OUTCOME
    assert isinstance(refusal(code), OutcomeUnknown)


@pytest.mark.parametrize("row", SPEC["codes"], ids=lambda row: str(row["code"]))
def test_every_documented_refusal_of_an_order_says_whether_it_happened(row: dict[str, Any]) -> None:
    for msg in row["messages"] or [""]:
        error = refusal(row["code"], msg)
        unknown = row["code"] in UNKNOWN_OUTCOME or row["name"] == "CANCEL_REPLACE_PARTIALLY_FAILED"
        assert isinstance(error, OutcomeUnknown) is unknown
        assert error.sent == ("unknown" if unknown else "yes")


@pytest.mark.parametrize("text", [text for text in ENGINE_TEXTS if text not in FIX_TEXTS])
def test_a_text_of_the_engine_says_more_than_its_code(text: str) -> None:
    assert refusal(-2010, text).message == TEXTS[text.rstrip(".")].text


@pytest.mark.parametrize("row", SPEC["filter_failures"], ids=lambda row: str(row["filter"]))
def test_a_filter_failure_names_the_filter_and_points_to_the_check(row: dict[str, Any]) -> None:
    error = refusal(row["code"], row["message"])
    assert (error.code, error.next, error.details) == ("FILTER_VIOLATION", "check_order", {"filter": row["filter"]})
