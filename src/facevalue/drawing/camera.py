"""Photographing a drawn face: turning the head, adding background, occlusions and image faults."""

from __future__ import annotations

import cv2
import numpy as np

from facevalue.drawing import geometry, scenery
from facevalue.drawing.appearance import Intensities, Person, View
from facevalue.drawing.canvas import Canvas, circle, mix, texture
from facevalue.drawing.development import developed, scaled
from facevalue.drawing.occlusions import frame_axes, occlude, on_frame
from facevalue.drawing.painter import Painter

ROUNDS = 3
"""Rounds of fixed-point iteration in which the camera finds the points of the head."""

TABLE = 400
"""Intervals of the tables of the head's depth."""

SIDE = np.linspace(-3.5, 3.5, TABLE + 1, dtype=np.float32)
"""Positions across the head, in half widths of the head."""

ROUND = 0.88
"""Where the head's round front ends, in half widths; the sides run straight back from there."""


def _recession() -> np.ndarray:
    """Return how far the head's surface recedes at `SIDE`, in half widths."""
    power = 2.5  # 2 is a circle; faces are flatter
    front = 1 - (1 - np.minimum(np.abs(SIDE), ROUND) ** power) ** (1 / power)
    slope = ROUND ** (power - 1) * (1 - ROUND**power) ** (1 / power - 1)
    straight = np.maximum(np.abs(SIDE) - ROUND, 0) * slope
    return np.minimum(1.1 * (front + straight), 1.35).astype(np.float32)


RECESSION = _recession()

DOWN = np.linspace(-4.2, 4.2, TABLE + 1, dtype=np.float32)
"""Positions down the head, in half frames."""


def _down(*points: tuple[float, float]) -> np.ndarray:
    curve = geometry.smooth(np.array(points), 12)
    return np.interp(DOWN, curve[:, 0], curve[:, 1]).astype(np.float32)


FRONT = _down(
    (-1.5, -0.55), (-1.2, -0.28), (-0.9, -0.02), (-0.6, 0.14), (-0.4, 0.2), (-0.2, 0.18),
    (0.1, 0.2), (0.4, 0.22), (0.6, 0.22), (0.8, 0.2), (1.0, 0.08), (1.2, -0.12), (1.5, -0.25),
    (2, -0.3),
)  # fmt: skip
"""Depth of the head's middle at `DOWN`, without the nose."""

WIDTH = _down(
    (-1.5, 0.78), (-0.7, 0.79), (-0.2, 0.8), (0.1, 0.79), (0.4, 0.76), (0.65, 0.7), (0.9, 0.66),
    (1.15, 0.68), (1.4, 0.8), (1.8, 1.2), (2.2, 1.4), (2.5, 1.4),
)  # fmt: skip
"""Half width of the head at `DOWN`."""

NOSE = _down((-0.5, 0), (-0.3, 0), (-0.2, 0.03), (-0.05, 0.1), (0.1, 0.19), (0.17, 0.2),
             (0.23, 0.11), (0.29, 0.0), (0.5, 0))  # fmt: skip
"""Height of the nose's ridge at `DOWN`."""


BY_HEIGHT = np.stack([WIDTH, FRONT, NOSE], 1)


def look_up(at: np.ndarray, table: np.ndarray, first: float) -> np.ndarray:
    """Return values of a table of equal intervals from `first` to -`first`.

    Args:
        at: float32, shape (h, w).
        table: float32, shape (n,), or (n, c) for several values at once.

    Returns:
        float32, shape (h, w) or (h, w, c).
    """
    place = (at - np.float32(first)) * np.float32(TABLE / (-2 * first))
    nought = np.zeros_like(place)
    row = table[None]  # OpenCV's remap is a fast table, too
    return cv2.remap(row, place, nought, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def crop(units: Intensities, person: Person, view: View, size: int) -> np.ndarray:
    """Return a drawn face, cropped as in FER-2013: uint8, shape (size, size)."""
    over = 2 if size <= 64 else 1
    canvas = Canvas(round(size * over * 1.3), 1.3)
    painter = Painter(canvas, units, person, view)
    grey, cover = painter.render()
    frame = turned(canvas, cv2.merge([grey, cover]), view, size * over, 1.0)
    image = scenery.backdrop(size * over, view)
    add_skull(image, view, painter.back)
    mix(image, frame[..., 1], frame[..., 0])
    occlude(image, view, painter.skin, painter.hair)
    return developed(image, view, size)


def add_skull(image: np.ndarray, view: View, tone: float) -> None:
    """Paint the back of the head, which a turned face does not hide, in place."""
    turn = np.sin(np.radians(view.yaw))
    if abs(turn) < 0.1:
        return
    wide = np.hypot(0.8 * np.cos(np.radians(view.yaw)), 1.0 * turn)
    skull = circle(33) * (wide, 0.95) + (-0.75 * turn, -0.42)
    canvas = Canvas(image.shape[0], 1.0)
    mix(image, canvas.fill(on_frame(skull, view), blur=0.02), tone)


def turned(
    canvas: Canvas, layers: np.ndarray, view: View, pixels: int, extent: float
) -> np.ndarray:
    """Return `layers` (n, n, c), painted on the head, as a camera sees the turned head.

    Args:
        pixels: height and width of the frame.
        extent: half the height and width of the frame, in half frames of a tight crop.
    """
    coarse = (pixels + 1) // 2 if pixels <= 128 else pixels  # half is enough for small faces
    x, y = head_points(*frame_axes(coarse, view, extent), view)
    if canvas.extent < 1.5:  # the canvas ends below the crown: make what it repeats narrower
        above = np.maximum(-1.25 - y, 0)
        x = x / np.sqrt(np.maximum(1 - np.square(above * np.float32(1 / 0.34)), 1e-5))
    unit, offset = np.float32(canvas.unit), np.float32(canvas.extent * canvas.unit - 0.5)
    x, y = (scaled(axis * unit + offset, pixels) for axis in (x, y))
    return cv2.remap(layers, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def head_points(u: np.ndarray, v: np.ndarray, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of the head, seen from the front, that a camera sees at (u, v).

    The depth of the head is the sum of a cross-section, a profile and a nose. The first two are
    inverted by tables, which also know what the head hides; the nose and the lens's perspective
    are added by fixed-point iteration.
    """
    if abs(view.yaw) + abs(view.pitch) < 0.1 and view.near < 0.002:
        return u, v
    yaw, pitch = np.radians(view.yaw), np.radians(view.pitch)
    cy, sy = np.float32(np.cos(yaw)), np.float32(np.sin(yaw))
    cp, sp = np.float32(np.cos(pitch)), np.float32(np.sin(pitch))
    across = visible(SIDE * cy - RECESSION * sy, SIDE)
    down = visible(DOWN * cp - FRONT * cy * sp, DOWN)
    x, y = np.broadcast_arrays(u, v)
    for _ in range(ROUNDS):
        width, front, nose = cv2.split(look_up(y, BY_HEIGHT, DOWN[0]))
        behind = width * look_up(x / width, RECESSION, SIDE[0])
        nose = nose * np.exp(x * x * np.float32(-1 / (2 * 0.09**2)))
        deep = (front + nose - behind) * cy - x * sy
        far = 1 - np.float32(view.near) * deep
        x = width * look_up((u * far - (front + nose) * sy) / width, across, SIDE[0])
        y = look_up(v * far + (deep - front * cy) * sp, down, DOWN[0])
    return x, y


def visible(seen: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return which value of `table` is seen at each of the same values, given where each is seen.

    Where nearer parts of the head hide others, the nearest is returned: on the way from the middle
    to an edge, what is seen nearer to the middle again is hidden.
    """
    middle = len(table) // 2
    right = np.maximum.accumulate(seen[middle:])
    left = np.minimum.accumulate(seen[middle::-1])[::-1]
    order = np.concatenate([left[:-1], right]).astype(np.float64)
    order += np.arange(len(order)) * 1e-7  # strictly increasing
    return np.interp(table, order, table).astype(np.float32)


def paste(
    image: np.ndarray,
    units: Intensities,
    person: Person,
    view: View,
    centre: tuple[float, float],
    side: int,
    clothes: np.ndarray,
) -> tuple[int, int, int, int]:
    """Draw a person into a colour photo (float32, RGB, 0 to 255), in place.

    Args:
        centre: the centre of the face in the photo, x and y in pixels.
        side: height and width of the face in pixels.
        clothes: a colour, RGB, 0 to 255.

    Returns:
        The box of the face: x, y, width, height.
    """
    extent = 2.6
    canvas = Canvas(round(side * 0.52 * 2 * extent), extent)
    painter = Painter(canvas, units, person, view, colour=True)
    grey, cover = painter.render()
    colour = grey[..., None] * painter.tint * 255
    shirt = canvas.fill(geometry.both(geometry.SHIRT, geometry.SHIRT), blur=0.01)
    weave = 1 + 0.12 * texture("clouds", canvas.pixels, canvas.pixels / 200, person.texture)
    mix(colour, shirt, weave[..., None] * clothes.astype(np.float32))
    layers = np.dstack([colour, np.maximum(cover, shirt)])
    frame = turned(canvas, layers, view, canvas.pixels, extent)
    left, top = (round(c - canvas.pixels / 2) for c in centre)
    rows = slice(max(top, 0), min(top + canvas.pixels, image.shape[0]))
    columns = slice(max(left, 0), min(left + canvas.pixels, image.shape[1]))
    part = frame[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    mix(image[rows, columns], part[..., 3], part[..., :3])
    below = image[rows.stop :, columns]
    below += part[-1:, :, 3:] * (part[-1:, :, :3] - below)  # the clothes continue to the lower edge
    return round(centre[0] - side / 2), round(centre[1] - side / 2), side, side
