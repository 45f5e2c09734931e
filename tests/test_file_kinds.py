"""What files are by their content, whatever their names say."""

import io

import pytest
from PIL import Image

from facevalue import file_kinds


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF"])
def test_images_are_told_by_their_first_bytes(kind):
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, kind)
    name = "WebP" if kind == "WEBP" else kind
    assert file_kinds.content_kind(stream.getvalue()) == f"{name} image"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\0\x24ftypheic\0\0\0\0mif1heic", "HEIC image"),  # an iPhone
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF image"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic", "HEIC image"),
        (b"\0\0\0\x1cftyp3gp4\0\0\x02\x003gp4isom", "3GP video"),
        (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", "MP4 video"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "QuickTime video"),
        (b"\n <!DOCTYPE HTML><html>", "web page"),
        (b"%PDF-1.7", "PDF document"),
        (b"PK\3\4....", "zip archive"),
        (b"dear diary", ""),
        (b"", ""),
    ],
)
def test_other_files_are_told_too(head, kind):
    assert file_kinds.content_kind(head) == kind
