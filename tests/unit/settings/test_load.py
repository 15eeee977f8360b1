"""Settings as the operator gives them: where they come from, and what stops the start."""

import os
from pathlib import Path

import pytest

from binance_spot_mcp.settings import KEY_FIELDS, Loaded, Settings, SettingsError, load, variable

CANARY = "canary-secret-value"
KEY = {"BINANCE_API_KEY": "key", "BINANCE_API_SECRET": CANARY}


def loaded(environ: dict[str, str] | None = None, /, *, env_file: Path | None = None, **flags: object) -> Loaded:
    return load(flags, environ=environ or {}, env_file=env_file)


def shown(configuration: Loaded) -> dict[str, tuple[str, str]]:
    return {row.name: (row.value, row.origin) for row in configuration.rows()}


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.touch(0o600)
    return path


def key_file(tmp_path: Path, mode: int) -> dict[str, str]:
    path = tmp_path / "key.pem"
    path.write_bytes(b"-----BEGIN PRIVATE KEY-----")
    path.chmod(mode)
    return {"BINANCE_API_KEY": "key", "BINANCE_PRIVATE_KEY_PATH": str(path)}


def test_nothing_set_is_testnet_without_a_key_and_without_live_trading() -> None:
    settings = loaded().settings
    assert (settings.env, settings.live_trading, settings.has_key, settings.embedded) == (
        "testnet",
        False,
        False,
        False,
    )


def test_flags_win_over_the_environment_which_wins_over_the_file(env_file: Path) -> None:
    env_file.write_text("BINANCE_RECV_WINDOW=1\nBINANCE_LOG_LEVEL=debug\nBINANCE_TIME_UNIT=microsecond\n")
    configuration = loaded(
        {"BINANCE_RECV_WINDOW": "2", "BINANCE_LOG_LEVEL": "error"}, env_file=env_file, recv_window=3, env=None
    )
    rows = shown(configuration)
    assert rows["BINANCE_RECV_WINDOW"] == ("3", "flag")
    assert rows["BINANCE_LOG_LEVEL"] == ("ERROR", "environment")
    assert rows["BINANCE_TIME_UNIT"] == ("MICROSECOND", ".env")
    assert rows["BINANCE_ENV"] == ("testnet", "default")


def test_every_setting_is_shown_and_no_secret(env_file: Path) -> None:
    env_file.write_text(f"BINANCE_PRIVATE_KEY_PASSPHRASE={CANARY}\n")
    path = env_file.parent / "key.pem"
    path.touch(0o600)
    configuration = loaded(
        {
            "BINANCE_API_KEY": CANARY,
            "BINANCE_PRIVATE_KEY_PATH": str(path),
            "BINANCE_PROXY": f"http://user:{CANARY}@proxy.example:3128",
        },
        env_file=env_file,
    )
    rows = shown(configuration)
    assert rows.keys() == {variable(name) for name in Settings.model_fields}
    assert rows["BINANCE_API_KEY"] == ("set, not shown", "environment")
    assert rows["BINANCE_PROXY"] == ("http://proxy.example:3128", "environment")
    assert CANARY not in repr(configuration)
    assert CANARY not in str(rows)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert loaded({"BINANCE_API_KEY": "", "BINANCE_ENV": " "}).settings == loaded().settings


def test_settings_do_not_change_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        loaded().settings.env = "live"  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize("name", sorted(set(KEY_FIELDS) - {"private_key_path"}))
def test_a_secret_is_not_taken_from_the_command_line(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{variable(name)} is never taken from the command line") as error:
        load({name: CANARY}, environ={}, env_file=None)
    assert CANARY not in str(error.value)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("BINANCE_ENVIRONMENT", "BINANCE_ENV"),
        ("BINANCE_TESTNETT", "BINANCE_TESTNET"),
        ("BINANCE_APIKEY", "BINANCE_API_KEY"),
        ("BINANCE_READONLY", "BINANCE_READ_ONLY"),
        ("BINANCE_LIVE_TRADE", "BINANCE_LIVE_TRADING"),
        ("BINACE_READ_ONLY", "BINANCE_READ_ONLY"),
        ("binance_env", "BINANCE_ENV"),
    ],
)
def test_a_misspelt_setting_stops_the_start_and_names_the_right_one(misspelt: str, meant: str, env_file: Path) -> None:
    with pytest.raises(SettingsError, match=rf"{misspelt} \(environment\) is not a setting; did you mean {meant}\?"):
        loaded({misspelt: "1"})
    env_file.write_text(f"{misspelt}=1\n")
    with pytest.raises(SettingsError, match=rf"{misspelt} \(\.env\) is not a setting; did you mean {meant}\?"):
        loaded(env_file=env_file)


def test_a_foreign_variable_with_our_prefix_is_mentioned_and_others_are_not() -> None:
    configuration = loaded({"BINANCE_FUTURES_LEVERAGE": "3", "FINANCE_ENV": "x", "PATH": "/bin"})
    assert configuration.notices == (
        "BINANCE_FUTURES_LEVERAGE (environment) is not a setting of this server and is ignored.",
    )


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"BINANCE_ENV": "production"}, "BINANCE_ENV (environment) is wrong: input should be"),
        ({"BINANCE_TESTNET": "flase"}, "BINANCE_TESTNET (environment) is wrong: it must be 1, true"),
        ({"BINANCE_LIVE_TRADING": "maybe"}, "BINANCE_LIVE_TRADING (environment) is wrong"),
        ({"BINANCE_RECV_WINDOW": "60001"}, "BINANCE_RECV_WINDOW (environment) is wrong"),
        ({"BINANCE_RECV_WINDOW": "5s"}, "BINANCE_RECV_WINDOW (environment) is wrong"),
        ({"BINANCE_RECV_WINDOW": "-1"}, "BINANCE_RECV_WINDOW (environment) is wrong"),
        ({"BINANCE_PAPER_ACCOUNT": "../x"}, "BINANCE_PAPER_ACCOUNT (environment) is wrong"),
        ({"BINANCE_PROXY": "proxy:3128"}, "BINANCE_PROXY (environment) is wrong: it must be a URL"),
        ({"BINANCE_PROXY": "socks5://127.0.0.1:9050"}, "BINANCE_PROXY (environment) is wrong: it must be a URL"),
        ({"BINANCE_TRANSPORT": "udp"}, "BINANCE_TRANSPORT (environment) is wrong"),
    ],
)
def test_a_wrong_value_stops_the_start(environ: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError) as error:
        loaded(environ)
    assert str(error.value).startswith(told)


def test_a_key_that_cannot_be_a_header_is_refused_without_being_shown() -> None:
    with pytest.raises(SettingsError, match="printable ASCII") as error:
        loaded({"BINANCE_API_KEY": f"{CANARY}\r\nHost: evil", "BINANCE_API_SECRET": "x"})
    assert CANARY not in str(error.value)


def test_pydantic_s_own_error_does_not_show_what_was_given() -> None:
    with pytest.raises(ValueError, match="printable ASCII") as error:
        Settings.model_validate({"api_key": f"{CANARY} é"})
    assert CANARY not in str(error.value)


@pytest.mark.parametrize("off", ["0", "false", "no", "off", "FALSE"])
def test_testnet_off_alone_never_means_live(off: str) -> None:
    with pytest.raises(SettingsError, match=r"BINANCE_TESTNET \(environment\) is off but no environment is chosen"):
        loaded({"BINANCE_TESTNET": off})


@pytest.mark.parametrize("on", ["1", "true", "YES", "on"])
def test_testnet_on_means_testnet(on: str) -> None:
    assert loaded({"BINANCE_TESTNET": on}).settings.env == "testnet"


@pytest.mark.parametrize(
    ("environ", "first", "second"),
    [
        ({"BINANCE_TESTNET": "1", "BINANCE_ENV": "live"}, "BINANCE_TESTNET", "BINANCE_ENV"),
        ({"BINANCE_TESTNET": "1", "BINANCE_ENV": "paper"}, "BINANCE_TESTNET", "BINANCE_ENV"),
        ({"BINANCE_TESTNET": "0", "BINANCE_ENV": "testnet"}, "BINANCE_TESTNET", "BINANCE_ENV"),
        ({"BINANCE_LIVE_TRADING": "1"}, "BINANCE_LIVE_TRADING", "BINANCE_ENV"),
        ({"BINANCE_LIVE_TRADING": "1", "BINANCE_ENV": "demo"}, "BINANCE_LIVE_TRADING", "BINANCE_ENV"),
        (
            {"BINANCE_LIVE_TRADING": "1", "BINANCE_ENV": "live", "BINANCE_READ_ONLY": "1"},
            "BINANCE_LIVE_TRADING",
            "BINANCE_READ_ONLY",
        ),
        ({**KEY, "BINANCE_PRIVATE_KEY_PATH": "x.pem"}, "BINANCE_API_SECRET", "BINANCE_PRIVATE_KEY_PATH"),
        ({**KEY, "BINANCE_PRIVATE_KEY_PASSPHRASE": "x"}, "BINANCE_PRIVATE_KEY_PASSPHRASE", "BINANCE_PRIVATE_KEY_PATH"),
        ({"BINANCE_API_KEY": "key"}, "BINANCE_API_KEY", "BINANCE_API_SECRET"),
        ({"BINANCE_API_SECRET": CANARY}, "BINANCE_API_SECRET", "BINANCE_API_KEY"),
        ({"BINANCE_BASE_URL": "https://api.binance.com"}, "BINANCE_BASE_URL", "BINANCE_ENV"),
        ({"BINANCE_WS_BASE": "wss://stream.binance.com:9443"}, "BINANCE_WS_BASE", "BINANCE_ENV"),
        ({"BINANCE_WS_API_BASE": "wss://ws-api.binance.com:443"}, "BINANCE_WS_API_BASE", "BINANCE_ENV"),
    ],
)
def test_a_contradiction_stops_the_start_and_names_both(environ: dict[str, str], first: str, second: str) -> None:
    with pytest.raises(SettingsError, match=f"{first}.*{second}") as error:
        loaded(environ)
    assert CANARY not in str(error.value)


def test_an_environment_flag_overrules_the_file_unless_it_says_live() -> None:
    environ = {"BINANCE_ENV": "live", "BINANCE_LIVE_TRADING": "1"}
    assert loaded(environ, env="paper").settings.env == "paper"
    assert loaded({"BINANCE_TESTNET": "1"}, env="demo").settings.env == "demo"
    with pytest.raises(SettingsError, match=r"BINANCE_TESTNET \(environment\) contradicts --env"):
        loaded({"BINANCE_TESTNET": "1"}, env="live")


def test_live_needs_two_settings_to_trade() -> None:
    assert not loaded({"BINANCE_ENV": "live"}).settings.live_trading
    assert loaded({"BINANCE_ENV": "live", "BINANCE_LIVE_TRADING": "1"}).settings.live_trading


def test_the_built_in_exchange_ignores_keys_and_says_so() -> None:
    configuration = loaded({**KEY, "BINANCE_PRIVATE_KEY_PATH": "/nowhere"}, env="paper")
    assert configuration.settings.embedded
    assert not configuration.settings.has_key
    assert configuration.settings.secrets() == []
    (notice,) = configuration.notices
    assert notice.startswith("BINANCE_API_KEY, BINANCE_API_SECRET, BINANCE_PRIVATE_KEY_PATH: ignored")


def test_paper_with_a_loopback_url_is_another_exchange_with_its_own_key() -> None:
    settings = loaded({**KEY, "BINANCE_BASE_URL": "http://127.0.0.1:8080/api/v3"}, env="paper").settings
    assert not settings.embedded
    assert settings.has_key
    assert (settings.base_url, settings.ws_base) == ("http://127.0.0.1:8080", None)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660], ids=oct)
def test_a_key_file_that_others_can_read_stops_live_and_warns_elsewhere(tmp_path: Path, mode: int) -> None:
    environ = key_file(tmp_path, mode)
    (notice,) = loaded(environ).notices
    assert "can be read by other users" in notice
    assert "chmod 600" in notice
    with pytest.raises(SettingsError, match="can be read by other users"):
        loaded(environ, env="live")


def test_a_key_file_of_ones_own_is_fine_and_read_on_demand(tmp_path: Path) -> None:
    configuration = loaded(key_file(tmp_path, 0o600), env="live")
    assert configuration.notices == ()
    assert configuration.settings.private_key_pem() == b"-----BEGIN PRIVATE KEY-----"


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_an_env_file_that_holds_a_secret_counts_as_a_key_file(env_file: Path) -> None:
    env_file.write_text("BINANCE_API_KEY=key\nBINANCE_API_SECRET=secret\n")
    env_file.chmod(0o644)
    assert "can be read by other users" in loaded(env_file=env_file).notices[0]
    with pytest.raises(SettingsError, match="can be read by other users"):
        loaded(env_file=env_file, env="live")


def test_a_key_file_that_is_missing_or_a_folder_stops_the_start(tmp_path: Path) -> None:
    for path, told in ((tmp_path / "none.pem", "cannot be read"), (tmp_path, "is not a file")):
        with pytest.raises(SettingsError, match=told):
            loaded({"BINANCE_API_KEY": "key", "BINANCE_PRIVATE_KEY_PATH": str(path)})


def test_lists_of_names_are_separated_by_commas() -> None:
    settings = loaded({"BINANCE_TOOLSETS": "market, account,"}, tools=("get_price",)).settings
    assert (settings.toolsets, settings.tools) == (("market", "account"), ("get_price",))


def test_the_example_file_sets_nothing_unsafe_and_names_every_setting_it_shows() -> None:
    example = Path(__file__).parents[3] / ".env.example"
    assert loaded(env_file=example).settings == loaded().settings
    lines = (line.lstrip("#") for line in example.read_text("utf-8").splitlines())
    named = {line.partition("=")[0] for line in lines if line.startswith("BINANCE_")}
    assert named <= {variable(name) for name in Settings.model_fields}
