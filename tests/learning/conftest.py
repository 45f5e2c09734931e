"""What several tests of classical models share."""

from __future__ import annotations

import pytest

from facevalue.data.dataset import Dataset
from facevalue.drawing import drawn_set


@pytest.fixture(scope="session")
def drawn() -> Dataset:
    return drawn_set.sample(400, seed=5, progress=False)
