"""Drawing faces and photos of people from FACS action units.

Nothing is learnt and no photo is used. An emotion is a set of action units, which move parts of
the face (`geometry`); the face is lit and painted (`painter`), turned and photographed (`camera`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from facevalue.drawing import appearance, camera, scenery
from facevalue.drawing.appearance import ACTION_UNITS, GAZE_UNITS, Intensities, Person, View
from facevalue.drawing.expressions import expression
from facevalue.drawing.variety import MILD
from facevalue.emotions import EMOTIONS

__all__ = ["ACTION_UNITS", "GAZE_UNITS", "Person", "Photo", "View", "draw", "photo"]


@dataclass(frozen=True, eq=False)
class Photo:
    """A drawn photo.

    Attributes:
        image: uint8, shape (height, width, 3), RGB.
        boxes: int, shape (n, 4), the box of each face: x, y, width, height in pixels.
        emotions: the emotion of each face.
    """

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
        action_units: the intensity, 0 to 1, of each FACS action unit that is active.
        person: who is drawn; by default an average adult.
        view: how the face is seen; by default from the front, in soft light.
        size: height and width in pixels, at least 24.
    Returns:
        uint8, shape (size, size), grey levels from 0 to 255.
    Raises:
        ValueError: a unit is unknown, an intensity is not from 0 to 1, or `size` is under 24.
    Source: Ekman and Friesen, Facial Action Coding System (1978); data/facs/facs_action_units.csv.

    >>> smile = draw({6: 0.8, 12: 1.0}, Person(age=60), View(yaw=15))
    >>> smile.shape, smile.dtype
    ((48, 48), dtype('uint8'))
    """
    appearance.check(action_units)
    if size < 24:
        raise ValueError(f"size must be at least 24 pixels, not {size}.")
    units = Intensities({int(k): float(v) for k, v in action_units.items()})
    return camera.crop(units, person or Person(), view or View(), size)


def photo(
    seed: int | np.random.Generator, people: int = 1, shown: Sequence[str] | None = None
) -> Photo:
    """Draw a photo of people in front of a background, 300 to 1,300 pixels wide.

    Args:
        seed: the same seed gives the same photo.
        people: the number of people, 0 to 3.
        shown: the emotion of each person; random by default.
    Raises:
        ValueError: `people` is not from 0 to 3, or `shown` does not name an emotion for each.

    >>> photo(0, people=2, shown=["happy", "sad"]).boxes.shape
    (2, 4)
    """
    if shown is not None and (len(shown) != people or not set(shown) <= set(EMOTIONS)):
        raise ValueError(f"shown must name {people} of the seven emotions, not {shown}.")
    if not 0 <= people <= 3:
        raise ValueError(f"people must be from 0 to 3, not {people}.")
    rng = np.random.default_rng(seed)
    width = int(rng.integers((300, 520, 780)[max(people, 1) - 1], 1301))
    height = int(width * rng.uniform(0.62, 0.8))
    image = scenery.landscape(width, height, rng)
    boxes, names = [], []
    slot = width / max(people, 1)
    for k in range(people):
        side = int(np.clip(rng.uniform(0.38, 0.52) * min(slot, height), 100, 280))
        centre = ((k + 0.5 + rng.uniform(-0.05, 0.05)) * slot, height * rng.uniform(0.42, 0.52))
        emotion = str(rng.choice(EMOTIONS))
        emotion = shown[k] if shown else emotion
        person = Person.random(rng, MILD)
        view = replace(View.random(rng, MILD), scale=1.0, shift_x=0.0, shift_y=0.0)
        units = Intensities(expression(emotion, rng, float(rng.uniform(0.6, 1))))
        clothes = scenery.muted(rng, 25, 230)
        boxes.append(camera.paste(image, units, person, view, centre, side, clothes))
        names.append(emotion)
    grain = rng.standard_normal(image.shape[:2], dtype=np.float32)
    image += 3 * grain[..., None]
    pixels = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return Photo(pixels, np.array(boxes, dtype=int).reshape(-1, 4), tuple(names))
