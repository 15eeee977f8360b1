"""The operator's passphrase: a hash on the disk, and few tries."""

import os
from pathlib import Path

import pytest

from binance_spot_mcp.trading.operator import OPERATOR_FILE, OperatorFile
from binance_spot_mcp.trading.passphrase import (
    FIRST_PAUSE_MS,
    FREE_TRIES,
    KEPT_IN,
    LONGEST_PAUSE_MS,
    Passphrase,
    Paused,
)

RIGHT, WRONG = "correct horse battery", "incorrect horse"


@pytest.fixture
def passphrase(tmp_path: Path) -> Passphrase:
    """A passphrase that is set."""
    made = Passphrase(tmp_path, OperatorFile(tmp_path / OPERATOR_FILE))
    assert not made.is_set
    made.set(RIGHT, os.urandom)
    return made


def test_only_the_right_one_is_right(passphrase: Passphrase) -> None:
    assert passphrase.is_set
    assert passphrase.is_right(RIGHT, 0)
    for other in (WRONG, RIGHT + " ", RIGHT.upper(), RIGHT[:-1]):
        assert not passphrase.is_right(other, 0)


def test_it_is_kept_as_a_salted_hash_for_its_owner_alone(passphrase: Passphrase, tmp_path: Path) -> None:
    kept = (tmp_path / KEPT_IN).read_text("ascii")
    assert RIGHT not in kept
    passphrase.set(RIGHT, os.urandom)
    assert (tmp_path / KEPT_IN).read_text("ascii") != kept
    assert (tmp_path / KEPT_IN).stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.glob("passphrase*")] == [KEPT_IN]


def test_a_short_one_is_not_taken(passphrase: Passphrase) -> None:
    with pytest.raises(ValueError, match="at least 8"):
        passphrase.set("1234567", os.urandom)
    assert passphrase.is_right(RIGHT, 0)


def test_many_wrong_ones_have_to_wait_longer_and_longer_also_in_another_process(
    passphrase: Passphrase, tmp_path: Path
) -> None:
    for _ in range(FREE_TRIES):
        assert not passphrase.is_right(WRONG, 0)
    other = Passphrase(tmp_path, OperatorFile(tmp_path / OPERATOR_FILE))
    with pytest.raises(Paused) as paused:
        other.is_right(RIGHT, FIRST_PAUSE_MS - 1)
    # To try before the time is a try as well, so the next one waits twice as long from then on.
    until_ms = FIRST_PAUSE_MS - 1 + 2 * FIRST_PAUSE_MS
    assert paused.value.until_ms == FIRST_PAUSE_MS
    with pytest.raises(Paused):
        other.is_right(RIGHT, until_ms - 1)
    assert other.is_right(RIGHT, until_ms + LONGEST_PAUSE_MS)
    for _ in range(FREE_TRIES):
        assert not passphrase.is_right(WRONG, until_ms + LONGEST_PAUSE_MS)
