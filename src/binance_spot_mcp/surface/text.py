"""Text from outside, made safe to show: bounded, and without characters that hide or reorder what follows."""

import unicodedata

SHOWN = 80
"""Characters of an argument that an error repeats."""
VALUE = 1_000
"""Characters of a text value in an answer."""

_DROPPED = {"Cf", "Cs", "Co", "Cn"}
"""Format (bidirectional marks, zero width), surrogate, private and unassigned characters."""
_SPACED = {"Cc", "Zl", "Zp"}
"""Control characters and line separators, which become a space."""


def clean(text: str, most: int = VALUE) -> str:
    """The text without control, bidirectional and zero-width characters, cut to so many characters.

    >>> clean("BTC\\u202eUSDT\\n<b>"), clean("x" * 9, most=5)
    ('BTCUSDT <b>', 'xxxx…')
    """
    if len(text) > most:
        text = text[: most - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_safe(character) for character in text)


def _safe(character: str) -> str:
    category = unicodedata.category(character)
    if category in _SPACED:
        return " "
    return "" if category in _DROPPED else character


def given(value: object) -> str:
    """A value that a caller sent, short and clean enough to be repeated in an error."""
    return clean(value if isinstance(value, str) else repr(value), SHOWN)
