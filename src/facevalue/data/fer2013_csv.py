"""FER-2013 as one CSV file, packed or not."""

from __future__ import annotations

import csv
import gzip
import hashlib
import lzma
import tarfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np
from tqdm import tqdm

from facevalue.data.dataset import SIZE, SPLITS, Dataset
from facevalue.data.fer2013_facts import _LABELS, DAMAGED, PIXELS, ROWS, _dataset, _warn_of_counts

OFFICIAL_MD5 = {
    "f8428a1edbd21e88f42c73edd2a14f95": "fer2013.csv",
    "b114b9e04e6949e5fe8b6a98b3892b1d": "icml_face_data.csv",
}
"""Checksums of Kaggle's two complete files, from torchvision.datasets.FER2013."""
LONGEST_LINE = 100_000


def _read_csv(path: Path) -> Dataset:
    labels, splits, origins, images = [], [], [], []
    md5 = hashlib.md5(usedforsecurity=False)
    try:
        with _opened(path) as file:
            rows = csv.reader(_lines(file, path.name, md5))
            columns = _columns(next(rows, []), path.name)
            bar = tqdm(rows, total=ROWS, desc=f"Reading {path.name}", unit=" faces", disable=None)
            for row in bar:
                if not row:
                    continue
                where = f"{path.name}, line {rows.line_num}"
                label, pixels, split = _fields(row, columns, where)
                labels.append(label)
                images.append(pixels)
                splits.append(split)
                origins.append(f"{path.name}:{rows.line_num}")
    except (*DAMAGED, csv.Error) as error:
        raise ValueError(f"{path.name} is damaged or not what its name says: {error}.") from error
    if not images:
        raise ValueError(f"{path.name} holds no images.")
    data = _dataset(np.stack(images), labels, splits, origins)
    exact = md5.hexdigest() in OFFICIAL_MD5
    if not exact and not _warn_of_counts(data, path.name):
        warnings.warn(
            f"{path.name} is not Kaggle's file byte for byte, but has the class counts of "
            "FER-2013: it is used as it is.",
            stacklevel=3,
        )
    return data


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a csv file through whatever it is packed in; nothing is written to the disk."""
    name = path.name.lower()
    if name.endswith((".tar.gz", ".tgz")):
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                inner = archive.extractfile(member) if _wanted(member.name) else None
                if inner:
                    yield inner
                    return
        raise ValueError(f"{path.name} holds no fer2013.csv.")
    if name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            found = sorted(filter(_wanted, archive.namelist()))
            if not found:
                raise ValueError(
                    f"{path.name} holds no fer2013.csv: if it holds images, unpack it."
                )
            if archive.getinfo(found[0]).flag_bits & 1:
                raise ValueError(f"{path.name} is locked by a password: unpack it first.")
            with archive.open(found[0]) as inner:
                yield inner
    elif name.endswith(".gz"):
        with gzip.open(path) as unpacked:
            yield cast(IO[bytes], unpacked)
    elif name.endswith(".xz"):
        with lzma.open(path) as unxz:
            yield unxz
    else:
        with path.open("rb") as plain:
            yield plain


def _wanted(member: str) -> bool:
    return member.rsplit("/", 1)[-1] in ("fer2013.csv", "icml_face_data.csv")


def _lines(file: IO[bytes], name: str, md5: hashlib._Hash) -> Iterator[str]:
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        md5.update(line)
        if len(line) == LONGEST_LINE:
            raise ValueError(f"{name}, line {number} is far too long for a face.")
        yield line.decode("utf-8-sig" if number == 1 else "utf-8", errors="replace")


def _columns(header: list[str], name: str) -> tuple[int, int, int]:
    """Return where emotion, pixels and Usage stand; icml_face_data.csv has blanks around them."""
    names = [column.strip().lower() for column in header]
    if not names:
        raise ValueError(f"{name} is empty.")
    for column in ("emotion", "pixels", "Usage"):
        if column.lower() not in names:
            raise ValueError(
                f"{name} has no column {column}: FER-2013's complete file has emotion, pixels "
                "and Usage."
            )
    return names.index("emotion"), names.index("pixels"), names.index("usage")


def _fields(row: list[str], columns: tuple[int, int, int], where: str) -> tuple:
    if len(row) <= max(columns):
        raise ValueError(f"{where} is cut short: it has {len(row)} of {max(columns) + 1} columns.")
    emotion, text, usage = (row[column].strip() for column in columns)
    if emotion not in _LABELS:
        raise ValueError(f"{where}: emotion is {_short(emotion)}, it must be a number from 0 to 6.")
    if usage not in SPLITS:
        raise ValueError(f"{where}: Usage is {_short(usage)}, it must be {', '.join(SPLITS)}.")
    try:
        pixels = np.fromstring(text, dtype=np.int64, sep=" ")
    except ValueError:
        raise ValueError(f"{where}: a pixel is not a whole number.") from None
    if len(pixels) != PIXELS:
        raise ValueError(f"{where} has {len(pixels):,} pixels instead of {PIXELS:,}.")
    if pixels.min() < 0 or pixels.max() > 255:
        raise ValueError(f"{where}: a pixel is not between 0 and 255.")
    return int(emotion), pixels.astype(np.uint8).reshape(SIZE, SIZE), usage


def _short(text: str) -> str:
    return repr(text if len(text) <= 20 else text[:20] + "...")
