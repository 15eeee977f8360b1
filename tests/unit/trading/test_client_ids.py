"""Names of orders, and the installation that they tell of."""

import re
import secrets
from itertools import count
from pathlib import Path

from binance_spot_mcp.trading.client_ids import ALPHABET, TAG_LENGTH, ClientOrderIds, installation_tag


def test_an_id_fits_the_exchange_and_spells_no_word() -> None:
    ids = ClientOrderIds("b7k2mz", lambda size: b"\xff" * size)
    assert re.fullmatch(r"[a-zA-Z0-9-_]{1,36}", ids.new())
    assert not set("aeiouyAEIOUY") & {*ids.new()}


def test_different_random_bytes_make_different_ids() -> None:
    drawn = count()
    ids = ClientOrderIds("b7k2mz", lambda size: next(drawn).to_bytes(size))
    made = [ids.new() for _ in range(1000)]
    assert len({*made}) == 1000
    assert len({len(each) for each in made}) == 1


def test_an_id_is_known_as_ours_by_its_tag() -> None:
    ids = ClientOrderIds("b7k2mz", secrets.token_bytes)
    assert ids.ours(ids.new())
    assert not ids.ours("web_0123456789")


def test_an_installation_keeps_its_tag(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    tag = installation_tag(folder, secrets.token_bytes)
    assert len(tag) == TAG_LENGTH
    assert set(tag) <= set(ALPHABET)
    assert installation_tag(folder, secrets.token_bytes) == tag
    assert [file.name for file in folder.iterdir()] == ["installation"]
    assert (folder.stat().st_mode & 0o777, (folder / "installation").stat().st_mode & 0o777) == (0o700, 0o600)


def test_two_processes_that_start_together_agree_on_the_tag(tmp_path: Path) -> None:
    tags: list[str] = []

    def overtaken(size: int) -> bytes:
        if not tags:
            tags.append("")
            tags[0] = installation_tag(tmp_path, secrets.token_bytes)
        return b"\x01" * size

    assert installation_tag(tmp_path, overtaken) == tags[0]
