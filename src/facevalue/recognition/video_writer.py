"""Writing videos that browsers play, with the time stamps and the sound of another video."""

from __future__ import annotations

import errno
import os
import shutil
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from facevalue.files import check_parent
from facevalue.recognition.video_sound import Sound

if TYPE_CHECKING:
    import av

# no B-frames (bf): they would make the durations of frames inexact if the rate varies
H264 = ("libx264", {"preset": "veryfast", "crf": "20", "bf": "0"})
VP9 = ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "32"})

CODECS = {".mp4": H264, ".m4v": H264, ".mov": H264, ".mkv": H264, ".webm": VP9}
"""The encoder of each format and its settings: browsers play both H.264 and VP9."""

TICKS = 90_000
"""Time stamps per second, as in MPEG: divisible by the frame rates 24, 25, 30, 50 and 60."""

FULL = 1_000_000
"""A disk with fewer free bytes is full."""

BT709, UNKNOWN, BT601 = 1, 2, 6
"""Colour matrices, by their numbers in ITU-T H.273: for HD, not specified, for SD."""


def check(out: Path) -> None:
    """Raise an error if a video with this name cannot be written.

    Raises:
        ValueError: the suffix is none of `CODECS`.
        FileNotFoundError: the folder of `out` does not exist.
        ModuleNotFoundError: the package av is not installed.
    """
    if out.suffix.lower() not in CODECS:
        raise ValueError(f"{out} must end in {', '.join(CODECS)}: choose one of these formats.")
    check_parent(out)
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise ModuleNotFoundError(
            "Writing a video needs the package av: pip install av."
        ) from error


def _opened(original: Path) -> Any:
    """Open a video whose description may be in any encoding."""
    import av

    if int(av.__version__.split(".")[0]) >= 19:  # with Python 3.12 and newer
        return av.open(str(original))
    return av.open(str(original), metadata_errors="replace")


def count_frames(file: Path) -> int:
    """Return how many frames a video file holds, of those that are shown, without decoding them.

    Frames that are damaged count, too. If the file cannot be read, the number is 0.
    """
    import av

    try:
        with _opened(file) as opened:
            packets = opened.demux(opened.streams.video[0])
            return sum(packet.size > 0 and not packet.is_discard for packet in packets)
    except (av.FFmpegError, IndexError):
        return 0


class VideoWriter:
    """Writes a video frame by frame: H.264, or VP9 in a .webm file, in yuv420p.

    Each frame keeps its time stamp, so that a variable frame rate is preserved. The sound (of the
    first audio track), the aspect ratio of the pixels and the description of the colours come from
    the original. `write` all frames, then call `finish`; without it, the file is incomplete.

        with VideoWriter(file, (640, 480), rate=30) as writer:
            for seconds, image in frames:
                writer.write(image, seconds)
            writer.finish(end)
    """

    def __init__(
        self, file: Path, size: tuple[int, int], rate: float, original: Path | None = None
    ) -> None:
        """Create the file.

        Args:
            file: the file to write; its suffix is one of `CODECS`.
            size: width and height of the frames, in pixels. The codecs accept only even numbers:
                an odd one is enlarged by a pixel, which repeats the edge.
            rate: frames per second, on average.
            original: the video file whose sound and description are copied; by default none.
        Raises:
            OSError: the file cannot be written.
        """
        import av

        encoder, options = CODECS[file.suffix.lower()]
        kind = {".mkv": "matroska", ".webm": "webm", ".mov": "mov"}.get(file.suffix.lower(), "mp4")
        # the index goes to the front, so that a browser can start before it has the whole file
        flags = {"movflags": "+faststart"} if kind in ("mp4", "mov") else {}
        self._file, self._frames = file, 0
        self._input = _opened(original) if original else None
        self._output = av.open(str(file), "w", format=kind, options=flags)
        self._size = size
        stream: Any = self._output.add_stream(
            encoder, rate=Fraction(rate).limit_denominator(1001), options=options
        )
        stream.width, stream.height = size[0] + size[0] % 2, size[1] + size[1] % 2
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        stream.time_base = Fraction(1, TICKS)
        self._stream = stream
        self._start = 0.0
        self._sound: Sound | None = None
        stream.codec_context.colorspace = BT601
        if self._input is not None:
            self._copy_from(self._input)
        self._waiting: tuple[np.ndarray, int] | None = None
        self._durations: dict[int, int] = {}

    def _copy_from(self, original: av.container.InputContainer) -> None:
        """Copy the description of the colours, the aspect ratio of the pixels, and the sound."""
        video: Any = original.streams.video[0]
        self._start = float((video.start_time or 0) * video.time_base)
        before, context = video.codec_context, self._stream.codec_context
        if before.colorspace in (BT709, UNKNOWN):  # OpenCV assumes BT.601 if it is unknown
            context.colorspace = before.colorspace
            context.color_primaries, context.color_trc = before.color_primaries, before.color_trc
        if (before.width, before.height) == self._size and before.sample_aspect_ratio:
            context.sample_aspect_ratio = before.sample_aspect_ratio
        if original.streams.audio:
            self._sound = Sound(original, self._output, self._start)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """Close the files; after another error, an error on closing is ignored."""
        if self._input is not None:
            self._input.close()
        try:
            self._output.close()
        except OSError:
            if kind is None:
                raise

    def write(self, image: np.ndarray, seconds: float) -> None:
        """Write a frame.

        Args:
            image: uint8, shape (height, width, 3), RGB.
            seconds: its time stamp, later than that of the previous frame.
        Raises:
            OSError: it cannot be written, for example because the disk is full.
            ValueError: the sound of the original is damaged.
        """
        ticks = round(seconds * TICKS)
        if self._waiting is not None:
            before = self._waiting[1]
            ticks = max(ticks, before + 1)
            self._encode(*self._waiting, ticks - before)
        self._waiting = image, ticks

    def finish(self, seconds: float) -> None:
        """Write the last frame and the rest of the sound, and complete the file.

        Args:
            seconds: when the video ends; if that is before the last frame, the last frame lasts
                as long as an average one.
        Raises:
            OSError: it cannot be written.
            ValueError: the sound of the original is damaged.
        """
        if self._waiting is not None:
            ticks = self._waiting[1]
            end = round(seconds * TICKS)
            average = round(TICKS / float(self._stream.average_rate or 25))
            self._encode(*self._waiting, end - ticks if end > ticks else average)
        self._mux(self._stream.encode(None))
        if self._sound is not None:
            self._sound.write()
        self._output.close()
        self._check_complete()

    def _check_complete(self) -> None:
        """Raise OSError unless the file holds all frames: FFmpeg ignores some errors of a disk."""
        if count_frames(self._file) < self._frames:
            is_full = shutil.disk_usage(self._file.parent).free < FULL
            number = errno.ENOSPC if is_full else errno.EIO
            raise OSError(number, os.strerror(number), str(self._file))

    def _encode(self, image: np.ndarray, ticks: int, duration: int) -> None:
        """Encode a frame; its time stamp and duration are in units of 1 / `TICKS` seconds."""
        from av import VideoFrame

        odd = self._size[1] % 2, self._size[0] % 2
        if any(odd):
            image = cv2.copyMakeBorder(image, 0, odd[0], 0, odd[1], cv2.BORDER_REPLICATE)
        matrix = self._stream.codec_context.colorspace
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24").reformat(
            format="yuv420p", dst_colorspace="ITU709" if matrix == BT709 else "ITU601"
        )
        frame.pts, frame.time_base = ticks, Fraction(1, TICKS)
        self._frames += 1
        self._durations[ticks] = duration
        self._mux(self._stream.encode(frame))
        if self._sound is not None:
            self._sound.write(ticks / TICKS)

    def _mux(self, packets: list[av.Packet]) -> None:
        """Write encoded frames, which the encoder returns some frames later."""
        for packet in packets:
            # the encoder would give every frame the average duration
            packet.duration = self._durations.pop(packet.pts or 0)
            self._output.mux(packet)
