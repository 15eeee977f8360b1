"""Pages that are generated say what the code says."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

GENERATOR = Path(__file__).resolve().parents[3] / "docs" / "generate.py"


@pytest.fixture
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_pages_are_what_make_docs_would_write(generator: ModuleType) -> None:
    for path, text in generator.pages().items():
        assert path.read_text("utf-8") == text, f"{path.name} is out of date: run `make docs`"
