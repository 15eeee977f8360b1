"""Text from outside as an answer shows it."""

import json

from binance_spot_mcp.errors import clean as cleaned

SHOWN = 80
"""Characters of an argument that an error repeats."""
VALUE = 1_000
"""Characters of a text value in an answer."""


def clean(text: str, most: int = VALUE) -> str:
    """The text without what hides or reorders, bounded; nearly all of it is plain and needs no second look."""
    if len(text) <= most and text.isascii() and text.isprintable():
        return text
    return cleaned(text, most=most)


def given(value: object) -> str:
    """A value that a caller sent, short and clean enough to be repeated in an error."""
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr), SHOWN)
