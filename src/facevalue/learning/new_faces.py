"""Faces that a transferred network has not seen."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pandas as pd

from facevalue import image_files, paths
from facevalue.data.dataset import Dataset
from facevalue.emotions import EMOTIONS, number
from facevalue.scale import crop_folder

LEAST_PHOTOS = 2
"""Faces that an emotion needs to be in both parts of a folder of photos."""


def new_faces(data: Dataset) -> Dataset:
    """Return the faces that a body shall be transferred to, none of which it has seen.

    The body of the drawn faces has seen other drawn people, so the new faces are `data` itself.
    The body of FER-2013 has seen its Training images, so the new faces are photos, cropped: the
    folder that FACEVALUE_PHOTOS names, or photos/ beside the FER-2013 file. Without them, they
    are FER-2013's PublicTest (to train on) and PrivateTest. One sentence says which.
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
    """Return the folder of labelled photos, or None where there is none.

    Raises:
        FileNotFoundError: FACEVALUE_PHOTOS names a folder that is not there.
    """
    named = os.environ.get("FACEVALUE_PHOTOS")
    if named:
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise FileNotFoundError(f"FACEVALUE_PHOTOS names {named}, which is not a folder.")
        return folder
    folder = paths.raw_file("photos")
    return folder if folder.is_dir() else None


def photos(folder: Path, seed: int = 0) -> Dataset:
    """Return the faces of a folder of labelled photos: 60 % Training, 40 % PrivateTest.

    The labels are those of photos.csv (columns file and emotion), else the names of subfolders
    (`happy/a.jpg`). Of each photo the largest face is taken (`crop_folder.crop_folder`); a photo
    in which none is found is left out.

    Raises:
        ValueError: there are no labels, an emotion is unknown, or too few faces were found.
    """
    labels = _photo_labels(folder)
    key = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    out = paths.processed() / "transfer_photos" / key
    table = crop_folder.crop_folder(folder, out, progress=False)
    table = table[table["crop"].fillna("").ne("") & table["file"].isin(list(labels))]
    # crop_folder lists the largest face of a photo first
    table = table.drop_duplicates("file")
    classes = np.array([labels[file] for file in table["file"]], dtype=np.int64)
    counts = np.bincount(classes, minlength=len(EMOTIONS))
    if len(table) < 2 * LEAST_PHOTOS or (counts >= LEAST_PHOTOS).sum() < 2:
        raise ValueError(
            f"{folder.name} has {len(table)} photos with a label and a face that was found: "
            f"there must be {LEAST_PHOTOS} or more of two emotions."
        )
    images = np.stack([image_files.read_photo(out / crop)[..., 0] for crop in table["crop"]])
    splits = np.full(len(table), "PrivateTest", dtype="<U11")
    rng = np.random.default_rng(seed)
    for label in np.flatnonzero(counts >= LEAST_PHOTOS):
        rows = rng.permutation(np.flatnonzero(classes == label))
        splits[rows[: max(1, len(rows) * 3 // 5)]] = "Training"
    return Dataset("photos", images, classes, splits, table["file"].to_numpy(dtype=str))


def _photo_labels(folder: Path) -> dict[str, int]:
    """Return the label of each photo, by its path in the folder."""
    listed = folder / "photos.csv"
    if listed.is_file():
        table = pd.read_csv(listed)
        if not {"file", "emotion"} <= set(table):
            raise ValueError(f"{listed.name} in {folder.name} needs the columns file and emotion.")
        return {str(f): number(str(e)) for f, e in zip(table.file, table.emotion, strict=True)}
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in image_files.SUFFIXES and file.parent != folder:
            found[file.relative_to(folder).as_posix()] = number(file.parent.name)
    if not found:
        raise ValueError(
            f"{folder.name} has neither a photos.csv (file, emotion) nor subfolders named after "
            "emotions with photos in them."
        )
    return found
