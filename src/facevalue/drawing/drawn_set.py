"""Labelled data sets of drawn faces, determined by a seed."""

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
from facevalue.drawing.expressions import random_expression
from facevalue.drawing.faces import draw
from facevalue.drawing.variety import DEFAULT, MILD, Variety
from facevalue.emotions import EMOTIONS

LABEL_NOISE = 0.08
"""Share of Training labels that differ from the drawn emotion, the share measured in FER-2013."""

DUPLICATES = 0.02
"""Share of faces that are exact copies of an earlier face in any split."""

PARALLEL = 1500
"""The smallest number of faces that is drawn by two processes."""

Task = tuple[int, int, bool, Variety]
"""Seed, index, whether the set is clean, and its variety."""


@cache
def _emotion_shares(seed: int) -> tuple[np.ndarray, float]:
    """Return the cumulative shares of the emotions in FER-2013, and a random start for the seed."""
    counts = np.array(fer2013_facts.COUNTS["Training"], dtype=float)
    return np.cumsum(counts / counts.sum()), float(np.random.default_rng(seed).random())


def _emotion_of(seed: int, index: int) -> str:
    """Return the emotion of a face; any run of faces has nearly FER-2013's proportions."""
    shares, start = _emotion_shares(seed)
    place = (start + index * 0.6180339887498949) % 1  # steps of the golden ratio fill [0, 1) evenly
    return EMOTIONS[min(int(np.searchsorted(shares, place)), len(EMOTIONS) - 1)]


def _draw_face(task: Task) -> tuple[np.ndarray, dict[str, object]]:
    """Draw face `index` of a seed; return its image and its row of the truth."""
    seed, index, clean, variety = task
    rng = np.random.default_rng([seed, index])
    emotion = EMOTIONS[index % len(EMOTIONS)] if clean else _emotion_of(seed, index)
    person = Person.random(rng, variety)
    view = View.random(rng, variety)
    shown = random_expression(emotion, rng, variety)
    person, units = shown.on(person), shown.units
    row: dict[str, object] = {"clean_label": EMOTIONS.index(emotion)}
    row |= {k: v for k, v in vars(shown).items() if k not in ("units", "tears")}
    row |= {f"au_{unit}": units.get(unit, 0.0) for unit in ACTION_UNITS + GAZE_UNITS}
    row |= {k: v for k, v in vars(person).items() if k != "texture"}
    row |= {k: v for k, v in vars(view).items() if k != "texture"}
    return draw(units, person, view), row


def _use_one_thread() -> None:
    cv2.setNumThreads(1)


@contextmanager
def _hidden_main() -> Iterator[None]:
    """Keep new processes from importing the caller's script, since they need only this module."""
    main = vars(sys.modules["__main__"])
    saved = dict(main)
    main.pop("__file__", None)
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update({name: saved[name] for name in ("__file__", "__spec__") if name in saved})


def _draw_all(tasks: list[Task]) -> Iterator[tuple[np.ndarray, dict[str, object]]]:
    """Draw in this process, or in two new ones if there are many faces."""
    if len(tasks) < PARALLEL or multiprocessing.current_process().daemon:
        yield from map(_draw_face, tasks)
        return
    with _hidden_main():
        pool = multiprocessing.get_context("spawn").Pool(2, _use_one_thread)
    with pool:
        yield from pool.imap(_draw_face, tasks, chunksize=64)


def sample(
    n: int,
    seed: int = 0,
    *,
    clean: bool = False,
    variety: Variety | None = None,
    progress: bool = True,
) -> Dataset:
    """Draw a labelled data set.

    By default it is as hard as FER-2013: weak and blended expressions, all kinds of views, some
    occluded faces, 8 % wrong labels in Training, a few exact copies across the splits, and classes
    in FER-2013's proportions. A `clean` set has none of that: full intensity, correct labels, no
    occlusion, mild views, balanced classes. Face i of a seed does not depend on `n`.

    Args:
        variety: how much the faces vary; by default `variety.MILD` for a clean set, otherwise
            `variety.DEFAULT`.

    Returns:
        A `Dataset` called "rendered" with `n` faces: 80 % Training, 10 % PublicTest and 10 %
        PrivateTest. `truth` has a row per face: clean_label (int), what an `Expression` says
        (emotion, variant, intensity, blend, blend_share, speech, lean), au_N (0 to 1), the fields
        of `Person` and `View`, and duplicate_of (index of the original, or -1).
    Raises:
        ValueError: `n` is under 1.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}.")
    variety = variety or (MILD if clean else DEFAULT)
    tasks = [(seed, index, clean, variety) for index in range(n)]
    images, rows = [], []
    for image, row in tqdm(_draw_all(tasks), total=n, desc="drawing faces", disable=not progress):
        images.append(image)
        rows.append(row)
    labels = np.array([row["clean_label"] for row in rows], dtype=np.int64)
    splits = np.array([_split(index) for index in range(n)])
    duplicates = np.full(n, -1)
    if not clean:
        _add_faults(seed, images, rows, labels, splits, duplicates)
    truth = pd.DataFrame(rows)
    truth["duplicate_of"] = duplicates
    origins = np.array([f"seed {seed}, face {index}" for index in range(n)])
    return Dataset("rendered", np.stack(images), labels, splits, origins, truth)


def _add_faults(
    seed: int,
    images: list[np.ndarray],
    rows: list[dict[str, object]],
    labels: np.ndarray,
    splits: np.ndarray,
    duplicates: np.ndarray,
) -> None:
    """Replace some faces with copies of earlier ones, and some Training labels, in place."""
    for index in range(1, len(images)):
        rng = np.random.default_rng([seed, index, 1])
        if rng.random() < DUPLICATES:
            original = int(rng.integers(index))
            if duplicates[original] < 0:
                duplicates[index] = original
                images[index], rows[index] = images[original], dict(rows[original])
                labels[index] = labels[original]
        if splits[index] == "Training" and rng.random() < LABEL_NOISE:
            labels[index] = (labels[index] + rng.integers(1, len(EMOTIONS))) % len(EMOTIONS)


def _split(index: int) -> str:
    """Return the split of a face: of ten faces, eight are for training, one for each test."""
    return {8: "PublicTest", 9: "PrivateTest"}.get(index % 10, "Training")
