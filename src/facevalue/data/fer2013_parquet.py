"""FER-2013 as Parquet files, as Hugging Face has it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet as parquet
from tqdm import tqdm

from facevalue import emotions
from facevalue.data.dataset import SPLITS, Dataset
from facevalue.data.fer2013_facts import ROWS, _dataset, _decoded, _warn_of_counts, official_split
from facevalue.emotions import EMOTIONS


def _parquet_files(folder: Path) -> dict[str, list[Path]]:
    """Return the files of each split, by file name or folder name; empty unless all three."""
    files: dict[str, list[Path]] = {}
    for file in sorted([*folder.glob("*.parquet"), *folder.glob("*/*.parquet")]):
        split = official_split(file.name if file.parent == folder else file.parent.name)
        if split:
            files.setdefault(split, []).append(file)
    return {split: files[split] for split in SPLITS} if len(files) == len(SPLITS) else {}


def _read_parquet(folder: Path) -> Dataset:
    files = _parquet_files(folder)
    labels, splits, origins, images = [], [], [], []
    with tqdm(total=ROWS, desc="Reading parquet files", unit=" faces", disable=None) as bar:
        for split, file in [(split, file) for split, part in files.items() for file in part]:
            name = file.relative_to(folder).as_posix()
            for row, (content, label) in enumerate(_parquet_rows(file)):
                images.append(_decoded(io.BytesIO(content), f"{name}, row {row}"))
                labels.append(label)
                splits.append(split)
                origins.append(f"{name}:{row}")
                bar.update()
    if not images:
        raise ValueError(f"the parquet files in {folder} hold no images.")
    data = _dataset(np.stack(images), labels, splits, origins)
    _warn_of_counts(data, folder.name)
    return data


def _parquet_rows(file: Path) -> Iterator[tuple[bytes, int]]:
    """Yield each image's bytes and label, in the two ways in which people store images."""
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
                    yield content, _label(value, numbers, file.name)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(f"{file.name} is not a readable parquet file: {reason}.") from error


def _column(table: parquet.ParquetFile, file: str, names: tuple[str, ...]) -> str:
    for column in table.schema_arrow.names:
        if column.strip().lower() in names:
            return column
    raise ValueError(f"{file} has no column {names[0]}.")


def _label_numbers(table: parquet.ParquetFile, column: str) -> list[int] | None:
    """Return our label for each number in the file, where Hugging Face's metadata names them."""
    metadata = (table.schema_arrow.metadata or {}).get(b"huggingface", b"{}")
    try:
        names = json.loads(metadata)["info"]["features"][column]["names"]
        return [emotions.number(name) for name in names]
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _label(value: object, numbers: list[int] | None, file: str) -> int:
    if isinstance(value, str):
        return emotions.number(value)
    if not isinstance(value, int) or not 0 <= value < len(EMOTIONS):
        raise ValueError(f"{file}: label is {value!r}, it must be a number from 0 to 6.")
    return numbers[value] if numbers and value < len(numbers) else value
