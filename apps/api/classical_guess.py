"""The emotion that the classical model of notebook 06 predicts for an image."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from facevalue import paths
from facevalue.emotions import EMOTIONS
from facevalue.image_files import resize_face, to_grey


def model_file() -> Path:
    """Return where notebook 06 saves its model."""
    return paths.processed() / "classical.skops"


def predict(image: np.ndarray) -> str:
    """Return the predicted emotion of a face that fills the image.

    Args:
        image: uint8, shape (height, width) in grey levels or (height, width, 3) in RGB.
    Raises:
        FileNotFoundError: notebook 06 has not been run.
        ValueError: the file is not a Face Value model.
    """
    file = model_file()
    if not file.is_file():  # before scikit-learn is imported, which takes seconds and 110 MB
        raise FileNotFoundError(f"There is no model {file.name}: run notebook 06, which saves one.")
    face = resize_face(to_grey(image))
    return EMOTIONS[int(_model(file, file.stat().st_mtime_ns).predict(face[None])[0])]


@lru_cache(maxsize=1)
def _model(file: Path, modified: int) -> Any:
    """Return the model in a file; a change of the file loads it again."""
    from facevalue.learning import classical_files  # slow to import, and rarely needed

    return classical_files.load(file)
