"""Cutting the faces out of all photos of a folder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pandas as pd

from facevalue import image_files
from facevalue.data import descriptors
from facevalue.files import atomic_write, explain_write_errors, write_text
from facevalue.image_files import SUFFIXES
from facevalue.recognition.cropping import crop
from facevalue.recognition.detection import find_faces
from facevalue.scale import cluster, storage
from facevalue.scale.storage import read_from

if TYPE_CHECKING:
    pass


TABLE = "crops.csv"
COLUMNS = ("file", "x", "y", "width", "height", "crop", "hash", "problem", "state")

Row = tuple[int | None, int | None, int | None, int | None, str, str, str]


def crop_folder(
    folder: str | Path,
    out: Path,
    *,
    size: int = 48,
    colour: bool = False,
    margin: float = 0.1,
    detector: str = "frontalface_default",
    progress: bool = True,
) -> pd.DataFrame:
    """Cut the faces out of all photos of a folder, here or on a cluster (see `cluster.map`).

    Writes a PNG for each face to `out`, and the returned table as crops.csv. Started again with
    the same settings, it goes on with the photos that are new, changed, or not done yet.

    Args:
        folder: photos, at any depth, on this machine or at an address that fsspec knows, as
            s3://bucket/photos; files of other types than `SUFFIXES` are left out.
        out: where the crops go, a folder that a cluster's workers share; it may lie in `folder`.
        size: height and width of a crop: 48 for our networks, 224 for pretrained ones.
        colour: keep the colours, or write grey levels.
        margin: as in `crop`.
        detector: as in `find_faces`.
        progress: show a bar.
    Returns:
        A row per face, the photos in the order of their names: file (the photo, under `folder`),
        x, y, width, height (its box), crop (the PNG, under `out`), hash (`perceptual_hash` of the
        crop in hexadecimal: equal for copies of one photo), problem. A photo without a face, or
        that cannot be read, has one row with the reason in problem; else that is empty.
    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: there is no photo in it, or `size`, `margin` or `detector` is out of the
            question, or `out` is `folder`.
        ModuleNotFoundError: the address needs a package that is not installed.
        OSError: the table cannot be written, as when the disk is full.
        cluster.TaskError: a crop cannot be written; the message names the photo.
        cluster.VersionError, ConnectionError: as in `cluster.map`.
    """
    place, out = storage.address(folder), out.resolve()
    storage.check_folder(place)
    if place == str(out):
        raise ValueError(f"the crops would lie among the photos of {folder}: give another `out`.")
    blank = np.zeros((64, 64), np.uint8)  # wrong settings fail here, once, not in every photo
    crop(blank, (0, 0, 64, 64), margin, size)
    find_faces(blank, detector)
    inside = f"{out.relative_to(place).as_posix()}/" if Path(place) in out.parents else None
    # a photo is done if it is the same file, cropped in the same way
    settings = f"{detector} {size} {'colour' if colour else 'grey'} {margin:g}"
    system, root = storage.opened(place)
    problems: list[dict[str, str]] = []
    states = {
        name: f"{settings} {state}"
        for name, state in storage.files(system, root, SUFFIXES, problems)
        if inside is None or not name.startswith(inside)
    }
    if not states and not problems:
        raise ValueError(f"there is no photo in {storage.shown(place)}: no {', '.join(SUFFIXES)}.")
    done = _done(out, states)
    left = [name for name in states if name not in done]
    work = partial(_crop_photo, place, out, size, colour, margin, detector)
    pause, saved = 5.0, time.monotonic()
    try:
        results = cluster.map(work, left, label="cropping faces", progress=progress)
        for name, rows in zip(left, results, strict=True):
            done[name] = rows
            start = time.monotonic()
            if start > saved + pause:  # what a kill costs at most
                _table(out, done, states)
                saved = time.monotonic()
                pause = max(5.0, 20 * (saved - start))
        for told in problems:
            done[told["file"]], states[told["file"]] = [_failed(told["problem"])], ""
    finally:
        table = _table(out, done, states)
    return table.drop(columns="state")


def _failed(problem: str) -> Row:
    return (None, None, None, None, "", "", problem)


def _crop_photo(
    place: str, out: Path, size: int, colour: bool, margin: float, detector: str, name: str
) -> list[Row]:
    """Write the faces of one photo; return the rows of the table for it."""
    system, root = storage.opened(place)
    try:
        image = read_from(system, storage.join(root, name))
    except Exception as error:  # a storage's own types too: one file must not stop the rest
        return [_failed(storage.reason(error))]
    boxes = find_faces(image, detector)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    rows: list[Row] = []
    for number, box in enumerate(boxes):
        face = crop(image if colour else grey, box, margin, size)
        target = out / f"{name}-{number}.png"
        with explain_write_errors(out), atomic_write(target) as part:
            part.write_bytes(image_files.encode_png(face))
        x, y, width, height = box.tolist()
        bits = descriptors.perceptual_hash(crop(grey, box, margin, 48)[None])[0]
        told = np.packbits(bits).tobytes().hex()
        rows.append((x, y, width, height, f"{name}-{number}.png", told, ""))
    old = len(boxes)  # from a run that found more
    while (stale := out / f"{name}-{old}.png").is_file():
        stale.unlink()
        old += 1
    return rows or [_failed("no face found")]


def _table(out: Path, done: Mapping[str, list[Row]], states: Mapping[str, str]) -> pd.DataFrame:
    """Write what is done so far to `out`, and return it."""
    rows = [(name, *row, states[name]) for name in states for row in done.get(name, [])]
    table = pd.DataFrame(rows, columns=COLUMNS)
    table = table.astype(dict.fromkeys(COLUMNS[1:5], "Int64"))
    with explain_write_errors(out):
        write_text(out / TABLE, table.to_csv(index=False, lineterminator="\n"))
    return table


def _done(out: Path, states: Mapping[str, str]) -> dict[str, list[Row]]:
    """Return the rows of the photos that an earlier run has cropped in the same way."""
    try:
        table = pd.read_csv(out / TABLE, dtype=str, keep_default_na=False)[list(COLUMNS)]
    except (OSError, ValueError, KeyError):  # none, or somebody else's: everything is to be done
        return {}
    done: dict[str, list[Row]] = {}
    lost = set()
    for name, *box, png, told, problem, state in table.itertuples(index=False):
        if states.get(name) != state or (png and not (out / png).is_file()):
            lost.add(name)
        x, y, width, height = (int(value) if value else None for value in box)
        done.setdefault(name, []).append((x, y, width, height, png, told, problem))
    return {name: rows for name, rows in done.items() if name not in lost}
