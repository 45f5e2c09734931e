"""Batches of an epoch, shuffled and augmented."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from facevalue.learning.augmentation import Change


class _Arrays:
    """Images and labels in memory, read like a source that streams them."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = np.asarray(images), np.asarray(labels)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.images[rows], self.labels[rows]


def _source(data: Any) -> Any:
    return _Arrays(*data) if isinstance(data, tuple) else data


def _as_input(images: np.ndarray) -> np.ndarray:
    """Return images as a network takes them: float32 from 0 to 1, grey ones with a channel."""
    if images.dtype == np.uint8:
        images = images.astype(np.float32) / 255
        return images[..., None] if images.ndim == 3 else images
    return np.asarray(images, np.float32)


class Batches(keras.utils.PyDataset):
    """The batches of an epoch, shuffled and augmented.

    The same seed, epoch and step give the same batch, so that a training that goes on after a
    kill sees what an unbroken one would have seen.

    Args:
        data: (images, labels), or what streams them: an object with `len()` and
            `data[rows] -> (images, labels)` for an array of row numbers.
        batch_size: images in a batch; the last one may be smaller.
        augmentation: None to leave the images as they are.
        seed: of the order and the augmentation.
        shuffle: False to keep the order.
    """

    def __init__(
        self,
        data: Any,
        batch_size: int = 64,
        *,
        augmentation: Change | None = None,
        seed: int = 42,
        shuffle: bool = True,
    ) -> None:
        super().__init__()
        self.source = _source(data)
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = 0
        self.first = 0  # steps of this epoch that were done before a kill
        self._order: tuple[int, np.ndarray] = (-1, np.arange(len(self.source)))

    @property
    def steps(self) -> int:
        """Batches in a whole epoch."""
        return -(-len(self.source) // self.batch_size)

    def __len__(self) -> int:
        return self.steps - self.first

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        step, epoch = index + self.first, self.epoch
        rows = self._rows(epoch)[step * self.batch_size : (step + 1) * self.batch_size]
        images, labels = self.source[rows]
        images = _as_input(images)
        if self.augmentation is not None:
            rng = np.random.default_rng((self.seed, epoch, step))
            images, labels = self.augmentation(images, labels, rng)
        return images, labels

    def _rows(self, epoch: int) -> np.ndarray:
        """Return the order of the rows in an epoch, worked out once per epoch."""
        known, order = self._order
        if self.shuffle and known != epoch:
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self.source))
            self._order = (epoch, order)
        return order
