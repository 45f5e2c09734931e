"""FER-2013 as folders of images."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from facevalue import emotions
from facevalue.data.dataset import SPLITS, Dataset
from facevalue.data.fer2013_facts import (
    _LABELS,
    _dataset,
    _decoded,
    _warn_of_counts,
    official_split,
)

IMAGE_TYPES = (".png", ".jpg", ".jpeg", ".bmp")


def _image_folders(folder: Path) -> dict[str, Path]:
    """Return the split folders below `folder`, by the split they stand for; empty if none.

    "test" stands for both test splits together, unless there is a validation folder too.
    """
    if not folder.is_dir():
        return {}
    names = {child.name.lower(): child for child in folder.iterdir() if child.is_dir()}
    found: dict[str, Path] = {}
    for name, child in names.items():
        split = official_split(name)
        if split and any(_emotion(below) is not None for below in child.iterdir()):
            found[split] = child
    validation = next((names[n] for n in ("validation", "valid", "val") if n in names), None)
    test = names.get("test")
    if validation and test:
        found |= {"PublicTest": validation, "PrivateTest": test}
    elif "PublicTest" not in found and (merged := test or validation):
        found["test"] = merged
    return found if "Training" in found and len(found) > 1 else {}


def _emotion(folder: Path) -> int | None:
    """Return the label that a class folder stands for: its emotion's name, or a digit."""
    if folder.name in _LABELS:
        return int(folder.name)
    try:
        return emotions.number(folder.name)
    except ValueError:
        return None


def _read_images(folder: Path) -> Dataset:
    listed = [
        (file, label, official_split(file.name) if "_" in file.name else None, split)
        for split, place in _image_folders(folder).items()
        for label, file in _labelled_files(place)
    ]
    if not listed:
        raise ValueError(f"the folders in {folder} hold no images ({', '.join(IMAGE_TYPES)}).")
    bar = tqdm(listed, desc=f"Reading {folder.name}", unit=" faces", disable=None)
    images = np.stack([_decoded(file, str(file.relative_to(folder))) for file, *_ in bar])
    labels = [label for _, label, _, _ in listed]
    splits = [named or place for _, _, named, place in listed]
    origins = [file.relative_to(folder).as_posix() for file, *_ in listed]
    lost = "test" in splits
    data = _dataset(images, labels, _halved(splits, labels), origins)
    if lost:
        warnings.warn(
            f"{folder.name} has lost FER-2013's official test splits: every other test image of "
            "each emotion is PublicTest here and the rest PrivateTest, so compare only the two "
            "together with published numbers.",
            stacklevel=3,
        )
    _warn_of_counts(data, folder.name, merged=lost)
    return data


def _labelled_files(place: Path) -> Iterator[tuple[int, Path]]:
    for child in sorted(place.iterdir()):
        if not child.is_dir() or child.name.startswith("."):
            continue
        label = _emotion(child)
        if label is None:
            raise ValueError(f"{place.name}/{child.name} is the folder of none of the emotions.")
        for file in sorted(child.iterdir()):
            if file.suffix.lower() in IMAGE_TYPES and not file.name.startswith("."):
                yield label, file


def _halved(splits: list[str], labels: list[int]) -> list[str]:
    """Deal the images of "test" to PublicTest and PrivateTest in turn, emotion by emotion."""
    dealt = dict.fromkeys(labels, 0)
    result = []
    for split, label in zip(splits, labels, strict=True):
        if split == "test":
            split = SPLITS[1 + dealt[label] % 2]
            dealt[label] += 1
        result.append(split)
    return result
