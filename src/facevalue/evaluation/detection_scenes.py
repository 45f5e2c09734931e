"""Drawing photos of one person under one condition each, to compare detectors."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from facevalue.drawing import camera, expressions, faces, occlusions, scenery
from facevalue.drawing.appearance import OCCLUSIONS, Intensities, Person, View
from facevalue.drawing.variety import MILD
from facevalue.emotions import EMOTIONS

SKIN_TONES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""From dark to fair; see `appearance.Person`."""

CONDITIONS: dict[str, list[dict[str, float | str]]] = {
    "size": [{"size": side} for side in (32, 48, 64, 96, 160, 280)],
    "yaw": [{"yaw": degrees} for degrees in (0, 20, 40, 60)],
    "roll": [{"roll": degrees} for degrees in (0, 15, 30, 45)],
    "light": [{"light": light} for light in (0.1, 0.15, 0.3, 1.0, 2.0, "side")],
    "occlusion": [{"occlusion": name} for name in OCCLUSIONS],
    "skin": [{"skin": tone} for tone in SKIN_TONES],
}
"""What is changed, one thing at a time; the rest is as in `scene`."""


def scene(
    seed: int,
    *,
    size: float = 120,
    yaw: float = 0,
    roll: float = 0,
    light: float | str = 1.0,
    occlusion: str = "none",
    skin: float | None = None,
    width: int = 640,
    height: int = 480,
) -> faces.Photo:
    """Draw a person in front of a background; the same seed gives the same person and place.

    Args:
        size: height of the face, in pixels.
        yaw, roll: in degrees; every other seed turns to the other side.
        light: the share of the light that the camera gets, or "side" for hard light from one side.
        occlusion: one of `appearance.OCCLUSIONS`.
        skin: from 0, dark, to 1, fair; by default random.
        width, height: of the photo, in pixels.
    """
    rng = np.random.default_rng([26, seed])
    image = scenery.landscape(640, 480, rng)
    if (width, height) != (640, 480):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    person, view = Person.random(rng, MILD), View.random(rng, MILD)
    emotion = str(rng.choice(EMOTIONS))
    units = Intensities(expressions.expression(emotion, rng, float(rng.uniform(0.6, 1))))
    side = 1 if seed % 2 else -1
    view = replace(
        view,
        yaw=side * yaw,
        roll=side * roll,
        scale=1.0,
        shift_x=0.0,
        shift_y=0.0,
        occlusion=occlusion,
    )
    if skin is not None:
        person = replace(person, skin=skin)
    if light == "side":
        view = replace(view, light_x=1.4 * side, hardness=0.9)
    room = max(0.05, 0.45 - 0.5 * size / height)
    x, y = (np.array([0.5, 0.48]) + rng.uniform(-room, room, 2)) * (width, height)
    clothes = scenery.muted(rng, 25, 230)
    box = camera.paste(image, units, person, view, (x, y), int(size), clothes)
    if occlusion != "none":
        _cover(image, box, view)
    image += 3 * rng.standard_normal(image.shape[:2], dtype=np.float32)[..., None]
    share = 1.0 if light == "side" else float(light)
    pixels = np.clip(np.rint(np.clip(image, 0, 255) * share), 0, 255).astype(np.uint8)
    return faces.Photo(pixels, np.array([box]), (emotion,))


def _cover(image: np.ndarray, box: tuple[int, int, int, int], view: View) -> None:
    """Hold something before the face, in place."""
    x, y, side, _ = box
    rows = slice(max(y, 0), min(y + side, image.shape[0]))
    columns = slice(max(x, 0), min(x + side, image.shape[1]))
    for channel in range(3):
        square = np.full((side, side), -1.0, np.float32)
        inside = square[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
        inside[:] = image[rows, columns, channel] / 255
        occlusions.occlude(square, view)
        image[rows, columns, channel] = inside * 255
