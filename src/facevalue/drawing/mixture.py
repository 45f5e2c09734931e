"""Project 1's mixture of four image sources, rebuilt from drawn faces or from FER-2013."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from tqdm import tqdm

from facevalue import emotions
from facevalue.data import cache, reference
from facevalue.data.dataset import Dataset
from facevalue.drawing import expressions, faces
from facevalue.drawing.appearance import Person, View
from facevalue.drawing.course_faces import drawing_key
from facevalue.drawing.variety import MILD
from facevalue.emotions import EMOTIONS
from facevalue.image_files import resize_face

LARGE = 224
"""Height and width, in pixels, of Kaggle's faces and of the faces that are drawn in their place."""

PER_CLASS = 200
"""How many images of each emotion project 1 took from Kaggle, and how many from FER-2013."""


@dataclass(frozen=True, eq=False)
class Mixed:
    """Faces of one size from project 1's four sources: see `mixed`.

    It is not a `Dataset`: the images may have any size, and there is one split only.

    Attributes:
        images: uint8, shape (n, size, size), grey levels from 0 to 255.
        labels: int64, shape (n,), indices into `emotions.EMOTIONS`.
        sources: str, shape (n,), the source of project 1 that each image stands for.
    """

    images: np.ndarray
    labels: np.ndarray
    sources: np.ndarray

    @property
    def key(self) -> str:
        """A cache key that changes with any image or label."""
        return hashlib.sha256(self.images.tobytes() + self.labels.tobytes()).hexdigest()[:16]


def mixed(data: Dataset, size: int = LARGE, per_class: int = PER_CLASS) -> Mixed:
    """Return as many faces of each emotion as project 1 had from each source: 3,357 by default.

    Project 1 had 109 faces from Pixabay and 448 from DuckDuckGo, and for each emotion 200 from
    Kaggle and 200 from FER-2013. All except FER-2013's are large. With the drawn data set,
    224 x 224 drawings stand for the large ones and Training images for FER-2013's. With FER-2013,
    Training images stand for all four sources; since it has too few images of disgust, some are
    missing. Images of another size are resized. No image occurs twice.

    Args:
        data: a data set from `course_faces.load`.
        size: height and width of the images, 24 to 1024.
        per_class: the number of images of each emotion from Kaggle and from FER-2013, 1 to 200;
            the numbers from the two searches shrink in proportion.

    Raises:
        ValueError: `size` or `per_class` is out of range, or `data` has no Training images.
    """
    if not 24 <= size <= 1024 or not 1 <= per_class <= PER_CLASS:
        raise ValueError(
            f"size must be from 24 to 1024 pixels and per_class from 1 to {PER_CLASS}, "
            f"not {size} and {per_class}."
        )
    training = data.split("Training")
    if not len(training):
        raise ValueError(f"The data set {data.name} has no Training images to mix.")
    unique = {image.tobytes(): row for row, image in enumerate(training.images)}
    rows = np.random.default_rng(0).permutation(np.array(list(unique.values())))
    found: list[tuple[np.ndarray, int, str]] = []
    for label, counts in enumerate(_counts(per_class)):
        small = iter(training.images[rows[training.labels[rows] == label]])
        large: Iterator[np.ndarray] = small
        if data.name == "rendered":
            large = iter(_portraits(EMOTIONS[label], sum(counts.values()) - counts["FER-2013"]))
        for source, count in counts.items():
            queue = small if source == "FER-2013" else large
            found += [(resize_face(image, size), label, source) for image in islice(queue, count)]
    images, labels, sources = zip(*found, strict=True)
    return Mixed(np.stack(images), np.array(labels), np.array(sources))


def _counts(per_class: int) -> list[dict[str, int]]:
    """Return the number of images from each source of project 1, for each emotion."""
    table = reference.published("image_funnel")
    table = table[table["stage"] == "face detection"].set_index("source")
    columns = {emotions.number(name): name for name in table.columns[1:-1]}
    equal = {"Kaggle": per_class, "FER-2013": per_class}
    return [
        {str(k): round(int(v) * per_class / PER_CLASS) for k, v in table[columns[label]].items()}
        | equal
        for label in range(len(EMOTIONS))
    ]


def _portraits(emotion: str, n: int) -> np.ndarray:
    """Return n drawn faces of an emotion, from the cache if possible: uint8 (n, 224, 224)."""

    def draw() -> dict[str, np.ndarray]:
        numbers = tqdm(range(n), desc=f"drawing {emotion}", disable=not sys.stderr.isatty())
        return {"images": np.stack([portrait(emotion, index) for index in numbers])}

    key = drawing_key("mixture.py")
    return cache.load_or_make(f"portraits-{emotion}-{n}", key, draw)["images"]


def portrait(emotion: str, index: int) -> np.ndarray:
    """Return drawing number `index` of an emotion, in a mild view: uint8 (224, 224)."""
    rng = np.random.default_rng([3357, EMOTIONS.index(emotion), index])
    person, view = Person.random(rng, MILD), View.random(rng, MILD)
    units = expressions.expression(emotion, rng, float(rng.uniform(0.6, 1)))
    return faces.draw(units, person, view, LARGE)
