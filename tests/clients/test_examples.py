"""The examples of the documentation run as they stand."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.clients.paper import ROOT, Paper

SECONDS = 60


@pytest.mark.parametrize("name", ["paper_ccxt", "paper_python_binance", "paper_official_sdk"])
def test_an_example_runs_as_it_stands(name: str, paper: Paper, tmp_path: Path) -> None:
    (tmp_path / "paper.json").write_text(paper.line, "utf-8")
    ran = subprocess.run(
        [sys.executable, ROOT / "examples" / f"{name}.py", tmp_path / "paper.json"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    looked, bought, resting, cancelled = ran.stdout.splitlines()
    assert looked.startswith("bid ")
    assert bought.startswith("bought 0.001")
    assert resting.endswith((" is open", " is NEW"))
    assert cancelled.endswith((" is canceled", " is CANCELED"))
