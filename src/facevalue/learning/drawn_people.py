"""Drawn faces among the training images, of people of whom FER-2013 may have few photos."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from tqdm import tqdm

from facevalue.data.cache import load_or_make
from facevalue.drawing import expressions, faces
from facevalue.drawing.appearance import Person, View
from facevalue.drawing.course_faces import drawing_key
from facevalue.emotions import EMOTIONS
from facevalue.learning.training_targets import emotion_columns

SEED = 48
"""The people are not those of `fairness.drawn_groups` or of the course's drawn set."""

CACHE_BYTES = 20_000_000
"""How much room other sets of drawn people may take; 5 % of FER-2013 take about 3 MB."""


def with_drawn_people(
    images: np.ndarray, targets: np.ndarray, share: float, progress: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Return training images and their targets, and after them drawn faces.

    Each emotion is as frequent among the drawn faces as among the targets. Their targets are sure
    of the drawn emotion; they have no votes.

    Args:
        images: faces, uint8, shape (n, 48, 48).
        targets: float32, shape (n, k), as `training_targets.examples` returns them.
        share: how many faces are added, as a share of n, from 0 to 1.
        progress: whether to show a progress bar on a terminal.

    >>> images, targets = np.zeros((4, 48, 48), np.uint8), np.eye(7, dtype=np.float32)[:4]
    >>> more, answers = with_drawn_people(images, targets, 0)
    >>> more.shape, answers.shape  # nobody is drawn
    ((4, 48, 48), (4, 7))
    """
    count = round(share * len(images))
    if not count:
        return images, targets
    wanted = emotion_columns(targets).mean(axis=0, dtype=float)
    labels = np.searchsorted(wanted.cumsum() / wanted.sum(), (np.arange(count) + 0.5) / count)
    made = load_or_make(
        f"drawn-people-{'-'.join(map(str, np.bincount(labels, minlength=len(EMOTIONS))))}",
        drawing_key("../learning/drawn_people.py"),
        lambda: {"images": _people(labels, progress)},
        keep_bytes=CACHE_BYTES,
    )
    answers = np.zeros((count, targets.shape[1]), targets.dtype)
    answers[np.arange(count), labels] = 1
    return np.concatenate([images, made["images"]]), np.concatenate([targets, answers])


def _people(labels: np.ndarray, progress: bool) -> np.ndarray:
    """Draw a face for each label, of people who are old, dark, bearded, or wear something."""
    drawn = []
    for index, label in enumerate(
        tqdm(labels, desc="drawing people", disable=None if progress else True)
    ):
        rng = np.random.default_rng([SEED, index])
        person, view = Person.random(rng), View.random(rng)
        units = expressions.expression(EMOTIONS[label], rng)
        drawn.append(faces.draw(units, replace(person, **_rare_traits(rng)), view))
    return np.stack(drawn)


def _rare_traits(rng: np.random.Generator) -> dict[str, Any]:
    """Return one or two of the traits in which the groups of `fairness.GROUPS` differ."""
    traits = {
        "age": float(rng.uniform(60, 90)),
        "glasses": True,
        "skin": float(rng.uniform(0, 0.2)),
        "beard": float(rng.uniform(0.5, 1)),
        "headwear": "hijab",
    }
    chosen = rng.choice(list(traits), rng.integers(1, 3), replace=False)
    return {name: traits[name] for name in chosen}
