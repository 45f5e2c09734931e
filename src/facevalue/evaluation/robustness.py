"""How much accuracy a recogniser loses on corrupted images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from tqdm import tqdm

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
        setting (in words), images, accuracy, and lost (the accuracy on clean images minus the
        accuracy of this row).

    Raises:
        ValueError: there are no images, or not as many labels as images.
    """
    _check_labels(images, labels)
    plain = _accuracy(predict, images, labels)
    rows: list[tuple[str, int, str, float]] = [("none", 0, "unchanged", plain)]
    steps = [(name, strength) for name in CORRUPTIONS for strength in STRENGTHS]
    for name, strength in tqdm(steps, desc="corrupting faces", disable=None if progress else True):
        _, settings, words = CORRUPTIONS[name]
        accuracy = _accuracy(predict, corrupt(images, name, strength, seed), labels)
        rows.append((name, strength, words.format(settings[strength - 1]), accuracy))
    table = pd.DataFrame(rows, columns=["corruption", "strength", "setting", "accuracy"])
    table.insert(3, "images", len(images))
    table["lost"] = plain - table["accuracy"]
    return table


def _accuracy(predict: Predict, images: np.ndarray, labels: np.ndarray) -> float:
    return float((predict(images).argmax(axis=1) == labels).mean())


def _check_labels(images: np.ndarray, labels: np.ndarray) -> None:
    if not len(images) or len(images) != len(labels):
        raise ValueError(
            f"There must be as many labels as images, and at least one, not {len(labels)} labels "
            f"for {len(images)} images."
        )
