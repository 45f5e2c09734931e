"""Reading FER-2013 from folders of image files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from facevalue import emotions
from facevalue.data.dataset import SPLITS, Dataset
from facevalue.data.fer2013_common import (
    LABELS,
    decode_face,
    official_split,
    to_dataset,
    warn_of_counts,
)

IMAGE_TYPES = (".png", ".jpg", ".jpeg", ".bmp")


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
        if split and any(_label_named(below) is not None for below in child.iterdir()):
            found[split] = child
    validation = next((names[n] for n in ("validation", "valid", "val") if n in names), None)
    test = names.get("test")
    if validation and test:
        found |= {"PublicTest": validation, "PrivateTest": test}
    elif "PublicTest" not in found and (merged := test or validation):
        found["test"] = merged
    return found if "Training" in found and len(found) > 1 else {}


def _label_named(folder: Path) -> int | None:
    """Return the label that a folder's name stands for (an emotion or a digit), or None."""
    if folder.name in LABELS:
        return int(folder.name)
    try:
        return emotions.number(folder.name)
    except ValueError:
        return None


def read(folder: Path) -> Dataset:
    """Return FER-2013 from a folder per split, each with a folder per emotion.

    Origins are paths relative to `folder`. If the official test splits are lost, the images
    are divided between PublicTest and PrivateTest, and a warning says so.

    Raises:
        ValueError: there are no images, or a folder or an image does not belong to FER-2013.
    """
    listed = [
        (file, label, official_split(file.name) if "_" in file.name else None, split)
        for split, place in split_folders(folder).items()
        for label, file in _labelled_files(place)
    ]
    if not listed:
        raise ValueError(f"The folders in {folder} hold no images ({', '.join(IMAGE_TYPES)}).")
    bar = tqdm(listed, desc=f"Reading {folder.name}", unit=" faces", disable=None)
    images = [_read_face(file, folder) for file, *_ in bar]
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
    warn_of_counts(data, folder.name, merged=lost)
    return data


def _read_face(file: Path, folder: Path) -> np.ndarray:
    with file.open("rb") as opened:
        return decode_face(opened, str(file.relative_to(folder)))


def _labelled_files(place: Path) -> Iterator[tuple[int, Path]]:
    """Yield the label and path of each image in the folder of a split."""
    for child in sorted(place.iterdir()):
        if not child.is_dir() or child.name.startswith("."):
            continue
        label = _label_named(child)
        if label is None:
            raise ValueError(
                f"{place.name}/{child.name} is not named after an emotion: rename or remove it."
            )
        for file in sorted(child.iterdir()):
            if file.suffix.lower() in IMAGE_TYPES and not file.name.startswith("."):
                yield label, file


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
