"""Video files: reading them, and writing them again with the emotions drawn on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from facevalue import image_files
from facevalue.files import atomic_write
from facevalue.recognition.overlay import drawn
from facevalue.recognition.recogniser import Recogniser
from facevalue.recognition.tracking import Smoother, Watcher

CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG", ".webm": "VP90"}
"""How each kind of file is packed. VP9 is what browsers play, and takes ten times as long."""

SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg")
"""The endings of the video files that are read."""


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
    if not 0 < width * height <= image_files.MOST_PIXELS:
        capture.release()
        raise ValueError(
            f"the frames of {source} have {width} x {height} pixels: at most "
            f"{image_files.MOST_PIXELS // 1_000_000} megapixels are read."
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
        with atomic_write(out, ending=out.suffix.lower()) as part:
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
