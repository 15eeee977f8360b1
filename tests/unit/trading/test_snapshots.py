"""Files of what an order was checked against."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from binance_spot_mcp.trading import snapshots
from binance_spot_mcp.trading.snapshots import Snapshots


def test_a_snapshot_is_readable_by_its_owner_alone_and_holds_exact_amounts(tmp_path: Path) -> None:
    folder = tmp_path / "snapshots"
    path = Snapshots(folder).write("1-BTCUSDT", {"step": Decimal("0.00001000"), "filters": []})
    assert msgspec.json.decode(path.read_bytes()) == {"step": "0.00001000", "filters": []}
    assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)


def test_the_oldest_snapshots_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MOST_FILES", 3)
    kept = Snapshots(tmp_path / "snapshots")
    for number in range(5):
        kept.write(f"{number}-BTCUSDT", {})
    assert sorted(file.name for file in (tmp_path / "snapshots").iterdir()) == [
        "2-BTCUSDT.json",
        "3-BTCUSDT.json",
        "4-BTCUSDT.json",
    ]


def test_a_link_in_the_folder_is_never_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "snapshots", tmp_path / "outside"
    folder.mkdir()
    outside.write_text("mine")
    (folder / "1-BTCUSDT.json").symlink_to(outside)
    with pytest.raises(FileExistsError):
        Snapshots(folder).write("1-BTCUSDT", {})
    assert outside.read_text() == "mine"
