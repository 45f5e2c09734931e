"""The work that a JPEG file asks for, counted before it is decoded."""

from __future__ import annotations

import re

MAX_SCANS = 32
"""Passes over the picture. Encoders write up to about twelve; each costs as much as the first."""

MAX_SEGMENTS = 2_000
"""Parts of the file. A large colour profile has 255, a picture of 32 scans about 100."""

START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
ALONE = (0x01, *range(0xD0, 0xD9))
"""Markers without a length."""

_next_marker = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
"""The end of the compressed data of a scan, in which 00 or a restart marker follows each FF."""


def check_work(content: bytes, name: str) -> None:
    """Refuse a JPEG file that would take long to decode, though it is small.

    A progressive JPEG is decoded once for each of its scans, which may be empty: 2 MB can hold
    142,000 of them, and take half a minute. What follows the end of the picture, such as the video
    of a phone, is not counted.

    Args:
        content: the bytes of any file.
        name: its name in the error message.
    Raises:
        ValueError: it is a JPEG file with more than `MAX_SCANS` scans or `MAX_SEGMENTS` parts.
    Source: ITU-T T.81, annex B

    >>> check_work(b"not a JPEG file", "notes.txt")
    """
    if not content.startswith(b"\xff\xd8"):
        return
    position, scans = 2, 0
    for _ in range(MAX_SEGMENTS):
        found = _next_marker.search(content, position)
        if found is None or found[1][0] == END_OF_IMAGE:
            return
        position = found.end()
        if found[1][0] in ALONE:
            continue
        scans += found[1][0] == START_OF_SCAN
        if scans > MAX_SCANS:
            break
        position += int.from_bytes(content[position : position + 2], "big")
    raise ValueError(
        f"{name} would take too long to decode, with more than {MAX_SCANS} scans or "
        f"{MAX_SEGMENTS:,} parts: save it again as an ordinary JPEG."
    )
