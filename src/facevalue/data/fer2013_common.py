"""Shared by the readers of FER-2013's layouts: names of splits, decoding of faces, checks."""

from __future__ import annotations

import re
import warnings
from typing import BinaryIO

import numpy as np
from PIL import Image

from facevalue.data.dataset import SIZE, SPLITS, Dataset
from facevalue.data.fer2013_facts import published_counts
from facevalue.emotions import EMOTIONS
from facevalue.image_files import decode_photo

LABELS = tuple(str(label) for label in range(len(EMOTIONS)))
"""The labels as FER-2013's files spell them."""

LARGEST_IMAGE_FILE = 1_000_000
"""The size limit of the file of one face, in bytes."""


def official_split(name: str) -> str | None:
    """Return the split that the name of a file or folder begins with, or None.

    >>> official_split("PublicTest_12.jpg"), official_split("train"), official_split("test")
    ('PublicTest', 'Training', None)
    """
    match = re.match(r"(train|public|private)(?:ing)?[ _-]?(test)?", name.lower())
    if not match or (match[1] == "train") == bool(match[2]):
        return None
    return {"train": SPLITS[0], "public": SPLITS[1], "private": SPLITS[2]}[match[1]]


def decode_face(content: bytes | BinaryIO, name: str) -> np.ndarray:
    """Decode a face from an image file: uint8, shape (48, 48), grey levels.

    Args:
        content: the bytes of an image file, or the opened file.
        name: the file's name in error messages.

    Raises:
        ValueError: the file is too large, cannot be decoded, or is not 48 x 48 pixels.
    """
    photo = decode_photo(
        content,
        name,
        most_pixels=SIZE * SIZE,
        most_bytes=LARGEST_IMAGE_FILE,
    )
    height, width = photo.shape[:2]
    if (height, width) != (SIZE, SIZE):
        raise ValueError(f"{name} is {width}x{height} pixels: FER-2013's faces are {SIZE}x{SIZE}.")
    return np.asarray(Image.fromarray(photo).convert("L"))


def to_dataset(
    images: list[np.ndarray], labels: list[int], splits: list[str], origins: list[str]
) -> Dataset:
    """Return what a reader has read as a `Dataset` named "fer2013"."""
    return Dataset(
        "fer2013",
        np.stack(images),
        np.array(labels, dtype=np.int64),
        np.array(splits),
        np.array(origins),
    )


def warn_of_counts(data: Dataset, name: str, *, merged: bool = False) -> bool:
    """Warn if the class counts differ from the published ones, and return whether they do.

    Args:
        data: what was read.
        name: the file or folder that it was read from.
        merged: whether to compare the sum of the two test splits.
    """
    ours, published = data.counts().drop(columns="total"), published_counts().drop(columns="total")
    if merged:
        rename = {"PublicTest": "test", "PrivateTest": "test"}
        ours, published = (t.rename(rename).groupby(level=0).sum() for t in (ours, published))
    differences = [
        f"{ours.loc[split, emotion]:,} instead of {published.loc[split, emotion]:,} {emotion} "
        f"in {split}"
        for split in published.index
        for emotion in EMOTIONS
        if ours.loc[split, emotion] != published.loc[split, emotion]
    ]
    if differences:
        more = f", and {len(differences) - 3} more" if len(differences) > 3 else ""
        warnings.warn(
            f"{name} does not have FER-2013's published class counts: "
            f"{', '.join(differences[:3])}{more}.",
            stacklevel=4,
        )
    return bool(differences)
