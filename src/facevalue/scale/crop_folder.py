"""Cropping the faces from all photos of a folder."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from facevalue.data.descriptors import perceptual_hash
from facevalue.files import atomic_write, without_secrets, write_text
from facevalue.image_files import SUFFIXES, encode_png, to_grey
from facevalue.recognition.cropping import MARGIN, crop
from facevalue.recognition.detection import find_faces
from facevalue.recognition.face import Face
from facevalue.recognition.recogniser import PHOTO_SIDE
from facevalue.scale import cluster, storage
from facevalue.scale.face_table import plain_text, spreadsheet_text

TABLE = "crops.csv"
"""The name of the table in the folder of the crops."""

COLUMNS = ("file", "x", "y", "width", "height", "crop", "hash", "problem", "state")

TEXTS = ("file", "crop", "problem")
"""The columns whose texts come from outside."""

CHECKPOINT = 5.0
"""The least number of seconds between two writes of the table: a kill loses the work since then."""

Row = tuple[int | None, int | None, int | None, int | None, str, str, str]
"""The columns x, y, width, height, crop, hash and problem of a row of the table."""


@dataclass(frozen=True)
class _Settings:
    """What a worker must know to crop faces; the names are those of `crop_folder`'s arguments."""

    address: str
    out: Path
    size: int
    colour: bool
    margin: float
    detector: str

    def key(self) -> str:
        """Return the settings that change the crops as a text, to compare with an earlier run."""
        colours = "colour" if self.colour else "grey"
        return f"{self.detector} {self.size} {colours} {self.margin:g}"


def crop_folder(
    folder: str | Path,
    out: str | Path,
    *,
    size: int = 48,
    colour: bool = False,
    margin: float = MARGIN,
    detector: str = "yunet",
    progress: bool = True,
) -> pd.DataFrame:
    """Crop the faces from all photos of a folder, here or on a cluster (see `cluster.map`).

    Writes a PNG for each face into `out`, and the returned table as crops.csv. Another call with
    the same settings processes only the photos that are new, changed, or not finished.

    Args:
        folder: a folder with photos at any depth, on this machine or at an address that fsspec
            knows, such as s3://bucket/photos; a warning counts files without one of the `SUFFIXES`.
        out: the folder for the crops, which a cluster's workers must share; it may be inside
            `folder`.
        size: height and width of a crop, in pixels: 48 for the course's own networks, 224 for
            pretrained ones.
        colour: write RGB images instead of grey levels.
        margin: as in `crop`.
        detector: as in `find_faces`.
        progress: show a progress bar.
    Returns:
        A row per face, sorted by photo: file (the photo, relative to `folder`), x, y, width,
        height (its box), crop (the PNG, relative to `out`), hash (`perceptual_hash` of the crop in
        hexadecimal: equal for copies of one photo), problem. A photo without a face, or one that
        cannot be read, has a single row with the reason in problem, which is "" otherwise. In
        crops.csv, names that a spreadsheet would take for a formula begin with a quote.
    Raises:
        FileNotFoundError: the folder does not exist.
        ValueError: it contains no photo, an argument is invalid, or `out` is `folder`.
        ModuleNotFoundError: the address or the detector needs a package that is not installed.
        OSError: the table cannot be written, for example because the disk is full.
        cluster.TaskError: a crop cannot be written; the message names the photo.
        cluster.VersionError, ConnectionError: as in `cluster.map`.
    """
    settings = _Settings(
        storage.address(folder), Path(out).resolve(), size, colour, margin, detector
    )
    _check_settings(settings)
    problems: list[dict[str, str]] = []
    states = _photo_states(settings, problems)
    done = _finished(settings.out, states)
    remaining = [name for name in states if name not in done]
    pause, saved = CHECKPOINT, time.monotonic()
    try:
        crops = cluster.map(
            partial(_crop_photo, settings), remaining, label="cropping", progress=progress
        )
        for name, rows in zip(remaining, crops, strict=True):
            done[name] = rows
            start = time.monotonic()
            if start > saved + pause:
                _write_table(settings.out, done, states)
                saved = time.monotonic()
                # writing takes at most 5 % of the time
                pause = max(CHECKPOINT, 20 * (saved - start))
        for entry in problems:
            done[entry["file"]], states[entry["file"]] = [_problem_row(entry["problem"])], ""
    finally:
        table = _write_table(settings.out, done, states)
    return table.drop(columns="state")


def _check_settings(settings: _Settings) -> None:
    """Raise an error for what would fail for every photo, as in `crop_folder`."""
    storage.check_folder(settings.address)
    if settings.address == str(settings.out):
        raise ValueError(
            f"The crops would be among the photos in {settings.out}: give another folder as `out`."
        )
    blank = np.zeros((64, 64), np.uint8)
    crop(blank, (0, 0, 64, 64), settings.size, settings.margin)
    find_faces(blank, settings.detector)


def _photo_states(settings: _Settings, problems: list[dict[str, str]]) -> dict[str, str]:
    """Return for each photo a text that changes when the photo or the settings change."""
    system, root = storage.file_system(settings.address)
    crops = ""  # the path of the crops in the folder, if they are inside it
    if Path(settings.address) in settings.out.parents:
        crops = f"{settings.out.relative_to(settings.address).as_posix()}/"
    skipped: Counter[str] = Counter()

    def skip(name: str) -> None:
        if not (crops and name.startswith(crops)):
            skipped[PurePosixPath(name).suffix.lower() or "no suffix"] += 1

    states = {
        name: f"{settings.key()} {state}"
        for name, state in storage.files(system, root, SUFFIXES, problems, skip=skip)
        if not (crops and name.startswith(crops))
    }
    types = ", ".join(f"{suffix} {n:,}" for suffix, n in skipped.most_common())
    if not states and not problems:
        others = f", and it has: {types}. Convert other photos to JPEG" if skipped else ""
        raise ValueError(
            f"There is no photo in {without_secrets(settings.address)}: names of photos "
            f"end in {', '.join(SUFFIXES)}{others}."
        )
    if skipped:
        warnings.warn(
            f"Files of other types were not cropped: {types}. Convert photos among them to JPEG.",
            stacklevel=3,
        )
    return states


def _problem_row(text: str) -> Row:
    return (None, None, None, None, "", "", text)


def _crop_photo(settings: _Settings, name: str) -> list[Row]:
    """Write the crops of one photo, and return its rows of the table."""
    system, root = storage.file_system(settings.address)
    try:
        photo, whole = storage.read_image(system, storage.join(root, name), PHOTO_SIDE)
    except Exception as error:  # each kind of storage has its own exceptions
        return [_problem_row(storage.reason(error))]
    faces = find_faces(photo, settings.detector)
    scale = max(whole) / max(photo.shape)
    rows: list[Row] = []
    for k, face in enumerate(faces):
        file = f"{name}-{k}.png"
        fingerprint = _write_crop(settings, photo, face, file)
        rows.append((*face.enlarged(scale, whole).box, file, fingerprint, ""))
    _delete_crops_from(settings.out, name, len(faces))
    return rows or [_problem_row("no face found")]


def _write_crop(settings: _Settings, photo: np.ndarray, face: Face, file: str) -> str:
    """Write the crop of one face, and return its perceptual hash in hexadecimal."""
    cut = crop(photo, face, settings.size, settings.margin)
    with atomic_write(settings.out / file) as part:
        part.write_bytes(encode_png(cut if settings.colour else to_grey(cut)))
    bits = perceptual_hash(to_grey(crop(photo, face, margin=settings.margin))[None])[0]
    return np.packbits(bits).tobytes().hex()


def _delete_crops_from(out: Path, name: str, number: int) -> None:
    """Delete the crops of a photo from a number on: an earlier run may have found more faces."""
    while (stale := out / f"{name}-{number}.png").is_file():
        stale.unlink()
        number += 1


def _write_table(
    out: Path, done: Mapping[str, list[Row]], states: Mapping[str, str]
) -> pd.DataFrame:
    """Write the table of the finished photos, and return it."""
    rows = [(name, *row, states[name]) for name in states for row in done.get(name, [])]
    table = pd.DataFrame(rows, columns=COLUMNS)
    table = table.astype(dict.fromkeys(COLUMNS[1:5], "Int64"))
    safe = table.assign(**{name: table[name].map(spreadsheet_text) for name in TEXTS})
    write_text(out / TABLE, safe.to_csv(index=False, lineterminator="\n"))
    return table


def _finished(out: Path, states: Mapping[str, str]) -> dict[str, list[Row]]:
    """Return the rows of the photos that an earlier run cropped, if nothing has changed since."""
    try:
        table = pd.read_csv(out / TABLE, dtype=str, keep_default_na=False)[list(COLUMNS)]
        table = table.assign(**{name: table[name].map(plain_text) for name in TEXTS})
    except (OSError, ValueError, KeyError):  # no table, or another one
        return {}
    rows: dict[str, list[Row]] = {}
    outdated = set()
    for name, *box, file, bits, problem, state in table.itertuples(index=False):
        if states.get(name) != state or (file and not (out / file).is_file()):
            outdated.add(name)
        x, y, width, height = (int(value) if value else None for value in box)
        rows.setdefault(name, []).append((x, y, width, height, file, bits, problem))
    return {name: found for name, found in rows.items() if name not in outdated}
