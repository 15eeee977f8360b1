"""Frames on the WebSocket API that no client in its right mind sends."""

import pytest

from paper_exchange.gateway.ws_api.requests import Unreadable, read


@pytest.mark.parametrize(
    "frame",
    [
        b'{"id": 1, "method": "ping", "params": {"symbol": "\xed\xa0\x80"}}',
        b'{"id": "\xff", "method": "ping"}',
        b'{"id": 1e999, "method": "ping"}',
        b'{"id": "\\ud800", "method": "ping"}',
        b'{"id": ' + b"[" * 20_000 + b"]" * 20_000 + b', "method": "ping"}',
        b"[" * 20_000,
    ],
    ids=["surrogate", "not UTF-8", "endless number", "half a pair", "deep member", "deep"],
)
def test_frames_that_are_no_json_are_refused_like_any_other(frame: bytes) -> None:
    with pytest.raises(Unreadable) as refusal:
        read(frame)
    assert (refusal.value.rejected.code, refusal.value.rejected.msg) == (-1135, "Invalid JSON Request")
