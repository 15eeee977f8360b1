"""What an operator allows: caps on orders, how they are written, and the file `limits.toml` that may hold them.

Numbers are read strictly. A cap that is not quite clear must stop the start, not become another cap.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from binance_spot_mcp.vocabulary import Environment, plain

LIMITS_FILE: Final = "limits.toml"
UNIT: Final = "USDT"
"""The currency of an amount that names none."""
_FILE_CAP: Final = 64 * 1024
_NEAR: Final = 0.6
_NUMBER: Final = r"(0|[1-9][0-9]{0,19})(\.[0-9]{1,20})?"
_MONEY: Final = re.compile(rf"(?P<amount>{_NUMBER})( +(?P<asset>(?=\w*[^\W\d_])\w{{1,20}}))?")
_PERCENT: Final = re.compile(rf"(?P<share>{_NUMBER}) ?%?")
_COUNT: Final = re.compile(r"[1-9][0-9]{0,8}")
_SYMBOL: Final = re.compile(r"\w{2,40}")


class LimitsRefused(ValueError):
    """The file of limits is wrong; the text is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of an asset."""

    amount: Decimal
    asset: str

    def __str__(self) -> str:
        return f"{plain(self.amount)} {self.asset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What is allowed; None means that nothing is set.

    Attributes:
        max_order_notional: The most that one order, or one list, may trade.
        max_daily_notional: The most that all orders of a UTC day may trade.
        max_daily_loss: The realised loss of a UTC day that ends its trading.
        max_open_orders: So many orders may be open; the legs of a list count one by one.
        max_orders_per_minute: So many orders may be sent within 60 s, counted likewise.
        price_band: How far a price may be from the market, in per cent.
        symbols: The only symbols on which orders are placed.
    """

    max_order_notional: Money | None = None
    max_daily_notional: Money | None = None
    max_daily_loss: Money | None = None
    max_open_orders: int | None = None
    max_orders_per_minute: int | None = None
    price_band: Decimal | None = None
    symbols: tuple[str, ...] | None = None

    def shown(self) -> dict[str, str]:
        """Every cap that is set, as text."""
        told = {name: getattr(self, name) for name in CAP_NAMES}
        return {name: _shown(value) for name, value in told.items() if value is not None}

    @property
    def digest(self) -> str:
        """What tells these caps from all others, in 12 characters."""
        return sha256(repr(sorted(self.shown().items())).encode()).hexdigest()[:12]


CAP_NAMES: Final = tuple(field.name for field in fields(Caps))
NO_CAPS: Final = Caps()
LIVE_CAPS: Final = Caps(
    max_order_notional=Money(Decimal(100), UNIT),
    max_daily_notional=Money(Decimal(500), UNIT),
    max_daily_loss=Money(Decimal(50), UNIT),
    max_open_orders=10,
    max_orders_per_minute=6,
    price_band=Decimal(2),
    symbols=(),
)
"""What holds in live where the operator sets nothing else: no symbol may be traded until it is named."""


def caps_of(env: Environment, given: Mapping[str, Any]) -> Caps:
    """The caps of an environment: those that were set, and in live the defaults for the others.

    Args:
        env: The environment.
        given: What was set, by name; None counts as not set.
    """
    defaults = LIVE_CAPS if env == "live" else NO_CAPS
    return replace(defaults, **{name: given[name] for name in CAP_NAMES if given.get(name) is not None})


def read_money(value: object) -> Money:
    """An amount above 0, e.g. `100` or `100 USDT`.

    Raises:
        ValueError: It is none.
    """
    found = _MONEY.fullmatch(_text(value))
    if found is None or not (amount := Decimal(found["amount"])):
        raise ValueError('it must be an amount above 0 in plain digits, with or without a currency, e.g. "100 USDT"')
    return Money(amount, (found["asset"] or UNIT).upper())


def read_percent(value: object) -> Decimal:
    """A share above 0 and up to 100, e.g. `2` or `2%`.

    Raises:
        ValueError: It is none.
    """
    found = _PERCENT.fullmatch(_text(value))
    if found is None or not 0 < (share := Decimal(found["share"])) <= 100:
        raise ValueError('it must be per cent above 0 and up to 100 in plain digits, e.g. "2%"')
    return share


def read_count(value: object) -> int:
    """A whole number from 1 on.

    Raises:
        ValueError: It is none.
    """
    if not _COUNT.fullmatch(text := _text(value)):
        raise ValueError("it must be a whole number above 0")
    return int(text)


def read_symbols(value: object) -> tuple[str, ...]:
    """Names of symbols, as a list or separated by commas; `btc/usdt` and `BTC-USDT` mean BTCUSDT.

    Raises:
        ValueError: There is none, or one that cannot be a symbol.
    """
    listed: Iterable[object] = value if isinstance(value, (list, tuple)) else str(value).split(",")
    written = [name.strip() for name in listed if isinstance(name, str) and name.strip()]
    names = [name.upper().replace("/", "").replace("-", "") for name in written]
    wrong = [name for name in names if not _SYMBOL.fullmatch(name)]
    if wrong or not names or not isinstance(value, (str, list, tuple)):
        raise ValueError('it must name symbols, separated by commas, e.g. "BTCUSDT,ETHUSDT"')
    return tuple(sorted(set(names)))


READERS: Final[Mapping[str, Callable[[object], object]]] = MappingProxyType(
    {
        "max_order_notional": read_money,
        "max_daily_notional": read_money,
        "max_daily_loss": read_money,
        "max_open_orders": read_count,
        "max_orders_per_minute": read_count,
        "price_band": read_percent,
        "symbols": read_symbols,
    }
)
"""How each cap is read."""


def read_limits_file(path: Path) -> dict[str, object]:
    """The caps that a file sets, by name; none where there is no such file.

    Raises:
        LimitsRefused: It cannot be read, or says something that is no cap.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_FILE_CAP + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise LimitsRefused(f"{path} cannot be read ({error.strerror}).") from None
    if len(text) > _FILE_CAP:
        raise LimitsRefused(f"{path} is longer than {_FILE_CAP // 1024} KiB.")
    try:
        told = tomllib.loads(text.decode(), parse_float=str)  # so that no number goes through a float
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LimitsRefused(f"{path} is no TOML: {error}.") from None
    caps: dict[str, object] = {}
    for name, value in told.items():
        if name not in READERS:
            raise LimitsRefused(f"{path}: {name} is not a limit; {_meant(name)}")
        try:
            caps[name] = READERS[name](value)
        except ValueError as wrong:
            raise LimitsRefused(f"{path}: {name} is wrong: {wrong}.") from None
    return caps


def _text(value: object) -> str:
    """A number as it was written; a boolean is none."""
    return "" if isinstance(value, bool) or not isinstance(value, (str, int)) else str(value).strip()


def _shown(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{plain(value)}%"
    if isinstance(value, tuple):
        return ",".join(value) or "none"
    return str(value)


def _meant(name: str) -> str:
    near = get_close_matches(name.lower().removeprefix("binance_"), CAP_NAMES, 1, _NEAR)
    return f"did you mean {near[0]}?" if near else f"the limits are {', '.join(CAP_NAMES)}."
