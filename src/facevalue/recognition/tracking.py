"""Recognising faces frame by frame, quickly, and showing them without flicker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from facevalue.emotions import EMOTIONS
from facevalue.image_files import to_grey
from facevalue.recognition import cropping, detection
from facevalue.recognition.recogniser import Recogniser, Sighting

SEARCH_SIDE = 320
"""Faces are searched in a frame shrunk to this side, in a quarter of the time of 640 pixels.

They are cropped from the frame itself, so that the network sees them in full resolution.
"""

MIN_FACE = 28
"""Height and width of the smallest face in the shrunk frame, in pixels."""

SCALE_FACTOR = 1.2
MIN_NEIGHBORS = 3
"""A faster search than in a photo; see `detection.find_faces`."""

MAX_FACES = 12
"""How many faces of a frame are recognised, the largest first: a crowd must not stop a video."""

FULL_SEARCH_EVERY = 8
"""Frames after which the whole frame is searched again, and not only near the known faces."""

MIN_OVERLAP = 0.3
"""The smallest overlap of two boxes in consecutive frames that are the same face."""

PROBABILITY_SECONDS = 0.3
"""The time constant of the smoothed probabilities: without it they would flicker."""

BOX_SECONDS = 0.08
"""The time constant of the smoothed boxes, which must keep up with a moving head."""

KEEP_SECONDS = 0.4
"""How long a face is shown that is no longer found: the search misses a frame now and then."""

MIN_SIGHTINGS = 2
"""How often a face must be found before it is shown: most false detections occur once."""


class FrameRecogniser:
    """Recognises the faces in one video, frame by frame.

    `Recogniser.photo` searches a single picture more carefully, in ten times the time. A frame
    recogniser serves one video and one thread.
    """

    def __init__(self, recogniser: Recogniser) -> None:
        """Start with no known faces."""
        self._recogniser = recogniser
        self._last = np.zeros((0, 4), int)  # in the shrunk frame
        self._frames = 0

    def __call__(self, image: np.ndarray) -> list[Sighting]:
        """Return the faces in the next frame.

        Args:
            image: uint8, shape (height, width, 3), RGB, or (height, width) in grey levels.
        Returns:
            At most MAX_FACES faces, the largest first.
        Raises:
            ValueError: `image` is no such array.
        """
        grey = to_grey(image)
        height, width = grey.shape
        scale = min(1.0, SEARCH_SIDE / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        self._last = self._find(small)[:MAX_FACES]
        self._frames += 1
        return self._recogniser.in_boxes(grey, np.rint(self._last / scale).astype(int))

    def _find(self, small: np.ndarray) -> np.ndarray:
        """Return the boxes of faces: near those of the last frame, in a fifth of the time."""
        if len(self._last) and self._frames % FULL_SEARCH_EVERY:
            near = [_find_near(small, box) for box in self._last]
            if all(len(box) for box in near):
                return np.array(near)
        return detection.find_faces(
            small,
            scale_factor=SCALE_FACTOR,
            min_neighbors=MIN_NEIGHBORS,
            min_size=(MIN_FACE, MIN_FACE),
        )


def recognise_frame(image: np.ndarray, recogniser: Recogniser) -> list[Sighting]:
    """Return the faces in a single frame, searched as quickly as in a video."""
    return FrameRecogniser(recogniser)(image)


def _find_near(small: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return the box of the face that was in `box` a frame ago: shape (4,), or (0,) if it is gone.

    Faces move little from frame to frame.
    """
    x, y, width, height = box.tolist()
    side = 2 * max(width, height)
    corner = x + (width - side) // 2, y + (height - side) // 2
    rows, columns = small.shape
    if not (-width < x < columns and -height < y < rows):  # the frames have become smaller
        return np.zeros(0, int)
    smallest = max(MIN_FACE, 3 * side // 8)
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
    return np.concatenate([low, high - low]) if (high - low).min() >= MIN_FACE else np.zeros(0, int)


@dataclass(eq=False)
class _Track:
    """One face over time: its smoothed box and probabilities, and when it was last found."""

    box: np.ndarray
    probabilities: np.ndarray
    last_seen: float
    times: int = 1

    def update(
        self, box: np.ndarray, probabilities: np.ndarray, seconds: float, passed: float
    ) -> None:
        """Move towards what was found now, the further the more seconds have passed."""
        self.box += (1 - math.exp(-passed / BOX_SECONDS)) * (box - self.box)
        weight = 1 - math.exp(-passed / PROBABILITY_SECONDS)
        self.probabilities += weight * (probabilities - self.probabilities)
        self.last_seen = seconds
        self.times += 1


class Smoother:
    """Follows faces from frame to frame, so that boxes and probabilities do not flicker."""

    def __init__(self) -> None:
        """Start without faces."""
        self._tracks: list[_Track] = []
        self._last = -math.inf

    def __call__(self, sightings: Sequence[Sighting], seconds: float) -> list[Sighting]:
        """Return the faces to show at a moment.

        Args:
            sightings: what a `FrameRecogniser` found in this frame.
            seconds: when the frame was taken, on any clock that only goes forward.
        """
        passed = max(0.0, seconds - self._last)
        self._last = seconds
        left = list(self._tracks)
        for sighting in sightings:
            box = np.array(sighting.box, float)
            probabilities = np.array([sighting.probabilities[name] for name in EMOTIONS])
            same = _best_match(left, box)
            if same is None:
                self._tracks.append(_Track(box, probabilities, seconds))
            else:
                left.remove(same)
                same.update(box, probabilities, seconds, passed)
        self._tracks = [t for t in self._tracks if seconds - t.last_seen <= KEEP_SECONDS]
        return [
            Sighting(
                tuple(np.rint(track.box).astype(int).tolist()),
                dict(zip(EMOTIONS, track.probabilities.tolist(), strict=True)),
            )
            for track in self._tracks
            if track.times >= MIN_SIGHTINGS
        ]


def _best_match(tracks: list[_Track], box: np.ndarray) -> _Track | None:
    """Return the track whose box overlaps `box` the most, if it is enough for the same face."""
    best = max(tracks, key=lambda track: detection.overlap(track.box, box), default=None)
    if best is None or detection.overlap(best.box, box) < MIN_OVERLAP:
        return None
    return best
