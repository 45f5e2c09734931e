"""What several tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest

from facevalue import paths
from facevalue.data.dataset import Dataset
from facevalue.drawing import drawn_set


@pytest.fixture(scope="session")
def drawn() -> Dataset:
    return drawn_set.sample(400, seed=5, progress=False)


@pytest.fixture
def processed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that replaces data/processed, and no photos of the user's own."""
    folder = tmp_path / "processed"
    folder.mkdir()
    monkeypatch.setattr(paths, "processed", lambda: folder)
    monkeypatch.delenv("FACEVALUE_PHOTOS", raising=False)
    return folder
