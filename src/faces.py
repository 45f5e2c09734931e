"""Draws faces from FACS action units: the data set that comes with the course.

Nothing here is learnt and no photo is read: an emotion is a set of action units, a unit moves
parts of a face (`face_geometry`), a lamp lights them (`face_shading`) and a camera takes the
picture (`face_camera`).

`python -m facevalue.faces sheet out.png` writes a contact sheet.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from facevalue import face_camera, face_model, paths
from facevalue.dataset import Dataset
from facevalue.emotions import EMOTIONS
from facevalue.face_model import ACTION_UNITS, GAZE_UNITS, Intensities, Person, View

__all__ = ["ACTION_UNITS", "GAZE_UNITS", "Person", "Photo", "View", "draw", "photo", "sample"]

LABEL_NOISE = 0.08
"""Share of training labels that disagree with the drawn emotion, as measured in FER-2013."""

DUPLICATES = 0.02
"""Share of faces that are exact copies of an earlier one, whatever its split."""

WEAKEST = 0.45
"""The difficulty: intensities of the default set are drawn from WEAKEST to 1."""

PARALLEL = 1500
"""From this number of faces on, two processes draw them."""

BLENDS = 0.12
"""Share of the default set's faces that show some of a second emotion."""

Recipe = dict[int, tuple[float, float]]

RECIPES: dict[str, list[Recipe]] = {
    "angry": [
        # lips pressed together, a snarl, shouting
        {4: (0.9, 1), 5: (0.5, 0.9), 7: (0.3, 0.6), 9: (0.3, 0.6), 15: (0.3, 0.6), 17: (0.3, 0.7),
         23: (0.6, 1), 24: (0.5, 0.9)},
        {4: (0.9, 1), 5: (0.5, 0.9), 7: (0.3, 0.6), 9: (0.2, 0.5), 10: (0.4, 0.8), 16: (0.6, 1),
         23: (0, 0.3), 25: (0.7, 1), 26: (0.2, 0.6)},
        {4: (0.9, 1), 5: (0.5, 0.9), 7: (0.2, 0.6), 9: (0.3, 0.6), 10: (0.4, 0.8), 16: (0.4, 0.8),
         25: (0.6, 1), 27: (0.4, 0.8)},
    ],
    "disgust": [
        # a curled upper lip, then "ugh"
        {9: (0.85, 1), 4: (0.3, 0.6), 6: (0.2, 0.6), 7: (0.4, 0.8), 10: (0.4, 0.8), 15: (0.7, 1),
         16: (0.4, 0.8), 20: (0.1, 0.4), 25: (0.5, 0.8), 26: (0.2, 0.5)},
        {9: (0.85, 1), 4: (0.3, 0.6), 6: (0.2, 0.6), 7: (0.6, 1), 10: (0.5, 0.9), 15: (0.8, 1),
         16: (0.6, 1), 25: (0.7, 1), 26: (0.2, 0.6)},
    ],
    "fear": [
        {1: (0.8, 1), 2: (0, 0.15), 4: (0.6, 1), 5: (0.7, 1), 7: (0, 0.2), 15: (0.4, 0.8),
         16: (0.3, 0.6), 20: (0.5, 0.9), 25: (0.7, 1), 26: (0.6, 1), 27: (0, 0.3)},
        {1: (0.8, 1), 2: (0, 0.15), 4: (0.6, 1), 5: (0.7, 1), 15: (0.4, 0.8), 16: (0.3, 0.7),
         20: (0.5, 0.9), 25: (0.6, 1), 26: (0.5, 0.9)},
        {1: (0.8, 1), 2: (0, 0.15), 4: (0.6, 1), 5: (0.8, 1), 7: (0, 0.2), 15: (0.3, 0.6),
         16: (0.4, 0.7), 20: (0.6, 1), 25: (0.5, 0.8)},
    ],
    "happy": [
        {6: (0.4, 0.9), 12: (0.7, 1)},
        {6: (0.5, 1), 12: (0.7, 1), 25: (0.6, 1), 26: (0.2, 0.7)},
        {6: (0.6, 1), 12: (0.8, 1), 25: (0.8, 1), 26: (0.6, 1), 7: (0.2, 0.6)},
    ],
    "sad": [
        {1: (0.7, 1), 4: (0.4, 0.8), 15: (0.7, 1), 17: (0.2, 0.8), 43: (0.2, 0.45), 64: (0.3, 1)},
        {1: (0.7, 1), 4: (0.5, 0.9), 15: (0.7, 1), 7: (0.4, 0.8), 64: (0.2, 0.8), 25: (0, 0.4)},
    ],
    "surprise": [
        {1: (0.8, 1), 2: (0.8, 1), 5: (0.7, 1), 25: (0.6, 1), 26: (0.8, 1), 27: (0.2, 0.6)},
        {1: (0.8, 1), 2: (0.8, 1), 5: (0.7, 1), 25: (0.6, 1), 27: (0.5, 1)},
    ],
    "neutral": [{}],
}  # fmt: skip
"""How each emotion is shown: variants, each a range of intensity for some action units."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A drawn photo: `image` uint8 (h, w, 3) RGB, `boxes` int (n, 4) as (x, y, width, height)."""

    image: np.ndarray
    boxes: np.ndarray
    emotions: tuple[str, ...]


def draw(
    action_units: Mapping[int, float],
    person: Person | None = None,
    view: View | None = None,
    size: int = 48,
) -> np.ndarray:
    """Draw a face.

    Args:
        action_units: intensity from 0 to 1 of each FACS action unit that is not at rest.
        person: who is drawn; default: a plain adult.
        view: how the face is seen; default: from the front, in soft light.
        size: height and width in pixels, at least 24.
    Returns:
        uint8, shape (size, size), grey levels from 0 to 255.
    Raises:
        ValueError: an unknown unit, an intensity outside 0 to 1, or a size under 24.
    Source: Ekman and Friesen, Facial Action Coding System (1978); data/facs/facs_action_units.csv.
    """
    face_model.check(action_units)
    if size < 24:
        raise ValueError(f"size must be at least 24 pixels, got {size}.")
    units = Intensities({int(k): float(v) for k, v in action_units.items()})
    return face_camera.crop(units, person or Person(), view or View(), size)


def expression(emotion: str, rng: np.random.Generator, intensity: float = 1.0) -> dict[int, float]:
    """Return action units that show an emotion: one of its variants, scaled by `intensity`."""
    variants = RECIPES[emotion]
    recipe = variants[rng.integers(len(variants))]
    units = {k: float(rng.uniform(*span) * intensity) for k, span in recipe.items()}
    if emotion == "fear" and rng.random() < 0.5:
        units[61 if rng.random() < 0.5 else 62] = float(rng.uniform(0.3, 0.9))
    return units


@cache
def thresholds(seed: int) -> tuple[np.ndarray, float]:
    """Return the cumulative shares of the emotions in FER-2013, and where a seed starts in them."""
    table = pd.read_csv(paths.root() / "data" / "reference" / "fer2013_counts.csv")
    counts = table.set_index("split").loc["Training", list(EMOTIONS)].to_numpy(dtype=float)
    return np.cumsum(counts / counts.sum()), float(np.random.default_rng(seed).random())


def emotion_of(seed: int, index: int) -> str:
    """Return the emotion that a face shows: evenly spread, in FER-2013's proportions."""
    shares, start = thresholds(seed)
    place = (start + index * 0.6180339887498949) % 1  # the golden ratio fills the range evenly
    return EMOTIONS[min(int(np.searchsorted(shares, place)), len(EMOTIONS) - 1)]


_BLEND_WITH = {
    "angry": "disgust",
    "disgust": "angry",
    "fear": "surprise",
    "happy": "surprise",
    "sad": "fear",
    "surprise": "fear",
    "neutral": "sad",
}


def _one(task: tuple[int, int, bool]) -> tuple[np.ndarray, dict[str, object]]:
    """Draw face `index` of a seed, with what is known about it."""
    seed, index, clean = task
    rng = np.random.default_rng([seed, index])
    emotion = EMOTIONS[index % len(EMOTIONS)] if clean else emotion_of(seed, index)
    person = Person.random(rng)
    view = View.random(rng, mild=clean)
    intensity = 1.0 if clean else float(rng.uniform(WEAKEST, 1))
    units = expression(emotion, rng, intensity)
    blended = "none"
    if not clean and rng.random() < BLENDS:
        blended = _BLEND_WITH[emotion]
        for unit, value in expression(blended, rng, 0.35 * intensity + 0.1).items():
            units[unit] = max(units.get(unit, 0.0), value)
    row: dict[str, object] = {"clean_label": EMOTIONS.index(emotion), "emotion": emotion}
    row |= {"intensity": 0.0 if emotion == "neutral" else intensity, "blend": blended}
    row |= {f"au_{unit}": units.get(unit, 0.0) for unit in ACTION_UNITS + GAZE_UNITS}
    row |= {k: v for k, v in vars(person).items() if k != "texture"}
    row |= {k: v for k, v in vars(view).items() if k != "texture"}
    return draw(units, person, view), row


def _start() -> None:
    cv2.setNumThreads(1)


@contextmanager
def _hidden_main() -> Iterator[None]:
    """Keep new processes from running the caller's script again: they need this module only."""
    main = vars(sys.modules["__main__"])
    kept = dict(main)
    main.pop("__file__", None)
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update({name: kept[name] for name in ("__file__", "__spec__") if name in kept})


def _drawn(tasks: list[tuple[int, int, bool]]) -> Iterator[tuple[np.ndarray, dict[str, object]]]:
    """Draw in this process, or in two where there is enough to do."""
    if len(tasks) < PARALLEL or multiprocessing.current_process().daemon:
        yield from map(_one, tasks)
        return
    with _hidden_main():
        pool = multiprocessing.get_context("spawn").Pool(2, _start)
    with pool:
        yield from pool.imap(_one, tasks, chunksize=64)


def sample(n: int, seed: int = 0, *, clean: bool = False, progress: bool = True) -> Dataset:
    """Draw a labelled data set.

    The default set is as hard as FER-2013 is: weak and blended expressions, any view, some faces
    covered, 8 % wrong labels in the training part, a few exact copies across the splits, classes
    in FER-2013's proportions. `clean` leaves all of that out: full intensity, true labels, nothing
    covered, mild views, balanced classes. Face i of a seed is the same whatever `n` is.

    Returns:
        Dataset "rendered" of `n` faces: 80 % Training, 10 % PublicTest, 10 % PrivateTest. `truth`
        has a row per face: clean_label (int), emotion, intensity (0 to 1), blend, au_N (0 to 1),
        the fields of `Person` and `View`, and duplicate_of (index of the original, or -1).
    Raises:
        ValueError: `n` is under 1.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}.")
    tasks = [(seed, index, clean) for index in range(n)]
    images, rows = [], []
    for image, row in tqdm(_drawn(tasks), total=n, desc="drawing faces", disable=not progress):
        images.append(image)
        rows.append(row)
    labels = np.array([row["clean_label"] for row in rows], dtype=np.int64)
    splits = np.array([_split(index) for index in range(n)])
    duplicates = np.full(n, -1)
    if not clean:
        for index in range(1, n):
            rng = np.random.default_rng([seed, index, 1])
            if rng.random() < DUPLICATES:
                original = int(rng.integers(index))
                if duplicates[original] < 0:
                    duplicates[index] = original
                    images[index], rows[index] = images[original], dict(rows[original])
                    labels[index] = labels[original]
            if splits[index] == "Training" and rng.random() < LABEL_NOISE:
                labels[index] = (labels[index] + rng.integers(1, len(EMOTIONS))) % len(EMOTIONS)
    truth = pd.DataFrame(rows)
    truth["duplicate_of"] = duplicates
    origins = np.array([f"seed {seed}, face {index}" for index in range(n)])
    return Dataset("rendered", np.stack(images), labels, splits, origins, truth)


def _split(index: int) -> str:
    """Every tenth face is for choosing, every tenth for reporting; clean sets keep the balance."""
    return {8: "PublicTest", 9: "PrivateTest"}.get(index % 10, "Training")


def photo(
    seed: int | np.random.Generator, people: int = 1, shown: Sequence[str] | None = None
) -> Photo:
    """Draw a photo, 300 to 1,300 pixels wide, of `people` (0 to 3) before a background.

    Args:
        seed: the same seed gives the same photo.
        people: how many people are in it.
        shown: the emotion of each of them; by default, they are drawn at random.
    Raises:
        ValueError: `people` is not from 0 to 3, or `shown` does not name that many emotions.
    """
    if shown is not None and (len(shown) != people or not set(shown) <= set(EMOTIONS)):
        raise ValueError(f"shown must name {people} of the seven emotions, got {shown}.")
    if not 0 <= people <= 3:
        raise ValueError(f"people must be from 0 to 3, got {people}.")
    rng = np.random.default_rng(seed)
    width = int(rng.integers((300, 520, 780)[max(people, 1) - 1], 1301))
    height = int(width * rng.uniform(0.62, 0.8))
    image = face_camera.landscape(width, height, rng)
    boxes, names = [], []
    slot = width / max(people, 1)
    for k in range(people):
        side = int(np.clip(rng.uniform(0.38, 0.52) * min(slot, height), 100, 280))
        centre = ((k + 0.5 + rng.uniform(-0.05, 0.05)) * slot, height * rng.uniform(0.42, 0.52))
        emotion = str(rng.choice(EMOTIONS))
        emotion = shown[k] if shown else emotion
        person = Person.random(rng)
        view = replace(View.random(rng, mild=True), scale=1.0, shift_x=0.0, shift_y=0.0)
        units = Intensities(expression(emotion, rng, float(rng.uniform(0.6, 1))))
        clothes = face_camera.muted(rng, 25, 230)
        boxes.append(face_camera.paste(image, units, person, view, centre, side, clothes))
        names.append(emotion)
    grain = rng.standard_normal(image.shape[:2], dtype=np.float32)
    image += 3 * grain[..., None]
    pixels = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return Photo(pixels, np.array(boxes, dtype=int).reshape(-1, 4), tuple(names))


def sheet(people: int = 9, size: int = 96) -> np.ndarray:
    """Return a contact sheet: each emotion of some people, then each unit at 0, 0.5 and 1."""

    def named(image: np.ndarray, name: str) -> np.ndarray:
        place = (3, size - 4)
        for colour, width in ((0, 3), (255, 1)):  # a dark edge around white letters
            cv2.putText(
                image, name, place, cv2.FONT_HERSHEY_SIMPLEX, size / 240, colour, width, cv2.LINE_AA
            )
        return image

    rows = []
    for emotion in EMOTIONS:
        row = []
        for k in range(people):
            rng = np.random.default_rng([7, k])
            person, view = Person.random(rng), View.random(rng, mild=True)
            row.append(draw(expression(emotion, rng), person, view, size))
        rows.append(np.hstack([named(row[0], emotion), *row[1:]]))
    cells = [
        named(draw({unit: x}, size=size), f"{unit}: {x:g}")
        for unit in ACTION_UNITS
        for x in (0.0, 0.5, 1.0)
    ]
    across = max(1, people // 3) * 3
    cells += [np.full((size, size), 255, np.uint8)] * (-len(cells) % across)
    units = [np.hstack(cells[k : k + across]) for k in range(0, len(cells), across)]
    blank = np.full((size, size * (people - across)), 255, np.uint8)
    return np.vstack(rows + [np.hstack([row, blank]) for row in units])


def main(arguments: list[str]) -> int:
    """Write a contact sheet: `python -m facevalue.faces sheet out.png`."""
    if len(arguments) != 2 or arguments[0] != "sheet":
        print("usage: python -m facevalue.faces sheet out.png", file=sys.stderr)
        return 2
    target = Path(arguments[1])
    done, code = cv2.imencode(".png", sheet())
    partial = target.with_suffix(target.suffix + ".part")
    partial.write_bytes(code.tobytes() if done else b"")
    partial.replace(target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
