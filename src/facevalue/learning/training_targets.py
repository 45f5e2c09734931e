"""What a recogniser learns from: labels, votes, and how both are changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd

from facevalue.data import ferplus
from facevalue.data.dataset import Dataset
from facevalue.emotions import EMOTIONS
from facevalue.learning import augmentation
from facevalue.learning.augmentation import Augmentation
from facevalue.learning.recipe import Recipe


def examples(
    recipe: Recipe, data: Dataset, votes: pd.DataFrame | None, split: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of a split, uint8 (n, 48, 48), and what shall be said of them.

    Args:
        recipe: its `labels` decide what the images are. FER+'s raters agree on most of them only;
            the others are left out.
        data: any data set with that split.
        votes: the FER+ votes on `data`, one row each; None where the recipe does not need them.
        split: of `dataset.SPLITS`. The votes count in Training only.

    Returns:
        The second is float32, shape (n, k): the label's column is 1; with `recipe.votes`, ten
        columns for the votes follow.
    """
    rows = np.flatnonzero(data.splits == split)
    labels = np.eye(len(EMOTIONS), dtype=np.float32)[data.labels[rows]]
    if recipe.labels == "ferplus" and votes is not None:
        agreed = ferplus.targets(votes.iloc[rows].set_axis(rows))
        rows, labels = agreed.index.to_numpy(), agreed.to_numpy(np.float32)
    if recipe.votes and votes is not None:
        weight = recipe.votes if split == "Training" else 0.0
        labels = np.hstack([labels, weight * shares(votes.iloc[rows])])
    return data.images[rows], labels


def shares(votes: pd.DataFrame) -> np.ndarray:
    """Return each choice's share of the votes, float32, shape (n, 10); 0 where nobody voted."""
    counts = votes[list(ferplus.VOTES)].to_numpy(np.float32)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def emotions(rows: Any) -> Any:
    """Return a view of targets' or answers' columns of emotions: ten of votes may follow them."""
    width = rows.shape[1]
    return rows[:, : width - len(ferplus.VOTES)] if width > len(ferplus.VOTES) else rows


@dataclass(frozen=True)
class Lesson:
    """What is done to a batch: the images change, and the labels with them (see `Recipe`)."""

    augmentation: Augmentation
    noise: float = 0.0
    blur: float = 0.0
    smoothing: float = 0.0
    mixup: float = 0.0
    weights: tuple[float, ...] = ()  # of each emotion

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return changed images and labels, float32."""
        images, labels = self.augmentation(images, np.array(labels, np.float32), rng)
        if self.noise or self.blur:
            images = augmentation.degrade(images, self.noise, self.blur, rng)
        wanted = emotions(labels)
        names = wanted.argmax(axis=1)
        wanted *= 1 - self.smoothing
        wanted += self.smoothing / wanted.shape[1]
        if self.mixup:
            images, labels = augmentation.mixup(images, labels, self.mixup, rng)
        if self.weights:
            labels *= np.array(self.weights, np.float32)[names, None]
        return images, labels


def loss(labels: Any, answers: Any) -> Any:
    """Cross-entropy of all heads: they stand side by side, and so do their targets."""
    return -keras.ops.sum(labels * keras.ops.log(keras.ops.maximum(answers, 1e-7)), axis=-1)


def accuracy(labels: Any, answers: Any) -> Any:
    """Share of the faces for which the most probable emotion is the label's."""
    right = [keras.ops.argmax(emotions(rows), axis=-1) for rows in (labels, answers)]
    return keras.ops.cast(keras.ops.equal(*right), "float32")


def _lesson(recipe: Recipe, labels: np.ndarray) -> Lesson:
    weights: tuple[float, ...] = ()
    if recipe.balance:
        count = emotions(labels).sum(axis=0)
        weight = (count.mean() / np.maximum(count, 1)) ** recipe.balance
        weights = tuple((weight * count.sum() / (weight * count).sum()).round(4).tolist())
    return Lesson(
        recipe.augmentation, recipe.noise, recipe.blur, recipe.smoothing, recipe.mixup, weights
    )
