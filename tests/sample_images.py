"""Small data sets for tests: smooth random shapes, and the place of FER-2013."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from facevalue.data.dataset import Dataset

SHARED = Path(__file__).parents[2] / "shared" / "data"
needs_fer2013 = pytest.mark.skipif(
    not (SHARED / "fer2013.csv.xz").is_file(), reason="FER-2013 is not on this machine"
)


def noise(n: int, seed: int = 0) -> np.ndarray:
    """Pictures of smooth random shapes, no two alike."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (n, 8, 8), dtype=np.uint8)
    return np.stack([cv2.resize(image, (48, 48)) for image in small])


def plain(images: np.ndarray, labels: np.ndarray | None = None) -> Dataset:
    n = len(images)
    labels = np.zeros(n, int) if labels is None else labels
    return Dataset("rendered", images, labels, np.full(n, "Training"), np.full(n, "test"))
