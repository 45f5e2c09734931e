"""Reading FER-2013 from one CSV file, compressed or not."""

from __future__ import annotations

import csv
import gzip
import hashlib
import lzma
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np
from tqdm import tqdm

from facevalue.data.dataset import SIZE, SPLITS, Dataset
from facevalue.data.fer2013_common import LABELS, to_dataset, warn_of_counts
from facevalue.data.fer2013_facts import ROWS

OFFICIAL_MD5 = {
    "f8428a1edbd21e88f42c73edd2a14f95": "fer2013.csv",
    "b114b9e04e6949e5fe8b6a98b3892b1d": "icml_face_data.csv",
}
"""Checksums of Kaggle's two complete files, from torchvision.datasets.FER2013."""

DAMAGED = (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, tarfile.TarError)
"""The errors that the standard library raises for damaged compressed files."""

LONGEST_LINE = 100_000
"""The length limit of a line, in bytes; a face needs fewer than 10,000."""

PIXELS = SIZE * SIZE


def read(path: Path) -> Dataset:
    """Return FER-2013 from fer2013.csv or icml_face_data.csv; origins are "FILE:LINE".

    Args:
        path: the CSV file, or a .xz, .gz, .zip or .tar.gz file that contains it.

    Raises:
        ValueError: the content is not FER-2013; the message names the line.
    """
    labels, splits, origins, images = [], [], [], []
    md5 = hashlib.md5(usedforsecurity=False)
    try:
        with _open_csv(path) as file:
            rows = csv.reader(_lines(file, path.name, md5))
            columns = _column_positions(next(rows, []), path.name)
            bar = tqdm(rows, total=ROWS, desc=f"Reading {path.name}", unit=" faces", disable=None)
            for row in bar:
                if not row:
                    continue
                where = f"{path.name}, line {rows.line_num}"
                label, pixels, split = _parse_row(row, columns, where)
                labels.append(label)
                images.append(pixels)
                splits.append(split)
                origins.append(f"{path.name}:{rows.line_num}")
    except (*DAMAGED, csv.Error) as error:
        raise ValueError(f"{path.name} is damaged or has the wrong extension: {error}.") from error
    if not images:
        raise ValueError(f"{path.name} holds no images.")
    data = to_dataset(images, labels, splits, origins)
    exact = md5.hexdigest() in OFFICIAL_MD5
    if not exact and not warn_of_counts(data, path.name):
        warnings.warn(
            f"{path.name} is not Kaggle's file byte for byte, but it has FER-2013's class counts, "
            "so it is used.",
            stacklevel=3,
        )
    return data


@contextmanager
def _open_csv(path: Path) -> Iterator[IO[bytes]]:
    """Open a CSV file, decompressing it in memory; nothing is written to the disk."""
    name = path.name.lower()
    if name.endswith((".tar.gz", ".tgz")):
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                inner = archive.extractfile(member) if _is_csv_file(member.name) else None
                if inner:
                    yield inner
                    return
        raise ValueError(f"{path.name} holds no fer2013.csv.")
    if name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            found = sorted(filter(_is_csv_file, archive.namelist()))
            if not found:
                raise ValueError(
                    f"{path.name} holds no fer2013.csv. If it holds images, unpack it first."
                )
            if archive.getinfo(found[0]).flag_bits & 1:
                raise ValueError(f"{path.name} is protected by a password: unpack it first.")
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


def _is_csv_file(member: str) -> bool:
    """Return whether the name of a file in an archive is that of the CSV file."""
    return member.rsplit("/", 1)[-1] in ("fer2013.csv", "icml_face_data.csv")


def _lines(file: IO[bytes], name: str, md5: hashlib._Hash) -> Iterator[str]:
    """Yield the lines of a file, and update its checksum with each."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        md5.update(line)
        if len(line) == LONGEST_LINE:
            raise ValueError(f"{name}, line {number} is far too long for a face.")
        yield line.decode("utf-8-sig" if number == 1 else "utf-8", errors="replace")


def _column_positions(header: list[str], name: str) -> tuple[int, int, int]:
    """Return the positions of the columns emotion, pixels and Usage, ignoring case and spaces."""
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


def _parse_row(
    row: list[str], columns: tuple[int, int, int], where: str
) -> tuple[int, np.ndarray, str]:
    """Return the label, the pixels (48, 48) and the split of a row."""
    if len(row) <= max(columns):
        raise ValueError(f"{where} is cut short: it has {len(row)} of {max(columns) + 1} columns.")
    emotion, text, usage = (row[column].strip() for column in columns)
    if emotion not in LABELS:
        raise ValueError(
            f"{where}: emotion is {_shortened(emotion)}, but must be a number from 0 to 6."
        )
    if usage not in SPLITS:
        raise ValueError(f"{where}: Usage is {_shortened(usage)}, but must be {', '.join(SPLITS)}.")
    try:
        pixels = np.fromstring(text, dtype=np.int64, sep=" ")
    except ValueError:
        raise ValueError(f"{where}: a pixel is not a whole number.") from None
    if len(pixels) != PIXELS:
        raise ValueError(f"{where} has {len(pixels):,} pixels instead of {PIXELS:,}.")
    if pixels.min() < 0 or pixels.max() > 255:
        raise ValueError(f"{where}: a pixel is not between 0 and 255.")
    return int(emotion), pixels.astype(np.uint8).reshape(SIZE, SIZE), usage


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 20 else text[:20] + "...")
