"""The targets of the recogniser: labels and FER+ votes, their augmentation, loss and accuracy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pandas as pd

from facevalue.data import ferplus
from facevalue.data.dataset import Dataset
from facevalue.emotions import EMOTIONS
from facevalue.learning import augmentation
from facevalue.learning.augmentation import Augmentation
from facevalue.learning.raters import vote_shares
from facevalue.learning.recipe import Recipe
from facevalue.learning.spoiling import Spoiling, spoil


def examples(
    recipe: Recipe, data: Dataset, votes: pd.DataFrame | None, split: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of a split and their targets.

    Args:
        recipe: with `recipe.labels` "ferplus", images for which no emotion has a majority of the
            FER+ votes are left out.
        data: any data set with that split.
        votes: the FER+ votes on `data`, one row per image; None if the recipe does not need them.
        split: one of `dataset.SPLITS`.

    Returns:
        Images, uint8, shape (n, 48, 48); and targets, float32, shape (n, k). The first columns are
        the label as a one-hot vector. With `recipe.votes`, ten columns of weighted votes follow,
        which are 0 in other splits than Training.
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


def emotion_columns(rows: Any) -> Any:
    """Return the columns of the emotions, without the ten columns of votes that may follow.

    Args:
        rows: targets or outputs of the network, shape (n, k): an array, or a tensor.

    Returns:
        shape (n, 7 or 8). For an array it is a view: changing it changes `rows`.

    >>> emotion_columns(np.zeros((2, 17))).shape
    (2, 7)
    """
    width = rows.shape[1]
    return rows[:, : width - len(ferplus.VOTES)] if width > len(ferplus.VOTES) else rows


@dataclass(frozen=True)
class RecipeTransform:
    """Changes each training batch according to a recipe.

    Attributes:
        augmentation, spoiling, smoothing, mixup: as in `Recipe`.
        weights: the weight of each emotion in the loss; empty if all emotions count the same.
    """

    augmentation: Augmentation
    spoiling: Spoiling = field(default_factory=Spoiling)
    smoothing: float = 0.0
    mixup: float = 0.0
    weights: tuple[float, ...] = ()

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return changed copies of the images and targets, float32."""
        images, targets = self.augmentation(images, np.array(labels, np.float32), rng)
        if self.spoiling.share:
            images = spoil(images, self.spoiling, rng)
        emotions = emotion_columns(targets)  # a view, so the next lines change `targets`
        classes = emotions.argmax(axis=1)
        emotions *= 1 - self.smoothing
        emotions += self.smoothing / emotions.shape[1]
        if self.mixup:
            images, targets = augmentation.mixup(images, targets, self.mixup, rng)
        if self.weights:
            targets *= np.array(self.weights, np.float32)[classes, None]
        return images, targets


def recipe_transform(recipe: Recipe, targets: np.ndarray) -> RecipeTransform:
    """Return the transform of the training batches of a recipe.

    Args:
        recipe: with `recipe.balance`, rare emotions get a larger weight.
        targets: the targets of the training images, as returned by `examples`, from which the
            weights are computed. The mean weight of an image is 1.
    """
    weights: tuple[float, ...] = ()
    if recipe.balance:
        count = emotion_columns(targets).sum(axis=0)
        weight = (count.mean() / np.maximum(count, 1)) ** recipe.balance
        weights = tuple((weight * count.sum() / (weight * count).sum()).round(4).tolist())
    return RecipeTransform(
        recipe.augmentation, recipe.spoiling, recipe.smoothing, recipe.mixup, weights
    )


def loss(targets: Any, outputs: Any) -> Any:
    """Return the cross-entropy of each face, summed over emotions and votes.

    Args:
        targets: a tensor, float32, shape (n, k), as returned by `examples`.
        outputs: a tensor of probabilities, float32, shape (n, k).

    Returns:
        A tensor, float32, shape (n,).
    """
    return -keras.ops.sum(targets * keras.ops.log(keras.ops.maximum(outputs, 1e-7)), axis=-1)


def accuracy(targets: Any, outputs: Any) -> Any:
    """Return 1 for each face whose most probable emotion is its label, and 0 for the others.

    Args:
        targets, outputs: as in `loss`.

    Returns:
        A tensor, float32, shape (n,).
    """
    emotions = [keras.ops.argmax(emotion_columns(rows), axis=-1) for rows in (targets, outputs)]
    return keras.ops.cast(keras.ops.equal(*emotions), "float32")
