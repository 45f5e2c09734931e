"""Faces for transfer learning: those on which the project's own network was not trained."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from facevalue import image_files, paths
from facevalue.data.cache import load_or_make
from facevalue.data.dataset import SIZE, Dataset
from facevalue.emotions import EMOTIONS, number
from facevalue.recognition.cropping import crop
from facevalue.recognition.detection import find_faces

MIN_PHOTOS = 2
"""An emotion with fewer photos than this is not in the Training split."""


def new_faces(data: Dataset) -> Dataset:
    """Return faces on which the project's own network was not trained, and print which ones.

    The network for drawn faces was trained on other drawn people, so its new faces are `data`
    itself. The network for FER-2013 was trained on the Training images of FER-2013, so its new
    faces are those in a folder of photos (see `photo_folder`). If there is no such folder, they are
    FER-2013's PublicTest, as the split Training, and PrivateTest.

    Args:
        data: the drawn faces or FER-2013.

    Returns:
        A data set with the splits Training and PrivateTest.

    Raises:
        FileNotFoundError, ValueError: as in `photo_folder` and `photos`.
    """
    if data.name == "rendered":
        print("New faces: the drawn faces of the course; the body has seen other people.")
        return data
    folder = photo_folder()
    if folder is not None:
        found = photos(folder)
        print(f"New faces: {len(found)} photos.")
        return found
    print(
        "New faces: PublicTest to train on; for photos, set FACEVALUE_PHOTOS to a folder of them."
    )
    public, private = data.split("PublicTest"), data.split("PrivateTest")
    return Dataset(
        "fer2013",
        np.concatenate([public.images, private.images]),
        np.concatenate([public.labels, private.labels]),
        np.array(["Training"] * len(public) + ["PrivateTest"] * len(private)),
        np.concatenate([public.origins, private.origins]),
    )


def photo_folder() -> Path | None:
    """Return the folder of labelled photos, or None if there is none.

    It is the folder that FACEVALUE_PHOTOS names, or else photos/ next to the FER-2013 file.

    Raises:
        FileNotFoundError: FACEVALUE_PHOTOS names a folder that does not exist.
    """
    named = os.environ.get("FACEVALUE_PHOTOS")
    if named:
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise FileNotFoundError(
                f"FACEVALUE_PHOTOS names {named}, which is not a folder: set it to one with photos."
            )
        return folder
    folder = paths.raw_file("photos")
    return folder if folder.is_dir() else None


def photos(folder: str | Path, seed: int = 0) -> Dataset:
    """Return the faces in a folder of labelled photos: 60 % Training, 40 % PrivateTest.

    The labels are read from photos.csv (columns file and emotion). If there is no such file, they
    are the names of the subfolders (`happy/a.jpg`). The largest face of each photo is used; a photo
    that is missing, cannot be read or has no face is left out, and a warning counts these. If an
    emotion has only one photo, it is in PrivateTest. The faces are cached in data/processed.

    Args:
        folder: the folder with the photos.
        seed: the seed of the split.

    Returns:
        A data set named "photos" whose origins are the paths of the photos in `folder`.

    Raises:
        ValueError: there are no labels, an emotion is unknown, or there are too few faces.
    """
    folder = Path(folder)
    labels = _photo_labels(folder)
    files = sorted(file for file in labels if (folder / file).is_file())
    cached = load_or_make("photos", _cache_key(folder, files), lambda: _cut_faces(folder, files))
    images, origins = cached["images"], np.array(files, dtype=str)[cached["rows"]]
    if missing := len(labels) - len(images):
        warnings.warn(
            f"{missing:,} of the {len(labels):,} photos in {folder} are left out, because they are "
            "missing, cannot be read or show no face: facevalue score names them with the reason.",
            stacklevel=2,
        )
    classes = np.array([labels[file] for file in origins], dtype=np.int64)
    counts = np.bincount(classes, minlength=len(EMOTIONS))
    if len(images) < 2 * MIN_PHOTOS or (counts >= MIN_PHOTOS).sum() < 2:
        raise ValueError(
            f"{folder} has {len(images)} photos with a label and a face: at least two emotions "
            f"need {MIN_PHOTOS} or more."
        )
    splits = np.full(len(images), "PrivateTest", dtype="<U11")
    rng = np.random.default_rng(seed)
    for label in np.flatnonzero(counts >= MIN_PHOTOS):
        rows = rng.permutation(np.flatnonzero(classes == label))
        splits[rows[: max(1, len(rows) * 3 // 5)]] = "Training"
    return Dataset("photos", images, classes, splits, origins)


def _photo_labels(folder: Path) -> dict[str, int]:
    """Return the label of each photo, by its path in the folder."""
    listed = folder / "photos.csv"
    if listed.is_file():
        table = pd.read_csv(listed)
        if not {"file", "emotion"} <= set(table):
            columns = ", ".join(map(str, table))
            raise ValueError(f"{listed} needs the columns file and emotion, but it has {columns}.")
        return {str(f): number(str(e)) for f, e in zip(table.file, table.emotion, strict=True)}
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in image_files.SUFFIXES and file.parent != folder:
            found[file.relative_to(folder).as_posix()] = number(file.parent.name)
    if not found:
        raise ValueError(
            f"{folder} has neither a photos.csv (columns file and emotion) nor subfolders with "
            "photos that are named after emotions: add one of them."
        )
    return found


def _cache_key(folder: Path, files: Sequence[str]) -> str:
    """Return a checksum that changes when a photo is added, removed or written again."""
    states = [(folder / file).stat() for file in files]
    facts = [(file, s.st_size, s.st_mtime_ns) for file, s in zip(files, states, strict=True)]
    return hashlib.sha256(repr((str(folder.resolve()), facts)).encode()).hexdigest()[:16]


def _cut_faces(folder: Path, files: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the largest face of each photo (images), and the photo's index in `files` (rows)."""
    images, rows = [np.zeros((0, SIZE, SIZE), np.uint8)], []
    for row, file in enumerate(tqdm(files, desc="finding faces", unit="photo", disable=None)):
        try:
            photo = image_files.read_photo(folder / file)
        except (OSError, ValueError):
            continue
        for face in find_faces(photo)[:1]:
            images.append(image_files.to_grey(crop(photo, face))[None])
            rows.append(row)
    return {"images": np.concatenate(images), "rows": np.array(rows, dtype=np.int64)}
