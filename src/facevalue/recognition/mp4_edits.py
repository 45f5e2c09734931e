"""The duration of an MP4 or MOV file by its edit list, which lossless trimming changes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

MAX_BYTES = 100_000_000
"""The size of the largest movie box that is read: it indexes the frames, here of about a day."""


def shown_seconds(file: Path) -> float | None:
    """Return how long a video plays, by the edit list of its first video track.

    A phone trims a video by writing into the edit list which part to play, and leaves all frames in
    the file. OpenCV decodes only that part, but counts all frames.

    Args:
        file: any file.
    Returns:
        Seconds; None if the file is not an MP4 or MOV file, is damaged, or has no edit list.
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
                    return _shown(opened.read(size - start)) if size < MAX_BYTES else None
                if size < start:  # 0: up to the end of the file
                    return None
                opened.seek(size - start, 1)
    except (struct.error, ValueError, OverflowError, OSError):
        pass
    return None


def _shown(movie: bytes) -> float | None:
    """Return how many seconds of the first video track play, given the content of a movie box."""
    header = _find(movie, b"mvhd")
    (scale,) = struct.unpack_from(">I", header, 20 if header[:1] == b"\1" else 12)
    for kind, track in _boxes(movie):
        if kind == b"trak" and _find(_find(track, b"mdia"), b"hdlr")[8:12] == b"vide":
            edits = _find(_find(track, b"edts"), b"elst")
            return _shown_ticks(edits) / scale if edits and scale else None
    return None


def _shown_ticks(edits: bytes) -> int:
    """Return the sum of the durations in an edit list, except for its empty edits."""
    layout = struct.Struct(">QqI" if edits[:1] == b"\1" else ">IiI")
    (count,) = struct.unpack_from(">I", edits, 4)
    entries = [layout.unpack_from(edits, 8 + k * layout.size) for k in range(count)]
    return sum(duration for duration, start, _ in entries if start >= 0)  # -1: an empty edit


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the content of each box in some bytes."""
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
