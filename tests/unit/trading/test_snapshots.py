"""Files of what an order was checked against."""

import os
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from tests.unit.domain.exchange import LOT_SIZE, rules

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


def kept(folder: Path, *versions: str) -> list[str]:
    """The digests of some versions of a symbol's rules, each kept by a process of its own."""
    digests = []
    for step in versions:
        snapshots = Snapshots(folder)
        digests.append(snapshots.of(rules(LOT_SIZE | {"stepSize": step})))
        snapshots.close()
    return digests


def test_the_rules_of_a_symbol_are_one_file_for_each_version_of_them(tmp_path: Path) -> None:
    first, second, again = kept(tmp_path / "snapshots", "0.01", "0.1", "0.01")
    assert first == again != second
    files = sorted(file.name for file in (tmp_path / "snapshots").iterdir())
    assert files == sorted(f"rules-BTCUSDT-{digest}.json" for digest in (first, second))
    body = msgspec.json.decode((tmp_path / "snapshots" / f"rules-BTCUSDT-{first}.json").read_bytes())
    assert body["filters"][0]["stepSize"] == "0.01"


def test_rules_that_did_not_change_are_written_once(tmp_path: Path) -> None:
    snapshots, same = Snapshots(tmp_path / "snapshots"), rules()
    digest = snapshots.of(same)
    snapshots.close()
    path = tmp_path / "snapshots" / f"rules-BTCUSDT-{digest}.json"
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    assert snapshots.of(same) == digest
    snapshots.close()
    assert not path.exists()


def test_rules_that_were_not_in_use_for_longest_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MOST_FILES", 2)
    folder = tmp_path / "snapshots"
    first, second = kept(folder, "0.01", "0.1")
    for age, digest in enumerate((first, second)):
        os.utime(folder / f"rules-BTCUSDT-{digest}.json", (age, age))
    kept(folder, "0.01")
    (third,) = kept(folder, "1")
    assert {file.name for file in folder.iterdir()} == {f"rules-BTCUSDT-{digest}.json" for digest in (first, third)}


def test_a_link_in_the_place_of_rules_is_replaced_and_not_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "snapshots", tmp_path / "outside"
    (digest,) = kept(folder, "0.01")
    path = folder / f"rules-BTCUSDT-{digest}.json"
    outside.write_text("mine")
    path.unlink()
    path.symlink_to(outside)
    kept(folder, "0.01")
    assert outside.read_text() == "mine"
    assert not path.is_symlink()


def test_a_disk_that_fails_stands_in_no_orders_way(tmp_path: Path) -> None:
    (tmp_path / "snapshots").write_text("a file where the folder should be")
    assert len(kept(tmp_path / "snapshots", "0.01")[0]) == snapshots.DIGEST
