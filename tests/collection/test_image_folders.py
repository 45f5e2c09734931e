from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from facevalue.collection import image_folders, image_search
from facevalue.data.http_retry import DownloadError
from facevalue.emotions import EMOTIONS


def save(path: Path, size: tuple[int, int] = (30, 20)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, 7).save(path)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    names = ("anger", "contempt", "disgust", "fear", "happiness", "neutrality", "sadness")
    for name in (*names, "surprise"):
        for number in range(3):
            save(tmp_path / "images" / name / f"{number}.png")
    (tmp_path / "images" / "anger" / "0.png").write_bytes(b"no image")
    (tmp_path / "images" / "anger" / "notes.txt").write_text("x")
    return tmp_path


def test_folders_named_by_emotion_are_read(folders: Path) -> None:
    source = image_folders.Folder(folders, licence="ours")
    hits = image_search.search(source, 5)
    assert hits.groupby("emotion").size().to_dict() == dict.fromkeys(EMOTIONS, 3) | {"angry": 2}
    assert source.skipped["contempt"] == 3
    assert source.skipped["no image"] > 0
    row = hits.iloc[0]
    assert (row["width"], row["height"], row["licence"]) == (30, 20, "ours")
    assert Path(row["address"]).parent.name == "anger"
    with pytest.raises(FileNotFoundError, match="nothing is not a folder"):
        image_folders.Folder(folders / "nothing")


def test_the_kaggle_folder_is_downloaded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kagglehub = pytest.importorskip("kagglehub", reason="kagglehub is not installed")
    calls = []

    def deliver(handle: str, output_dir: str) -> str:
        calls.append(handle)
        save(Path(output_dir) / "happiness" / "a.png", (224, 224))
        save(Path(output_dir) / "contempt" / "b.png", (224, 224))
        return output_dir

    monkeypatch.setattr(kagglehub, "dataset_download", deliver)
    monkeypatch.setenv("FACEVALUE_DATA", str(tmp_path))
    for _ in range(2):
        source = image_folders.Kaggle()
        hits = image_search.search(source, 5, ["happy"])
        assert hits["source"].tolist() == ["Kaggle"]
        assert source.skipped == {"contempt": 1}
    assert calls == ["sudarshanvaidya/random-images-for-face-emotion-recognition"]
    assert [path.name for path in tmp_path.glob("[!.]*")] == ["random-images"]


def test_a_kaggle_download_that_fails_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kagglehub = pytest.importorskip("kagglehub", reason="kagglehub is not installed")

    def refuse(handle: str, output_dir: str) -> str:
        save(Path(output_dir) / "happiness" / "a.png")
        raise RuntimeError("401 for someone:secret")

    monkeypatch.setattr(kagglehub, "dataset_download", refuse)
    with pytest.raises(DownloadError, match="could not be downloaded from Kaggle") as caught:
        image_folders.Kaggle(tmp_path / "random")
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "random").exists()
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(DownloadError, match="pip install kagglehub"):
        image_folders.Kaggle(tmp_path / "random")
