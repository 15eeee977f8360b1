"""What a rule may say, and what is wrong with one that could never act."""

import json
from pathlib import Path
from typing import Any

import pytest

from paper_exchange.faults.effects import Delay, NoReply, Reply
from paper_exchange.faults.rules import BadRule, Match, Occasion, decode, read_file

ORDER = Occasion("rest", "POST", "/api/v3/order", "BTCUSDT")


def rule(**members: Any) -> bytes:
    return json.dumps({"where": "rest", "effect": {"kind": "no_reply"}, **members}).encode()


def test_a_rule_is_read_with_everything_it_says() -> None:
    read = decode(
        rule(
            id="lost",
            match={"method": "POST", "path": "/api/v3/order", "symbol": "BTCUSDT"},
            nth=2,
            times=None,
            phase="after",
            effect={"kind": "reply", "status": 503, "headers": {"Retry-After": "7"}, "body": {"code": -1007}},
        )
    )
    assert (read.id, read.nth, read.times, read.phase) == ("lost", 2, None, "after")
    assert read.effect == Reply(status=503, headers={"Retry-After": "7"}, body={"code": -1007})
    assert read.match.fits(ORDER)


def test_what_is_not_said_is_the_first_time_only_and_the_usual_phase() -> None:
    read = decode(rule(effect={"kind": "delay", "ms": 5}))
    assert (read.nth, read.times, read.chance, read.phase) == (1, 1, 1.0, "before")
    assert read.effect == Delay(ms=5)


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ({}, True),
        ({"method": "GET"}, False),
        ({"path": "/api/v3/order*"}, True),
        ({"path": "/api/v3/order/*"}, False),
        ({"symbol": "BTC*"}, True),
        ({"symbol": "ETHUSDT"}, False),
        ({"stream": "btcusdt@*"}, False),
        ({"method": "POST", "symbol": "ETHUSDT"}, False),
    ],
)
def test_an_occasion_fits_when_everything_that_is_said_fits(match: dict[str, str], fits: bool) -> None:
    assert Match(**match).fits(ORDER) is fits


def test_connecting_is_met_by_rules_that_name_it_alone() -> None:
    connecting = Occasion("market", "CONNECT", "/stream")
    assert Match(method="CONNECT").fits(connecting)
    assert not Match().fits(connecting)
    assert not Match(method="*").fits(connecting)


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ({"where": "moon"}, "moon"),
        ({"effect": {"kind": "explode"}}, "explode"),
        ({"effect": {"kind": "delay"}}, "ms"),
        ({"effect": {"kind": "delay", "ms": 1, "seconds": 2}}, "seconds"),
        ({"macth": {}}, "macth"),
        ({"effect": {"kind": "stall"}}, "stall cannot happen to rest"),
        ({"where": "market"}, "no_reply cannot happen to market"),
        ({"where": "disk"}, "no_reply cannot happen to disk"),
        ({"where": "user", "match": {"method": "CONNECT"}}, "only ws_api and market"),
        ({"where": "market", "match": {"method": "CONNECT"}, "effect": {"kind": "drop"}}, "drop cannot happen to CONN"),
        ({"phase": "reply"}, "the phase is before or after, not reply"),
        ({"where": "market", "effect": {"kind": "drop"}, "phase": "after"}, "there are no phases"),
        ({"effect": {"kind": "query_lag", "ms": 1}, "phase": "before"}, "the phase is after, not before"),
        ({"nth": -1}, "nth counts from 1"),
        ({"times": 0}, "times is 1 or more"),
        ({"chance": 0}, "chance"),
        ({"chance": 1.5}, "chance"),
        ({"nth": 0}, "needs something to happen to"),
        ({"nth": 0, "effect": {"kind": "reset"}}, "needs something to happen to"),
        ({"effect": {"kind": "delay", "ms": -1}}, "ms must not be negative"),
        ({"effect": {"kind": "delay", "ms": 9, "most_ms": 3}}, "most_ms"),
        ({"where": "user", "effect": {"kind": "close", "code": 1006}}, "1006 is no code"),
        ({"effect": {"kind": "drip", "size": 0}}, "size must be positive"),
        ({"effect": {"kind": "reply", "body": "x"}}, "needs a status"),
        ({"where": "market", "nth": 0, "effect": {"kind": "event", "payload": {}}}, "needs the stream"),
    ],
)
def test_a_rule_that_could_never_act_is_refused_by_name(members: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadRule, match=complaint):
        decode(rule(**members))


def test_the_complaint_names_the_rule() -> None:
    with pytest.raises(BadRule, match=r"^rule mine: stall cannot happen to rest$"):
        decode(rule(id="mine", effect={"kind": "stall"}))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rules.json", '[{"where": "rest", "effect": {"kind": "no_reply"}, "id": "one"}]'),
        ("rules.toml", '[[rules]]\nid = "one"\nwhere = "rest"\neffect = {kind = "no_reply"}\n'),
    ],
)
def test_a_file_of_rules_is_json_or_toml(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    (read,) = read_file(tmp_path / name)
    assert (read.id, read.phase, read.effect) == ("one", "before", NoReply())


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("rules.json", "[", "Expecting value"),
        ("rules.json", "{}", "array of rules"),
        ("rules.toml", "a = 1", "array of rules"),
        ("rules.json", '[{"where": "rest"}]', "effect"),
        ("rules.json", '[{"id": "x", "where": "rest", "effect": {"kind": "close"}}]', "rule x"),
        ("missing.json", None, "missing.json"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, name: str, content: str | None, complaint: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(BadRule, match=complaint) as refused:
        read_file(tmp_path / name)
    assert name in str(refused.value)
