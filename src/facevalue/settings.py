"""The two switches of a run: which faces, and how much work."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

DATASETS = ("rendered", "fer2013")


@dataclass(frozen=True)
class Profile:
    """How much work one run does. It sizes a run; it never changes what the run does.

    Attributes:
        name: "fast" or "full".
        dataset: "rendered" or "fer2013".
        train_images: most Training images that are used; None for all.
        epochs: passes over its images for a network of notebooks 04 and 05 other than cnn6.
        sweep_rows: rows of the published dense sweep that are trained.
        dense_epochs: most passes over the training images for one dense network.
        mixed: images of an emotion that notebook 03 mixes from each of two large sources.
        per_class: images of an emotion that the same dense network is trained on; None for all.
        seeds: how often a training is repeated to see how far its result varies.
        photos: drawn photos that notebook 01 searches for faces.
        replicates: how often notebook 02 draws people anew to see how far its numbers vary.
        networks: how many more of the published networks notebook 04 trains beside cnn6.
        cnn_images: Training images that cnn6 of notebook 04 learns from; None for all.
        cnn_epochs: passes of cnn6 over them.
        watched: images of PublicTest on which notebook 04 watches cnn6 learn.
        few_images: images on which notebook 04 shows overfitting.
        large: images of an emotion and source, 224 x 224 pixels, for project 1's six models.
        humans: images from which a network learns to tell faces from other things.
        keep: whether trainings are kept on disk, to be resumed after a kill.
    """

    name: str
    dataset: str
    train_images: int | None
    epochs: int
    sweep_rows: int
    dense_epochs: int
    mixed: int
    per_class: tuple[int | None, ...]
    seeds: int
    photos: int
    replicates: int
    networks: int
    cnn_images: int | None
    cnn_epochs: int
    watched: int | None
    few_images: int
    large: int
    humans: int
    keep: bool


def profile() -> Profile:
    """Return the sizes named by FACEVALUE_PROFILE (fast) and the data of FACEVALUE_DATASET.

    Raises:
        ValueError: one of the two variables holds a name that does not exist.
    """
    dataset = _setting("FACEVALUE_DATASET", DATASETS)
    name = _setting("FACEVALUE_PROFILE", ("fast", "full"))
    if name == "fast":
        drawn = dataset == "rendered"  # photos are harder: cnn6 needs longer to beat chance on them
        return Profile(
            name,
            dataset,
            train_images=4_000,
            epochs=3,
            sweep_rows=3,
            dense_epochs=5,
            mixed=28,
            per_class=(20, 200, None),
            seeds=3,
            photos=40,
            replicates=1_000,
            networks=0,
            cnn_images=3_000 if drawn else 4_000,
            cnn_epochs=3 if drawn else 5,
            watched=500,
            few_images=160,
            large=2,
            humans=500,
            keep=False,
        )
    return Profile(
        name,
        dataset,
        train_images=None,
        epochs=40,
        sweep_rows=19,
        dense_epochs=50,
        mixed=200,
        per_class=(200, 500, 2_000, None),
        seeds=5,
        photos=400,
        replicates=10_000,
        networks=6,
        cnn_images=None,
        cnn_epochs=20,
        watched=None,
        few_images=4_000,
        large=200,
        humans=14_336,
        keep=True,
    )


def _setting(variable: str, allowed: tuple[str, ...]) -> str:
    value = os.environ.get(variable) or allowed[0]
    if value not in allowed:
        raise ValueError(f"{variable}={value!r} is unknown: set it to {' or '.join(allowed)}.")
    return value
