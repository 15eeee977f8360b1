"""Laws of what a person is shown: all that is sent, nothing that hides or reorders, on lines of their own."""

import unicodedata
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.domain.exchange import rules

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.catalogue.endpoint import Params
from binance_spot_mcp.catalogue.schema import input_schema
from binance_spot_mcp.domain.facts import Market
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.trading.checks import KINDS
from binance_spot_mcp.trading.question import Facts, question
from binance_spot_mcp.vocabulary import Environment

PLACING = sorted(name for name in KINDS if CATALOGUE[name].effect == "place")
SILENT = {"newOrderRespType", "cancelNewClientOrderId"}


def filled(tool: str, seed: int) -> Params:
    """Every parameter of a call at once, each with a value of its own; no exchange would take it."""
    model: type[Params] = CATALOGUE[tool].params
    described: dict[str, Any] = input_schema(model)["properties"]
    names = [str(info.alias) for info in model.model_fields.values()]
    values = {name: _value(name, described.get(name), seed + 100 * place) for place, name in enumerate(names)}
    return model.model_validate(values)


def _value(name: str, described: dict[str, Any] | None, number: int) -> object:
    if name == "symbol":
        return "BTCUSDT"
    if name == "newOrderRespType":
        return "FULL"
    if name == "selfTradePreventionMode":
        return "EXPIRE_MAKER"
    if described is None or name.endswith("OrigClientOrderId"):
        return f"name-{number}"
    if "enum" in described:
        return described["enum"][0]
    if described["type"] == "integer":
        return number % 100 if name.lower().endswith("pegoffsetvalue") else 1_000_000 + number
    return f"{number}.5"


def facts(params: Params, tool: str, env: Environment = "live", account: str = "uid …1234", share: str = "") -> Facts:
    return Facts(
        env=env,
        account=account,
        payload=params.wire(),
        info=rules().info,
        request=Request.read(KINDS[tool], params.given()),
        existing=None,
        market=Market(bids=(Decimal(1),), asks=(Decimal(2),)),
        market_ms=1,
        notional=Decimal(3),
        share=share,
        now_ms=2,
        expires_ms=120_002,
    )


@pytest.mark.parametrize("tool", PLACING)
@given(seed=st.integers(1, 10_000))
def test_every_parameter_that_is_sent_is_shown(tool: str, seed: int) -> None:
    params = filled(tool, seed)
    text = question(facts(params, tool))
    for name, value in params.wire().items():
        assert name in SILENT or value in text, name


@given(env=st.sampled_from(get_args(Environment)), account=st.text(max_size=200), share=st.text(max_size=200))
def test_no_text_hides_reorders_or_adds_a_line(env: Environment, account: str, share: str) -> None:
    params = filled("place_order", 1)
    plain = question(facts(params, "place_order", env))
    text = question(facts(params, "place_order", env, account, share))
    assert text.startswith(f"[{env.upper()}] ")
    assert len(text.splitlines()) == len(plain.splitlines())
    assert len(text) < len(plain) + 200
    for character in text:
        assert character == "\n" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
