"""Reading FER-2013 from Parquet files, the format of the Hugging Face Hub."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet as parquet
from tqdm import tqdm

from facevalue import emotions
from facevalue.data.dataset import SPLITS, Dataset
from facevalue.data.fer2013_common import decode_face, official_split, to_dataset, warn_of_counts
from facevalue.data.fer2013_facts import MAX_ROWS, ROWS
from facevalue.emotions import EMOTIONS

MAX_BYTES = 1_000_000_000
"""How many bytes the columns of a file may have; those of FER-2013 have about 60 million."""

BATCH = 100
"""How many rows are in memory at once: a row may have a megabyte."""


def split_files(folder: Path) -> dict[str, list[Path]]:
    """Return the Parquet files of each split; empty unless there are files for all three.

    A file belongs to the split that its name, or the name of its subfolder, begins with.
    """
    files: dict[str, list[Path]] = {}
    for file in sorted([*folder.glob("*"), *folder.glob("*/*")]):
        if file.suffix.lower() != ".parquet" or not file.is_file():
            continue
        split = official_split(file.name if file.parent == folder else file.parent.name)
        if split:
            files.setdefault(split, []).append(file)
    return {split: files[split] for split in SPLITS} if len(files) == len(SPLITS) else {}


def read(folder: Path, ignore: Collection[str] = ()) -> Dataset:
    """Return FER-2013 from one or more Parquet files per split; origins are "FILE:ROW".

    Args:
        folder: the folder of the files.
        ignore: as in `fer2013.read`.

    Raises:
        ValueError: the files hold no images, or content that is not FER-2013.
    """
    files = split_files(folder)
    images: list[np.ndarray] = []
    labels, splits, origins = [], [], []
    with tqdm(total=ROWS, desc="Reading Parquet files", unit=" faces", disable=None) as bar:
        for split, file in [(split, file) for split, part in files.items() for file in part]:
            name = file.relative_to(folder).as_posix()
            for row, (content, label) in enumerate(_parquet_rows(file, ignore)):
                if label is None:
                    continue
                if len(images) == MAX_ROWS:
                    raise ValueError(f"{name} has too many images: FER-2013 has {ROWS:,} in all.")
                images.append(decode_face(content, f"{name}, row {row}"))
                labels.append(label)
                splits.append(split)
                origins.append(f"{name}:{row}")
                bar.update()
    if not images:
        raise ValueError(f"The Parquet files in {folder} hold no images.")
    data = to_dataset(images, labels, splits, origins)
    warn_of_counts(data, folder.name)
    return data


def _parquet_rows(file: Path, ignore: Collection[str]) -> Iterator[tuple[bytes, int | None]]:
    """Yield each image's encoded bytes and its label, None if its class is left out.

    A cell has the bytes or a struct of them.
    """
    try:
        with parquet.ParquetFile(file) as table:
            image = _column(table, file.name, ("image", "img", "pixels"))
            label = _column(table, file.name, ("label", "labels", "emotion"))
            names = _label_names(table, label)
            _check_size(table, file.name)
            for batch in table.iter_batches(BATCH, columns=[image, label]):
                for cell, value in zip(
                    batch[image].to_pylist(), batch[label].to_pylist(), strict=True
                ):
                    content = cell.get("bytes") if isinstance(cell, dict) else cell
                    if not isinstance(content, bytes):
                        raise ValueError(f"{file.name} has a row without the bytes of an image.")
                    yield content, _course_label(value, names, file.name, ignore)
    except PermissionError:
        raise
    except (pyarrow.ArrowException, OSError, MemoryError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise ValueError(f"{file.name} is not a readable Parquet file: {reason}.") from error


def _column(table: parquet.ParquetFile, file: str, names: tuple[str, ...]) -> str:
    """Return the name of the first column that has one of `names`."""
    found = [name for name in table.schema_arrow.names if name.strip().lower() in names]
    if not found:
        raise ValueError(f"{file} has no column {names[0]}.")
    if found.count(found[0]) > 1:
        raise ValueError(f"{file} has two columns {found[0]}: rename or remove one.")
    return found[0]


def _check_size(table: parquet.ParquetFile, file: str) -> None:
    """Raise ValueError for a file that would fill the memory: a small one can hold any number."""
    facts = table.metadata
    groups = [facts.row_group(k).total_byte_size for k in range(facts.num_row_groups)]
    if facts.num_rows > MAX_ROWS or sum(groups) > MAX_BYTES:
        raise ValueError(
            f"{file} has {facts.num_rows:,} rows of {sum(groups):,} bytes in all: FER-2013 has "
            f"{ROWS:,} rows of less than {MAX_BYTES:,} bytes."
        )


def _label_names(table: parquet.ParquetFile, column: str) -> list[str]:
    """Return the name of each label, from the metadata of the Hugging Face Hub; [] without any."""
    metadata = (table.schema_arrow.metadata or {}).get(b"huggingface", b"{}")
    try:
        names = json.loads(metadata)["info"]["features"][column]["names"]
        return [str(name) for name in names]
    except (KeyError, TypeError, ValueError, RecursionError):
        return []


def _course_label(
    value: object, names: Sequence[str], file: str, ignore: Collection[str]
) -> int | None:
    """Return the course's label for a label of the file, None if its class is left out.

    Args:
        value: a number, or the name of an emotion.
        names: the name of each number; [] for the numbers of FER-2013.
    """
    if isinstance(value, int) and 0 <= value < len(names):
        value = names[value]
    if isinstance(value, str):
        if value.lower() in {name.lower() for name in ignore}:
            return None
        if not value.isdecimal():
            return _named_label(value, file)
        value = int(value)
    if not isinstance(value, int) or not 0 <= value < len(EMOTIONS):
        raise ValueError(f"{file}: label is {value!r}, but must be a number from 0 to 6.")
    return value


def _named_label(name: str, file: str) -> int:
    try:
        return emotions.number(name)
    except ValueError as error:
        raise ValueError(
            f"{file} has images of the class {name}, which is none of the seven emotions: to leave "
            f'them out, call fer2013.read(..., ignore=["{name}"]).'
        ) from error
