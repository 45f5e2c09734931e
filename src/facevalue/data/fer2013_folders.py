"""Reading FER-2013 from folders of image files."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from facevalue import emotions
from facevalue.data.dataset import SPLITS, Dataset
from facevalue.data.fer2013_common import (
    LABELS,
    LARGEST_IMAGE_FILE,
    decode_face,
    official_split,
    to_dataset,
    warn_of_counts,
)
from facevalue.files import open_regular
from facevalue.image_files import SUFFIXES, decode_photo, resize_face, to_grey

RAF_DB = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
"""The emotions of RAF-DB's class folders 1 to 7."""

CLASS_DIGITS = tuple("01234567")
"""The names of class folders without words, in FER-2013 or in RAF-DB."""

NO_DATA = ("thumbs.db", "desktop.ini")
"""Files, in lower case, that Windows adds to folders of images."""


def split_folders(folder: Path) -> dict[str, Path]:
    """Return the folder of each split in `folder`; empty if `folder` does not hold FER-2013.

    The key "test" stands for both test splits together, if there is no separate validation folder.
    """
    if not folder.is_dir():
        return {}
    names = {child.name.lower(): child for child in folder.iterdir() if child.is_dir()}
    found: dict[str, Path] = {}
    for name, child in names.items():
        split = official_split(name)
        if split and any(map(_is_class_folder, child.iterdir())):
            found[split] = child
    validation = next((names[n] for n in ("validation", "valid", "val") if n in names), None)
    test = names.get("test")
    if validation and test:
        found |= {"PublicTest": validation, "PrivateTest": test}
    elif "PublicTest" not in found and (merged := test or validation):
        found["test"] = merged
    return found if "Training" in found and len(found) > 1 else {}


def _is_class_folder(folder: Path) -> bool:
    """Return whether a folder is named like a class: by an emotion or a digit."""
    return folder.name in CLASS_DIGITS or _emotion_label(folder.name) is not None


def _emotion_label(name: str) -> int | None:
    """Return the label of an emotion, given its name, or None."""
    try:
        return emotions.number(name)
    except ValueError:
        return None


def _digit_labels(folder: Path, places: Collection[Path]) -> dict[str, int]:
    """Return the label of each class folder that is named by a digit; empty if there are none.

    Raises:
        ValueError: the digits are 1 to 7, and the folder is not called RAF-DB.
    """
    digits = {child.name for place in places for child in place.iterdir()} & {*CLASS_DIGITS}
    if not digits:
        return {}
    if "7" in digits or "0" not in digits:
        parts = [part.lower() for part in folder.resolve().parts[-3:]]
        is_raf = any(re.search(r"(^|[^a-z])raf([^a-z]|db|$)", part) for part in parts)
        if "0" in digits or not is_raf:
            raise ValueError(
                f"The class folders in {folder} are named by digits that are not FER-2013's 0 to "
                "6, so their order is not known: rename them to emotions, or call the folder "
                "raf-db if it is RAF-DB."
            )
        labels = {str(k): emotions.number(name) for k, name in enumerate(RAF_DB, 1)}
        origin = "RAF-DB"
    else:
        labels, origin = {digit: int(digit) for digit in LABELS}, "FER-2013"
    order = ", ".join(f"{digit} {emotions.EMOTIONS[label]}" for digit, label in labels.items())
    warnings.warn(
        f"The class folders in {folder.name} are named by digits, so {origin}'s order is assumed: "
        f"{order}.",
        stacklevel=4,
    )
    return labels


def read(folder: Path, ignore: Collection[str] = ()) -> Dataset:
    """Return FER-2013 from a folder per split, each with a folder per emotion.

    Origins are paths relative to `folder`. If the official test splits are lost, the images
    are divided between PublicTest and PrivateTest, and a warning says so. Another warning counts
    the files that are not images.

    Args:
        folder: the folder of the splits.
        ignore: as in `fer2013.read`.

    Raises:
        ValueError: there are no images, or a folder or an image does not belong to FER-2013.
    """
    places = split_folders(folder)
    digits, skipped = _digit_labels(folder, places.values()), Counter[str]()
    listed = [
        (file, label, official_split(file.name) if "_" in file.name else None, split)
        for split, place in places.items()
        for label, file in _labelled_files(place, digits, ignore, skipped)
    ]
    if not listed:
        raise ValueError(f"The folders in {folder} hold no images ({', '.join(SUFFIXES)}).")
    bar = tqdm(listed, desc=f"Reading {folder.name}", unit=" faces", disable=None)
    is_raf = "7" in digits
    images = [_read_face(file, folder, resize=is_raf) for file, *_ in bar]
    labels = [label for _, label, _, _ in listed]
    splits = [named or place for _, _, named, place in listed]
    origins = [file.relative_to(folder).as_posix() for file, *_ in listed]
    lost = "test" in splits
    data = to_dataset(images, labels, _divide_test_images(splits, labels), origins)
    if lost:
        warnings.warn(
            f"{folder.name} has lost FER-2013's official test splits: every other test image of "
            "each emotion is PublicTest here and the rest PrivateTest, so compare only the two "
            "together with published numbers.",
            stacklevel=3,
        )
    if skipped:
        types = ", ".join(f"{suffix or 'no suffix'} {n:,}" for suffix, n in skipped.items())
        warnings.warn(f"{folder.name} has files of other types ({types}).", stacklevel=3)
    warn_of_counts(data, folder.name, merged=lost)
    return data


def _read_face(file: Path, folder: Path, *, resize: bool) -> np.ndarray:
    with open_regular(file) as opened:
        name = str(file.relative_to(folder))
        if resize:  # RAF-DB's faces are 100 x 100 pixels, in colour
            photo = decode_photo(opened, name, most_bytes=LARGEST_IMAGE_FILE)
            return resize_face(to_grey(photo))
        return decode_face(opened, name)


def _labelled_files(
    place: Path, digits: Mapping[str, int], ignore: Collection[str], skipped: Counter[str]
) -> Iterator[tuple[int, Path]]:
    """Yield the label and path of each image in the folder of a split.

    Args:
        digits: the labels of class folders that are named by digits.
        ignore: the names of class folders that are left out.
        skipped: counts the files of other types, by suffix.
    """
    ignored = {name.lower() for name in ignore}
    for child in sorted(place.iterdir()):
        if not child.is_dir() or child.name.startswith(".") or child.name.lower() in ignored:
            continue
        label = digits.get(child.name, _emotion_label(child.name))
        if label is None:
            raise ValueError(
                f"{place.name}/{child.name} is not named after one of the seven emotions: rename "
                f"it to .{child.name} to have it left out, or call "
                f'fer2013.read(..., ignore=["{child.name}"]).'
            )
        for file in sorted(child.iterdir()):
            if file.name.startswith(".") or file.name.lower() in NO_DATA:
                continue
            if file.suffix.lower() in SUFFIXES:
                yield label, file
            else:
                skipped[file.suffix.lower()] += 1


def _divide_test_images(splits: list[str], labels: list[int]) -> list[str]:
    """Return the splits with "test" replaced, in turn for each emotion, by the two test splits."""
    seen = dict.fromkeys(labels, 0)
    result = []
    for split, label in zip(splits, labels, strict=True):
        if split == "test":
            split = SPLITS[1 + seen[label] % 2]
            seen[label] += 1
        result.append(split)
    return result
