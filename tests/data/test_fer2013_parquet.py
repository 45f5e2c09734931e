"""FER-2013 as Parquet files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_fer2013 import (
    LABELS,
    parquets,
    same,
)

from facevalue.data import fer2013, fer2013_parquet
from facevalue.emotions import EMOTIONS

# the small set does not have 35,887 images
pytestmark = pytest.mark.filterwarnings("ignore:.*class counts", "ignore:.*official test splits")


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
    twice = pa.table([pa.array([1])] * 3, names=["label", "image", "image"])
    pq.write_table(twice, tmp_path / "publicTest-0.parquet")
    with pytest.raises(ValueError, match="publicTest-0.parquet has two columns image: rename"):
        fer2013.read(tmp_path)


def test_two_of_three_parquet_files_are_not_the_data_set(tmp_path: Path) -> None:
    parquets(tmp_path)
    (tmp_path / "privateTest-0.parquet").unlink()
    with pytest.raises(FileNotFoundError):
        fer2013.find(tmp_path)


def test_an_eighth_class_is_named_or_left_out(tmp_path: Path) -> None:
    names = ["contempt", *sorted(EMOTIONS)]
    theirs = [names.index(EMOTIONS[label]) for label in LABELS]
    parquets(tmp_path, labels=theirs, metadata=names)
    same(fer2013.read(tmp_path))  # named, but not used
    theirs[3] = 0
    parquets(tmp_path, labels=theirs, metadata=names)
    with pytest.raises(ValueError, match=r'train-0\.parquet .*class contempt.*ignore=\["contempt"'):
        fer2013.read(tmp_path)
    data = fer2013.read(tmp_path, ignore=["contempt"])
    assert data.labels.tolist() == [*LABELS[:3], *LABELS[4:]]


def test_a_small_file_cannot_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquets(tmp_path)
    file = tmp_path / "train-0.parquet"
    pq.write_table(pa.table({"image": [b"x"] * 1_000_000, "label": [0] * 1_000_000}), file)
    assert file.stat().st_size < 10_000
    with pytest.raises(ValueError, match=r"train-0\.parquet has 1,000,000 rows of "):
        fer2013.read(tmp_path)
    monkeypatch.setattr(fer2013_parquet, "MAX_BYTES", 1_000_000)
    long = pa.table({"image": [bytes(300_000)] * 5, "label": [0] * 5})
    pq.write_table(long, file, compression="zstd", use_dictionary=False)
    assert file.stat().st_size < 10_000
    with pytest.raises(ValueError, match=r"train-0\.parquet has 5 rows of 1,500,"):
        fer2013.read(tmp_path)
