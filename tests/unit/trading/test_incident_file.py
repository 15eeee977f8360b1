"""A file for people: bounded, private, free of secrets, and never in anybody's way."""

import os
from pathlib import Path

import pytest

from binance_spot_mcp.logs import HIDDEN, Hiding
from binance_spot_mcp.trading import incident_file
from binance_spot_mcp.trading.incident_file import HEAD, MOST_BYTES, IncidentFile


def written(path: Path, *lines: str, secrets: tuple[str, ...] = ()) -> list[str]:
    """What the file holds after some lines were written, below its head."""
    file = IncidentFile(path, Hiding(secrets))
    for line in lines:
        file.write(line)
    file.close()
    return path.read_text("utf-8").removeprefix(HEAD.decode()).splitlines()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file will be."""
    return tmp_path / "home" / "incidents.md"


def test_lines_are_appended_to_a_file_that_only_its_owner_reads(path: Path) -> None:
    written(path, "one")
    assert written(path, "two") == ["- one", "- two"]
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_the_oldest_lines_go_before_the_file_grows_too_large(path: Path) -> None:
    lines = [f"{number:05d} {'x' * 400}" for number in range(400)]
    for start in range(0, 400, 100):
        kept = written(path, *lines[start : start + 100])
    assert kept[-1] == f"- {lines[-1]}"
    assert all(line.startswith("- 00") for line in kept)
    assert MOST_BYTES // 2 < path.stat().st_size <= MOST_BYTES
    assert [file.name for file in path.parent.iterdir()] == ["incidents.md"]


def test_secrets_and_signatures_are_hidden_and_control_characters_go(path: Path) -> None:
    (line,) = written(path, "key s3cr3t\x1b[31m\n- forged \u202e signature=abcdef", secrets=("s3cr3t",))
    assert line == f"- key {HIDDEN}[31m - forged signature={HIDDEN}"


def test_a_link_in_its_place_is_not_followed(path: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    path.parent.mkdir()
    path.symlink_to(outside)
    file = IncidentFile(path, str)
    file.write("one")
    file.close()
    assert outside.read_text() == "mine"


def test_something_else_in_its_place_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    file = IncidentFile(path, str)
    file.write("one")
    file.close()
    assert path.is_fifo()


def test_a_disk_that_fails_disturbs_nobody(path: Path) -> None:
    path.parent.write_text("a file where the folder should be")
    file = IncidentFile(path, str)
    file.write("one")
    file.close()
    assert path.parent.read_text() == "a file where the folder should be"


def test_more_lines_than_can_wait_are_counted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incident_file, "MOST_WAITING", 0)
    file = IncidentFile(path, str)
    file.write("one")
    file.write("two")
    monkeypatch.setattr(incident_file, "MOST_WAITING", 9)
    file.write("three")
    file.close()
    assert path.read_text("utf-8").endswith("- three (2 more before this one were not written)\n")
