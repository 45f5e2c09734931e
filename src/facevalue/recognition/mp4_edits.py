"""How much of an MP4 or MOV file is shown: trimming without loss only changes its edit list."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

MOST_BYTES = 100_000_000
"""The largest table of contents that is read: that of a day of video has about this size."""


def shown_seconds(file: Path) -> float | None:
    """Return how long the pictures of a file are shown, by the edit list of its first video track.

    A phone trims a video by writing which part is to be shown, and leaves all frames in the file.
    OpenCV decodes the shown part only, but counts all frames.

    Args:
        file: any file.
    Returns:
        Seconds, or None: it is no MP4 or MOV file, is damaged, or has no edit list.
    Source:
        ISO/IEC 14496-12, 8.6.6 (edit list box), 8.2.2 (movie header box).
    """
    try:
        with file.open("rb") as opened:
            while len(head := opened.read(8)) == 8:
                size, kind = struct.unpack(">I4s", head)
                start = 8
                if size == 1:
                    (size,) = struct.unpack(">Q", opened.read(8))
                    start = 16
                if kind == b"moov":
                    return _shown(opened.read(size - start)) if size < MOST_BYTES else None
                if size < start:  # 0: up to the end of the file
                    return None
                opened.seek(size - start, 1)
    except (struct.error, ValueError, OverflowError, OSError):
        pass
    return None


def _shown(movie: bytes) -> float | None:
    """Return the seconds of the first video track in the content of a movie box."""
    header = _find(movie, b"mvhd")
    (scale,) = struct.unpack_from(">I", header, 20 if header[:1] == b"\1" else 12)
    for kind, track in _boxes(movie):
        if kind == b"trak" and _find(_find(track, b"mdia"), b"hdlr")[8:12] == b"vide":
            edits = _find(_find(track, b"edts"), b"elst")
            return _shown_ticks(edits) / scale if edits and scale else None
    return None


def _shown_ticks(edits: bytes) -> int:
    """Return the sum of the durations in an edit list, without those that show nothing."""
    layout = struct.Struct(">QqI" if edits[:1] == b"\1" else ">IiI")
    (count,) = struct.unpack_from(">I", edits, 4)
    entries = [layout.unpack_from(edits, 8 + k * layout.size) for k in range(count)]
    return sum(duration for duration, start, _ in entries if start >= 0)


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the content of each box."""
    position = 0
    while position + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, position)
        if size < 8:  # the sizes of a movie's boxes fit 32 bits
            return
        yield kind, content[position + 8 : position + size]
        position += size


def _find(content: bytes, kind: bytes) -> bytes:
    """Return the content of the first box of a kind, b"" if there is none."""
    return next((inner for name, inner in _boxes(content) if name == kind), b"")
