"""What the classical model that notebook 06 saved says of an image."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facevalue import paths
from facevalue.data.dataset import SIZE
from facevalue.emotions import EMOTIONS


def file() -> Path:
    """Return where notebook 06 leaves its model."""
    return paths.processed() / "classical.skops"


def emotion(image: np.ndarray) -> str:
    """Return the emotion that the model names; the whole image is taken to be the face.

    Args:
        image: uint8, shape (height, width) or (height, width, 3) in RGB.

    Raises:
        FileNotFoundError: notebook 06 has not been run.
        ValueError: the file is no model of ours.
    """
    path = file()
    stamp = path.stat().st_mtime_ns if path.is_file() else 0
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    shrinks = min(grey.shape) > SIZE
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    face = cv2.resize(grey, (SIZE, SIZE), interpolation=how)
    return EMOTIONS[int(_model(path, stamp).predict(face[None])[0])]


@lru_cache(maxsize=1)
def _model(path: Path, stamp: int) -> Any:
    """Return the model of a file, loaded anew when the file has changed."""
    from facevalue.learning import classical_files

    return classical_files.load(path)
