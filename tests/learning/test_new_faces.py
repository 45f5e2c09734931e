"""Photos, or splits of FER-2013, as faces that a network has not seen."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facevalue.data.dataset import Dataset
from facevalue.drawing.faces import photo
from facevalue.emotions import EMOTIONS
from facevalue.learning import backbones, frozen_features, new_faces

PHOTOS = Path(__file__).parents[3] / "shared" / "data" / "photos"

pytestmark = pytest.mark.usefixtures("processed")


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of drawn photos, five of each of two emotions, and one without a face."""
    folder = tmp_path_factory.mktemp("drawn") / "shots"
    for emotion in ("happy", "sadness"):
        (folder / emotion).mkdir(parents=True)
    for k in range(10):
        shown, name = (("happy", "happy"), ("sad", "sadness"))[k % 2]
        picture = Image.fromarray(photo(k, 1, [shown]).image)
        picture.thumbnail((400, 400))  # the detector is the slow part
        picture.save(folder / name / f"{k}.jpg", quality=95)
    Image.new("RGB", (200, 200), "white").save(folder / "happy" / "blank.png")
    return folder


@pytest.fixture
def folder(shots: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shots, tmp_path / "shots"))


@pytest.mark.slow
def test_photos_are_labelled_by_their_folders_and_cut_to_faces(folder: Path) -> None:
    data = new_faces.photos(folder)
    assert data.images.shape[1:] == (48, 48)
    assert 7 <= len(data) <= 10
    assert "happy/blank.png" not in data.origins
    for origin, label in zip(data.origins, data.labels, strict=True):
        assert EMOTIONS[label] == {"happy": "happy", "sadness": "sad"}[origin.split("/")[0]]
    for split, share in (("Training", 0.6), ("PrivateTest", 0.4)):
        part = data.split(split)
        assert set(part.labels) == {3, 4}
        assert abs(len(part) - share * len(data)) <= 1.5


def test_photos_csv_goes_before_the_folders_names(folder: Path) -> None:
    names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.jpg"))
    rows = [f"{name},{'anger' if k % 2 else 'fear'}" for k, name in enumerate(names)]
    (folder / "photos.csv").write_text("file,emotion\n" + "\n".join(rows))
    data = new_faces.photos(folder)
    assert {EMOTIONS[label] for label in data.labels} == {"angry", "fear"}
    wanted = dict(row.split(",") for row in rows)
    for origin, label in zip(data.origins, data.labels, strict=True):
        assert EMOTIONS[label] == {"anger": "angry", "fear": "fear"}[wanted[origin]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "shots.photos.csv needs the columns file and emotion"),
        ("file,emotion\nhappy/0.jpg,bored\n", "'bored' is not one of the seven emotions"),
        ("file,emotion\nhappy/0.jpg,happy\n", "shots has 1 photos|shots has 0 photos"),
    ],
)
def test_bad_labels_are_named(folder: Path, content: str, message: str) -> None:
    (folder / "photos.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        new_faces.photos(folder)


def test_a_folder_without_labels_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty has neither a photos.csv"):
        new_faces.photos(tmp_path / "empty")


def test_a_setting_that_names_no_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEVALUE_PHOTOS", "/no/such/folder")
    with pytest.raises(FileNotFoundError, match="FACEVALUE_PHOTOS names /no/such/folder"):
        new_faces.photo_folder()


def data_set(name: str) -> Dataset:
    images = np.arange(30, dtype=np.uint8)[:, None, None].repeat(48, 1).repeat(48, 2)
    splits = np.array(["Training", "PublicTest", "PrivateTest"] * 10)
    return Dataset(
        name, images, np.arange(30) % 7, splits, np.array([f"row {i}" for i in range(30)])
    )


def test_the_drawn_faces_are_their_own_new_faces() -> None:
    data = data_set("rendered")
    assert new_faces.new_faces(data) is data


def test_without_photos_no_image_that_the_body_has_seen_is_new(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FACEVALUE_DATA", str(tmp_path))
    data = data_set("fer2013")
    new = new_faces.new_faces(data)
    assert not set(new.origins) & set(data.split("Training").origins)
    assert set(new.split("Training").origins) == set(data.split("PublicTest").origins)
    assert set(new.split("PrivateTest").origins) == set(data.split("PrivateTest").origins)
    assert "FACEVALUE_PHOTOS" in capsys.readouterr().out


def test_photos_beside_the_data_file_are_found(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    folder.rename(folder.with_name("photos"))
    file = folder.with_name("fer2013.csv")
    file.touch()
    monkeypatch.setenv("FACEVALUE_DATA", str(file))
    assert new_faces.new_faces(data_set("fer2013")).name == "photos"


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="the real photos are not on this machine")
@pytest.mark.slow
def test_the_body_of_fer2013_reads_real_photos_better_than_an_untrained_one() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    data = new_faces.photos(PHOTOS)
    train, test = data.split("Training"), data.split("PrivateTest")
    right = {}
    for weights in (True, False):
        body = backbones.backbone("fer2013", weights=weights)
        x, new = (frozen_features.features(body, "fer2013", part.images) for part in (train, test))
        scaler = StandardScaler().fit(x)
        model = LogisticRegression(C=0.01, max_iter=1000).fit(scaler.transform(x), train.labels)
        right[weights] = model.score(scaler.transform(new), test.labels)
    assert len(data) > 280
    assert right[True] > right[False] + 0.1
