"""Cutting the faces out of all photos of a folder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from facevalue.data.descriptors import perceptual_hash
from facevalue.files import atomic_write, explain_write_errors, write_text
from facevalue.image_files import SUFFIXES, encode_png, to_grey
from facevalue.recognition.cropping import MARGIN, crop
from facevalue.recognition.detection import find_faces
from facevalue.recognition.face import Face
from facevalue.scale import cluster, storage

TABLE = "crops.csv"
COLUMNS = ("file", "x", "y", "width", "height", "crop", "hash", "problem", "state")

CHECKPOINT = 5.0
"""Seconds between two writes of the table, which is all that a kill can cost."""

Row = tuple[int | None, int | None, int | None, int | None, str, str, str]
"""The columns from x to problem."""


@dataclass(frozen=True)
class _Cropping:
    """How faces are cropped: what a worker must know."""

    address: str
    out: Path
    size: int
    colour: bool
    margin: float
    detector: str

    def key(self) -> str:
        """Return the settings as a text, to compare with those of an earlier run."""
        colours = "colour" if self.colour else "grey"
        return f"{self.detector} {self.size} {colours} {self.margin:g}"


def crop_folder(
    folder: str | Path,
    out: Path,
    *,
    size: int = 48,
    colour: bool = False,
    margin: float = MARGIN,
    detector: str = "yunet",
    progress: bool = True,
) -> pd.DataFrame:
    """Cut the faces out of all photos of a folder, here or on a cluster (see `cluster.map`).

    Writes a PNG for each face to `out`, and the returned table as crops.csv. Called again with the
    same settings, it continues with the photos that are new, changed, or not finished.

    Args:
        folder: photos, at any depth, on this machine or at an address that fsspec knows, such as
            s3://bucket/photos; files of other types than `SUFFIXES` are skipped.
        out: where the crops go, a folder that a cluster's workers share; it may lie in `folder`.
        size: height and width of a crop: 48 for our networks, 224 for pretrained ones.
        colour: keep the colours instead of writing grey levels.
        margin: as in `crop`.
        detector: as in `find_faces`.
        progress: show a progress bar.
    Returns:
        A row per face, sorted by photo: file (the photo, relative to `folder`), x, y, width,
        height (its box), crop (the PNG, relative to `out`), hash (`perceptual_hash` of the crop in
        hexadecimal: equal for copies of one photo), problem. A photo without a face, or one that
        cannot be read, has a single row with the reason in problem; otherwise that is empty.
    Raises:
        FileNotFoundError: the folder does not exist.
        ValueError: it holds no photo, an argument is out of range, or `out` is `folder`.
        ModuleNotFoundError: the address needs a package that is not installed.
        OSError: the table cannot be written, for example because the disk is full.
        cluster.TaskError: a crop cannot be written; the message names the photo.
        cluster.VersionError, ConnectionError: as in `cluster.map`.
    """
    how = _Cropping(storage.address(folder), out.resolve(), size, colour, margin, detector)
    _check_settings(how)
    problems: list[dict[str, str]] = []
    states = _photo_states(how, problems)
    done = _finished(how.out, states)
    left = [name for name in states if name not in done]
    pause, saved = CHECKPOINT, time.monotonic()
    try:
        crops = cluster.map(partial(_crop_photo, how), left, label="cropping", progress=progress)
        for name, rows in zip(left, crops, strict=True):
            done[name] = rows
            start = time.monotonic()
            if start > saved + pause:
                _write_table(how.out, done, states)
                saved = time.monotonic()
                pause = max(CHECKPOINT, 20 * (saved - start))  # at most 5 % of the time
        for entry in problems:
            done[entry["file"]], states[entry["file"]] = [_problem(entry["problem"])], ""
    finally:
        table = _write_table(how.out, done, states)
    return table.drop(columns="state")


def _check_settings(how: _Cropping) -> None:
    """Raise OSError or ValueError for what would fail for every photo."""
    storage.check_folder(how.address)
    if how.address == str(how.out):
        raise ValueError(f"The crops would lie among the photos in {how.out}: give another `out`.")
    blank = np.zeros((64, 64), np.uint8)
    crop(blank, (0, 0, 64, 64), how.size, how.margin)
    find_faces(blank, how.detector)


def _photo_states(how: _Cropping, problems: list[dict[str, str]]) -> dict[str, str]:
    """Return for each photo a text that changes when the photo or the settings change."""
    system, root = storage.file_system(how.address)
    crops = ""
    if Path(how.address) in how.out.parents:
        crops = f"{how.out.relative_to(how.address).as_posix()}/"
    states = {
        name: f"{how.key()} {state}"
        for name, state in storage.files(system, root, SUFFIXES, problems)
        if not (crops and name.startswith(crops))
    }
    if not states and not problems:
        raise ValueError(
            f"There is no photo in {storage.without_secrets(how.address)}: the names of photos "
            f"end in {', '.join(SUFFIXES)}."
        )
    return states


def _problem(text: str) -> Row:
    return (None, None, None, None, "", "", text)


def _crop_photo(how: _Cropping, name: str) -> list[Row]:
    """Write the faces of one photo; return the rows of the table for it."""
    system, root = storage.file_system(how.address)
    try:
        photo = storage.read_image(system, storage.join(root, name))
    except Exception as error:  # each kind of storage has its own exceptions
        return [_problem(storage.reason(error))]
    faces = find_faces(photo, how.detector)
    rows = [_write_crop(how, photo, face, f"{name}-{k}.png") for k, face in enumerate(faces)]
    _delete_crops_from(how.out, name, len(faces))
    return rows or [_problem("no face found")]


def _write_crop(how: _Cropping, photo: np.ndarray, face: Face, file: str) -> Row:
    cut = crop(photo, face, how.size, how.margin)
    with explain_write_errors(how.out), atomic_write(how.out / file) as part:
        part.write_bytes(encode_png(cut if how.colour else to_grey(cut)))
    bits = perceptual_hash(to_grey(crop(photo, face, margin=how.margin))[None])[0]
    return (*face.box, file, np.packbits(bits).tobytes().hex(), "")


def _delete_crops_from(out: Path, name: str, number: int) -> None:
    """Delete the crops of an earlier run that found more faces."""
    while (stale := out / f"{name}-{number}.png").is_file():
        stale.unlink()
        number += 1


def _write_table(
    out: Path, done: Mapping[str, list[Row]], states: Mapping[str, str]
) -> pd.DataFrame:
    """Write what is finished so far to `out`, and return it."""
    rows = [(name, *row, states[name]) for name in states for row in done.get(name, [])]
    table = pd.DataFrame(rows, columns=COLUMNS)
    table = table.astype(dict.fromkeys(COLUMNS[1:5], "Int64"))
    with explain_write_errors(out):
        write_text(out / TABLE, table.to_csv(index=False, lineterminator="\n"))
    return table


def _finished(out: Path, states: Mapping[str, str]) -> dict[str, list[Row]]:
    """Return the rows of the photos that an earlier run has cropped in the same way."""
    try:
        table = pd.read_csv(out / TABLE, dtype=str, keep_default_na=False)[list(COLUMNS)]
    except (OSError, ValueError, KeyError):  # no table, or one that has nothing to do with this
        return {}
    rows: dict[str, list[Row]] = {}
    outdated = set()
    for name, *box, file, bits, problem, state in table.itertuples(index=False):
        if states.get(name) != state or (file and not (out / file).is_file()):
            outdated.add(name)
        x, y, width, height = (int(value) if value else None for value in box)
        rows.setdefault(name, []).append((x, y, width, height, file, bits, problem))
    return {name: found for name, found in rows.items() if name not in outdated}
