"""What is known about FER-2013, whatever its layout."""

from __future__ import annotations

import io
import lzma
import re
import tarfile
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from facevalue import paths
from facevalue.data.dataset import SIZE, SPLITS, Dataset
from facevalue.emotions import EMOTIONS

_LABELS = tuple(str(label) for label in range(len(EMOTIONS)))


LARGEST_IMAGE_FILE = 1_000_000


ROWS = 35_887
PIXELS = SIZE * SIZE
DAMAGED = (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, tarfile.TarError)


def official_split(name: str) -> str | None:
    """Return the split that a file or folder name begins with: train, PublicTest_12.jpg, ..."""
    match = re.match(r"(train|public|private)(?:ing)?[ _-]?(test)?", name.lower())
    if not match or (match[1] == "train") == bool(match[2]):
        return None
    return {"train": SPLITS[0], "public": SPLITS[1], "private": SPLITS[2]}[match[1]]


def _decoded(source: Path | io.BytesIO, name: str) -> np.ndarray:
    size = source.stat().st_size if isinstance(source, Path) else source.getbuffer().nbytes
    if size > LARGEST_IMAGE_FILE:
        raise ValueError(f"{name} has {size:,} bytes: far too large for a {SIZE}x{SIZE} face.")
    try:
        # the size is known before the pixels are decoded
        with Image.open(source, formats=("PNG", "JPEG", "BMP")) as image:
            if image.size == (SIZE, SIZE):
                return np.asarray(image.convert("L"))
            width, height = image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise ValueError(f"{name} cannot be decoded as an image.") from None
    raise ValueError(f"{name} is {width}x{height} pixels: FER-2013's faces are {SIZE}x{SIZE}.")


def _dataset(
    images: np.ndarray, labels: list[int], splits: list[str], origins: list[str]
) -> Dataset:
    return Dataset(
        "fer2013", images, np.array(labels, dtype=np.int64), np.array(splits), np.array(origins)
    )


def published_counts() -> pd.DataFrame:
    """Return FER-2013's published number of images by split (rows) and emotion (columns)."""
    table = paths.root() / "data" / "reference" / "fer2013_counts.csv"
    return pd.read_csv(table, index_col="split")


def _warn_of_counts(data: Dataset, name: str, merged: bool = False) -> bool:
    """Warn and return True if the class counts are not the published ones.

    Args:
        data: what was read.
        name: where from.
        merged: whether only the sum of the two test splits can be compared.
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
