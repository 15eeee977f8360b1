"""How the engine says no."""

from typing import Any


class Refusal(Exception):
    """A command that Binance would refuse; nothing has changed.

    Attributes:
        code: Binance's error code, e.g. -2010.
        msg: Binance's text, byte for byte.
        data: What the error body carries beside code and text, usually nothing.
    """

    def __init__(self, code: int, msg: str, data: Any = None) -> None:
        super().__init__(code, msg)
        self.code = code
        self.msg = msg
        self.data = data

    def __str__(self) -> str:
        return f"{self.code} {self.msg}"


def filter_failure(name: str) -> Refusal:
    """The refusal for a broken filter. Source: errors.md#filter-failures"""
    return Refusal(-1013, f"Filter failure: {name}")
