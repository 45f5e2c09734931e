"""Project 1's mixture of four sources, made again from other faces."""

from __future__ import annotations

import hashlib
import sys
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from facevalue import emotions, paths
from facevalue.data.cache import _turn
from facevalue.data.dataset import Dataset
from facevalue.drawing import appearance, faces
from facevalue.drawing.course_faces import _drawing_code
from facevalue.emotions import EMOTIONS
from facevalue.files import atomic_write

LARGE = 224
"""Height and width of the faces of Kaggle, and of those that are drawn in their place."""


@dataclass(frozen=True, eq=False)
class Mixed:
    """Project 1's mixture of four sources, made again from other faces: see `mixed`.

    Attributes:
        images: uint8, shape (n, size, size), grey levels from 0 to 255.
        labels: int64, shape (n,), indices into `emotions.EMOTIONS`.
        sources: str, shape (n,), the source of project 1 whose place an image takes.
    """

    images: np.ndarray
    labels: np.ndarray
    sources: np.ndarray

    @property
    def key(self) -> str:
        """A short text that changes when an image or a label does."""
        return hashlib.sha256(self.images.tobytes() + self.labels.tobytes()).hexdigest()[:16]


def mixed(data: Dataset, size: int = LARGE, per_class: int = 200) -> Mixed:
    """Return as many faces of each emotion as project 1 had of each source: 3,357 in full.

    It had 109 faces of Pixabay and 448 of DuckDuckGo, and for each emotion 200 of Kaggle and 200
    of FER-2013. All but FER-2013's are large. With "rendered" data these are drawn with 224 x 224
    pixels, and Training images take FER-2013's place; with "fer2013" Training images take every
    place (there are too few of disgust for that, so that some are missing). What has another size
    than `size` is resized. No image comes twice.

    Args:
        data: a data set of `load`.
        size: height and width of the images.
        per_class: how many of 200; the searches' faces become fewer in proportion.
    Raises:
        ValueError: a number is too small or too large, or `data` has no Training images.
    """
    if not 24 <= size <= 1024 or not 1 <= per_class <= 200:
        raise ValueError(
            "size must be from 24 to 1024 pixels and per_class from 1 to 200, "
            f"not {size} and {per_class}."
        )
    training = data.split("Training")
    if not len(training):
        raise ValueError(f"the data set {data.name} has no Training images to mix.")
    once = {image.tobytes(): row for row, image in enumerate(training.images)}
    rows = np.random.default_rng(0).permutation(np.array(list(once.values())))
    found: list[tuple[np.ndarray, int, str]] = []
    for label, counts in enumerate(_counts(per_class)):
        own = iter(training.images[rows[training.labels[rows] == label]])
        large = own
        if data.name == "rendered":
            large = iter(_portraits(EMOTIONS[label], sum(counts.values()) - counts["FER-2013"]))
        for source, count in counts.items():
            queue = own if source == "FER-2013" else large
            found += [(_resized(image, size), label, source) for image in islice(queue, count)]
    images, labels, sources = zip(*found, strict=True)
    return Mixed(np.stack(images), np.array(labels), np.array(sources))


def _counts(per_class: int) -> list[dict[str, int]]:
    """Return for each emotion how many images project 1 had of each source, or a part of them."""
    table = pd.read_csv(paths.root() / "data" / "reference" / "image_funnel.csv")
    table = table[table["stage"] == "face detection"].set_index("source")
    columns = {emotions.number(name): name for name in table.columns[1:-1]}
    flat = {"Kaggle": per_class, "FER-2013": per_class}
    return [
        {str(k): round(int(v) * per_class / 200) for k, v in table[columns[label]].items()} | flat
        for label in range(len(EMOTIONS))
    ]


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    # averaging when it shrinks, smooth when it grows
    method = cv2.INTER_AREA if size < len(image) else cv2.INTER_CUBIC
    return image if size == len(image) else cv2.resize(image, (size, size), interpolation=method)


def _portraits(emotion: str, n: int) -> np.ndarray:
    """Return n drawn faces of an emotion, kept for the next time: uint8 (n, 224, 224)."""
    prefix = f"portraits-{emotion}-{n}"
    target = paths.processed() / f"{prefix}-{_drawing_code()[:16]}.npy"
    with _turn(target.with_suffix(".lock")):
        with suppress(OSError, ValueError):  # not there, or damaged
            return np.asarray(np.load(target, allow_pickle=False))
        numbers = tqdm(range(n), desc=f"drawing {emotion}", disable=not sys.stderr.isatty())
        images = np.stack([_portrait(emotion, index) for index in numbers])
        with suppress(OSError):  # a full disk costs time, not the lesson
            with atomic_write(target, shared=True) as part, part.open("wb") as opened:
                np.save(opened, images, allow_pickle=False)
            for old in target.parent.glob(f"{prefix}-*"):
                if old.stem != target.stem:
                    old.unlink()
    return images


def _portrait(emotion: str, index: int) -> np.ndarray:
    rng = np.random.default_rng([3357, EMOTIONS.index(emotion), index])
    person, view = appearance.Person.random(rng), appearance.View.random(rng, mild=True)
    units = faces.expression(emotion, rng, float(rng.uniform(0.6, 1)))
    return faces.draw(units, person, view, LARGE)
