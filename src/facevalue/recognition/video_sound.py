"""Copying the sound of a video into another one, encoded again if browsers cannot play it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer

COPIED = {
    "mp4": ("aac", "mp3", "opus", "flac"),
    "mov": ("aac", "mp3"),
    "matroska": ("aac", "mp3", "opus", "flac", "vorbis"),
    "webm": ("opus", "vorbis"),
}
"""The audio codecs that browsers play in each container, by FFmpeg's names."""


class Sound:
    """Copies the first audio track of a video into another one, a part at a time."""

    def __init__(self, source: InputContainer, target: OutputContainer, start: float) -> None:
        """Add an audio track to the target.

        Args:
            source: the opened original, which has an audio track.
            target: the opened video to write into.
            start: the time in the original at which the target starts, in seconds.
        """
        self._target, self._start = target, start
        track: Any = source.streams.audio[0]
        kind = target.format.name
        self._copied = track.codec_context.name in COPIED[kind]
        if self._copied:
            self._track: Any = target.add_stream_from_template(track)
        else:
            rate = 48_000 if kind == "webm" else min(track.rate, 48_000)
            self._track = target.add_stream("libopus" if kind == "webm" else "aac", rate=rate)
            self._track.layout = "mono" if track.channels == 1 else "stereo"
        self._packets = self._read(source, track)
        self._next = next(self._packets, None)

    def write(self, seconds: float | None = None) -> None:
        """Write the sound up to a time of the target, in seconds; by default the rest.

        Raises:
            ValueError: the sound of the original is damaged.
        """
        while self._next is not None and (seconds is None or self._next[0] <= seconds):
            self._target.mux(self._next[1])
            self._next = next(self._packets, None)

    def _read(self, source: InputContainer, track: Any) -> Iterator[tuple[float, Any]]:
        """Yield the packets to write, each after its start in the target, in seconds.

        Raises:
            ValueError: the sound is damaged.
        """
        from av import FFmpegError

        packets = source.demux(track)
        try:
            for packet in packets:
                if self._copied:
                    if packet.pts is not None and not packet.is_discard:
                        self._shift(packet)
                        packet.stream = self._track
                        yield float(packet.pts * packet.time_base), packet
                else:
                    for frame in packet.decode():
                        yield from self._encoded(frame)
            if not self._copied:
                yield from self._encoded(None)
        except FFmpegError as error:
            raise ValueError(f"The sound of {source.name} is damaged: {error.strerror}.") from error

    def _encoded(self, frame: Any) -> Iterator[tuple[float, Any]]:
        """Yield a frame's packets as `_read` does; None yields those that the encoder still has."""
        if frame is not None and frame.pts is not None:
            frame.pts -= round(self._start / frame.time_base)
        for packet in self._track.encode(frame):
            yield float(packet.pts * packet.time_base), packet

    def _shift(self, packet: Any) -> None:
        """Convert a packet's time stamps to those of the target."""
        ticks = round(self._start / packet.time_base)
        packet.pts -= ticks
        packet.dts = packet.pts if packet.dts is None else packet.dts - ticks
