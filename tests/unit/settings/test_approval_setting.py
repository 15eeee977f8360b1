"""The setting that asks for a person's yes more often, and never less."""

import pytest

from binance_spot_mcp.settings import SettingsError, load


@pytest.mark.parametrize("given", ["never", "0", "off", "none", "paper", "alwys"])
def test_there_is_no_value_that_asks_less(given: str) -> None:
    with pytest.raises(SettingsError, match="BINANCE_APPROVAL"):
        load(environ={"BINANCE_APPROVAL": given}, env_file=None)


@pytest.mark.parametrize(("given", "meant"), [("live", "live"), ("ALWAYS", "always"), ("", "live")])
def test_it_is_live_or_always(given: str, meant: str) -> None:
    assert load(environ={"BINANCE_APPROVAL": given}, env_file=None).settings.approval == meant


def test_a_misspelt_name_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="BINANCE_APPROVAL"):
        load(environ={"BINANCE_APROVAL": "always"}, env_file=None)
