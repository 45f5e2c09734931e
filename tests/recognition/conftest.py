"""What the tests of this folder share."""

import pytest

from facevalue.drawing import faces


@pytest.fixture(scope="session")
def drawn():
    """Six drawn photos of one person each, and where the faces are."""
    return [faces.photo(seed) for seed in range(6)]
