"""A face in a photo: where it is, and how it is turned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from facevalue.image_files import as_photo

Box = tuple[int, int, int, int]
"""x and y of the upper left corner, width and height, in pixels of the photo."""


@dataclass(frozen=True, eq=False)
class Face:
    """A face that a detector found.

    Attributes:
        box: x and y of the upper left corner, width and height, in pixels of the photo.
        score: the confidence of the detector, 0 to 1; 1 if the detector gives none.
        landmarks: float, shape (5, 2), x and y in pixels of the photo: the right eye, the left
            eye, the tip of the nose, the right and the left corner of the mouth. Right and left
            are from the person's point of view: the right eye is on the left of the photo. None
            if the detector does not find landmarks.

    >>> landmarks = np.array([[20.0, 30.0], [40.0, 50.0], [28.0, 45.0], [18.0, 48.0], [30.0, 60.0]])
    >>> Face((10, 20, 40, 50), 0.9, landmarks).roll
    45.0
    """

    box: Box
    score: float = 1.0
    landmarks: np.ndarray | None = None

    def __eq__(self, other: object) -> bool:
        """Return whether box, score and landmarks are equal."""
        if not isinstance(other, Face):
            return NotImplemented
        mine, theirs = self.landmarks, other.landmarks
        same = mine is theirs or (
            mine is not None and theirs is not None and np.array_equal(mine, theirs)
        )
        return same and (self.box, self.score) == (other.box, other.score)

    def __hash__(self) -> int:
        """Return a hash of box and score, because an array of landmarks has none."""
        return hash((self.box, self.score))

    def enlarged(self, scale: float, size: tuple[int, int]) -> Face:
        """Return the face in the coordinates of the whole photo, if it was found in a reduced one.

        Args:
            scale: the width of the whole photo divided by that of the reduced one.
            size: width and height of the whole photo.

        >>> Face((10, 20, 30, 41)).enlarged(2.0, (80, 121)).box
        (20, 40, 60, 81)
        """
        if scale == 1:
            return self
        x, y, width, height = self.box
        corners = np.rint(np.array([[x, y], [x + width, y + height]]) * scale).astype(int)
        low, high = np.clip(corners, 0, size).tolist()
        box: Box = (low[0], low[1], high[0] - low[0], high[1] - low[1])
        points = None if self.landmarks is None else self.landmarks * scale
        return replace(self, box=box, landmarks=points)

    @property
    def roll(self) -> float:
        """The angle of the line between the eyes, in degrees: positive if tilted clockwise.

        It is 0 without landmarks.
        """
        if self.landmarks is None:
            return 0.0
        across, down = (self.landmarks[1] - self.landmarks[0]).tolist()
        return math.degrees(math.atan2(down, across))


def overlap(a: Sequence[int] | np.ndarray, b: Sequence[int] | np.ndarray) -> float:
    """Return the intersection over union of two boxes, 0 to 1.

    Args:
        a, b: x, y, width and height; neither box is empty.

    >>> overlap((0, 0, 10, 10), (5, 0, 10, 10))
    0.3333333333333333
    """
    both = shared_area(a, b)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def shared_area(a: Sequence[int] | np.ndarray, b: Sequence[int] | np.ndarray) -> float:
    """Return the area of the intersection of two boxes, in pixels.

    Args:
        a, b: x, y, width and height.

    >>> shared_area((0, 0, 10, 10), (5, 0, 10, 10))
    50
    """
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def photo_pixels(image: Any) -> np.ndarray:
    """Return a photo in any of the usual forms as uint8, RGB or in grey levels.

    Args:
        image: as in `image_files.as_photo`. An array in the form of the result is returned
            unchanged.
    Returns:
        uint8, shape (height, width, 3), RGB, or (height, width) in grey levels.
    Raises:
        ValueError, OSError: as in `image_files.as_photo`.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.size == 0:
        return as_photo(image)
    fits = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    return image if fits else as_photo(image)
