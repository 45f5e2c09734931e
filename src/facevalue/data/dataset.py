"""`Dataset`, the type of all labelled faces, drawn or real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from facevalue.emotions import EMOTIONS
from facevalue.image_files import FACE_SIZE

if TYPE_CHECKING:
    import keras

SPLITS = ("Training", "PublicTest", "PrivateTest")
"""FER-2013's splits: train on the first, choose models on the second, test once on the third."""

SIZE = FACE_SIZE
"""Height and width of a face image, in pixels."""

MODEL_LABELS = {7: (0, 1, 2, 3, 4, 5, 6), 5: (0, 2, 3, 4, 5)}
"""The labels that a network predicts, by its number of outputs. Project 4's networks have five:
they leave out disgust and neutral."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Faces with their labels, splits and origins.

    Attributes:
        name: "rendered" or "fer2013".
        images: uint8, shape (n, 48, 48), grey levels from 0 to 255.
        labels: int64, shape (n,), indices into `emotions.EMOTIONS`.
        splits: str, shape (n,), each one of `SPLITS`.
        origins: str, shape (n,), where each image came from (a file and line, or a seed).
        truth: a table of what is known about each image, one row per image, or None.

    Raises:
        ValueError: the shape, type or range of an array is wrong.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    splits: np.ndarray
    origins: np.ndarray
    truth: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        n = len(self.images)
        if self.images.dtype != np.uint8 or self.images.shape != (n, SIZE, SIZE):
            raise ValueError(
                f"The images must be uint8 of shape (n, {SIZE}, {SIZE}), "
                f"not {self.images.dtype} of shape {self.images.shape}."
            )
        for field in ("labels", "splits", "origins"):
            if getattr(self, field).shape != (n,):
                shape = getattr(self, field).shape
                raise ValueError(
                    f"The {field} must have one entry for each of the {n} images, "
                    f"not shape {shape}."
                )
        if self.truth is not None and len(self.truth) != n:
            raise ValueError(
                f"The truth must have one row for each of the {n} images, "
                f"not {len(self.truth)} rows."
            )
        if n and not (self.labels.min() >= 0 and self.labels.max() < len(EMOTIONS)):
            raise ValueError(f"The labels must be from 0 to {len(EMOTIONS) - 1}.")
        unknown = set(np.unique(self.splits)) - set(SPLITS)
        if unknown:
            raise ValueError(f"Unknown split {sorted(unknown)}: use {', '.join(SPLITS)}.")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def x(self) -> np.ndarray:
        """The images as input of a network: float32, shape (n, 48, 48, 1), from 0 to 1."""
        return self.images[..., None].astype("float32") / 255

    def take(self, rows: np.ndarray | slice) -> Dataset:
        """Return the images at `rows`: indices, a boolean mask, or a slice."""
        truth = None if self.truth is None else self.truth.iloc[rows]
        return Dataset(
            self.name,
            self.images[rows],
            self.labels[rows],
            self.splits[rows],
            self.origins[rows],
            None if truth is None else truth.reset_index(drop=True),
        )

    def for_model(self, model: keras.Model) -> tuple[np.ndarray, np.ndarray]:
        """Return the images and labels in the form that a network expects.

        Images of emotions that the network cannot predict are left out.

        Args:
            model: a network with 1 or 3 input channels, and 7 or 5 outputs (`MODEL_LABELS`).

        Returns:
            images, uint8, shape (n, 48, 48), or (n, 48, 48, 3) with three equal channels; labels,
            int64, shape (n,), indices into the network's outputs.
        """
        known = np.array(MODEL_LABELS[model.output_shape[-1]])
        part = self.take(np.isin(self.labels, known))
        images, channels = part.images, model.input_shape[-1]
        if channels > 1:
            images = np.repeat(images[..., None], channels, axis=-1)
        return images, np.searchsorted(known, part.labels)

    def split(self, *names: str) -> Dataset:
        """Return the images of one or more splits, such as `split("PrivateTest")`.

        Raises:
            ValueError: a name is not one of `SPLITS`.
        """
        for name in names:
            if name not in SPLITS:
                raise ValueError(f"Unknown split {name!r}: use {', '.join(SPLITS)}.")
        return self.take(np.isin(self.splits, names))

    def sample(self, n: int, seed: int = 0, split: str = "Training") -> Dataset:
        """Return this data set with only `n` images of `split`, a stratified sample.

        Each class keeps its share of the split, and at least one image. The other splits are
        unchanged, and so is `split` if it has `n` images or fewer. The images keep their order.
        """
        rows = np.flatnonzero(self.splits == split)
        if len(rows) <= n:
            return self
        labels, counts = np.unique(self.labels[rows], return_counts=True)
        quotas = n * counts / len(rows)
        shares = np.maximum(quotas.astype(int), 1)
        # the images that rounding down left over go to the classes that lost most
        shares[np.argsort(shares - quotas)[: max(0, n - shares.sum())]] += 1
        rng = np.random.default_rng(seed)
        keep = [np.flatnonzero(self.splits != split)]
        for label, share in zip(labels, shares, strict=True):
            keep.append(rng.choice(rows[self.labels[rows] == label], share, replace=False))
        return self.take(np.sort(np.concatenate(keep)))

    def counts(self) -> pd.DataFrame:
        """Return the number of images by split (rows) and emotion (columns), with totals."""
        table = pd.crosstab(self.splits, self.labels)
        table = table.reindex(index=list(SPLITS), columns=range(len(EMOTIONS)), fill_value=0)
        table.columns = pd.Index(EMOTIONS)
        table.index.name = "split"
        table["total"] = table.sum(axis=1)
        return table
