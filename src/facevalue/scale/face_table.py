"""The table of faces that scoring a folder writes, as a CSV or Parquet file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from facevalue.emotions import EMOTIONS
from facevalue.recognition.recogniser import Sighting

Row = dict[str, Any]

COLUMNS = {
    "file": "string",
    "frame": "int32",
    "x": "int32",
    "y": "int32",
    "width": "int32",
    "height": "int32",
    **dict.fromkeys(EMOTIONS, "float32"),
    "emotion": "string",
}
"""The columns and their types: where a face is, in pixels, its probabilities, the largest one."""

SUFFIXES = (".csv", ".parquet")

ROW_GROUP = 20_000
"""How many rows of a Parquet file are in memory at once."""


def face_row(file: str, frame: int, sighting: Sighting) -> Row:
    """Return the row of a face.

    Args:
        file: the name of the photo or video, under the scored folder.
        frame: the number of the video's frame; 0 in a photo.
    """
    box = dict(zip(("x", "y", "width", "height"), sighting.box, strict=True))
    return {
        "file": file,
        "frame": frame,
        **box,
        # nine digits are all that float32 holds
        **{name: float(f"{value:.9g}") for name, value in sighting.probabilities.items()},
        "emotion": sighting.emotion,
    }


def check_out(out: Path) -> None:
    """Raise an error unless `write_table` can write such a file.

    Raises:
        ValueError: the suffix is none of `SUFFIXES`, or `out` is a folder.
        ModuleNotFoundError: a Parquet file needs pyarrow, which is not installed.
    """
    if out.suffix.lower() not in SUFFIXES or out.is_dir():
        raise ValueError(f"{out} must be a file, and its name must end in .csv or .parquet.")
    if out.suffix.lower() == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise ModuleNotFoundError(
                f'{out} needs pyarrow: install it with pip install "pyarrow>=16", or write a .csv '
                "file."
            ) from None


def write_table(file: Path, rows: Iterable[Row], suffix: str) -> None:
    """Write the rows of faces, of which only some are in memory at once.

    Args:
        file: the file to write.
        rows: as from `face_row`.
        suffix: which kind of file, one of `SUFFIXES`.
    """
    (_write_parquet if suffix == ".parquet" else _write_csv)(file, rows)


def write_csv(file: Path, names: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a CSV file in UTF-8 with a header."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)


def _write_csv(file: Path, rows: Iterable[Row]) -> None:
    write_csv(file, COLUMNS, map(_texts, rows))


def _texts(row: Row) -> list[Any]:
    """Return the cells of a row: probabilities with six decimals."""
    return [
        f"{row[name]:.6f}" if kind == "float32" else row[name] for name, kind in COLUMNS.items()
    ]


def _write_parquet(file: Path, rows: Iterable[Row]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    types: dict[str, pa.DataType] = {
        "string": pa.string(),
        "int32": pa.int32(),
        "float32": pa.float32(),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for group in _groups(rows):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def _groups(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Any]]:
    left = iter(rows)
    while group := list(islice(left, ROW_GROUP)):
        yield group
