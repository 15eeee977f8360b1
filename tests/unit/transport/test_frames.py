"""What a WebSocket server sends is cut into frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_spot_mcp.transport.frames import FrameCutter

MOST = 100_000
PING = b"\x89\x02hi"


def frame(payload: bytes, first: int = 0x81) -> bytes:
    """As a server writes it: no mask."""
    if len(payload) < 126:
        return bytes((first, len(payload))) + payload
    if len(payload) < 65_536:
        return bytes((first, 126)) + len(payload).to_bytes(2, "big") + payload
    return bytes((first, 127)) + len(payload).to_bytes(8, "big") + payload


class Heard:
    """What a cutter told, in its order."""

    def __init__(self, *, expects_text: bool = True) -> None:
        self.told: list[tuple[str, bytes]] = []
        self.expects_text = expects_text
        self.cutter = FrameCutter(self._text, self._other, MOST)

    def _text(self, message: bytes) -> None:
        self.told.append(("text", message))

    def _other(self, raw: bytes) -> bool:
        self.told.append(("other", raw))
        return self.expects_text


SIZES = st.sampled_from([0, 1, 124, 125, 126, 127, 65_535, 65_536, 70_000])


@given(st.lists(st.tuples(SIZES, st.sampled_from([0x81, 0x01, 0x80, 0x82, 0x89, 0x8A])), max_size=6), st.data())
def test_frames_are_the_same_wherever_reads_begin_and_end(frames: list[tuple[int, int]], data: st.DataObject) -> None:
    sent = [(first, bytes([number]) * size) for number, (size, first) in enumerate(frames)]
    raw = b"".join(frame(payload, first) for first, payload in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    heard = Heard()
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        heard.cutter.take(raw[start:end])
    assert heard.told == [
        ("text", payload) if first == 0x81 else ("other", frame(payload, first)) for first, payload in sent
    ]


def test_a_frame_that_comes_byte_by_byte_is_whole_in_the_end() -> None:
    heard = Heard()
    for byte in frame(b"x" * 300) + PING:
        heard.cutter.take(bytes((byte,)))
    assert heard.told == [("text", b"x" * 300), ("other", PING)]


def test_text_goes_to_the_library_while_it_expects_something_else() -> None:
    heard = Heard(expects_text=False)
    heard.cutter.take(frame(b"a") + frame(b"part", 0x01) + frame(b"b"))
    heard.expects_text = True
    heard.cutter.take(frame(b"end", 0x80) + frame(b"c"))
    assert heard.told == [
        ("text", b"a"),
        ("other", frame(b"part", 0x01)),
        ("other", frame(b"b")),
        ("other", frame(b"end", 0x80)),
        ("text", b"c"),
    ]


@pytest.mark.parametrize(
    "odd",
    [b"\x81\x7f" + (MOST + 1).to_bytes(8, "big"), b"\x81\x81abcdx", b"\x81\xfeabcdx"],
    ids=["too large", "masked", "masked, of two bytes' length"],
)
def test_what_cannot_be_cut_is_left_to_the_library_with_all_that_follows(odd: bytes) -> None:
    heard = Heard()
    heard.cutter.take(frame(b"a") + odd)
    heard.cutter.take(frame(b"b"))
    assert heard.told == [("text", b"a"), ("other", odd), ("other", frame(b"b"))]


def test_a_message_as_large_as_may_be_is_cut() -> None:
    heard = Heard()
    heard.cutter.take(frame(b"x" * MOST))
    assert heard.told == [("text", b"x" * MOST)]
