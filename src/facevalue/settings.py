"""The course's two settings: FACEVALUE_DATASET (which faces) and FACEVALUE_PROFILE (which size).

The first chooses the images, and the second how much work a run does; neither changes its steps.
FACEVALUE_SEED repeats a notebook with other random numbers, to see which of its claims hold.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

DATASETS = ("rendered", "fer2013")
"""The allowed values of FACEVALUE_DATASET: drawn faces (the default), and real photos."""

PROFILES = ("fast", "full")
"""The allowed values of FACEVALUE_PROFILE; the first is the default."""


@dataclass(frozen=True)
class Profile:
    """The size of a run.

    Attributes:
        name: "fast" or "full".
        dataset: "rendered" or "fer2013".
        train_images: the largest number of Training images; None for all.
        epochs: epochs of the networks of notebook 05, and half of those of notebook 04's gate.
        sweep_rows: how many rows of the published dense sweep are trained.
        dense_epochs: the largest number of epochs of a row of that sweep.
        best_epochs: epochs of the best dense network.
        mixed: images per emotion from each of two large sources in notebook 03's mixture.
        per_class: training set sizes of one dense network, in images per emotion; None for all.
        seeds: the number of seeds that a training is repeated with, to see how much results vary.
        photos: how many drawn photos notebook 01 searches for faces.
        replicates: how many times notebook 02 resamples people, to see how much its numbers vary.
        networks: whether notebook 04 also trains the published networks.
        cnn_epochs: epochs of notebook 04's small CNN and of its rival.
        few_images: the number of images on which notebook 04 shows overfitting.
        few_epochs: epochs of these trainings.
        large: 224 x 224 images per emotion and source, for project 1's six models.
        humans: the number of images for training a network to distinguish faces from other things.
        keep: whether trained networks are saved to disk, so that a killed run can be resumed.
        seed: the first random seed of everything that a notebook draws or trains, from
            FACEVALUE_SEED.
    """

    name: str
    dataset: str
    train_images: int | None
    epochs: int
    sweep_rows: int
    dense_epochs: int
    best_epochs: int
    mixed: int
    per_class: tuple[int | None, ...]
    seeds: int
    photos: int
    replicates: int
    networks: bool
    cnn_epochs: int
    few_images: int
    few_epochs: int
    large: int
    humans: int
    keep: bool
    seed: int = 42


def profile() -> Profile:
    """Return the profile, the data set and the seed that the environment variables choose.

    Raises:
        ValueError: FACEVALUE_DATASET is not in `DATASETS`, FACEVALUE_PROFILE not in `PROFILES`, or
            FACEVALUE_SEED is no number of 0 or more.
    """
    dataset = _choice("FACEVALUE_DATASET", DATASETS)
    name = _choice("FACEVALUE_PROFILE", PROFILES)
    chosen = _full(dataset) if name == "full" else _fast(dataset)
    return replace(chosen, seed=_seed(chosen.seed))


def _fast(dataset: str) -> Profile:
    return Profile(
        "fast",
        dataset,
        train_images=10_000,
        epochs=3,
        sweep_rows=2,
        dense_epochs=5,
        best_epochs=6,
        mixed=28,
        per_class=(20, 200, None),
        seeds=3,
        photos=40,
        replicates=1_000,
        networks=False,
        cnn_epochs=6,
        few_images=600,
        few_epochs=20,
        large=2,
        humans=500,
        keep=False,
    )


def _full(dataset: str) -> Profile:
    return Profile(
        "full",
        dataset,
        train_images=None,
        epochs=40,
        sweep_rows=19,
        dense_epochs=50,
        best_epochs=50,
        mixed=200,
        per_class=(200, 500, 2_000, None),
        seeds=5,
        photos=400,
        replicates=10_000,
        networks=True,
        cnn_epochs=30,
        few_images=4_000,
        few_epochs=60,
        large=200,
        humans=14_336,
        keep=True,
    )


def _seed(default: int) -> int:
    """Return FACEVALUE_SEED as a number, by default `default`."""
    value = os.environ.get("FACEVALUE_SEED") or str(default)
    if not value.isdecimal():
        raise ValueError(f"FACEVALUE_SEED={value!r} is no seed: set it to a whole number from 0.")
    return int(value)


def _choice(variable: str, allowed: tuple[str, ...]) -> str:
    """Return the value of an environment variable, by default the first of the allowed ones."""
    value = os.environ.get(variable) or allowed[0]
    if value not in allowed:
        raise ValueError(f"{variable}={value!r} is unknown: set it to {' or '.join(allowed)}.")
    return value
