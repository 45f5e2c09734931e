from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import struct
import tarfile
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from facevalue.data import fer2013, fer2013_csv, fer2013_facts
from facevalue.data.dataset import SPLITS, Dataset
from facevalue.emotions import EMOTIONS

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_real = pytest.mark.skipif(
    not (SHARED / "fer2013.csv.xz").is_file(), reason="the real FER-2013 is not on this machine"
)
# the small sets of these tests do not have 35,887 images
pytestmark = pytest.mark.filterwarnings("ignore:.*class counts", "ignore:.*official test splits")

LABELS = [*range(7), *range(7), *range(7), *range(7)]
USAGE = ["Training"] * 14 + ["PublicTest"] * 7 + ["PrivateTest"] * 7
IMAGES = np.random.default_rng(0).integers(0, 256, (28, 48, 48), dtype=np.uint8)


def rows(order: str = "emotion,pixels,Usage") -> list[str]:
    """The lines of a small csv file in FER-2013's layout."""
    lines = [order]
    for label, image, usage in zip(LABELS, IMAGES, USAGE, strict=True):
        cells = {"emotion": str(label), "pixels": " ".join(map(str, image.ravel())), "Usage": usage}
        lines.append(",".join(cells[column.strip()] for column in order.split(",")))
    return lines


def text(lines: list[str] | None = None, end: str = "\n") -> bytes:
    return (end.join(lines or rows()) + end).encode()


def tar(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def packed(path: Path, content: bytes) -> Path:
    if path.name.endswith(".tar.gz"):
        tar(path, {"fer2013/README": b"read me", "fer2013/fer2013.csv": content})
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("fer2013/fer2013.csv", content)
    else:
        pack = {".xz": lzma.compress, ".gz": gzip.compress}.get(path.suffix, bytes)
        path.write_bytes(pack(content))
    return path


def png(image: np.ndarray, mode: str = "L", kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).convert(mode).save(stream, kind)
    return stream.getvalue()


def same(data: Dataset) -> None:
    """Assert that all of the small set was read, in its order."""
    assert (data.images == IMAGES).all()
    assert data.labels.tolist() == LABELS
    assert data.splits.tolist() == USAGE
    assert data.name == "fer2013"


# ------------------------------------------------------------------------------ csv files


@pytest.mark.parametrize(
    "name",
    ["fer2013.csv", "fer2013.csv.xz", "fer2013.csv.gz", "fer2013.csv.zip", "fer2013.tar.gz"],
)
def test_every_packing_of_the_csv_reads_the_same(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / name, text())
    data = fer2013.read(path)
    same(data)
    assert data.origins[0] == f"{name}:2"
    assert fer2013.find(tmp_path) == path
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "content",
    [
        text(rows("emotion, Usage, pixels")),
        b"\xef\xbb\xbf" + text(),
        text(end="\r\n"),
        text(
            [rows()[0], *(line.replace(",", ',"', 1).replace(",P", '",P') for line in rows()[1:])]
        ).replace(b",Training", b'",Training'),
        text() + b"\n\n",
    ],
    ids=["icml_face_data.csv", "byte order mark", "Windows", "quoted", "blank lines"],
)
def test_variants_of_the_csv_read_the_same(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "icml_face_data.csv"
    path.write_bytes(content)
    same(fer2013.read(path))


def test_a_tar_file_is_never_unpacked_to_the_disk(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "fer2013.tar.gz"
    tar(path, {"../../evil.txt": b"x", "/tmp/../../fer2013.csv": text()})
    same(fer2013.read(path))
    assert [p.name for p in tmp_path.rglob("*")] == ["in", "fer2013.tar.gz"]


def line(number: int, column: int, value: str) -> bytes:
    """The small csv file with one cell changed; lines are counted from 1, as editors do."""
    lines = rows()
    cells = lines[number - 1].split(",")
    cells[column] = value
    lines[number - 1] = ",".join(cells)
    return text(lines)


PIXELS = rows()[4].split(",")[1].split()

BAD = {
    "2,303 pixels": (line(5, 1, " ".join(PIXELS[1:])), r"line 5 has 2,303 pixels instead of 2,304"),
    "no pixels": (line(5, 1, ""), r"line 5 has 0 pixels"),
    "a word": (line(5, 1, " ".join(["dark", *PIXELS[1:]])), r"line 5: a pixel is not a whole numb"),
    "a fraction": (line(9, 1, " ".join(["1.5", *PIXELS[1:]])), r"line 9: a pixel is not a whole"),
    "256": (
        line(6, 1, " ".join(["256", *PIXELS[1:]])),
        r"line 6: a pixel is not between 0 and 255",
    ),
    "-1": (line(6, 1, " ".join(["-1", *PIXELS[1:]])), r"line 6: a pixel is not between 0 and 255"),
    "huge": (line(6, 1, " ".join(["9" * 30, *PIXELS[1:]])), r"line 6: a pixel is not between"),
    "label 7": (line(3, 0, "7"), r"line 3: emotion is '7', it must be a number from 0 to 6"),
    "label of words": (line(3, 0, "happy"), r"line 3: emotion is 'happy'"),
    "usage": (line(2, 2, "Test"), r"line 2: Usage is 'Test', it must be Training, PublicTest, Pri"),
    "cut short": (text(rows()[:-1] + [rows()[-1][:5000]]), r"line 29 is cut short: it has 2 of 3"),
    "column": (text(["emotion,pixels", "0,1 2"]), r"has no column Usage"),
    "empty": (b"", r"is empty"),
    "header only": (text(rows()[:1]), r"holds no images"),
    "one endless line": (b"emotion,pixels,Usage\n" + b"1 " * 200_000, r"line 2 is far too long"),
    "not a csv": (bytes(range(256)) * 20, r"has no column emotion|damaged"),
    "open quote": (text([rows()[0], '0,"' + "1 " * 40_000, *["1 " * 40_000] * 5]), r"line|damaged"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_a_bad_csv_gives_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        fer2013.read(path)
    assert "fer2013.csv" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "name", ["fer2013.csv.xz", "fer2013.csv.gz", "fer2013.csv.zip", "fer2013.tar.gz"]
)
@pytest.mark.parametrize("damage", ["cut", "not packed", "empty"])
def test_a_damaged_archive_is_named(tmp_path: Path, name: str, damage: str) -> None:
    path = packed(tmp_path / name, text())
    whole = path.read_bytes()
    content = {
        "cut": whole[: len(whole) // 2],
        "not packed": b"emotion,pixels,Usage\n",
        "empty": b"",
    }
    path.write_bytes(content[damage])
    with pytest.raises(ValueError, match=name):
        fer2013.read(path)


def test_archives_without_the_csv_are_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("train/happy/1.jpg", b"")
    tar(tmp_path / "other.tar.gz", {"a.txt": b"x"})
    for name in ("archive.zip", "other.tar.gz"):
        with pytest.raises(ValueError, match=f"{name} holds no fer2013.csv"):
            fer2013.read(tmp_path / name)


def test_class_counts_that_are_not_the_published_ones_give_a_warning(tmp_path: Path) -> None:
    path = packed(tmp_path / "fer2013.csv", text())
    with pytest.warns(UserWarning, match=r"class counts: 2 instead of 3,995 angry in Training"):
        fer2013.read(path)


def test_a_known_checksum_is_accepted_silently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    md5 = hashlib.md5(text()).hexdigest()
    monkeypatch.setattr(fer2013_csv, "OFFICIAL_MD5", {md5: "fer2013.csv"})
    for name in ("fer2013.csv", "fer2013.tar.gz"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fer2013.read(packed(tmp_path / name, text()))


# ------------------------------------------------------------------------------ image folders


def folders(root: Path, names: dict[str, str], prefix: bool, kind: str = "PNG") -> None:
    """Write the small set as image files; `names` gives the folder of each split."""
    for number, (image, label, usage) in enumerate(zip(IMAGES, LABELS, USAGE, strict=True)):
        folder = root / names[usage] / EMOTIONS[label]
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{usage}_{number:05d}" if prefix else f"im{number}"
        (folder / f"{name}.{'png' if kind == 'PNG' else 'jpg'}").write_bytes(png(image, kind=kind))


MERGED = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}


def table(data: Dataset) -> set[tuple[str, int, bytes]]:
    cells = zip(data.splits.tolist(), data.labels.tolist(), data.images, strict=True)
    return {(split, label, image.tobytes()) for split, label, image in cells}


SMALL = {(u, y, x.tobytes()) for u, y, x in zip(USAGE, LABELS, IMAGES, strict=True)}


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


# ------------------------------------------------------------------------------ parquet files


def parquets(
    folder: Path,
    names: tuple[str, str, str] = (
        "train-0.parquet",
        "publicTest-0.parquet",
        "privateTest-0.parquet",
    ),
    labels: list = LABELS,
    metadata: list[str] | None = None,
    mode: str = "L",
) -> None:
    """Write the small set as the Hugging Face mirror does: image {bytes, path}, and label."""
    for split, name in zip(SPLITS, names, strict=True):
        mine = [i for i, usage in enumerate(USAGE) if usage == split]
        cells = [{"bytes": png(IMAGES[i], mode), "path": None} for i in mine]
        table = pa.table({"image": cells, "label": [labels[i] for i in mine]})
        if metadata:
            features = {"label": {"names": metadata, "_type": "ClassLabel"}}
            info = json.dumps({"info": {"features": features}})
            table = table.replace_schema_metadata({"huggingface": info})
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / name)


@pytest.mark.parametrize(
    "names",
    [
        (
            "data/train-00000-of-00001-5eab84e1c6a2fc27.parquet",
            "data/publicTest-00000-of-00001-f41bb7384b8aad6e.parquet",
            "data/privateTest-00000-of-00001-4b8a0715cf1b7560.parquet",
        ),
        ("TRAIN.parquet", "PublicTest.parquet", "private_test.parquet"),
        ("train/0000.parquet", "publicTest/0000.parquet", "privateTest/0000.parquet"),
    ],
)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_parquet_files_with_the_three_splits(
    tmp_path: Path, names: tuple[str, str, str], mode: str
) -> None:
    parquets(tmp_path, names, mode=mode)
    same(fer2013.read(tmp_path))


def test_labels_in_another_order_are_translated_by_their_names(tmp_path: Path) -> None:
    alphabetical = sorted(EMOTIONS)
    theirs = [alphabetical.index(EMOTIONS[label]) for label in LABELS]
    parquets(tmp_path, labels=theirs, metadata=alphabetical)
    same(fer2013.read(tmp_path))


def test_labels_may_be_names(tmp_path: Path) -> None:
    parquets(tmp_path, labels=[EMOTIONS[label].title() for label in LABELS])
    same(fer2013.read(tmp_path))


def test_bad_parquet_files_are_named(tmp_path: Path) -> None:
    parquets(tmp_path, labels=[7] * 28)
    with pytest.raises(ValueError, match="train-0.parquet: label is 7"):
        fer2013.read(tmp_path)
    parquets(tmp_path)
    whole = (tmp_path / "publicTest-0.parquet").read_bytes()
    for broken in (whole[:-50], b"", b"<html>"):
        (tmp_path / "publicTest-0.parquet").write_bytes(broken)
        with pytest.raises(ValueError, match="publicTest-0.parquet is not a readable Parquet"):
            fer2013.read(tmp_path)
    pq.write_table(pa.table({"label": [1]}), tmp_path / "publicTest-0.parquet")
    with pytest.raises(ValueError, match="publicTest-0.parquet has no column image"):
        fer2013.read(tmp_path)


def test_two_of_three_parquet_files_are_not_the_data_set(tmp_path: Path) -> None:
    parquets(tmp_path)
    (tmp_path / "privateTest-0.parquet").unlink()
    with pytest.raises(FileNotFoundError):
        fer2013.find(tmp_path)


# ------------------------------------------------------------------------------ find


def test_find_prefers_the_complete_csv_file(tmp_path: Path) -> None:
    folders(tmp_path, MERGED, prefix=True)
    assert fer2013.find(tmp_path) == tmp_path
    parquets(tmp_path / "fer2013")
    assert fer2013.find(tmp_path) == tmp_path / "fer2013"
    for name in ("icml_face_data.csv", "fer2013.csv.zip", "fer2013.csv"):
        (tmp_path / "archive" / "fer2013").mkdir(parents=True, exist_ok=True)
        packed(tmp_path / "archive" / "fer2013" / name, text())
        assert fer2013.find(tmp_path) == tmp_path / "archive" / "fer2013" / name


def test_find_passes_over_other_data_and_half_downloads(tmp_path: Path) -> None:
    (tmp_path / "cats" / "train" / "siamese").mkdir(parents=True)
    (tmp_path / "cats" / "test" / "siamese").mkdir(parents=True)
    (tmp_path / "fer2013.csv.part").write_bytes(b"")
    parquets(tmp_path / ".fer2013-arriving")
    with pytest.raises(FileNotFoundError) as caught:
        fer2013.find(tmp_path)
    message = str(caught.value)
    assert str(tmp_path) in message
    assert "make data" in message
    assert "FACEVALUE_DATA" in message


def test_facevalue_data_names_a_file_or_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path / "mine.csv", text())
    monkeypatch.setenv("FACEVALUE_DATA", str(path))
    assert fer2013.find() == path
    same(fer2013.read(fer2013.find()))
    other = packed(tmp_path / "fer2013.csv.gz", text())
    monkeypatch.setenv("FACEVALUE_DATA", str(tmp_path))
    assert fer2013.find() == other
    monkeypatch.setenv("FACEVALUE_DATA", str(tmp_path / "nothing"))
    with pytest.raises(FileNotFoundError, match="nothing"):
        fer2013.find()


# ------------------------------------------------------------------------------ the real files


@pytest.fixture(scope="module")
def real() -> Dataset:
    with pytest.warns(UserWarning, match="not Kaggle's file byte for byte"):
        return fer2013.read(SHARED / "fer2013.csv.xz")


@needs_real
def test_the_real_file_has_the_published_counts_and_duplicates(real: Dataset) -> None:
    published = fer2013_facts.published_counts()
    assert (real.counts() == published).all(axis=None)
    hashes = {s: [x.tobytes() for x in real.split(s).images] for s in SPLITS}
    # FACTS 8.3, measured by other code: unique images, and copies of Training images in tests
    assert len(set().union(*hashes.values())) == 34_036
    training = set(hashes["Training"])
    assert sum(image in training for image in hashes["PublicTest"]) == 280
    assert sum(image in training for image in hashes["PrivateTest"]) == 288


@needs_real
def test_the_real_file_reads_as_pandas_reads_it(real: Dataset) -> None:
    for chunk in pd.read_csv(SHARED / "fer2013.csv.xz", chunksize=200):
        for row in (0, 1, 199):
            expected = [int(value) for value in chunk["pixels"].iloc[row].split()]
            assert real.images[row].ravel().tolist() == expected
            assert real.labels[row] == chunk["emotion"].iloc[row]
        break
