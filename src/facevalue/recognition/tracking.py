"""Faces from frame to frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from facevalue.emotions import EMOTIONS
from facevalue.recognition import cropping, detection
from facevalue.recognition.overlay import SURE
from facevalue.recognition.recogniser import MARGIN, SIZE, Recogniser, Sighting

LONGEST = 320
"""Faces are searched in a frame shrunk to this: a quarter of the time of 640 pixels.

They are cut out of the frame itself, so that the network sees them in full.
"""

SMALLEST = 28
"""Height and width of the smallest face in the shrunk frame, in pixels."""

SCALE_FACTOR = 1.2
MIN_NEIGHBORS = 3
"""A quicker search than a photo's, as in `detection.find_faces`."""

MOST_FACES = 12
"""The largest faces of a frame, so that a crowd cannot slow a video down without end."""

AGAIN = 8
"""Frames after which the whole frame is searched again, and not only near the faces."""

SAME = 0.3
"""How much boxes of the same face in two frames overlap at least."""

STEADY = 0.3
"""Seconds in which two thirds of a change of the probabilities are shown: less would flicker."""

QUICK = 0.08
"""The same for the box, which must keep up with a head that moves."""

KEPT = 0.4
"""Seconds for which a face stays that is not found any more: the search misses a frame at times."""


class Watcher:
    """Finds the faces in one video, frame by frame, and tells the emotions of each.

    `Recogniser.photo` looks at a single picture with more care, for ten times as long. One watcher
    serves one video, and one thread at a time.
    """

    def __init__(self, recogniser: Recogniser) -> None:
        """Start with no faces known."""
        self._recogniser = recogniser
        self._last = np.zeros((0, 4), int)  # in the shrunk frame
        self._frames = 0

    def __call__(self, image: np.ndarray) -> list[Sighting]:
        """Return the faces in the next frame.

        Args:
            image: uint8, shape (height, width, 3) in RGB, or (height, width) in grey levels.
        Returns:
            At most MOST_FACES faces, the largest first.
        Raises:
            ValueError: `image` is no such array.
        """
        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        height, width = grey.shape
        scale = min(1.0, LONGEST / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        self._last = self._find(small)[:MOST_FACES]
        self._frames += 1
        boxes = np.rint(self._last / scale).astype(int)
        if not len(boxes):
            return []
        crops = np.stack([cropping.crop(grey, box, MARGIN, SIZE) for box in boxes])
        return [
            Sighting((int(x), int(y), int(w), int(h)), answer)
            for (x, y, w, h), answer in zip(boxes, self._recogniser(crops), strict=True)
        ]

    def _find(self, small: np.ndarray) -> np.ndarray:
        """Faces move little from frame to frame: to search near them takes a fifth of the time."""
        if len(self._last) and self._frames % AGAIN:
            near = [_near(small, box) for box in self._last]
            if all(len(box) for box in near):
                return np.array(near)
        return detection.find_faces(
            small,
            scale_factor=SCALE_FACTOR,
            min_neighbors=MIN_NEIGHBORS,
            min_size=(SMALLEST, SMALLEST),
        )


def look(image: np.ndarray, recogniser: Recogniser) -> list[Sighting]:
    """Return the faces in a single frame, found as quickly: see `Watcher`."""
    return Watcher(recogniser)(image)


def _near(small: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return the face that was in a box a moment ago: shape (4,), or (0,) if it is not there."""
    x, y, width, height = box.tolist()
    side = 2 * max(width, height)
    corner = x + (width - side) // 2, y + (height - side) // 2
    rows, columns = small.shape
    if not (-width < x < columns and -height < y < rows):  # the frames have become smaller
        return np.zeros(0, int)
    smallest = max(SMALLEST, 3 * side // 8)
    found = detection.find_faces(
        cropping.crop(small, box, 0.5),
        scale_factor=SCALE_FACTOR,
        min_neighbors=MIN_NEIGHBORS,
        min_size=(smallest, smallest),
        border=0,
    )
    if not len(found):
        return np.zeros(0, int)
    low = np.clip(found[0, :2] + corner, 0, (columns, rows))
    high = np.clip(found[0, :2] + found[0, 2:] + corner, 0, (columns, rows))
    return np.concatenate([low, high - low]) if (high - low).min() >= SMALLEST else np.zeros(0, int)


@dataclass(eq=False)
class _Track:
    """One face over time: its smoothed box and probabilities."""

    box: np.ndarray
    probabilities: np.ndarray
    seen: float
    times: int = 1


class Smoother:
    """Follows faces from frame to frame, so that boxes and bars do not flicker."""

    def __init__(self) -> None:
        """Start without faces."""
        self._tracks: list[_Track] = []
        self._last = -math.inf

    def __call__(self, sightings: Sequence[Sighting], seconds: float) -> list[Sighting]:
        """Return the faces to show at a moment.

        Args:
            sightings: what `look` found in this frame.
            seconds: when the frame was taken, on any clock that only goes forward.
        """
        passed = max(0.0, seconds - self._last)
        self._last = seconds
        left = list(self._tracks)
        for sighting in sightings:
            same = max(left, key=lambda track: detection.overlap(track.box, sighting.box),
                       default=None)  # fmt: skip
            box = np.array(sighting.box, float)
            probabilities = np.array([sighting.probabilities[name] for name in EMOTIONS])
            if same is None or detection.overlap(same.box, box) < SAME:
                self._tracks.append(_Track(box, probabilities, seconds))
                continue
            left.remove(same)
            same.box += (1 - math.exp(-passed / QUICK)) * (box - same.box)
            weight = 1 - math.exp(-passed / STEADY)
            same.probabilities += weight * (probabilities - same.probabilities)
            same.seen, same.times = seconds, same.times + 1
        self._tracks = [track for track in self._tracks if seconds - track.seen <= KEPT]
        return [
            Sighting(
                tuple(np.rint(track.box).astype(int).tolist()),
                dict(zip(EMOTIONS, track.probabilities.tolist(), strict=True)),
            )
            for track in self._tracks
            if track.times >= SURE
        ]
