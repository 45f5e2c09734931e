"""FER-2013 as folders of image files."""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_fer2013 import (
    IMAGES,
    MERGED,
    SMALL,
    folders,
    png,
    table,
)

from facevalue.data import fer2013
from facevalue.emotions import EMOTIONS

# the small set does not have 35,887 images
pytestmark = pytest.mark.filterwarnings(
    *("ignore:.*class counts", "ignore:.*official test splits", "ignore:.*order is assumed")
)


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
        (b"not an image", "not a JPEG, PNG, "),
        (b"", "is an empty file"),
        (png(IMAGES[0])[:900], "broken image"),
        (png(IMAGES[0], kind="JPEG")[:300], "broken (JPEG )?image"),
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
    told = r"train/contempt is not named after one of the seven .* rename it to \.contempt"
    with pytest.raises(ValueError, match=told):
        fer2013.read(tmp_path)
    assert table(fer2013.read(tmp_path, ignore=["Contempt"])) == SMALL
    (tmp_path / "train" / "contempt").rename(tmp_path / "train" / ".contempt")
    assert table(fer2013.read(tmp_path)) == SMALL


def digits(root: Path, first: int, order: Sequence[str]) -> None:
    """Rename the folders of emotions to numbers."""
    for split in ("train", "test"):
        for number, emotion in enumerate(order, first):
            (root / split / emotion).rename(root / split / str(number))


def test_class_folders_in_digits_are_read_in_an_order_that_is_said(tmp_path: Path) -> None:
    folders(tmp_path, MERGED, prefix=True)
    digits(tmp_path, 0, EMOTIONS)
    with pytest.warns(UserWarning, match=r"FER-2013's order is assumed: 0 angry, 1 disgust, "):
        data = fer2013.read(tmp_path)
    assert table(data) == SMALL


def test_one_to_seven_are_those_of_raf_db_only_if_the_folder_is_called_so(tmp_path: Path) -> None:
    # RAF-DB's own list of labels
    order = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
    root = tmp_path / "raf-db" / "DATASET"
    folders(root, MERGED, prefix=True)
    digits(root, 1, order)
    with pytest.warns(UserWarning, match="RAF-DB's order is assumed: 1 surprise, 2 fear, "):
        data = fer2013.read(root)
    assert table(data) == SMALL
    file = next((root / "train" / "1").glob("*.png"))
    pixels = np.tile(np.arange(100, dtype=np.uint8)[:, None, None], (1, 100, 3))
    Image.fromarray(pixels).save(file)  # RAF-DB's own size
    with pytest.warns(UserWarning, match="RAF-DB's order is assumed"):
        data = fer2013.read(root)
    (row,) = np.flatnonzero(data.origins == file.relative_to(root).as_posix())
    assert data.images[row][:, 0] == pytest.approx(np.linspace(0.5, 98.5, 48), abs=1)
    for name in ("graphs", "rafael"):
        folder = (tmp_path / "raf-db").rename(tmp_path / name) / "DATASET"
        with pytest.raises(ValueError, match="0 to 6, so their order is not known: rename"):
            fer2013.read(folder)
        (tmp_path / name).rename(tmp_path / "raf-db")
    for split in ("train", "test"):
        shutil.rmtree(root / split / "7")
    (tmp_path / "raf-db").rename(tmp_path / "1 to 6")
    with pytest.raises(ValueError, match="0 to 6, so their order is not known: rename"):
        fer2013.read(tmp_path / "1 to 6" / "DATASET")


def test_other_kinds_of_images_are_read_and_other_files_counted(tmp_path: Path) -> None:
    folders(tmp_path, MERGED, prefix=True)
    for number, file in enumerate(sorted(tmp_path.rglob("*.png"))):
        with Image.open(file) as image:
            deep = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
            (deep if number % 2 else image).save(file.with_suffix(".tif"))
        file.unlink()
    (tmp_path / "train" / "happy" / "1.HEIC").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"has files of other types \(\.heic 1\)"):
        data = fer2013.read(tmp_path)
    assert table(data) == SMALL


def test_folders_without_images_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="FER-2013 was not found in"):
        fer2013.read(tmp_path)
    for split in ("train", "test"):
        (tmp_path / split / "happy").mkdir(parents=True)
    with pytest.raises(ValueError, match="hold no images"):
        fer2013.read(tmp_path)
    with pytest.raises(FileNotFoundError, match="make data"):
        fer2013.read(tmp_path / "missing.csv")
