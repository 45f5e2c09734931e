"""JPEG files that ask for more work than their size tells."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from facevalue import image_files
from facevalue.jpeg_scans import MAX_SCANS, check_work


def progressive(size=(400, 300), scans=0):
    """Pack a picture as progressive JPEG, with some empty scans more."""
    pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", progressive=True)
    content = stream.getvalue()
    start = content.index(b"\xff\xda")
    header = content[start : start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")]
    return content[:-2] + scans * header + content[-2:]


def test_a_photo_of_142_000_scans_is_refused_at_once():
    content = progressive((2000, 2000), 142_000)
    start = time.perf_counter()
    with pytest.raises(ValueError, match="bomb.jpg would take too long to decode"):
        image_files.decode_photo(content, "bomb.jpg")
    with pytest.raises(ValueError, match="save it again as an ordinary JPEG"):
        image_files.photo_suffix(content, "bomb.jpg")
    assert time.perf_counter() - start < 0.5


def test_ordinary_progressive_photos_are_read():
    assert image_files.decode_photo(progressive(), "photo.jpg").shape == (300, 400, 3)
    check_work(progressive(scans=MAX_SCANS - 10), "photo.jpg")


def test_what_follows_the_picture_is_not_counted():
    # a phone appends a video, and the bytes of a large one look like scans here and there
    check_work(progressive() + b"\xff\xda" * 1000, "moving.jpg")


def test_neither_are_the_scans_of_a_thumbnail_inside():
    content = progressive()
    inside = b"\xff\xda" * 1000
    content = (
        content[:2] + b"\xff\xe1" + (len(inside) + 2).to_bytes(2, "big") + inside + content[2:]
    )
    check_work(content, "photo.jpg")


@pytest.mark.parametrize("rest", [b"", b"\xff", b"\xff\xda", b"\xff\xda\x00", b"\xff\xe1\xff\xff"])
def test_a_broken_end_is_left_to_the_decoder(rest):
    check_work(b"\xff\xd8" + rest, "broken.jpg")


def test_a_million_parts_are_refused():
    with pytest.raises(ValueError, match="2,000 parts"):
        check_work(b"\xff\xd8" + b"\xff\xfe\x00\x02" * 1_000_000, "parts.jpg")
