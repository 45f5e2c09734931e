"""What the tests of this folder share."""

from pathlib import Path

import pytest

from facevalue import paths


@pytest.fixture
def processed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that replaces data/processed."""
    monkeypatch.setattr(paths, "processed", lambda: tmp_path)
    return tmp_path
