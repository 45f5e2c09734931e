"""Reading videos, cameras and streams, and writing a copy with the emotions drawn on it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from facevalue import image_files
from facevalue.file_kinds import HEAD, content_kind, with_article
from facevalue.files import atomic_write, open_regular, without_secrets
from facevalue.progress import ProgressBar
from facevalue.recognition import mp4_edits, overlay, video_writer
from facevalue.recognition.recogniser import Recogniser
from facevalue.recognition.tracking import Smoother, recognise_frame

SUFFIXES = (
    *(".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg"),
    *(".wmv", ".3gp", ".3g2", ".flv", ".mts", ".m2ts", ".ogv"),
)
"""The suffixes of video files, in lower case."""

WHOLE = 0.9
"""The fraction of its stated length that must be readable: some files only estimate it."""

ROUNDING = 0.001
"""How many seconds a time stamp may be early: Matroska rounds time stamps to milliseconds."""

Source = Path | int | str
"""A video file, the number of a camera of this machine, or the address of a stream.

A text without :// is the path of a file.
"""


@dataclass(frozen=True)
class Clip:
    """An opened video, camera or stream.

    Attributes:
        capture: OpenCV's reader of it.
        name: its name in error messages.
        width, height: the size of a frame, in pixels, upright.
        rate: frames per second, on average: the rate of a phone's video or a recorded meeting
            varies.
        frames: about how many frames there are; 0 if that is unknown, as with a camera.
        seconds: how long it lasts; 0 if that is unknown.
        live: whether it is a camera or a stream without an end.
    """

    capture: cv2.VideoCapture
    name: str
    width: int
    height: int
    rate: float
    frames: int
    seconds: float
    live: bool = False

    def sampled(self, seconds: float = 0.0) -> Iterator[tuple[int, float, np.ndarray]]:
        """Yield the first frame at or after each multiple of `seconds`: 0, `seconds`, ...

        A frame is yielded at most once, also if it is shown for longer than `seconds`.

        Args:
            seconds: the interval; 0 yields all frames.
        Yields:
            The number of the frame, starting at 0; its time stamp, in seconds from the start; its
            pixels, uint8, shape (height, width, 3), RGB.
        Raises:
            ValueError: no frame can be read, or the video breaks off; raised after the last frame.
        """
        number, now, step, due = -1, 0.0, 1 / self.rate, 0.0
        for number, shown in enumerate(self._times()):
            step, now = shown - now if number else step, shown
            if now < due - ROUNDING:
                continue
            if seconds:
                due = seconds * (1 + math.floor((now + ROUNDING) / seconds))
            ok, frame = self.capture.retrieve()
            if ok:
                yield number, now, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        if number < 0:
            raise ValueError(f"No frame of {self.name} can be read: it is damaged or empty.")
        end = now + max(step, 1 / self.rate)
        # the frames are counted too, because the last one may be shown for a long time
        if end < WHOLE * self.seconds and number + 1 < WHOLE * self.frames:
            raise ValueError(
                f"{self.name} breaks off after {end:.1f} of {self.seconds:.1f} seconds."
            )

    def _times(self) -> Iterator[float]:
        """Go to each frame, and yield its time stamp in seconds."""
        start, before = time.monotonic(), -math.inf
        while self.capture.grab():
            if self.live:
                now = time.monotonic() - start
            else:
                now = max(0.0, self.capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            if now <= before:  # some files have no time stamps
                now = before + 1 / self.rate
            yield now
            before = now

    def close(self) -> None:
        """Close the file, camera or stream."""
        self.capture.release()


def open_clip(source: Source) -> Clip:
    """Open a video file, a camera of this machine by its number, or a stream by its address.

    Args:
        source: the path of a file, the number of a camera, or an address such as
            rtsp://host/stream.
    Returns:
        The opened source; call its method `close` after use.
    Raises:
        FileNotFoundError: there is no such file or camera.
        IsADirectoryError: the path is that of a folder.
        ConnectionError: no video can be read from the address.
        ValueError: the file is not a video, or its frames are empty or too large; or `source` is
            nothing of this.
    """
    source = _file_or_other(source)
    if isinstance(source, Path):
        if not source.exists():
            raise FileNotFoundError(f"There is no video file {source}: check the path.")
        if source.is_dir():
            raise IsADirectoryError(f"{source} is a folder: name a video in it.")
        open_regular(source).close()
    name = _name(source)
    capture = _open(source)
    if not capture.isOpened():
        capture.release()
        if isinstance(source, Path):
            raise ValueError(_no_video(source))
        if isinstance(source, int):
            raise FileNotFoundError(f"This machine has no {name}, or another program uses it.")
        raise ConnectionError(
            f"OpenCV cannot read a video from {name}: check the address, and whether this machine "
            "can reach it."
        )
    width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
    height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    if not 0 < width * height <= image_files.MAX_PIXELS:
        capture.release()
        if isinstance(source, Path) and not width * height:
            raise ValueError(_no_video(source))
        raise ValueError(
            f"The frames of {name} have {width:,} x {height:,} pixels: there must be 1 to "
            f"{image_files.MAX_PIXELS:,} in all."
        )
    rate = capture.get(cv2.CAP_PROP_FPS)
    frames = 0 if isinstance(source, int) else max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    seconds = frames / rate if rate > 0 else 0.0
    if isinstance(source, Path):
        seconds = mp4_edits.shown_seconds(source) or seconds
    if not 0 < rate <= 240:  # some files and cameras say 0, or 1000
        rate = 25.0
    live = not isinstance(source, Path) and not frames
    return Clip(capture, name, width, height, rate, frames, seconds, live)


def _file_or_other(source: Source) -> Source:
    """Return a source with a path of a file as a `Path`.

    Raises:
        ValueError: it is neither a path, a number nor an address.
    """
    if isinstance(source, str) and "://" not in source:
        return Path(source)
    if isinstance(source, bool) or not isinstance(source, str | int | Path):
        raise ValueError(
            "A video must be the path of a file, the number of a camera or an address, not "
            f"{type(source).__name__}."
        )
    return source


def _no_video(file: Path) -> str:
    """Return a sentence on a file that is not a video that OpenCV reads."""
    with file.open("rb") as opened:
        head = opened.read(HEAD)
    if not head:
        return f"{file.name} is an empty file."
    kind = content_kind(head)
    told = f" but {with_article(kind)}" if kind and not kind.endswith("video") else ""
    return f"{file.name} is not a video that OpenCV can read{told}."


def _name(source: Source) -> str:
    """Return the name of a source in messages: an address without its password."""
    if isinstance(source, Path):
        return source.name
    if isinstance(source, int):
        return f"camera {source}"
    return without_secrets(source)


def _open(source: Source) -> cv2.VideoCapture:
    """Open a source, without the technical messages of OpenCV and FFmpeg."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet
    before = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.VideoCapture(str(source) if isinstance(source, Path) else source)
    finally:
        cv2.utils.logging.setLogLevel(before)


def annotate(
    source: Source, out: str | Path, recogniser: Recogniser, *, progress: bool = True
) -> int:
    """Write a copy of a video with a box, the emotion and bars drawn for each face.

    The copy of a file has its duration, time stamps and sound, and plays in browsers; see
    `video_writer.VideoWriter`. `out` is written atomically: an error or an interrupt leaves an
    older file unchanged. A camera or an endless stream is recorded, without sound, until Ctrl+C.

    Args:
        source: a video file, the number of a camera, or an address; see `open_clip`.
        out: the file to write; its suffix, one of `video_writer.CODECS`, determines the format.
        recogniser: recognises the emotions.
        progress: show a progress bar.
    Returns:
        How many frames were written.
    Raises:
        FileNotFoundError: there is no such video or camera, or no folder for `out`.
        ConnectionError: no video can be read from the address.
        ValueError: the source is not a video, or is damaged; `out` is `source` or has another
            suffix.
        OSError: `out` cannot be written, for example because the disk is full.
        ModuleNotFoundError: the package av is not installed.
    """
    source, out = _file_or_other(source), Path(out)
    video_writer.check(out)
    if isinstance(source, Path) and out.resolve() == source.resolve():
        raise ValueError(
            f"{out} would replace the source itself: choose another name for the copy."
        )
    clip = open_clip(source)
    original = source if isinstance(source, Path) else None
    try:
        with atomic_write(out, suffix=out.suffix.lower()) as part:
            size = clip.width, clip.height
            with video_writer.VideoWriter(part, size, clip.rate, original) as writer:
                written = _annotate(clip, writer, recogniser, progress)
            if original:
                _check_whole(original, written)
            return written
    finally:
        clip.close()


def _check_whole(source: Path, read: int) -> None:
    """Raise ValueError if too many frames of a file could not be decoded."""
    frames = video_writer.count_frames(source)
    if read < WHOLE * frames:
        raise ValueError(
            f"{source.name} is damaged: only {read:,} of its {frames:,} frames can be read."
        )


def _annotate(
    clip: Clip, writer: video_writer.VideoWriter, recogniser: Recogniser, progress: bool
) -> int:
    """Draw on each frame and write it; return how many were written."""
    smooth, written = Smoother(), 0
    with ProgressBar("annotating", clip.frames or None, unit="frame", show=progress) as bar:
        try:
            for _, seconds, frame in clip.sampled():
                shown = smooth(recognise_frame(frame, recogniser), seconds)
                writer.write(overlay.draw(frame, shown), seconds)
                written += 1
                bar.update()
        except KeyboardInterrupt:  # how a recording ends
            if not clip.live or not written:
                raise
        bar.set_total(written)
    writer.finish(clip.seconds)
    return written
