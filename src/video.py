"""Emotions in moving pictures: find faces quickly, keep them steady, and draw them.

The live page's JavaScript (apps/api/static) does the same in the browser, with the numbers below.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from facevalue import detection, paths
from facevalue.emotions import COLOURS, EMOTIONS
from facevalue.recogniser import MARGIN, SIZE, Recogniser, Sighting

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

SURE = 2
"""How often a face must be found before it is shown: most things that are none are found once."""

CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG", ".webm": "VP90"}
"""How each kind of file is packed. VP9 is what browsers play, and takes ten times as long."""

SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg")
"""The endings of the video files that are read."""


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
        crops = np.stack([detection.crop(grey, box, MARGIN, SIZE) for box in boxes])
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
        detection.crop(small, box, 0.5),
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


# ------------------------------------------------------------------------------ from frame to frame


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


# ------------------------------------------------------------------------------------- drawing


def drawn(image: np.ndarray, sightings: Sequence[Sighting]) -> np.ndarray:
    """Return a frame with the box, the emotion and the seven bars of each face drawn on it.

    Args:
        image: uint8, shape (height, width, 3), RGB; it stays as it is.
    """
    if not sightings:
        return image
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture, "RGBA")
    size = max(11, round(max(picture.size) / 50))
    for sighting in sightings:
        _draw(draw, picture.size, sighting, size)
    return np.asarray(picture)


DARK = (17, 17, 17, 215)
LIGHT = (255, 255, 255)


@lru_cache(maxsize=8)
def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _draw(draw: Any, frame: tuple[int, int], sighting: Sighting, size: int) -> None:
    x, y, width, height = sighting.box
    colour = COLOURS[sighting.emotion]
    line, pad = max(2, size // 5), size // 3
    font = _font(size)
    draw.rectangle((x, y, x + width, y + height), outline=colour, width=line)
    share = sighting.probabilities[sighting.emotion]
    text = f"{sighting.emotion} {100 * share:.0f} %"
    box = font.getbbox(text)
    bottom = max(y, size + 2 * pad)  # a face at the upper edge has its name inside the frame
    left = min(max(x, 0), max(0, int(frame[0] - box[2] - 2 * pad)))
    draw.rectangle((left, bottom - size - 2 * pad, left + box[2] + 2 * pad, bottom), fill=DARK)
    draw.text((left + pad, bottom - size - pad), text, font=font, fill=LIGHT)
    row = round(1.25 * size)
    names = round(max(font.getlength(name) for name in EMOTIONS))
    panel = names + 3 * pad + 4 * size, len(EMOTIONS) * row + 2 * pad
    beside = (x + width + line, x - panel[0] - line, frame[0] - panel[0])
    left = next((k for k in beside if 0 <= k <= frame[0] - panel[0]), 0)
    top = min(max(0, y), max(0, frame[1] - panel[1]))
    draw.rectangle((left, top, left + panel[0], top + panel[1]), fill=DARK)
    for number, (name, value) in enumerate(sighting.probabilities.items()):
        at = top + pad + number * row
        draw.text((left + pad, at), name, font=font, fill=LIGHT)
        start = left + names + 2 * pad
        middle = at + row // 2
        draw.rectangle((start, middle - size // 4, start + 4 * size * value, middle + size // 4),
                       fill=COLOURS[name])  # fmt: skip


# -------------------------------------------------------------------------------------- files


@dataclass(frozen=True)
class Clip:
    """An opened video.

    Attributes:
        width, height: of a frame, in pixels.
        rate: frames per second.
        frames: how many there are; 0 where the file does not say so, as with a camera.
    """

    capture: Any
    width: int
    height: int
    rate: float
    frames: int

    def __iter__(self) -> Iterator[np.ndarray]:
        """Give the frames, uint8, shape (height, width, 3), RGB, up to the end."""
        while True:
            there, frame = self.capture.read()
            if not there:
                return
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)

    def close(self) -> None:
        """Let go of the file or the camera."""
        self.capture.release()


def clip(source: Path | int) -> Clip:
    """Open a video file, or a camera of this machine by its number.

    Raises:
        FileNotFoundError: there is no such file or camera.
        ValueError: the file is no video, or its frames are too large.
    """
    if isinstance(source, Path) and not source.is_file():
        raise FileNotFoundError(f"there is no video {source}.")
    capture = cv2.VideoCapture(str(source) if isinstance(source, Path) else source)
    if not capture.isOpened():
        capture.release()
        if isinstance(source, Path):
            raise ValueError(f"{source.name} is no video that OpenCV can read.")
        raise FileNotFoundError(f"this machine has no camera {source}, or another program uses it.")
    width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
    height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    if not 0 < width * height <= detection.MOST_PIXELS:
        capture.release()
        raise ValueError(
            f"the frames of {source} have {width} x {height} pixels: at most "
            f"{detection.MOST_PIXELS // 1_000_000} megapixels are read."
        )
    rate = capture.get(cv2.CAP_PROP_FPS)
    rate = rate if 1 <= rate <= 240 else 25.0  # some files and cameras say 0, or 1000
    return Clip(capture, width, height, rate, max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))))


def annotate(
    source: Path,
    out: Path,
    recogniser: Recogniser,
    *,
    most: int | None = None,
    progress: bool = True,
) -> int:
    """Write a video again with the faces, their emotions and bars drawn on it; without sound.

    `out` appears when it is complete; an error or an interrupt leaves what was there.

    Args:
        source: a video file.
        out: the file to write; its ending, one of CODECS, says of which kind.
        most: how many frames are written; default: all.
        progress: show a bar.
    Returns:
        How many frames were written.
    Raises:
        FileNotFoundError: there is no such video.
        ValueError: it is no video, `out` is `source` or ends in another way, or this OpenCV
            cannot write such a file.
    """
    if out.suffix.lower() not in CODECS:
        raise ValueError(f"{out.name} must end in {', '.join(CODECS)}.")
    if out.resolve() == source.resolve():
        raise ValueError(f"{out.name} would take the place of the video itself: name another one.")
    opened = clip(source)
    try:
        with paths.beside(out, ending=out.suffix.lower()) as part:
            written = _write(opened, part, recogniser, most, progress)
            if not written:
                raise ValueError(f"{source.name} holds no frame that can be read.")
    finally:
        opened.close()
    return written


def _write(
    opened: Clip, part: Path, recogniser: Recogniser, most: int | None, progress: bool
) -> int:
    codec = cv2.VideoWriter.fourcc(*CODECS[part.suffix])
    writer = cv2.VideoWriter(str(part), codec, opened.rate, (opened.width, opened.height))
    if not writer.isOpened():
        raise ValueError(f"this OpenCV cannot write {part.suffix} files: choose another ending.")
    watch, smooth, written = Watcher(recogniser), Smoother(), 0
    total = min(opened.frames or math.inf, most or math.inf)
    known = None if total == math.inf else total
    try:
        for frame in tqdm(
            islice(opened, most), "annotating", known, unit="frame", disable=not progress
        ):
            shown = smooth(watch(frame), written / opened.rate)
            writer.write(cv2.cvtColor(drawn(frame, shown), cv2.COLOR_RGB2BGR))
            written += 1
    finally:
        writer.release()
    return written
