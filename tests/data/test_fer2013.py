"""Finding FER-2013, and the real data set where it is available."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import pytest
from small_fer2013 import (
    MERGED,
    folders,
    packed,
    parquets,
    same,
    text,
)

from facevalue.data import fer2013, fer2013_facts
from facevalue.data.dataset import SPLITS, Dataset

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_real = pytest.mark.skipif(
    not (SHARED / "fer2013.csv.xz").is_file(), reason="the real FER-2013 is not on this machine"
)
# the small set does not have 35,887 images
pytestmark = pytest.mark.filterwarnings("ignore:.*class counts", "ignore:.*official test splits")


def test_find_prefers_the_complete_csv_file(tmp_path: Path) -> None:
    folders(tmp_path, MERGED, prefix=True)
    assert fer2013.find(tmp_path) == tmp_path
    parquets(tmp_path / "fer2013")
    assert fer2013.find(tmp_path) == tmp_path / "fer2013"
    for name in ("icml_face_data.csv", "fer2013.csv.zip", "fer2013.csv"):
        (tmp_path / "archive" / "fer2013").mkdir(parents=True, exist_ok=True)
        packed(tmp_path / "archive" / "fer2013" / name, text())
        assert fer2013.find(tmp_path) == tmp_path / "archive" / "fer2013" / name


def test_find_reads_kaggles_archive_and_names_in_any_case(tmp_path: Path) -> None:
    packed(tmp_path / "archive.zip", text())
    assert fer2013.find(tmp_path) == tmp_path / "archive.zip"
    same(fer2013.read(tmp_path))
    packed(tmp_path / "ICML_Face_Data.CSV", text())
    assert fer2013.find(str(tmp_path)) == tmp_path / "ICML_Face_Data.CSV"


def test_find_says_what_is_near_to_the_data(tmp_path: Path) -> None:
    (tmp_path / "Train.csv").write_text("emotion,pixels")
    with pytest.raises(FileNotFoundError, match=r"Train\.csv of the competition .*icml_face_data"):
        fer2013.find(tmp_path)
    (tmp_path / "Train.csv").unlink()
    with zipfile.ZipFile(tmp_path / "Archive.zip", "w") as archive:
        archive.writestr("train/happy/1.jpg", b"")
    with pytest.raises(FileNotFoundError, match=r"Archive\.zip holds no fer2013\.csv: unpack it"):
        fer2013.find(tmp_path)
    for wrong in (7, b"fer2013.csv"):
        with pytest.raises(ValueError, match="from a path, not from"):
            fer2013.find(wrong)  # type: ignore[arg-type]


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


@pytest.fixture(scope="module")
def real() -> Dataset:
    with pytest.warns(UserWarning, match="not Kaggle's file byte for byte"):
        return fer2013.read(SHARED / "fer2013.csv.xz")


@pytest.mark.slow
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


@pytest.mark.slow
@needs_real
def test_the_real_file_reads_as_pandas_reads_it(real: Dataset) -> None:
    for chunk in pd.read_csv(SHARED / "fer2013.csv.xz", chunksize=200):
        for row in (0, 1, 199):
            expected = [int(value) for value in chunk["pixels"].iloc[row].split()]
            assert real.images[row].ravel().tolist() == expected
            assert real.labels[row] == chunk["emotion"].iloc[row]
        break
