"""Reading FER-2013 from Parquet files, the format of the Hugging Face Hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet as parquet
from tqdm import tqdm

from facevalue import emotions
from facevalue.data.dataset import SPLITS, Dataset
from facevalue.data.fer2013_common import decode_face, official_split, to_dataset, warn_of_counts
from facevalue.data.fer2013_facts import ROWS
from facevalue.emotions import EMOTIONS


def split_files(folder: Path) -> dict[str, list[Path]]:
    """Return the Parquet files of each split; empty unless there are files for all three.

    A file belongs to the split that its name, or the name of its subfolder, begins with.
    """
    files: dict[str, list[Path]] = {}
    for file in sorted([*folder.glob("*.parquet"), *folder.glob("*/*.parquet")]):
        split = official_split(file.name if file.parent == folder else file.parent.name)
        if split:
            files.setdefault(split, []).append(file)
    return {split: files[split] for split in SPLITS} if len(files) == len(SPLITS) else {}


def read(folder: Path) -> Dataset:
    """Return FER-2013 from one or more Parquet files per split; origins are "FILE:ROW".

    Raises:
        ValueError: the files hold no images, or content that is not FER-2013.
    """
    files = split_files(folder)
    labels, splits, origins, images = [], [], [], []
    with tqdm(total=ROWS, desc="Reading Parquet files", unit=" faces", disable=None) as bar:
        for split, file in [(split, file) for split, part in files.items() for file in part]:
            name = file.relative_to(folder).as_posix()
            for row, (content, label) in enumerate(_parquet_rows(file)):
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


def _parquet_rows(file: Path) -> Iterator[tuple[bytes, int]]:
    """Yield each image's encoded bytes and its label; a cell has the bytes or a struct of them."""
    try:
        with parquet.ParquetFile(file) as table:
            image = _column(table, file.name, ("image", "img", "pixels"))
            label = _column(table, file.name, ("label", "labels", "emotion"))
            numbers = _label_numbers(table, label)
            for batch in table.iter_batches(1000, columns=[image, label]):
                for cell, value in zip(
                    batch[image].to_pylist(), batch[label].to_pylist(), strict=True
                ):
                    content = cell.get("bytes") if isinstance(cell, dict) else cell
                    if not isinstance(content, bytes):
                        raise ValueError(f"{file.name} has a row without the bytes of an image.")
                    yield content, _course_label(value, numbers, file.name)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(f"{file.name} is not a readable Parquet file: {reason}.") from error


def _column(table: parquet.ParquetFile, file: str, names: tuple[str, ...]) -> str:
    """Return the name of the first column that has one of `names`."""
    for column in table.schema_arrow.names:
        if column.strip().lower() in names:
            return column
    raise ValueError(f"{file} has no column {names[0]}.")


def _label_numbers(table: parquet.ParquetFile, column: str) -> list[int] | None:
    """Return the course's label for each label of the file, None if its metadata has no names."""
    metadata = (table.schema_arrow.metadata or {}).get(b"huggingface", b"{}")
    try:
        names = json.loads(metadata)["info"]["features"][column]["names"]
        return [emotions.number(name) for name in names]
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _course_label(value: object, numbers: list[int] | None, file: str) -> int:
    if isinstance(value, str):
        return emotions.number(value)
    if not isinstance(value, int) or not 0 <= value < len(EMOTIONS):
        raise ValueError(f"{file}: label is {value!r}, but must be a number from 0 to 6.")
    return numbers[value] if numbers and value < len(numbers) else value
