"""The table of faces that scoring a folder writes, as a CSV or Parquet file."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from facevalue.emotions import EMOTIONS
from facevalue.files import check_parent

Row = dict[str, Any]
"""A face by the columns of the table."""

BOX = ("x", "y", "width", "height")

COLUMNS = {
    "file": "string",
    "frame": "int32",
    "seconds": "float64",
    "person": "int32",
    **dict.fromkeys(BOX, "int32"),
    **dict.fromkeys(EMOTIONS, "float32"),
    "emotion": "string",
}
"""The columns and their types; x, y, width and height are the box of a face, in pixels.

frame, seconds and person describe faces in videos: see `face_row`.
"""

DECIMALS = {"float32": 6, "float64": 3}
"""How many decimals the numbers in a CSV file have, by type: probabilities 6, seconds 3."""

SUFFIXES = (".csv", ".parquet")
"""The suffixes of the files that can be written."""

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
"""The beginning of a text that a spreadsheet takes for a formula, with the quotes before it."""

ROW_GROUP = 20_000
"""How many rows of a Parquet file are in memory at once when it is written."""


def face_row(
    file: str,
    box: Sequence[int],
    *,
    frame: int = 0,
    seconds: float | None = None,
    person: int | None = None,
) -> Row:
    """Return the row of a face without its emotions, which `emotion_cells` adds.

    Args:
        file: the path of the photo or video, relative to the scored folder.
        box: x, y, width and height, in pixels.
        frame: the number of the frame in a video, starting at 0; 0 for a photo.
        seconds: the time stamp of the frame; None for a photo.
        person: the number of the person in the video, starting at 1; None for a photo.
    """
    place = dict(zip(BOX, box, strict=True))
    return {"file": file, "frame": frame, "seconds": seconds, "person": person, **place}


def emotion_cells(probabilities: np.ndarray) -> Row:
    """Return the cells of a face's emotions: seven probabilities, and the most probable emotion.

    Args:
        probabilities: float32, shape (7,), in the order of `EMOTIONS`.

    >>> emotion_cells(np.eye(7, dtype=np.float32)[3])["emotion"]
    'happy'
    """
    # nine digits represent a float32 exactly
    values = [float(f"{value:.9g}") for value in probabilities]
    cells: Row = dict(zip(EMOTIONS, values, strict=True))
    return {**cells, "emotion": EMOTIONS[values.index(max(values))]}


def check_out(out: Path) -> None:
    """Raise an error if `write_table` cannot write a file with this name.

    Raises:
        ValueError: the suffix is none of `SUFFIXES`, or `out` is a folder.
        FileNotFoundError: the folder of `out` does not exist.
        ModuleNotFoundError: a Parquet file needs pyarrow, which is not installed.
    """
    if out.suffix.lower() not in SUFFIXES or out.is_dir():
        raise ValueError(f"{out} must be a file, and its name must end in .csv or .parquet.")
    check_parent(out)
    if out.suffix.lower() == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise ModuleNotFoundError(
                f'{out} needs pyarrow: install it with pip install "pyarrow>=16", or write a .csv '
                "file."
            ) from error


def write_table(file: Path, rows: Iterable[Row], suffix: str) -> None:
    """Write a table of faces, with only some rows in memory at once.

    Args:
        file: the file to write.
        rows: as from `face_row`.
        suffix: the format, one of `SUFFIXES`; `file` may have another suffix.
    """
    (_write_parquet if suffix == ".parquet" else _write_csv)(file, rows)


def write_csv(file: Path, names: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a CSV file in UTF-8 with a header; texts are written as by `spreadsheet_text`."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([spreadsheet_text(cell) for cell in row] for row in rows)


def spreadsheet_text(cell: Any) -> Any:
    """Return a text such that no spreadsheet takes it for a formula; other values are unchanged.

    A text that begins with =, +, -, @ or a control character gets a quote before it, and so does
    one that has such quotes already, so that `plain_text` can undo it.

    >>> spreadsheet_text("=HYPERLINK(1).jpg"), spreadsheet_text("a.jpg"), spreadsheet_text(-1)
    ("'=HYPERLINK(1).jpg", 'a.jpg', -1)
    """
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def plain_text(cell: str) -> str:
    """Return the text from which `spreadsheet_text` made a cell."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell


def read_csv(file: Path) -> Iterator[Row]:
    """Yield the rows of a CSV file from `write_table`; an empty cell is None."""
    types: dict[str, Callable[[str], Any]] = {
        "string": plain_text,
        "int32": int,
        "float32": float,
        "float64": float,
    }
    with file.open(encoding="utf-8", newline="") as opened:
        for cells in csv.DictReader(opened):
            yield {
                name: types[kind](cells[name]) if cells[name] else None
                for name, kind in COLUMNS.items()
            }


def _write_csv(file: Path, rows: Iterable[Row]) -> None:
    write_csv(file, COLUMNS, map(_csv_cells, rows))


def _csv_cells(row: Row) -> list[Any]:
    return [
        row[name]
        if row[name] is None or kind not in DECIMALS
        else f"{row[name]:.{DECIMALS[kind]}f}"
        for name, kind in COLUMNS.items()
    ]


def _write_parquet(file: Path, rows: Iterable[Row]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    types: dict[str, pa.DataType] = {
        "string": pa.string(),
        "int32": pa.int32(),
        "float32": pa.float32(),
        "float64": pa.float64(),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for group in _groups(rows):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while group := list(islice(remaining, ROW_GROUP)):
        yield group
