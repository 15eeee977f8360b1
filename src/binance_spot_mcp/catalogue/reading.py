"""How a parameter's value is read from what an agent sent: forgiving in reads, strict with money.

Each function returns the value as Binance understands it or refuses it with a sentence that says what to send instead.
Where there is one right text, the refusal carries it as `ctx["fix"]`.

Binance's own patterns: rest_endpoints.json#common.observed_patterns (seen in its -1100 texts).
"""

import json
import math
import re
import reprlib
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import msgspec
from pydantic_core import PydanticCustomError

from binance_spot_mcp.vocabulary import plain

DIGITS = 20
"""Most digits of an amount before the point, and after it."""
FLOAT_DIGITS = 15
"""So many digits of a decimal survive being a float, whatever they are."""
FIRST_MS = 1_483_228_800_000
"""2017-01-01T00:00:00Z, before which Binance has no data and accepts no timestamp."""
LAST_MS = 9_999_999_999_999
EARLY_MS = 100_000_000_000
"""1973; a smaller number was hardly meant to be a time in milliseconds."""
LONGEST = 64
"""Characters; no single value of Binance's is longer, so a longer text is not looked at."""
LONGEST_LIST = 65_536
"""Characters of a list as one text, which is all that the arguments of a call may take."""

_AMOUNT = re.compile(rf"(0|[1-9][0-9]{{0,{DIGITS - 1}}})(\.[0-9]{{1,{DIGITS}}})?")
_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+\.[0-9]+|[0-9]{1,3}(,[0-9]{3}){2,}")
_COMMA_AS_POINT = re.compile(r"0,[0-9]+|[0-9]+,([0-9]{1,2}|[0-9]{4,})")
_SHARE = re.compile(r"all|max|maximum|everything|half|.*%", re.IGNORECASE)
_SIGNS = frozenset(".,+-")
_SYMBOL = re.compile(r"[\w\-.]{1,50}")
_CLIENT_ID = re.compile(r"[a-zA-Z0-9_-]{1,36}")
_TIME_ZONE = re.compile(r"([+-]?)([0-9]{1,2})(?::([0-5][0-9]))?")
_WINDOW = re.compile(r"([1-9]|[1-5][0-9])m|([1-9]|1[0-9]|2[0-3])h|[1-7]d")
_ASCII_UPPER = str.maketrans({letter: letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"})


def refusal(message: str, fix: str | None = None) -> PydanticCustomError:
    """A refusal whose message completes a sentence that starts with the parameter's name."""
    return PydanticCustomError("refused", message, {"fix": fix} if fix is not None else None)


def shown(value: object) -> str:
    """A value as a refusal repeats it: one line, nothing invisible, at most 40 characters."""
    text = value if isinstance(value, str) else _as_json(value)
    short = "".join(letter if letter.isprintable() else "?" for letter in text[:40])
    return f'"{short}{"…" if len(text) > 40 else ""}"'


def _as_json(value: object) -> str:
    """A value as the sender wrote it, or an excerpt of one that cannot be written."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return reprlib.repr(value)


def _whole_text(value: object) -> str | None:
    """An integer or a text of ASCII digits, as digits; None for everything else, booleans included."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**DIGITS else None
    if isinstance(value, str) and len(value) <= DIGITS and re.fullmatch(r"-?[0-9]+", value, re.ASCII):
        return value
    return None


def _float_as_whole(value: object, low: int, high: int) -> str | None:
    """The integer that a float stands for, as text; None if it stands for none within the range."""
    whole = isinstance(value, float) and value.is_integer() and low <= value <= high
    return f"{value:.0f}" if whole else None


def read_whole(value: object, low: int, high: int) -> int:
    """An integer within the range, also as text; a float or a boolean is refused."""
    digits = _whole_text(value)
    if digits is None:
        raise refusal(f"must be a whole number, not {shown(value)}.", _float_as_whole(value, low, high))
    number = int(digits)
    if not low <= number <= high:
        raise refusal(f"must be from {low} to {high}, not {number}.")
    return number


def read_flag(value: object) -> bool:
    """True or false, also as text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (text := value[:LONGEST].lower()) in {"true", "false"}:
        return text == "true"
    raise refusal(f"must be true or false, not {shown(value)}.")


def read_choice(value: object, choices: tuple[str, ...]) -> str:
    """One of the choices, which are upper case; the case of the text does not matter."""
    if isinstance(value, str):
        text = value[:LONGEST].translate(_ASCII_UPPER)
        if text in choices:
            return text
        meant = re.sub(r"[\s-]+", "_", text.strip())
        if meant in choices:
            raise refusal(f"must be {meant}, not {shown(value)}.", meant)
    allowed = f"one of {', '.join(choices)}" if len(choices) > 2 else " or ".join(choices)
    raise refusal(f"must be {allowed}, not {shown(value)}.")


def read_choices(value: object, choices: tuple[str, ...]) -> tuple[str, ...]:
    """Several of the choices: a list, or a text as `texts` takes it."""
    return tuple(read_choice(item, choices) for item in texts(value))


def read_interval(value: object, intervals: tuple[str, ...]) -> str:
    """A kline interval. Its case matters: 1m is a minute and 1M a month, so neither is ever guessed from the other."""
    if isinstance(value, str):
        if value in intervals:
            return value
        if not value.endswith(("m", "M")) and (meant := value[:LONGEST].lower()) in intervals:
            raise refusal(f"is case-sensitive: send {meant}, not {shown(value)}.", meant)
    raise refusal(f"must be one of {', '.join(intervals)} (1m minute, 1M month), not {shown(value)}.")


def read_window(value: object) -> str:
    """A rolling window of one unit: 1m to 59m, 1h to 23h, 1d to 7d."""
    if isinstance(value, str) and _WINDOW.fullmatch(value):
        return value
    raise refusal(f"must be 1m to 59m, 1h to 23h or 1d to 7d, not {shown(value)}.")


def read_time_zone(value: object) -> str:
    """An offset from UTC between -12:00 and +14:00: hours, or hours:minutes."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and (parts := _TIME_ZONE.fullmatch(text)):
        sign, hours, minutes = parts.groups()
        offset = int(hours) * 60 + int(minutes or 0)
        if -12 * 60 <= (-offset if sign == "-" else offset) <= 14 * 60:
            return text
    raise refusal(f"must be an offset from UTC between -12:00 and +14:00, such as 0, 8 or -3:30, not {shown(value)}.")


def read_client_id(value: object) -> str:
    """A client order id as Binance allows it."""
    if isinstance(value, str) and _CLIENT_ID.fullmatch(value):
        return value
    raise refusal(f"must be 1 to 36 letters, digits, - or _, not {shown(value)}.")


def read_symbol(value: object) -> str:
    """A trading pair: `btcusdt`, `BTC/USDT` and `btc-usdt` mean BTCUSDT.

    Letters outside ASCII stay as they are, since listed symbols may carry them.
    """
    if not isinstance(value, str):
        raise refusal(f"must be a symbol such as BTCUSDT, not {shown(value)}.")
    short = value[:LONGEST]
    if ":" in short and "/" in short:
        raise refusal(f"must be a spot symbol such as BTCUSDT; {shown(value)} is a derivative, and this is spot only.")
    symbol = re.sub(r"(?<=\w)[/-](?=\w)", "", short, count=1).translate(_ASCII_UPPER)
    if len(value) <= LONGEST and _SYMBOL.fullmatch(symbol):
        return symbol
    meant = symbol.strip()
    fix = meant if len(value) <= LONGEST and _SYMBOL.fullmatch(meant) else None
    raise refusal(f"must be a symbol such as BTCUSDT, not {shown(value)}.", fix)


def read_symbols(value: object) -> tuple[str, ...]:
    """Several trading pairs: a list, or a text as `texts` takes it. A pair that is named twice is refused."""
    symbols = tuple(read_symbol(item) for item in texts(value))
    once = tuple(dict.fromkeys(symbols))
    if len(once) < len(symbols):
        twice = next(symbol for position, symbol in enumerate(symbols) if symbol in symbols[:position])
        raise refusal(f"names {twice} more than once; name each symbol once.", msgspec.json.encode(once).decode())
    return once


def texts(value: object) -> Iterable[object]:
    """The entries of a list that came as such, as JSON text, or as one text with commas.

    Raises:
        PydanticCustomError: It is none of these, or empty.
    """
    items: object = value
    if isinstance(value, str):
        items = _split(value) if len(value) <= LONGEST_LIST else None
    if not isinstance(items, list | tuple) or not items:
        raise refusal(f'must be a list such as ["BTCUSDT","ETHUSDT"], not {shown(value)}.')
    return items


def _split(text: str) -> list[str] | None:
    """The entries of a JSON array of texts, or of a text with commas; None if the JSON is something else."""
    if not text.lstrip().startswith("["):
        return [item.strip() for item in text.split(",")]
    try:
        return msgspec.json.decode(text, type=list[str])
    except msgspec.DecodeError:
        return None


def read_millis(value: object) -> int:
    """A moment as epoch milliseconds: a number of them, or ISO 8601, which means UTC unless it says otherwise."""
    digits = _whole_text(value)
    if digits is not None:
        return _plausible_millis(int(digits))
    if isinstance(value, str) and len(value) <= LONGEST:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
            return _plausible_millis(round(seconds * 1000))
    raise refusal(
        f'must be epoch milliseconds or a UTC time such as "2024-01-31" or "2024-01-31T12:00:00Z", not {shown(value)}.',
        _float_as_whole(value, FIRST_MS, LAST_MS),
    )


def _plausible_millis(moment: int) -> int:
    """The moment itself; seconds, microseconds and times before Binance are refused with what was meant."""
    if FIRST_MS <= moment <= LAST_MS:
        return moment
    for unit, meant in (("seconds", moment * 1000), ("microseconds", moment // 1000)):
        if FIRST_MS <= meant <= LAST_MS:
            raise refusal(f"must be epoch milliseconds; {moment} looks like {unit}: send {meant}.", str(meant))
    raise refusal(
        f"must be epoch milliseconds from {FIRST_MS} (2017, where Binance's data starts) to {LAST_MS}, not {moment}.",
        str(FIRST_MS) if moment == 0 or EARLY_MS < moment < FIRST_MS else None,
    )


def read_amount(value: object) -> Decimal:
    """A price or a quantity, above zero and exactly as meant; nothing is ever rounded or guessed.

    A number that arrived as a float is taken where at most 15 digits write it, because then only one decimal can have
    been meant.
    """
    text = _amount_text(value)
    if _AMOUNT.fullmatch(text):
        amount = Decimal(text)
        if amount:
            return amount
        raise refusal("must be above zero.")
    if _SHARE.fullmatch(text):
        raise refusal(f"must be an absolute amount, not {shown(value)}: read the free balance with get_account first.")
    meant = _amount_meant(text)
    if meant is not None:
        raise refusal(f'must be a plain decimal string: send "{meant}", not {shown(value)}.', meant)
    if re.fullmatch(r"-[0-9.]+", text):
        raise refusal(f"must be above zero, not {shown(value)}.")
    if re.fullmatch(r"[0-9.]+", text):
        raise refusal(f"must have at most {DIGITS} digits before and {DIGITS} after the point, not {shown(value)}.")
    raise refusal(f'must be a plain decimal string such as "0.05", not {shown(value)}.')


def _amount_text(value: object) -> str:
    """What was sent, as text; a number becomes the one decimal that it stands for.

    Raises:
        PydanticCustomError: It is no number, or a float that does not say which decimal was meant.
    """
    match value:
        case str() if len(value) <= LONGEST:
            return value
        case int() if not isinstance(value, bool) and abs(value) < 10**LONGEST:
            return str(value)
        case Decimal() if value.is_finite() and abs(value.adjusted()) < LONGEST:
            return plain(value)
        case float() if math.isfinite(value):
            return _float_text(value)
        case None:
            raise refusal("must be a decimal string, not null; leave it out if it is not meant.")
        case _:
            raise refusal(f'must be a plain decimal string such as "0.05", not {shown(value)}.')


def _float_text(value: float) -> str:
    """The decimal that a float stands for. Binary arithmetic leaves traces in the last digits, which are refused."""
    written, rounded = Decimal(repr(value)), Decimal(f"{value:.{FLOAT_DIGITS}g}")
    if written == rounded:
        return plain(written)
    if len(rounded.normalize().as_tuple().digits) < FLOAT_DIGITS - 2:
        meant = plain(rounded)
        raise refusal(f'must be exact: send "{meant}" as text, not the number {value!r}.', meant)
    raise refusal(f"must be exact: send it as text, not as the number {value!r}.")


def _plain_character(character: str) -> str:
    """A digit of any script, or a full-width sign, as the one it stands for; a raised or circled digit is neither."""
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    narrow = unicodedata.normalize("NFKC", character)
    return narrow if narrow in _SIGNS else character


def _amount_meant(text: str) -> str | None:
    """The plain decimal that a text can only have meant, e.g. 0.5 for `0,5`; `1,000` could be two, so it has none."""
    folded = "".join(map(_plain_character, text)).strip().replace("_", "")
    if _THOUSANDS.fullmatch(folded):
        folded = folded.replace(",", "")
    elif _COMMA_AS_POINT.fullmatch(folded):
        folded = folded.replace(",", ".")
    try:
        amount = Decimal(folded)
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount <= 0 or abs(amount.adjusted()) > DIGITS:
        return None
    meant = plain(amount)
    return meant if _AMOUNT.fullmatch(meant) else None
