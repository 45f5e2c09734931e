"""A data set of drawn faces, by a seed."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from facevalue.data import fer2013_facts
from facevalue.data.dataset import Dataset
from facevalue.drawing.appearance import ACTION_UNITS, GAZE_UNITS, Person, View
from facevalue.drawing.faces import BLENDS, WEAKEST, draw, expression
from facevalue.emotions import EMOTIONS

LABEL_NOISE = 0.08
"""Share of training labels that disagree with the drawn emotion, as measured in FER-2013."""

DUPLICATES = 0.02
"""Share of faces that are exact copies of an earlier one, whatever its split."""

PARALLEL = 1500
"""From this number of faces on, two processes draw them."""


@cache
def thresholds(seed: int) -> tuple[np.ndarray, float]:
    """Return the cumulative shares of the emotions in FER-2013, and where a seed starts in them."""
    counts = np.array(fer2013_facts.COUNTS["Training"], dtype=float)
    return np.cumsum(counts / counts.sum()), float(np.random.default_rng(seed).random())


def emotion_of(seed: int, index: int) -> str:
    """Return the emotion that a face shows: evenly spread, in FER-2013's proportions."""
    shares, start = thresholds(seed)
    place = (start + index * 0.6180339887498949) % 1  # the golden ratio fills the range evenly
    return EMOTIONS[min(int(np.searchsorted(shares, place)), len(EMOTIONS) - 1)]


_BLEND_WITH = {
    "angry": "disgust",
    "disgust": "angry",
    "fear": "surprise",
    "happy": "surprise",
    "sad": "fear",
    "surprise": "fear",
    "neutral": "sad",
}


def _one(task: tuple[int, int, bool]) -> tuple[np.ndarray, dict[str, object]]:
    """Draw face `index` of a seed, with what is known about it."""
    seed, index, clean = task
    rng = np.random.default_rng([seed, index])
    emotion = EMOTIONS[index % len(EMOTIONS)] if clean else emotion_of(seed, index)
    person = Person.random(rng)
    view = View.random(rng, mild=clean)
    intensity = 1.0 if clean else float(rng.uniform(WEAKEST, 1))
    units = expression(emotion, rng, intensity)
    blended = "none"
    if not clean and rng.random() < BLENDS:
        blended = _BLEND_WITH[emotion]
        for unit, value in expression(blended, rng, 0.35 * intensity + 0.1).items():
            units[unit] = max(units.get(unit, 0.0), value)
    row: dict[str, object] = {"clean_label": EMOTIONS.index(emotion), "emotion": emotion}
    row |= {"intensity": 0.0 if emotion == "neutral" else intensity, "blend": blended}
    row |= {f"au_{unit}": units.get(unit, 0.0) for unit in ACTION_UNITS + GAZE_UNITS}
    row |= {k: v for k, v in vars(person).items() if k != "texture"}
    row |= {k: v for k, v in vars(view).items() if k != "texture"}
    return draw(units, person, view), row


def _start() -> None:
    cv2.setNumThreads(1)


@contextmanager
def _hidden_main() -> Iterator[None]:
    """Keep new processes from running the caller's script again: they need this module only."""
    main = vars(sys.modules["__main__"])
    kept = dict(main)
    main.pop("__file__", None)
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update({name: kept[name] for name in ("__file__", "__spec__") if name in kept})


def _drawn(tasks: list[tuple[int, int, bool]]) -> Iterator[tuple[np.ndarray, dict[str, object]]]:
    """Draw in this process, or in two where there is enough to do."""
    if len(tasks) < PARALLEL or multiprocessing.current_process().daemon:
        yield from map(_one, tasks)
        return
    with _hidden_main():
        pool = multiprocessing.get_context("spawn").Pool(2, _start)
    with pool:
        yield from pool.imap(_one, tasks, chunksize=64)


def sample(n: int, seed: int = 0, *, clean: bool = False, progress: bool = True) -> Dataset:
    """Draw a labelled data set.

    The default set is as hard as FER-2013 is: weak and blended expressions, any view, some faces
    covered, 8 % wrong labels in the training part, a few exact copies across the splits, classes
    in FER-2013's proportions. `clean` leaves all of that out: full intensity, true labels, nothing
    covered, mild views, balanced classes. Face i of a seed is the same whatever `n` is.

    Returns:
        Dataset "rendered" of `n` faces: 80 % Training, 10 % PublicTest, 10 % PrivateTest. `truth`
        has a row per face: clean_label (int), emotion, intensity (0 to 1), blend, au_N (0 to 1),
        the fields of `Person` and `View`, and duplicate_of (index of the original, or -1).
    Raises:
        ValueError: `n` is under 1.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}.")
    tasks = [(seed, index, clean) for index in range(n)]
    images, rows = [], []
    for image, row in tqdm(_drawn(tasks), total=n, desc="drawing faces", disable=not progress):
        images.append(image)
        rows.append(row)
    labels = np.array([row["clean_label"] for row in rows], dtype=np.int64)
    splits = np.array([_split(index) for index in range(n)])
    duplicates = np.full(n, -1)
    if not clean:
        for index in range(1, n):
            rng = np.random.default_rng([seed, index, 1])
            if rng.random() < DUPLICATES:
                original = int(rng.integers(index))
                if duplicates[original] < 0:
                    duplicates[index] = original
                    images[index], rows[index] = images[original], dict(rows[original])
                    labels[index] = labels[original]
            if splits[index] == "Training" and rng.random() < LABEL_NOISE:
                labels[index] = (labels[index] + rng.integers(1, len(EMOTIONS))) % len(EMOTIONS)
    truth = pd.DataFrame(rows)
    truth["duplicate_of"] = duplicates
    origins = np.array([f"seed {seed}, face {index}" for index in range(n)])
    return Dataset("rendered", np.stack(images), labels, splits, origins, truth)


def _split(index: int) -> str:
    """Every tenth face is for choosing, every tenth for reporting; clean sets keep the balance."""
    return {8: "PublicTest", 9: "PrivateTest"}.get(index % 10, "Training")
