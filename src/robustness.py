"""How a recogniser holds up: pictures that are blurred, dark, covered; people who differ."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pandas as pd
from scipy.stats import binomtest
from tqdm import tqdm

from facevalue import faces
from facevalue.emotions import EMOTIONS

Predict = Callable[[np.ndarray], np.ndarray]
"""From faces, uint8 (n, 48, 48), to probabilities, float (n, 7): `Recogniser.probabilities`."""

Corruption = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]

# ----------------------------------------------------------------------------- what goes wrong


def blur(images: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Blur by a Gaussian of standard deviation `sigma`, in pixels."""
    return np.stack([cv2.GaussianBlur(image, (0, 0), sigma) for image in images])


def noise(images: np.ndarray, spread: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise of standard deviation `spread`, in grey levels."""
    grains = rng.standard_normal(images.shape, dtype=np.float32)
    return _rounded(images + spread * grains)


def dark(images: np.ndarray, light: float, rng: np.random.Generator) -> np.ndarray:
    """Leave only the share `light` of each grey level."""
    return _rounded(images * light)


def low_contrast(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Leave only a share of each pixel's difference from its image's mean."""
    mean = images.mean(axis=(1, 2), keepdims=True)
    return _rounded(mean + share * (images - mean))


def rotation(images: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """Turn by `degrees`, half of the images to either side; the edge's pixels are repeated."""
    signs = np.where(rng.random(len(images)) < 0.5, -1, 1)
    height, width = images.shape[1:]
    centre = ((width - 1) / 2, (height - 1) / 2)
    turns = [cv2.getRotationMatrix2D(centre, float(sign * degrees), 1) for sign in signs]
    return np.stack(
        [
            cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
            for image, turn in zip(images, turns, strict=True)
        ]
    )


def occlusion(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Cover a square of that share of the area, somewhere inside, with middle grey."""
    height, width = images.shape[1:]
    side = round((share * height * width) ** 0.5)
    places = rng.random((len(images), 2)) * (height - side + 1, width - side + 1)
    covered = images.copy()
    for image, (top, left) in zip(covered, places.astype(int), strict=True):
        image[top : top + side, left : left + side] = 128
    return covered


def jpeg(images: np.ndarray, quality: float, rng: np.random.Generator) -> np.ndarray:
    """Save as JPEG of a quality from 1 to 100, and read again."""
    options = [cv2.IMWRITE_JPEG_QUALITY, int(quality)]
    copies = np.empty_like(images)
    for image, copy in zip(images, copies, strict=True):
        copy[:] = cv2.imdecode(cv2.imencode(".jpg", image, options)[1], cv2.IMREAD_GRAYSCALE)
    return copies


CORRUPTIONS: dict[str, tuple[Corruption, tuple[float, float, float], str]] = {
    "blur": (blur, (0.7, 1.2, 2.0), "standard deviation {:g} pixels"),
    "noise": (noise, (5, 10, 20), "standard deviation {:g} of 255 grey levels"),
    "dark": (dark, (0.5, 0.25, 0.1), "{:.0%} of the light"),
    "low contrast": (low_contrast, (0.5, 0.25, 0.1), "{:.0%} of the contrast"),
    "rotation": (rotation, (10, 20, 40), "{:g} degrees"),
    "occlusion": (occlusion, (0.05, 0.1, 0.2), "{:.0%} of the area"),
    "JPEG": (jpeg, (40, 20, 8), "quality {:g}"),
}
"""By name: the function, what it is given at strengths 1, 2 and 3, and how to say that.

After the idea of Hendrycks and Dietterich (2019), https://arxiv.org/abs/1903.12261; the strengths
are for 48 x 48 pixels, from what is hardly seen to what people find hard.
"""

STRENGTHS = (1, 2, 3)


def corrupt(images: np.ndarray, name: str, strength: int, seed: int = 0) -> np.ndarray:
    """Return corrupted copies of images.

    Args:
        images: uint8, shape (n, height, width), grey levels from 0 to 255.
        name: one of `CORRUPTIONS`.
        strength: 1, 2 or 3.
        seed: what decides where chance does; an image's copy depends on this and on its place.
    Returns:
        uint8, the same shape.
    Raises:
        ValueError: `images` is no such array, or there is no such corruption or strength.
    """
    if images.dtype != np.uint8 or images.ndim != 3 or not images.size:
        raise ValueError(
            "images must be uint8 of shape (n, height, width), "
            f"got {images.dtype} of shape {images.shape}."
        )
    if name not in CORRUPTIONS:
        raise ValueError(f"there is no corruption {name!r}: choose {', '.join(CORRUPTIONS)}.")
    if strength not in STRENGTHS:
        raise ValueError(f"strength must be 1, 2 or 3, not {strength}.")
    function, settings, _ = CORRUPTIONS[name]
    return function(images, settings[strength - 1], np.random.default_rng(seed))


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


# ------------------------------------------------------------------------------- what it costs


def robustness(
    predict: Predict, images: np.ndarray, labels: np.ndarray, seed: int = 0, progress: bool = True
) -> pd.DataFrame:
    """Return a recogniser's accuracy on images as they are, and corrupted in seven ways.

    Args:
        predict: gives probabilities, shape (n, 7), for uint8 images (n, 48, 48).
        images: uint8, shape (n, 48, 48).
        labels: int, shape (n,), indices into `emotions.EMOTIONS`.
        seed: as in `corrupt`.
        progress: show a bar.
    Returns:
        A row for "none" and for each corruption and strength (1 to 3): corruption, strength,
        setting (in words), images, accuracy, lost (accuracy on the images as they are, less this).
    """
    _check_labels(images, labels)
    plain = _accuracy(predict, images, labels)
    rows: list[tuple[str, int, str, float]] = [("none", 0, "as it is", plain)]
    steps = [(name, strength) for name in CORRUPTIONS for strength in STRENGTHS]
    for name, strength in tqdm(steps, desc="corrupting faces", disable=not _shown(progress)):
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
            f"there must be as many labels as images, and at least one: got {len(labels)} labels "
            f"for {len(images)} images."
        )


def _shown(progress: bool) -> bool:
    return progress and sys.stderr.isatty()


# ------------------------------------------------------------------------------ who is wronged

GROUPS: dict[str, dict[str, Any]] = {
    "skin": {"very dark": 0.05, "dark": 0.25, "medium": 0.5, "light": 0.75, "very light": 0.95},
    "age": {"20": 20.0, "35": 35.0, "50": 50.0, "65": 65.0, "75": 75.0},
    "glasses": {"no": False, "yes": True},
}
"""What a drawn person is changed in, and to which values: fields of `faces.Person`."""


def drawn_groups(
    n: int = 350, seed: int = 0, progress: bool = True
) -> tuple[np.ndarray, pd.DataFrame]:
    """Draw n faces again and again, each time changed in one thing about the person.

    The same people with the same expressions in the same light, once with dark skin and once with
    light skin: a recogniser that answers differently does so for the skin alone. Expressions are
    clear, emotions even, nothing is covered, as in `faces.sample(clean=True)`.

    Args:
        n: people in each group.
        seed: which people.
        progress: show a bar.
    Returns:
        images, uint8, shape (m, 48, 48); a table with a row for each: attribute, group, label.
    Raises:
        ValueError: `n` is under 1.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}.")
    images, rows = [], []
    for index in tqdm(range(n), desc="drawing faces", disable=not _shown(progress)):
        rng = np.random.default_rng([seed, index])
        label = index % len(EMOTIONS)
        person = faces.Person.random(rng)
        view = faces.View.random(rng, mild=True)
        units = faces.expression(EMOTIONS[label], rng)
        for attribute, groups in GROUPS.items():
            for group, value in groups.items():
                other = replace(person, **{attribute: value})
                images.append(faces.draw(units, other, view))
                rows.append((attribute, group, label))
    return np.stack(images), pd.DataFrame(rows, columns=["attribute", "group", "label"])


def fairness(predict: Predict, n: int = 350, seed: int = 0, progress: bool = True) -> pd.DataFrame:
    """Return a recogniser's accuracy on drawn people who differ in one thing only.

    Args:
        predict: as in `robustness`.
        n, seed, progress: as in `drawn_groups`.
    Returns:
        A row per group, in the order of `GROUPS`: attribute, group, faces, accuracy, and the
        95 % interval of Wilson, low and high.
    """
    images, table = drawn_groups(n, seed, progress)
    right = predict(images).argmax(axis=1) == table["label"].to_numpy()
    return by_group(right, table[["attribute", "group"]])


def by_group(right: np.ndarray, groups: pd.DataFrame) -> pd.DataFrame:
    """Return how often an answer was right in each group, with an interval.

    Args:
        right: bool, shape (n,).
        groups: n rows; those that are equal in all columns are a group.
    Returns:
        The columns of `groups`, faces, accuracy, low, high: a row per group, in the order of
        first appearance. low and high are the 95 % interval of Wilson (1927),
        https://doi.org/10.1080/01621459.1927.10502953
    """
    columns = list(groups.columns)
    counts = groups.assign(right=right).groupby(columns, sort=False)["right"]
    table = counts.agg(["size", "sum"]).reset_index()
    table.columns = pd.Index([*columns, "faces", "right"])
    intervals = [
        binomtest(int(hits), int(faces)).proportion_ci(0.95, "wilson")
        for hits, faces in zip(table["right"], table["faces"], strict=True)
    ]
    table["accuracy"] = table.pop("right") / table["faces"]
    table["low"] = [interval.low for interval in intervals]
    table["high"] = [interval.high for interval in intervals]
    return table
