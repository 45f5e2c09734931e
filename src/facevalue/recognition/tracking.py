"""Recognising the faces of a video frame by frame, fast and without flicker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from facevalue.emotions import EMOTIONS
from facevalue.recognition.detection import find_faces
from facevalue.recognition.face import Face, overlap, photo_pixels
from facevalue.recognition.recogniser import Recogniser, Sighting

SEARCH_SIDE = 320
"""The longest side, in pixels, to which a frame is shrunk to search it for faces.

This takes a quarter of the time that 640 pixels take. The faces are cropped from the frame itself,
so that the network sees them in full resolution.
"""

MAX_FACES = 12
"""How many faces of a frame are recognised, the largest first: a crowd would stop a video."""

MIN_OVERLAP = 0.3
"""The least intersection over union of the boxes of the same face in two consecutive frames."""

PROBABILITY_SECONDS = 0.3
"""The time constant of the smoothed probabilities, which would flicker without smoothing."""

BOX_SECONDS = 0.08
"""The time constant of the smoothed boxes, which must keep up with a moving head."""

KEEP_SECONDS = 0.4
"""How long a face is still shown after it was last found: now and then the detector misses it."""

MIN_SIGHTINGS = 2
"""How often a face must be found before it is shown: most false detections occur only once."""


def recognise_frame(image: Any, recogniser: Recogniser) -> list[Sighting]:
    """Find the faces in a frame of a video, faster than in a photo, and recognise their emotions.

    Args:
        image: a frame in any of the forms that `image_files.as_photo` takes.
        recogniser: recognises the emotions.
    Returns:
        At most `MAX_FACES` faces and their emotions, the largest face first.
    Raises:
        ValueError: `image` is none of these.
    """
    pixels = photo_pixels(image)
    return recogniser.in_photo(pixels, find_faces(pixels, side=SEARCH_SIDE)[:MAX_FACES])


@dataclass(eq=False)
class _Track:
    """One face over time.

    Attributes:
        face: the face as it was found last.
        box: float, shape (4,), the smoothed box.
        probabilities: float, shape (7,), smoothed.
        last_found: when it was found last, in seconds.
        times_found: in how many frames it was found.
    """

    face: Face
    box: np.ndarray
    probabilities: np.ndarray
    last_found: float
    times_found: int = 1

    def update(
        self,
        face: Face,
        box: np.ndarray,
        probabilities: np.ndarray,
        seconds: float,
        passed: float,
    ) -> None:
        """Move the smoothed values towards the new ones.

        Args:
            face, box, probabilities: as they were found now.
            seconds: the time of the frame.
            passed: seconds since the previous frame: the longer, the further the values move.
        """
        self.face = face
        self.box += (1 - math.exp(-passed / BOX_SECONDS)) * (box - self.box)
        weight = 1 - math.exp(-passed / PROBABILITY_SECONDS)
        self.probabilities += weight * (probabilities - self.probabilities)
        self.last_found = seconds
        self.times_found += 1


class Smoother:
    """Follows faces from frame to frame, so that boxes and probabilities do not flicker.

    >>> smooth = Smoother()
    >>> sighting = Sighting(Face((10, 10, 40, 40)), dict.fromkeys(EMOTIONS, 1 / 7))
    >>> len(smooth([sighting], 0.0)), len(smooth([sighting], 0.1))
    (0, 1)
    """

    def __init__(self) -> None:
        """Start without faces."""
        self._tracks: list[_Track] = []
        self._last = -math.inf

    def __call__(self, sightings: Sequence[Sighting], seconds: float) -> list[Sighting]:
        """Return the faces to show on the next frame.

        Args:
            sightings: what `recognise_frame` found in this frame.
            seconds: when the frame was taken, on any clock that only goes forward.
        Returns:
            Faces that were found at least `MIN_SIGHTINGS` times, and in the last `KEEP_SECONDS`,
            with smoothed boxes and probabilities.
        """
        passed = max(0.0, seconds - self._last)
        self._last = seconds
        left = list(self._tracks)
        for sighting in sightings:
            box = np.array(sighting.box, float)
            probabilities = np.array([sighting.probabilities[name] for name in EMOTIONS])
            track = _best_match(left, box)
            if track is None:
                self._tracks.append(_Track(sighting.face, box, probabilities, seconds))
            else:
                left.remove(track)
                track.update(sighting.face, box, probabilities, seconds, passed)
        self._tracks = [t for t in self._tracks if seconds - t.last_found <= KEEP_SECONDS]
        return [
            Sighting(
                replace(track.face, box=tuple(np.rint(track.box).astype(int).tolist())),
                dict(zip(EMOTIONS, track.probabilities.tolist(), strict=True)),
            )
            for track in self._tracks
            if track.times_found >= MIN_SIGHTINGS
        ]


def _best_match(tracks: list[_Track], box: np.ndarray) -> _Track | None:
    """Return the track whose box overlaps `box` the most, or None if none overlaps it enough."""
    best = max(tracks, key=lambda track: overlap(track.box, box), default=None)
    if best is None or overlap(best.box, box) < MIN_OVERLAP:
        return None
    return best
