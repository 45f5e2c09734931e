"""The batches of a training run: shuffled and augmented again in each epoch."""

from __future__ import annotations

from typing import Protocol

import keras
import numpy as np

from facevalue.learning import devices
from facevalue.learning.augmentation import BatchTransform


class ImageSource(Protocol):
    """Labelled images that need not be in memory, such as a reader of image files.

    `training.fit` requests only the rows of one batch at a time.
    """

    def __len__(self) -> int:
        """Return the number of images."""

    def __getitem__(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the images and the labels at `rows`, int, shape (n,)."""


class ArraySource:
    """An `ImageSource` of images and labels in memory."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = np.asarray(images), np.asarray(labels)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.images[rows], self.labels[rows]


Data = tuple[np.ndarray, np.ndarray] | ImageSource
"""What `training.fit` trains on: (images, labels), or an object that streams them."""


def network_input(images: np.ndarray) -> np.ndarray:
    """Return images in the form that networks take: float32, with a channel axis.

    Args:
        images: uint8, shape (n, height, width) or (n, height, width, channels), which become
            float32 from 0 to 1; or float, which keep their shape and range.

    >>> network_input(np.full((2, 48, 48), 255, np.uint8)).shape
    (2, 48, 48, 1)
    """
    if images.dtype == np.uint8:
        images = images.astype(np.float32) / 255
        return images[..., None] if images.ndim == 3 else images
    return np.asarray(images, np.float32)


class Batches(keras.utils.PyDataset):
    """The batches of an epoch, shuffled and augmented.

    A batch depends only on the seed, the epoch and the step, so a resumed training run sees the
    same batches as an uninterrupted one. If several devices share each batch (see `devices`), the
    number of images in each batch must be a multiple of the number of devices, so the last batch
    leaves out the remaining images. Each process gets its own part of a batch.

    Args:
        data: (images, labels), or an object that streams them.
        batch_size: the number of images in a batch; the last batch may be smaller.
        augmentation: changes each batch; None leaves the images unchanged.
        seed: the seed of the order and of the augmentation.
        shuffle: whether the order changes in each epoch; False keeps the order of `data`.

    >>> batches = Batches((np.zeros((5, 48, 48), np.uint8), np.arange(5)), 2, shuffle=False)
    >>> images, labels = batches[1]
    >>> len(batches), images.shape, labels.tolist()
    (3, (2, 48, 48, 1), [2, 3])
    """

    def __init__(
        self,
        data: Data,
        batch_size: int = 64,
        *,
        augmentation: BatchTransform | None = None,
        seed: int = 42,
        shuffle: bool = True,
    ) -> None:
        super().__init__()
        self.source = ArraySource(*data) if isinstance(data, tuple) else data
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = 0
        self._order: tuple[int, np.ndarray] = (-1, np.arange(len(self.source)))

    def __len__(self) -> int:
        usable = len(self.source) // devices.count() * devices.count()
        return -(-usable // self.batch_size)

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self._rows()[step * self.batch_size : (step + 1) * self.batch_size]
        rows = rows[: len(rows) // devices.count() * devices.count()]
        images, labels = self.source[rows]
        images = network_input(images)
        if self.augmentation is not None:
            rng = np.random.default_rng((self.seed, self.epoch, step))
            images, labels = self.augmentation(images, labels, rng)
        share = len(rows) // devices.process_count()
        own = slice(devices.process_index() * share, (devices.process_index() + 1) * share)
        return images[own], labels[own]

    def _rows(self) -> np.ndarray:
        """Return the order of the rows in this epoch, which is computed once per epoch."""
        epoch, order = self._order
        if self.shuffle and epoch != self.epoch:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self.source))
            self._order = (self.epoch, order)
        return order
