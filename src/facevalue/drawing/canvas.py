"""A square canvas for filling outlines, and tools for strokes, textures and blending."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

SHIFT = 5
"""Sub-pixel bits of the corners of OpenCV's polygons."""

NOISE = 256
"""Height and width of the fixed noise fields that textures are cropped from, in pixels."""


class Canvas:
    """A square of `pixels` pixels that covers -`extent` to `extent` in both directions."""

    def __init__(self, pixels: int, extent: float) -> None:
        self.pixels, self.extent = pixels, extent
        self.unit = pixels / (2 * extent)
        self.axis = ((np.arange(pixels) + 0.5) / self.unit - extent).astype(np.float32)

    def blank(self) -> np.ndarray:
        """Return an empty mask, uint8."""
        return np.zeros((self.pixels, self.pixels), np.uint8)

    def fill_into(self, mask: np.ndarray, outline: np.ndarray, level: float = 255) -> None:
        """Fill an outline (n, 2), in half frames, into a uint8 mask, in place."""
        scaled = outline + self.extent
        scaled *= self.unit  # in place, because this runs fifty times for each face
        scaled -= 0.5
        scaled *= 1 << SHIFT
        np.rint(scaled, out=scaled)
        cv2.fillPoly(mask, [scaled.astype(np.int32)], level, cv2.LINE_AA, SHIFT)

    def fill(self, *outlines: np.ndarray, blur: float = 0.0) -> np.ndarray:
        """Return a mask (float32, 0 to 1) of filled outlines; `blur` is in half frames."""
        mask = self.blank()
        for outline in outlines:
            self.fill_into(mask, outline)
        return self.soften(mask, blur)

    def soften(self, mask: np.ndarray, blur: float) -> np.ndarray:
        """Return a uint8 mask as float32 from 0 to 1, blurred by `blur` half frames."""
        cover = np.multiply(mask, np.float32(1 / 255), dtype=np.float32)
        sigma = blur * self.unit
        if sigma <= 0.3:
            return cover
        # most outlines are small: the rest of the canvas stays empty
        left, top, width, height = cv2.boundingRect(mask)
        reach = round(4 * sigma) + 2  # OpenCV's kernel reaches 4 sigma, and one pixel is reflected
        down = slice(max(0, top - reach), top + height + reach)
        across = slice(max(0, left - reach), left + width + reach)
        if width:
            cover[down, across] = cv2.GaussianBlur(cover[down, across], (0, 0), sigma)
        return cover


_TURN = np.array([-1.0, 1.0])


def ribbon(line: np.ndarray, half: np.ndarray | float) -> np.ndarray:
    """Return the outline of a stroke along `line` (..., n, 2).

    `half` is half its thickness: a number, or one for each point (..., n).
    """
    along = np.empty_like(line)
    along[..., 1:-1, :] = line[..., 2:, :] - line[..., :-2, :]
    along[..., 0, :] = line[..., 1, :] - line[..., 0, :]
    along[..., -1, :] = line[..., -1, :] - line[..., -2, :]
    length = np.hypot(along[..., 0], along[..., 1])
    np.maximum(length, 1e-6, out=length)
    along *= (half / length)[..., None]
    offset = along[..., ::-1] * _TURN
    points = line.shape[-2]
    outline = np.empty((*line.shape[:-2], 2 * points, 2), line.dtype)
    np.add(line, offset, out=outline[..., :points, :])
    np.subtract(line, offset, out=outline[..., : points - 1 : -1, :])
    return outline


@lru_cache(maxsize=64)
def taper(points: int, margin: float = 0.3) -> np.ndarray:
    """Return the thickness (0 to 1) along a stroke with thin ends."""
    return np.sin(np.linspace(margin, np.pi - margin, points))


@lru_cache(maxsize=8)
def circle(points: int = 21) -> np.ndarray:
    """Return the unit circle, (points, 2)."""
    turn = np.linspace(0, 2 * np.pi, points)
    return np.stack([np.cos(turn), np.sin(turn)], 1)


@lru_cache(maxsize=8)
def noise_field(kind: str) -> np.ndarray:
    """Return a fixed field of smooth noise, about -1 to 1: `skin`, `strands` or `clouds`."""
    rng = np.random.default_rng({"skin": 1, "strands": 2, "clouds": 3}[kind])
    field = rng.standard_normal((NOISE, NOISE)).astype(np.float32)
    across, down = {"skin": (1.5, 1.5), "strands": (1.0, 14.0), "clouds": (18.0, 18.0)}[kind]
    smooth = cv2.GaussianBlur(field, (0, 0), across, sigmaY=down, borderType=cv2.BORDER_REFLECT)
    return smooth / np.float32(2 * smooth.std())


def texture(kind: str, pixels: int, zoom: float, seed: int) -> np.ndarray:
    """Return a square of a noise field: `seed` chooses the place, `zoom` is the magnification."""
    side = int(min(NOISE, max(8, pixels / zoom)))
    room = NOISE - side + 1
    row, column = seed % room, (seed // 521) % room
    cut = noise_field(kind)[row : row + side, column : column + side]
    cut = cut[:, ::-1] if seed & 1 else cut
    return cv2.resize(cut, (pixels, pixels), interpolation=cv2.INTER_LINEAR)


def mix(image: np.ndarray, cover: np.ndarray, value: np.ndarray | float) -> None:
    """Blend `value` into `image` with the opacity `cover` (h, w), in place.

    `image` and `value` may have channels.
    """
    if cover.size > 60_000:  # most covers of a large image are small: skip what they leave out
        rows = np.flatnonzero(cv2.reduce(cover, 1, cv2.REDUCE_MAX))
        columns = np.flatnonzero(cv2.reduce(cover, 0, cv2.REDUCE_MAX))
        if not len(rows):
            return
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        if isinstance(value, np.ndarray) and value.ndim > 1:
            shape = np.broadcast_shapes(value.shape, image.shape)
            value = np.broadcast_to(value, shape)[part]
        image, cover = image[part], cover[part]
    if image.ndim > cover.ndim:
        cover = cover[..., None]
    change = value - image
    change *= cover
    image += change
