"""How much accuracy a recogniser loses on corrupted images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from tqdm import tqdm

from facevalue.evaluation import metrics
from facevalue.evaluation.corruptions import CORRUPTIONS, STRENGTHS, corrupt

Predict = Callable[[np.ndarray], np.ndarray]
"""A function such as `Recogniser.probabilities`: from faces, uint8, shape (n, 48, 48), to
probabilities, float, shape (n, 7)."""


def robustness(
    predict: Predict, images: np.ndarray, labels: np.ndarray, seed: int = 0, progress: bool = True
) -> pd.DataFrame:
    """Return a recogniser's accuracy on clean images, and on images corrupted in seven ways.

    Args:
        predict: returns probabilities, float, shape (n, 7), for faces, uint8, shape (n, 48, 48).
        images: uint8, shape (n, 48, 48).
        labels: int, shape (n,), indices into `emotions.EMOTIONS`.
        seed: as in `corrupt`.
        progress: whether to show a progress bar on a terminal.

    Returns:
        A row for "none", and one for each corruption and strength (1 to 3): corruption, strength,
        setting (in words), images, accuracy, lost (the accuracy on clean images minus the accuracy
        of this row) and calibration_error (see `metrics.calibration_error`).

    Raises:
        ValueError: there are no images, or not as many labels as images.
    """
    _check_labels(images, labels)
    steps = [("none", 0)] + [(name, strength) for name in CORRUPTIONS for strength in STRENGTHS]
    rows = []
    for name, strength in tqdm(steps, desc="corrupting faces", disable=None if progress else True):
        setting, changed = "unchanged", images
        if strength:
            _, settings, words = CORRUPTIONS[name]
            setting = words.format(settings[strength - 1])
            changed = corrupt(images, name, strength, seed)
        probabilities = predict(changed)
        accuracy = float((probabilities.argmax(axis=1) == labels).mean())
        error = metrics.calibration_error(labels, probabilities)
        rows.append((name, strength, setting, len(images), accuracy, error))
    columns = ["corruption", "strength", "setting", "images", "accuracy", "calibration_error"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(5, "lost", table["accuracy"].iloc[0] - table["accuracy"])
    return table


def _check_labels(images: np.ndarray, labels: np.ndarray) -> None:
    if not len(images) or len(images) != len(labels):
        raise ValueError(
            f"There must be as many labels as images, and at least one, not {len(labels)} labels "
            f"for {len(images)} images."
        )
