"""One type for labelled faces, wherever they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from facevalue.emotions import EMOTIONS

SPLITS = ("Training", "PublicTest", "PrivateTest")
"""FER-2013's names: train on the first, choose on the second, report the third once."""

SIZE = 48
"""Height and width of a face image, in pixels."""

KNOWN = {len(EMOTIONS): tuple(range(len(EMOTIONS))), 5: (0, 2, 3, 4, 5)}
"""The labels that a network with so many answers knows; project 4's five lack disgust, neutral."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Faces with their labels, splits and origins.

    Attributes:
        name: "rendered" or "fer2013".
        images: uint8, shape (n, 48, 48), grey levels from 0 to 255.
        labels: int64, shape (n,), indices into `emotions.EMOTIONS`.
        splits: str, shape (n,), each one of `SPLITS`.
        origins: str, shape (n,), where each image came from (a file and row, or a seed).
        truth: one row per image of what is known about it, or None where nothing is.

    Raises:
        ValueError: an array has another shape, type or range than the above.
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
                f"images must be uint8 of shape (n, {SIZE}, {SIZE}), "
                f"got {self.images.dtype} of shape {self.images.shape}."
            )
        for field in ("labels", "splits", "origins"):
            if getattr(self, field).shape != (n,):
                raise ValueError(f"{field} must have one entry for each of the {n} images.")
        if self.truth is not None and len(self.truth) != n:
            raise ValueError(f"truth must have one row for each of the {n} images.")
        if n and not (self.labels.min() >= 0 and self.labels.max() < len(EMOTIONS)):
            raise ValueError(f"labels must be from 0 to {len(EMOTIONS) - 1}.")
        unknown = set(np.unique(self.splits)) - set(SPLITS)
        if unknown:
            raise ValueError(f"unknown split {sorted(unknown)}: expected {', '.join(SPLITS)}.")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def x(self) -> np.ndarray:
        """The images as a network takes them: float32, shape (n, 48, 48, 1), from 0 to 1."""
        return self.images[..., None].astype("float32") / 255

    def take(self, rows: np.ndarray | slice) -> Dataset:
        """Return the images that `rows` (indices, a boolean mask, a slice) selects, in order."""
        truth = None if self.truth is None else self.truth.iloc[rows]
        return Dataset(
            self.name,
            self.images[rows],
            self.labels[rows],
            self.splits[rows],
            self.origins[rows],
            None if truth is None else truth.reset_index(drop=True),
        )

    def taken_by(self, model: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the faces and labels that a network of seven or of project 4's five takes.

        Args:
            model: a `keras.Model` with one channel or three, and 7 or 5 answers (`KNOWN`).

        Returns:
            images, uint8, shape (n, 48, 48), or (n, 48, 48, 3) with three equal channels; labels,
            int64, shape (n,), the number of the network's answer. Emotions that it does not know
            are left out.
        """
        known = np.array(KNOWN[model.output_shape[-1]])
        part = self.take(np.isin(self.labels, known))
        images, channels = part.images, model.input_shape[-1]
        if channels > 1:
            images = np.repeat(images[..., None], channels, axis=-1)
        return images, np.searchsorted(known, part.labels)

    def split(self, *names: str) -> Dataset:
        """Return the images of one or more splits, for example `split("PrivateTest")`.

        Raises:
            ValueError: a name is not one of `SPLITS`.
        """
        for name in names:
            if name not in SPLITS:
                raise ValueError(f"unknown split {name!r}: expected {', '.join(SPLITS)}.")
        return self.take(np.isin(self.splits, names))

    def sample(self, n: int, seed: int = 0, split: str = "Training") -> Dataset:
        """Return this set with `n` images of `split`, in the class proportions it has.

        Every class keeps at least one image; the other splits stay whole, and the order is kept.
        Where `split` has no more than `n` images, all of them stay.
        """
        rows = np.flatnonzero(self.splits == split)
        if len(rows) <= n:
            return self
        labels, counts = np.unique(self.labels[rows], return_counts=True)
        quotas = n * counts / len(rows)
        shares = np.maximum(quotas.astype(int), 1)
        # what rounding down left goes to the classes that lost most by it
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
