"""The targets of the recogniser's training: labels, FER+ votes, and how batches change them."""

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
    """Return the images of a split and their targets.

    Args:
        recipe: its `labels` decide which labels are used. With "ferplus", images on which FER+'s
            raters disagree are left out.
        data: any data set with that split.
        votes: the FER+ votes on `data`, one row per image; None if the recipe does not need them.
        split: of `dataset.SPLITS`. The votes count in Training only.

    Returns:
        Images, uint8, shape (n, 48, 48); and targets, float32, shape (n, k). The first columns are
        the label as a one-hot vector; with `recipe.votes`, ten columns of weighted votes follow.
    """
    rows = np.flatnonzero(data.splits == split)
    targets = np.eye(len(EMOTIONS), dtype=np.float32)[data.labels[rows]]
    if recipe.labels == "ferplus" and votes is not None:
        agreed = ferplus.targets(votes.iloc[rows].set_axis(rows))
        rows, targets = agreed.index.to_numpy(), agreed.to_numpy(np.float32)
    if recipe.votes and votes is not None:
        weight = recipe.votes if split == "Training" else 0.0
        targets = np.hstack([targets, weight * vote_shares(votes.iloc[rows])])
    return data.images[rows], targets


def vote_shares(votes: pd.DataFrame) -> np.ndarray:
    """Return the share of the votes for each choice, float32, shape (n, 10); 0 without votes."""
    counts = votes[list(ferplus.VOTES)].to_numpy(np.float32)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def emotion_columns(rows: Any) -> Any:
    """Return a view of the emotions' columns, without the ten of the votes that may follow.

    Args:
        rows: targets or outputs of the network, an array or a tensor, shape (n, k).
    """
    width = rows.shape[1]
    return rows[:, : width - len(ferplus.VOTES)] if width > len(ferplus.VOTES) else rows


@dataclass(frozen=True)
class RecipeTransform:
    """Changes each training batch as a recipe says: see `Recipe` for the settings.

    Attributes:
        weights: of each emotion in the loss; empty if all count the same.
    """

    augmentation: Augmentation
    noise: float = 0.0
    blur: float = 0.0
    smoothing: float = 0.0
    mixup: float = 0.0
    weights: tuple[float, ...] = ()

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return changed images and targets, float32."""
        images, targets = self.augmentation(images, np.array(labels, np.float32), rng)
        if self.noise or self.blur:
            images = augmentation.degrade(images, self.noise, self.blur, rng)
        emotions = emotion_columns(targets)  # a view: what follows changes the targets
        classes = emotions.argmax(axis=1)
        emotions *= 1 - self.smoothing
        emotions += self.smoothing / emotions.shape[1]
        if self.mixup:
            images, targets = augmentation.mixup(images, targets, self.mixup, rng)
        if self.weights:
            targets *= np.array(self.weights, np.float32)[classes, None]
        return images, targets


def recipe_transform(recipe: Recipe, targets: np.ndarray) -> RecipeTransform:
    """Return what changes the batches of a recipe.

    Args:
        recipe: its `balance` weights rare emotions more.
        targets: of the training images, as from `examples`. Their mean weight is 1.
    """
    weights: tuple[float, ...] = ()
    if recipe.balance:
        count = emotion_columns(targets).sum(axis=0)
        weight = (count.mean() / np.maximum(count, 1)) ** recipe.balance
        weights = tuple((weight * count.sum() / (weight * count).sum()).round(4).tolist())
    return RecipeTransform(
        recipe.augmentation, recipe.noise, recipe.blur, recipe.smoothing, recipe.mixup, weights
    )


def loss(targets: Any, outputs: Any) -> Any:
    """Return the cross-entropy of each face, summed over emotions and votes, shape (n,)."""
    return -keras.ops.sum(targets * keras.ops.log(keras.ops.maximum(outputs, 1e-7)), axis=-1)


def accuracy(targets: Any, outputs: Any) -> Any:
    """Return 1 for each face whose most probable emotion is the label's, else 0; shape (n,)."""
    named = [keras.ops.argmax(emotion_columns(rows), axis=-1) for rows in (targets, outputs)]
    return keras.ops.cast(keras.ops.equal(*named), "float32")
