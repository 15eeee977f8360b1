"""The hosts that we talk to are the documented ones, each in its own environment."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from binance_spot_mcp.hosts import HOSTS, Channel, HostRefused, admit
from binance_spot_mcp.vocabulary import Environment

SPEC: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "spec" / "hosts.json").read_text("utf-8"))
CHANNELS: dict[Channel, tuple[str, ...]] = {
    "rest": ("rest",),
    "ws_api": ("ws_api",),
    "streams": ("ws_streams", "ws_streams_market_data_only"),
}


def documented(environment: str, channel: Channel) -> set[str]:
    facts = SPEC[environment]
    urls = {row["url"] for group in CHANNELS[channel] for row in facts.get(group, [])}
    if channel == "rest" and "rest_market_data_only" in facts:
        urls.add(facts["rest_market_data_only"]["url"])
    return urls


@pytest.mark.parametrize("channel", get_args(Channel))
@pytest.mark.parametrize("environment", HOSTS)
def test_every_documented_host_is_carried_and_no_other(environment: Environment, channel: Channel) -> None:
    assert set(HOSTS[environment].of(channel)) == documented(environment, channel)


@pytest.mark.parametrize("environment", HOSTS)
def test_the_preferred_rest_host_is_the_documented_main_one(environment: Environment) -> None:
    assert HOSTS[environment].rest[0] == SPEC[environment]["rest"][0]["url"]


@pytest.mark.parametrize("channel", get_args(Channel))
@pytest.mark.parametrize("environment", HOSTS)
def test_a_documented_host_is_let_in_and_those_of_other_environments_are_not(
    environment: Environment, channel: Channel
) -> None:
    for owner in HOSTS:
        for url in documented(owner, channel):
            if owner == environment:
                assert admit(url, environment, channel) == url
            else:
                with pytest.raises(HostRefused, match=f"it belongs to BINANCE_ENV={owner}"):
                    admit(url, environment, channel)
