"""FER-2013 as folders of image files."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from small_fer2013 import (
    IMAGES,
    MERGED,
    SMALL,
    folders,
    png,
    table,
)

from facevalue.data import fer2013

# the small set does not have 35,887 images
pytestmark = pytest.mark.filterwarnings("ignore:.*class counts", "ignore:.*official test splits")


def test_folders_whose_file_names_tell_the_split(tmp_path: Path) -> None:
    folders(tmp_path, MERGED, prefix=True)
    (tmp_path / "train" / "happy" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "train" / "happy" / "Thumbs.db").write_bytes(b"x")
    assert table(fer2013.read(tmp_path)) == SMALL


@pytest.mark.parametrize(
    "names",
    [
        {"Training": "Training", "PublicTest": "PublicTest", "PrivateTest": "PrivateTest"},
        {"Training": "train", "PublicTest": "val", "PrivateTest": "test"},
        {"Training": "Train", "PublicTest": "validation", "PrivateTest": "Test"},
    ],
)
def test_folders_for_all_three_splits(tmp_path: Path, names: dict[str, str]) -> None:
    folders(tmp_path / "data", names, prefix=False)
    assert table(fer2013.read(tmp_path)) == SMALL


def test_class_folders_may_be_numbers_or_other_spellings(tmp_path: Path) -> None:
    folders(tmp_path, MERGED, prefix=True)
    (tmp_path / "train" / "angry").rename(tmp_path / "train" / "0")
    (tmp_path / "test" / "happy").rename(tmp_path / "test" / "Happiness")
    assert table(fer2013.read(tmp_path)) == SMALL


@pytest.mark.parametrize("test", ["test", "validation"])
def test_a_lost_split_is_said_and_dealt_evenly(tmp_path: Path, test: str) -> None:
    names = {"Training": "train", "PublicTest": test, "PrivateTest": test}
    folders(tmp_path / "images", names, prefix=False)
    with pytest.warns(UserWarning, match="has lost FER-2013's official test splits"):
        data = fer2013.read(tmp_path)
    counts = data.counts().drop(columns="total")
    assert counts.loc["Training"].tolist() == [2] * 7
    assert counts.loc["PublicTest"].tolist() == [1] * 7
    assert counts.loc["PrivateTest"].tolist() == [1] * 7
    again = fer2013.read(tmp_path)
    assert again.splits.tolist() == data.splits.tolist()


def test_jpeg_files_are_read_nearly_the_same(tmp_path: Path) -> None:
    smooth = np.tile(np.linspace(40, 200, 48).astype(np.uint8), (48, 1))
    for split in ("train", "test"):
        (tmp_path / split / "sad").mkdir(parents=True)
        (tmp_path / split / "sad" / "1.JPG").write_bytes(png(smooth, kind="JPEG"))
    data = fer2013.read(tmp_path)
    assert np.abs(data.images.astype(int) - smooth).max() <= 4


def claims(width: int, height: int) -> bytes:
    """A PNG file of under 100 bytes whose header claims a size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not an image", "not a PNG, JPEG or BMP image"),
        (b"", "not a PNG, JPEG or BMP image"),
        (png(IMAGES[0])[:900], "broken image"),
        (png(IMAGES[0], kind="JPEG")[:300], "not a PNG, JPEG or BMP image|broken image"),
        (claims(60_000, 60_000), "more than 2,304 pixels|60,000 x 60,000"),
        (claims(4_000, 4_000), "4,000 x 4,000 pixels, more than 2,304"),
        (png(IMAGES[0][:40]), "is 48x40 pixels: FER-2013's faces are 48x48"),
        (png(IMAGES[0]) + b"\0" * 1_000_000, "larger than 1,000,000 bytes"),
    ],
    ids=["text", "empty", "cut png", "cut jpeg", "bomb", "large", "small", "long file"],
)
def test_a_bad_image_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    folders(tmp_path, MERGED, prefix=True)
    (tmp_path / "train" / "fear" / "bad.png").write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        fer2013.read(tmp_path)
    assert str(Path("train", "fear", "bad.png")) in str(caught.value)


def test_a_folder_of_another_class_is_named(tmp_path: Path) -> None:
    folders(tmp_path, MERGED, prefix=True)
    (tmp_path / "train" / "contempt").mkdir()
    with pytest.raises(ValueError, match="train/contempt is not named after an emotion"):
        fer2013.read(tmp_path)


def test_folders_without_images_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="in none of the known layouts"):
        fer2013.read(tmp_path)
    for split in ("train", "test"):
        (tmp_path / split / "happy").mkdir(parents=True)
    with pytest.raises(ValueError, match="hold no images"):
        fer2013.read(tmp_path)
    with pytest.raises(FileNotFoundError, match="make data"):
        fer2013.read(tmp_path / "missing.csv")
