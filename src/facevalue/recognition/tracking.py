"""Recognising faces frame by frame, quickly, and showing them without flicker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from facevalue.emotions import EMOTIONS
from facevalue.recognition.detection import find_faces
from facevalue.recognition.face import Face, overlap
from facevalue.recognition.recogniser import Recogniser, Sighting

SEARCH_SIDE = 320
"""Faces are searched in a frame shrunk to this side, in a quarter of the time of 640 pixels.

They are cropped from the frame itself, so that the network sees them in full resolution.
"""

MAX_FACES = 12
"""How many faces of a frame are recognised, the largest first: a crowd must not stop a video."""

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


def recognise_frame(image: np.ndarray, recogniser: Recogniser) -> list[Sighting]:
    """Return the faces in a frame of a video, found in a quarter of the time of a photo.

    Args:
        image: uint8, shape (height, width, 3), RGB, or (height, width) in grey levels.
        recogniser: names their emotions.
    Returns:
        At most MAX_FACES faces, the largest first.
    Raises:
        ValueError: `image` is no such array.
    """
    return recogniser.in_photo(image, find_faces(image, side=SEARCH_SIDE)[:MAX_FACES])


@dataclass(eq=False)
class _Track:
    """One face over time: its last sighting, its smoothed box and probabilities, and when."""

    face: Face
    box: np.ndarray
    probabilities: np.ndarray
    last_seen: float
    times: int = 1

    def update(
        self,
        face: Face,
        box: np.ndarray,
        probabilities: np.ndarray,
        seconds: float,
        passed: float,
    ) -> None:
        """Move towards what was found now, the further the more seconds have passed."""
        self.face = face
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
            sightings: what `recognise_frame` found in this frame.
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
                self._tracks.append(_Track(sighting.face, box, probabilities, seconds))
            else:
                left.remove(same)
                same.update(sighting.face, box, probabilities, seconds, passed)
        self._tracks = [t for t in self._tracks if seconds - t.last_seen <= KEEP_SECONDS]
        return [
            Sighting(
                replace(track.face, box=tuple(np.rint(track.box).astype(int).tolist())),
                dict(zip(EMOTIONS, track.probabilities.tolist(), strict=True)),
            )
            for track in self._tracks
            if track.times >= MIN_SIGHTINGS
        ]


def _best_match(tracks: list[_Track], box: np.ndarray) -> _Track | None:
    """Return the track whose box overlaps `box` the most, if it is enough for the same face."""
    best = max(tracks, key=lambda track: overlap(track.box, box), default=None)
    if best is None or overlap(best.box, box) < MIN_OVERLAP:
        return None
    return best
