"""Reading FER-2013 from one CSV file, compressed or not."""

from __future__ import annotations

import csv
import hashlib
import warnings
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
from tqdm import tqdm

from facevalue.data.dataset import SIZE, SPLITS, Dataset
from facevalue.data.fer2013_common import LABELS, to_dataset, warn_of_counts
from facevalue.data.fer2013_facts import MAX_ROWS, ROWS
from facevalue.data.packed_csv import DAMAGED, open_csv

OFFICIAL_MD5 = {
    "f8428a1edbd21e88f42c73edd2a14f95": "fer2013.csv",
    "b114b9e04e6949e5fe8b6a98b3892b1d": "icml_face_data.csv",
}
"""Checksums of Kaggle's two complete files, from torchvision.datasets.FER2013."""

LONGEST_LINE = 100_000
"""The length limit of a line, in bytes; a face needs fewer than 10,000."""

MAX_LINES = 4 * ROWS
"""How many lines are read at most, with empty ones."""

SEPARATORS = ",;\t|"
"""What may separate the columns: Excel writes semicolons in many countries."""

USAGES = {split.lower(): split for split in SPLITS}
"""The splits by their names in lower case."""

COMPETITION = (
    "take icml_face_data.csv, the complete file of the same competition on Kaggle, or fer2013.csv"
)
"""What to do instead of reading the competition's train.csv or test.csv."""

PIXELS = SIZE * SIZE


def read(path: Path) -> Dataset:
    """Return FER-2013 from fer2013.csv or icml_face_data.csv; origins are "FILE:LINE".

    Args:
        path: the CSV file, or an archive as in `packed_csv.open_csv`. Its columns may be separated
            by commas, semicolons or tabs.

    Raises:
        ValueError: the content is not FER-2013; the message names the line.
    """
    images: list[np.ndarray] = []
    labels, splits, origins = [], [], []
    md5 = hashlib.md5(usedforsecurity=False)
    try:
        with open_csv(path) as file:
            rows = _rows(_lines(file, path.name, md5))
            columns = _column_positions(next(rows, []), path.name)
            bar = tqdm(rows, total=ROWS, desc=f"Reading {path.name}", unit=" faces", disable=None)
            for row in bar:
                if not any(map(str.strip, row)):
                    continue
                if len(images) == MAX_ROWS:
                    raise ValueError(f"{path.name} has too many images: FER-2013 has {ROWS:,}.")
                where = f"{path.name}, line {rows.line_num}"
                label, pixels, split = _parse_row(row, columns, where)
                labels.append(label)
                images.append(pixels)
                splits.append(split)
                origins.append(f"{path.name}:{rows.line_num}")
    except PermissionError:
        raise
    except (*DAMAGED, csv.Error) as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise ValueError(
            f"{path.name} is damaged, or packed in a way that cannot be read here: {reason}."
        ) from error
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


def _rows(lines: Iterator[str]) -> Any:
    """Return a reader of the rows, whose separator is the most common one in the header."""
    header = next(lines, "")
    return csv.reader(chain([header], lines), delimiter=max(SEPARATORS, key=header.count))


def _lines(file: IO[bytes], name: str, md5: hashlib._Hash) -> Iterator[str]:
    """Yield the lines of a file, and update its checksum with each."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        md5.update(line)
        if number == 1:
            _check_encoding(line, name)
        if number > MAX_LINES:
            raise ValueError(f"{name} has over {MAX_LINES:,} lines: FER-2013 has {ROWS + 1:,}.")
        if len(line) == LONGEST_LINE:
            raise ValueError(f"{name}, line {number} is far too long for a face.")
        yield line.decode("utf-8-sig" if number == 1 else "utf-8", errors="replace")


def _check_encoding(line: bytes, name: str) -> None:
    """Raise ValueError for a first line in an encoding, or with line ends, that are not read."""
    if line[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        raise ValueError(f"{name} is encoded in UTF-32: save it again as CSV in UTF-8.")
    if line[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ValueError(f"{name} is encoded in UTF-16: save it again as CSV in UTF-8.")
    if b"\r" in line.rstrip(b"\r\n"):
        raise ValueError(f"{name} has the line ends of old Macs: save it again as CSV.")


def _column_positions(header: list[str], name: str) -> tuple[int, int, int]:
    """Return the positions of the columns emotion, pixels and Usage, ignoring case and spaces."""
    names = [column.strip().lower() for column in header]
    if not names:
        raise ValueError(f"{name} is empty.")
    known = set(names) & {"emotion", "pixels", "usage"}
    if known == {"emotion", "pixels"}:
        raise ValueError(
            f"{name} has no column Usage, like train.csv of the competition, which holds one split "
            f"only: {COMPETITION}."
        )
    if known == {"pixels"}:
        raise ValueError(
            f"{name} has no column emotion, like test.csv of the competition, which has no labels: "
            f"{COMPETITION}."
        )
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
    split = USAGES.get(usage.lower())
    if split is None:
        raise ValueError(f"{where}: Usage is {_shortened(usage)}, but must be {', '.join(SPLITS)}.")
    try:
        pixels = np.fromstring(text, dtype=np.int64, sep=" ")
    except ValueError:
        raise ValueError(f"{where}: a pixel is not a whole number.") from None
    if len(pixels) != PIXELS:
        raise ValueError(f"{where} has {len(pixels):,} pixels instead of {PIXELS:,}.")
    if pixels.min() < 0 or pixels.max() > 255:
        raise ValueError(f"{where}: a pixel is not between 0 and 255.")
    return int(emotion), pixels.astype(np.uint8).reshape(SIZE, SIZE), split


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 20 else text[:20] + "...")
