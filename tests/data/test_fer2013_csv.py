"""FER-2013 as one CSV file: its packings, its variants, and damaged ones."""

from __future__ import annotations

import hashlib
import time
import warnings
import zipfile
from pathlib import Path
from typing import Literal

import pytest
from small_fer2013 import packed, rows, same, tar, text

from facevalue.data import fer2013, fer2013_csv, packed_csv

# the small set does not have 35,887 images
pytestmark = pytest.mark.filterwarnings("ignore:.*class counts", "ignore:.*official test splits")


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
        text() + b",,\n ,,\n,,\n",
        text().replace(b",", b";"),
        text().replace(b",", b"\t"),
        text().replace(b"Training", b"TRAINING").replace(b"PublicTest", b"publictest"),
    ],
    ids=[
        *("icml_face_data.csv", "byte order mark", "Windows", "quoted", "blank lines"),
        *("rows of commas", "semicolons", "tabs", "Usage in another case"),
    ],
)
def test_variants_of_the_csv_read_the_same(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "icml_face_data.csv"
    path.write_bytes(content)
    same(fer2013.read(path))


@pytest.mark.parametrize(
    ("name", "mode"),
    [("fer2013.csv", "w"), ("fer2013.tar", "w"), ("fer2013.csv", "w:gz"), ("FER2013.CSV.GZ", "w")],
)
def test_a_file_is_read_by_what_it_is_and_not_by_its_name(
    tmp_path: Path, name: str, mode: Literal["w", "w:gz"]
) -> None:
    tar(tmp_path / name, {"fer2013/README": b"x", "fer2013/fer2013.csv": text()}, mode)
    same(fer2013.read(tmp_path / name))
    assert fer2013.find(tmp_path) == tmp_path / name
    assert fer2013.read(str(tmp_path / name)).origins[0] == f"{name}:2"


def test_an_archive_in_an_archive_is_read_as_kaggles_competition_packs_it(tmp_path: Path) -> None:
    tar(tmp_path / "inner.tar.gz", {"fer2013/fer2013.csv": text()})
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("train.csv", b"emotion,pixels\n")
        archive.write(tmp_path / "inner.tar.gz", "FER2013.tar.gz")
    same(fer2013.read(fer2013.find(tmp_path)))


def test_a_compressed_file_cannot_fill_the_memory_or_the_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fer2013_csv, "MAX_ROWS", 50)
    many = text([rows()[0], *rows()[1:] * 3])
    path = packed(tmp_path / "fer2013.csv.gz", many)
    with pytest.raises(ValueError, match=r"fer2013\.csv\.gz has too many images"):
        fer2013.read(path)
    path = packed(tmp_path / "fer2013.csv.gz", rows()[0].encode() + b"\n" * 20_000_000)
    start = time.monotonic()
    with pytest.raises(ValueError, match=r"fer2013\.csv\.gz has over [0-9,]+ lines"):
        fer2013.read(path)
    assert time.monotonic() - start < 2
    monkeypatch.setattr(packed_csv, "MAX_UNPACKED", 10**6)
    tar(tmp_path / "fer2013.tar.gz", {"a.bin": bytes(3_000_000), "fer2013.csv": text()})
    with pytest.raises(ValueError, match=r"tar\.gz unpacks to more than 1,000,000 bytes"):
        fer2013.read(tmp_path / "fer2013.tar.gz")


def broken_zip(path: Path, place: int, value: bytes) -> Path:
    """A zip file of the small set with some bytes changed in both of its headers."""
    packed(path, text())
    content = bytearray(path.read_bytes())
    for header, offset in ((b"PK\3\4", place), (b"PK\1\2", place + 2)):
        start = content.index(header) + offset
        content[start : start + len(value)] = value
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("place", "value"),
    [(8, b"\x63\0"), (8, b"\x0c\0"), (6, b"\x01\0"), (6, b"\x40\0"), (6, b"\x20\0")],
    ids=["method 99", "not bzip2", "password", "strong encryption", "patch"],
)
def test_strange_zip_files_are_a_sentence(tmp_path: Path, place: int, value: bytes) -> None:
    path = broken_zip(tmp_path / "fer2013.csv.zip", place, value)
    with pytest.raises(ValueError, match=r"^fer2013\.csv\.zip is (damaged|protected)"):
        fer2013.read(path)


def test_a_zip_file_with_names_that_are_no_text_is_a_sentence(tmp_path: Path) -> None:
    path = packed(tmp_path / "fer2013.zip", text())
    wrong = path.read_bytes().replace(b"fer2013/fer", b"\xff\xfe\xfd2013/fer")
    for header, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = wrong.index(header) + offset
        wrong = wrong[:place] + b"\0\x08" + wrong[place + 2 :]  # it says that they are UTF-8
    path.write_bytes(wrong)
    with pytest.raises(ValueError, match=r"^fer2013\.zip "):
        fer2013.read(path)


def test_a_file_that_may_not_be_read_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(packed_csv, "open_regular", refused)
    with pytest.raises(PermissionError, match="Permission denied"):
        fer2013.read(packed(tmp_path / "fer2013.csv", text()))


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
    "label 7": (line(3, 0, "7"), r"line 3: emotion is '7', but must be a number from 0 to 6"),
    "label of words": (line(3, 0, "happy"), r"line 3: emotion is 'happy'"),
    "usage": (line(2, 2, "Test"), r"line 2: Usage is 'Test', but must be Training, PublicTest"),
    "cut short": (text(rows()[:-1] + [rows()[-1][:5000]]), r"line 29 is cut short: it has 2 of 3"),
    "column": (text(["emotion,Usage", "0,Training"]), r"has no column pixels"),
    "train.csv": (
        text([row.rpartition(",")[0] for row in rows()]),
        r"no column Usage, like train.csv of the competition.* take icml_face_data.csv",
    ),
    "test.csv": (
        text(["pixels", *(row.split(",")[1] for row in rows()[1:])]),
        r"no column emotion, like test.csv .*which has no labels.* take icml_face_data.csv",
    ),
    "UTF-16": (text().decode().encode("utf-16"), r"is encoded in UTF-16: save it again as CSV in"),
    "UTF-32": (text().decode().encode("utf-32"), r"is encoded in UTF-32: save it again as CSV in"),
    "old Mac": (text().replace(b"\n", b"\r"), r"has the line ends of old Macs: save it again"),
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
