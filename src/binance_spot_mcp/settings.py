"""What the operator decides: read once at the start, frozen afterwards, safe when nothing is set.

A value comes from a flag, else the environment, else a `.env` file, else the default, and where it came from is kept.
Caps on orders may also stand in `limits.toml`, in the folder of the user's files; a value there contradicts no other.
A name that is misspelt, or two values that contradict each other, stop the start with a sentence that names them.

The values are merged here and validated by pydantic. `pydantic-settings` would merge them too, but not say where each
came from, and costs every start 70 ms.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from binance_spot_mcp.allowance import (
    CAP_NAMES,
    LIMITS_FILE,
    Caps,
    LimitsRefused,
    Money,
    caps_of,
    read_count,
    read_limits_file,
    read_money,
    read_percent,
    read_symbols,
)
from binance_spot_mcp.hosts import Channel, HostRefused, admit
from binance_spot_mcp.vocabulary import Environment

PREFIX = "BINANCE_"
NEAR = 0.7
"""Similarity from which an unknown name counts as a misspelt setting."""
KEY_FILE_CAP = 64 * 1024

Origin = Literal["flag", "environment", ".env", "limits.toml", "default"]

_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class SettingsError(ValueError):
    """The settings are wrong; the text is one sentence for the operator, without any secret."""


def _switch(value: object) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _SWITCH:
        return _SWITCH[value.strip().lower()]
    raise ValueError("it must be 1, true, yes, on or 0, false, no, off")


def _names(value: object) -> object:
    return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _header_safe(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("it must be printable ASCII without blanks, as Binance shows it")
    return value


def _proxy(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it must be a URL of the form http://host:port")
    return value


Switch = Annotated[bool, BeforeValidator(_switch)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
HomePath = Annotated[Path, AfterValidator(Path.expanduser)]
MoneyCap = Annotated[Money, BeforeValidator(lambda given: given if isinstance(given, Money) else read_money(given))]
CountCap = Annotated[int, BeforeValidator(read_count)]
ShareCap = Annotated[
    Decimal, BeforeValidator(lambda given: given if isinstance(given, Decimal) else read_percent(given))
]
SymbolsCap = Annotated[tuple[str, ...], BeforeValidator(read_symbols)]


class Settings(BaseModel):
    """The settings of one process. A field's name in capitals after `BINANCE_` is its variable."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, str_strip_whitespace=True)

    env: Annotated[Environment, BeforeValidator(_lower)] = Field(
        "testnet", description="Which exchange: testnet, paper (built in, no keys), demo or live."
    )
    testnet: Switch | None = Field(None, description="1 means BINANCE_ENV=testnet. 0 alone stops the start.")
    live_trading: Switch = Field(False, description="1, together with BINANCE_ENV=live, is the switch for live orders.")
    approval: Annotated[Literal["live", "always"], BeforeValidator(_lower)] = Field(
        "live", description="Orders that need a person's yes: those in live, or always; never fewer."
    )
    read_only: Switch = Field(False, description="1 leaves out every tool that could change an order.")
    api_key: Annotated[SecretStr, AfterValidator(_header_safe)] | None = Field(
        None, description="API key of the chosen environment."
    )
    api_secret: SecretStr | None = Field(None, description="Secret of an HMAC key.")
    private_key_path: HomePath | None = Field(None, description="PEM file of an Ed25519 or RSA key.")
    private_key_passphrase: SecretStr | None = Field(None, description="Passphrase of that file, if it is encrypted.")
    base_url: str | None = Field(None, description="REST host; one of the environment's, loopback on paper.")
    ws_base: str | None = Field(None, description="Host of the streams, likewise.")
    ws_api_base: str | None = Field(None, description="Host of the WebSocket API, likewise.")
    proxy: Annotated[SecretStr, AfterValidator(_proxy)] | None = Field(
        None, description="The one way to a proxy, as http://host:port; HTTPS_PROXY and the like are ignored."
    )
    transport: Annotated[Literal["auto", "rest", "ws"], BeforeValidator(_lower)] = Field(
        "auto", description="How requests travel: rest, ws (the WebSocket API), or auto: REST until the socket is open."
    )
    recv_window: int = Field(5000, gt=0, le=60_000, description="Milliseconds for which a signed request is valid.")
    time_unit: Annotated[Literal["MILLISECOND", "MICROSECOND"], BeforeValidator(_upper)] = Field(
        "MILLISECOND", description="Unit of the times in answers: MILLISECOND or MICROSECOND."
    )
    home: HomePath = Field(Path("~/binance"), validate_default=True, description="Folder of the user's files.")
    paper_account: str = Field(
        "default", pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", description="Name of the account on the paper exchange."
    )
    max_order_notional: MoneyCap | None = Field(
        None, description='The most that one order may trade, e.g. "100 USDT". Live: 100 USDT unless set.'
    )
    max_daily_notional: MoneyCap | None = Field(
        None, description="The most that all orders of a UTC day may trade. Live: 500 USDT unless set."
    )
    max_daily_loss: MoneyCap | None = Field(
        None, description="The realised loss of a UTC day that ends its trading. Live: 50 USDT unless set."
    )
    max_open_orders: CountCap | None = Field(
        None, description="So many orders may be open; legs of lists count. Live: 10 unless set."
    )
    max_orders_per_minute: CountCap | None = Field(
        None, description="So many orders may be sent within 60 s; legs of lists count. Live: 6 unless set."
    )
    price_band: ShareCap | None = Field(
        None, description="How far from the market a price may be, in per cent. Live: 2 unless set."
    )
    symbols: SymbolsCap | None = Field(
        None, description="Orders on these symbols alone, separated by commas. Live: none until it is set."
    )
    toolsets: Names = Field((), description="Only these groups of tools, separated by commas.")
    tools: Names = Field((), description="Only these tools.")
    exclude_tools: Names = Field((), description="All but these tools.")
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR."
    )
    log_file: HomePath | None = Field(None, description="Log to this file instead of stderr.")

    @property
    def embedded(self) -> bool:
        """Whether the built-in paper exchange is meant: paper, and no URL names another one."""
        return self.env == "paper" and not (self.base_url or self.ws_base or self.ws_api_base)

    @property
    def caps(self) -> Caps:
        """What orders may come to: the caps that are set, and in live the defaults for the others."""
        return caps_of(self.env, {name: getattr(self, name) for name in CAP_NAMES})

    @property
    def has_key(self) -> bool:
        """Whether signed calls are possible with what the operator gave."""
        return self.api_key is not None

    @property
    def microseconds(self) -> bool:
        """Whether answers carry their times in microseconds."""
        return self.time_unit == "MICROSECOND"

    def private_key_pem(self) -> bytes:
        """The bytes of the key file.

        Raises:
            SettingsError: No file is set, or it cannot be read.
        """
        if self.private_key_path is None:
            raise SettingsError(f"{PREFIX}PRIVATE_KEY_PATH is not set.")
        try:
            with self.private_key_path.open("rb") as file:
                return file.read(KEY_FILE_CAP)
        except OSError as error:
            raise SettingsError(
                f"{PREFIX}PRIVATE_KEY_PATH: {self.private_key_path} cannot be read ({error.strerror})."
            ) from None

    def secrets(self) -> list[str]:
        """Every text that must appear in no output."""
        held = (self.api_key, self.api_secret, self.private_key_passphrase, self.proxy)
        return [secret.get_secret_value() for secret in held if secret is not None]


SECRET_FIELDS = frozenset({"api_key", "api_secret", "private_key_passphrase"})
"""Never taken from the command line, where other users of the machine see them."""
KEY_FIELDS = (*sorted(SECRET_FIELDS), "private_key_path")
"""What belongs to a key, and so to one environment."""

_URL_FIELDS: Mapping[str, Channel] = {"base_url": "rest", "ws_base": "streams", "ws_api_base": "ws_api"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `config show`."""

    name: str
    value: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, where each value came from, and what the operator should hear about them."""

    settings: Settings
    origins: Mapping[str, Origin]
    notices: tuple[str, ...] = ()

    def rows(self) -> list[Row]:
        """Every setting with its value, secrets hidden, and its origin."""
        return [Row(variable(name), self._shown(name), self.origins.get(name, "default")) for name in _fields()]

    def _shown(self, name: str) -> str:
        if name in CAP_NAMES:
            return self.settings.caps.shown().get(name, "")
        match getattr(self.settings, name):
            case None | ():
                return ""
            case SecretStr() as secret if name == "proxy":
                parts = urlsplit(secret.get_secret_value())
                return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
            case SecretStr():
                return "set, not shown"
            case bool() as flag:
                return "1" if flag else "0"
            case tuple() as names:
                return ",".join(names)
            case value:
                return str(value)


def variable(field: str) -> str:
    """The environment variable of a field, e.g. `BINANCE_RECV_WINDOW`."""
    return PREFIX + field.upper()


def load(
    flags: Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    env_file: Path | None = Path(".env"),
) -> Loaded:
    """Read the settings.

    Args:
        flags: What was typed, by field name; None means that the flag was not given.
        environ: The environment variables; the process's own if not given.
        env_file: A `.env` file, read if it exists.

    Raises:
        SettingsError: A setting is misspelt, wrong, or contradicts another.
    """
    environ = os.environ if environ is None else environ
    in_file = _env_file(env_file)
    typed = {name: value for name, value in (flags or {}).items() if value is not None}
    if exposed := sorted(SECRET_FIELDS & typed.keys()):
        raise SettingsError(f"{variable(exposed[0])} is never taken from the command line, where others can read it.")
    notices = [*_unknown_names(environ, "environment"), *_unknown_names(in_file, ".env")]

    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    layers: tuple[tuple[Origin, Mapping[str, object]], ...] = (
        (".env", _ours(in_file)),
        ("environment", _ours(environ)),
        ("flag", typed),
    )
    for origin, layer in layers:
        values |= layer
        origins |= dict.fromkeys(layer, origin)

    limits = _limits_file(values, origins)
    origins |= dict.fromkeys(limits.keys() - values.keys(), "limits.toml")
    values |= limits

    settings = _validated(values, origins)
    if settings.embedded and (ignored := [name for name in KEY_FIELDS if name in values]):
        values = {name: value for name, value in values.items() if name not in KEY_FIELDS}
        settings = _validated(values, origins)
        listed = ", ".join(map(variable, ignored))
        notices.append(f"{listed}: ignored, the built-in paper exchange has an account and a key of its own.")
    _refuse_contradictions(settings, origins)
    settings = _with_checked_urls(settings, origins)
    notices += _exposed_keys(settings, origins, env_file)
    return Loaded(settings, {name: origins[name] for name in values}, tuple(notices))


def _fields() -> list[str]:
    return list(Settings.model_fields)


def _env_file(path: Path | None) -> dict[str, str]:
    if path is None or not path.is_file():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415  (most starts have no such file)

    return {name: value for name, value in dotenv_values(path, interpolate=False).items() if value is not None}


def _ours(source: Mapping[str, str]) -> dict[str, str]:
    """The settings among some variables; an empty one counts as not set, as hosts leave blank fields behind."""
    return {name: value for name in _fields() if (value := source.get(variable(name), "").strip())}


def _limits_file(values: Mapping[str, object], origins: Mapping[str, Origin]) -> dict[str, object]:
    """The caps in the user's file of limits, none of which may contradict another setting."""
    home = Path(str(values.get("home", Settings.model_fields["home"].default))).expanduser()
    path = home / LIMITS_FILE
    try:
        limits = read_limits_file(path)
    except LimitsRefused as refusal:
        raise SettingsError(str(refusal)) from None
    for name in limits.keys() & values.keys():
        if _validated({name: values[name]}, origins).caps != _validated({name: limits[name]}, origins).caps:
            raise SettingsError(f"{_said(name, origins)} contradicts {name} in {path}; remove one of them.")
    return limits


def _unknown_names(source: Mapping[str, str], origin: Origin) -> Iterator[str]:
    known = {variable(name) for name in _fields()}
    for name in source:
        if name in known or not _meant_for_us(name):
            continue
        meant = _nearest(name, known)
        if meant:
            raise SettingsError(f"{name} ({origin}) is not a setting; did you mean {meant}?")
        yield f"{name} ({origin}) is not a setting of this server and is ignored."


def _meant_for_us(name: str) -> bool:
    """Whether a variable starts with our prefix, give or take a slip such as `BINACE_`."""
    head = name.upper().partition("_")[0]
    return head.startswith("BINANCE") or SequenceMatcher(None, head, "BINANCE").ratio() > 0.9


def _nearest(name: str, known: Iterable[str]) -> str | None:
    """The setting that a name was probably meant to be, compared without the prefix that all share."""
    _, _, tail = name.upper().partition("_")
    tails = {setting.removeprefix(PREFIX): setting for setting in known}
    near = get_close_matches(tail, tails, 1, NEAR) or [full for full in tails if tail.startswith(full)]
    return tails[near[0]] if near else None


def _said(name: str, origins: Mapping[str, Origin]) -> str:
    """A setting as the operator gave it, e.g. `--env` or `BINANCE_ENV (.env)`."""
    origin = origins.get(name, "default")
    return f"--{name.replace('_', '-')}" if origin == "flag" else f"{variable(name)} ({origin})"


def _validated(values: Mapping[str, object], origins: Mapping[str, Origin]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        told = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{_said(name, origins)} is wrong: {told[:1].lower()}{told[1:]}.") from None


def _refuse_contradictions(settings: Settings, origins: Mapping[str, Origin]) -> None:
    """Stop where two settings cannot both be meant.

    A flag that picks an environment other than live overrules the variables that would pick another one; nothing
    overrules a doubt about live.
    """
    env, testnet = _said("env", origins), _said("testnet", origins)
    overruled = origins.get("env") == "flag" and settings.env != "live"
    if settings.testnet is False and "env" not in origins:
        raise SettingsError(
            f"{testnet} is off but no environment is chosen; set {variable('env')}. It never means live."
        )
    if settings.testnet is not None and settings.testnet != (settings.env == "testnet") and not overruled:
        raise SettingsError(f"{testnet} contradicts {env}, which says {settings.env}; remove one of them.")
    if settings.live_trading and settings.env != "live" and not overruled:
        raise SettingsError(
            f"{_said('live_trading', origins)} needs {variable('env')}=live, but {env} says {settings.env}."
        )
    if settings.live_trading and settings.read_only:
        raise SettingsError(f"{_said('live_trading', origins)} contradicts {_said('read_only', origins)}; remove one.")
    _refuse_incomplete_key(settings, origins)


def _refuse_incomplete_key(settings: Settings, origins: Mapping[str, Origin]) -> None:
    secret, file = _said("api_secret", origins), _said("private_key_path", origins)
    if settings.api_secret and settings.private_key_path:
        raise SettingsError(f"{secret} and {file} are two kinds of key; keep the one that belongs to the API key.")
    if settings.private_key_passphrase and not settings.private_key_path:
        raise SettingsError(f"{_said('private_key_passphrase', origins)} needs {variable('private_key_path')}.")
    if settings.api_key and not (settings.api_secret or settings.private_key_path):
        raise SettingsError(
            f"{_said('api_key', origins)} needs {variable('api_secret')} or {variable('private_key_path')} beside it."
        )
    if not settings.api_key and (settings.api_secret or settings.private_key_path):
        given = secret if settings.api_secret else file
        raise SettingsError(f"{given} needs {variable('api_key')} beside it.")


def _with_checked_urls(settings: Settings, origins: Mapping[str, Origin]) -> Settings:
    checked: dict[str, str] = {}
    for name, channel in _URL_FIELDS.items():
        if url := getattr(settings, name):
            try:
                checked[name] = admit(url, settings.env, channel)
            except HostRefused as refusal:
                raise SettingsError(
                    f"{_said(name, origins)} does not fit {_said('env', origins)}, {settings.env}: {refusal}."
                ) from None
    return settings.model_copy(update=checked)


def _exposed_keys(settings: Settings, origins: Mapping[str, Origin], env_file: Path | None) -> Iterator[str]:
    """Refuse in live, and mention elsewhere, a file with a key that other users of the machine can read."""
    files: list[tuple[str, Path]] = []
    if settings.private_key_path:
        files.append((_said("private_key_path", origins), settings.private_key_path))
    held = [name for name in sorted(SECRET_FIELDS) if getattr(settings, name) and origins.get(name) == ".env"]
    if held and env_file is not None:
        files.append((_said(held[0], origins), env_file))
    for said, path in files:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise SettingsError(f"{said}: {path} cannot be read ({error.strerror}).") from None
        if not stat.S_ISREG(mode):
            raise SettingsError(f"{said}: {path} is not a file.")
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            told = f"{said}: {path} can be read by other users of this machine; run: chmod 600 {path}"
            if settings.env == "live":
                raise SettingsError(f"{told} (BINANCE_ENV=live does not start otherwise).")
            yield f"{told}."
