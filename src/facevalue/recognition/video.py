"""Video files: reading them, and writing a copy with the emotions drawn on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from facevalue import image_files
from facevalue.files import atomic_write
from facevalue.progress import ProgressBar
from facevalue.recognition import overlay
from facevalue.recognition.recogniser import Recogniser
from facevalue.recognition.tracking import FrameRecogniser, Smoother

CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG", ".webm": "VP90"}
"""The codec of each kind of file. VP9 is what browsers play, and takes ten times as long."""

SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg")
"""The suffixes of the video files that are read."""


@dataclass(frozen=True)
class Clip:
    """An opened video.

    Attributes:
        name: what error messages call it.
        width, height: of a frame, in pixels.
        rate: frames per second.
        frames: how many there are; 0 where the file does not say so, as with a camera.
    """

    capture: cv2.VideoCapture
    name: str
    width: int
    height: int
    rate: float
    frames: int

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the frames up to the end: uint8, shape (height, width, 3), RGB."""
        while True:
            ok, frame = self.capture.read()
            if not ok:
                return
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)

    def sampled(self, seconds: float) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the number and the pixels of one frame in so many seconds, from the first on.

        Raises:
            ValueError: after the last readable frame: there was none, or the video breaks off.
        """
        step, number = max(1, round(self.rate * seconds)), 0
        while self.capture.grab():  # frames in between need not be decoded
            if number % step == 0:
                ok, frame = self.capture.retrieve()
                if ok:
                    yield number, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            number += 1
        if not number:
            raise ValueError(f"{self.name} has no readable frame.")
        if number < 0.9 * self.frames:  # some kinds of files only estimate their length
            raise ValueError(f"{self.name} breaks off after {number} of {self.frames} frames.")

    def close(self) -> None:
        """Close the file or the camera."""
        self.capture.release()


def open_clip(source: Path | int) -> Clip:
    """Open a video file, or a camera of this machine by its number.

    Raises:
        FileNotFoundError: there is no such file or camera.
        ValueError: the file is no video, or its frames are too large.
    """
    if isinstance(source, Path) and not source.is_file():
        raise FileNotFoundError(f"There is no video {source}.")
    capture = cv2.VideoCapture(str(source) if isinstance(source, Path) else source)
    if not capture.isOpened():
        capture.release()
        if isinstance(source, Path):
            raise ValueError(f"{source.name} is no video that OpenCV can read.")
        raise FileNotFoundError(f"This machine has no camera {source}, or another program uses it.")
    width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
    height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    if not 0 < width * height <= image_files.MOST_PIXELS:
        capture.release()
        raise ValueError(
            f"The frames of {source} have {width:,} x {height:,} pixels, more than "
            f"{image_files.MOST_PIXELS:,}."
        )
    rate = capture.get(cv2.CAP_PROP_FPS)
    rate = rate if 1 <= rate <= 240 else 25.0  # some files and cameras say 0, or 1000
    frames = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    name = source.name if isinstance(source, Path) else f"camera {source}"
    return Clip(capture, name, width, height, rate, frames)


def annotate(
    source: Path,
    out: Path,
    recogniser: Recogniser,
    *,
    max_frames: int | None = None,
    progress: bool = True,
) -> int:
    """Write a copy of a video with the faces, their emotions and bars drawn on it; without sound.

    `out` appears when it is complete; an error or an interrupt leaves an older file unchanged.

    Args:
        source: a video file.
        out: the file to write; its suffix, one of CODECS, chooses the kind.
        max_frames: how many frames are written; by default all.
        progress: show a progress bar.
    Returns:
        How many frames were written.
    Raises:
        FileNotFoundError: there is no such video.
        ValueError: it is no video, `out` is `source` or has another suffix, or this OpenCV cannot
            write such a file.
    """
    if out.suffix.lower() not in CODECS:
        raise ValueError(f"{out} must end in {', '.join(CODECS)}.")
    if out.resolve() == source.resolve():
        raise ValueError(f"{out} would replace the video itself: choose another name.")
    clip = open_clip(source)
    try:
        with atomic_write(out, suffix=out.suffix.lower()) as part:
            written = _write(clip, part, recogniser, max_frames, progress)
            if not written:
                raise ValueError(f"{source.name} has no readable frame.")
    finally:
        clip.close()
    return written


def _write(
    clip: Clip, part: Path, recogniser: Recogniser, max_frames: int | None, progress: bool
) -> int:
    codec = cv2.VideoWriter.fourcc(*CODECS[part.suffix])
    writer = cv2.VideoWriter(str(part), codec, clip.rate, (clip.width, clip.height))
    if not writer.isOpened():
        raise ValueError(f"This OpenCV cannot write {part.suffix} files: choose another suffix.")
    recognise, smooth, written = FrameRecogniser(recogniser), Smoother(), 0
    total = min(filter(None, (clip.frames, max_frames)), default=None)
    try:
        with ProgressBar("annotating", total, unit="frame", show=progress) as bar:
            for frame in islice(clip, max_frames):
                shown = smooth(recognise(frame), written / clip.rate)
                writer.write(cv2.cvtColor(overlay.draw(frame, shown), cv2.COLOR_RGB2BGR))
                written += 1
                bar.update()
    finally:
        writer.release()
    return written
