from __future__ import annotations

import hashlib
import io
import json
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from processes import together
from web_server import Server

from facevalue.data import fer2013, fer2013_download
from facevalue.data.dataset import SPLITS
from facevalue.data.http_retry import DownloadError

pytestmark = pytest.mark.filterwarnings("ignore:.*class counts")

NAMES = {
    "Training": "data/train-00000-of-00001-5eab.parquet",
    "PublicTest": "data/publicTest-00000-of-00001-f41b.parquet",
    "PrivateTest": "data/privateTest-00000-of-00001-4b8a.parquet",
}


def parquet(seed: int) -> bytes:
    """Seven faces, one of each emotion, as the mirror stores them."""
    cells = []
    for image in np.random.default_rng(seed).integers(0, 256, (7, 48, 48), dtype=np.uint8):
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "PNG")
        cells.append({"bytes": stream.getvalue(), "path": None})
    stream = io.BytesIO()
    pq.write_table(pa.table({"image": cells, "label": list(range(7))}), stream)
    return stream.getvalue()


@pytest.fixture
def hub(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, with a small copy of the mirror as the Hugging Face Hub offers it."""
    monkeypatch.setattr(fer2013_download, "has_kaggle_credentials", lambda: False)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    listing: list[dict] = [{"type": "file", "path": "README.md", "size": 5, "oid": "1"}]
    server.files = {}
    for seed, path in enumerate(NAMES.values()):
        content = parquet(seed)
        oid = hashlib.sha256(content).hexdigest()
        listing.append({"type": "file", "path": path, "lfs": {"oid": oid, "size": len(content)}})
        server.files[f"/datasets/{fer2013_download.MIRROR}/resolve/main/{path}"] = content
    api = f"/api/datasets/{fer2013_download.MIRROR}/tree/main"
    server.files[api] = json.dumps(listing).encode()
    server.types[api] = "application/json; charset=utf-8"
    return server


def files(folder: Path) -> list[str]:
    """Return what is in a folder; the files of locks stay there, empty."""
    return [path.name for path in folder.iterdir() if path.suffix != ".lock"]


def parquet_address(split: str) -> str:
    return f"/datasets/{fer2013_download.MIRROR}/resolve/main/{NAMES[split]}"


def test_fer2013_arrives_and_is_found_and_read(hub: Server, tmp_path: Path) -> None:
    place = fer2013_download.fetch_fer2013(tmp_path, hub.url + "/")
    assert place == tmp_path / "fer2013" == fer2013.find(tmp_path)
    assert files(tmp_path) == ["fer2013"]
    data = fer2013.read(place)
    assert data.counts()["total"].tolist() == [7, 7, 7]
    assert data.labels.tolist() == list(range(7)) * 3
    for seed, split in enumerate(SPLITS):
        drawn = np.random.default_rng(seed).integers(0, 256, (7, 48, 48), dtype=np.uint8)
        assert (data.split(split).images == drawn).all()


def test_the_environment_can_name_another_hub_and_another_folder(
    hub: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEVALUE_DATA", str(tmp_path / "raw"))
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    assert fer2013_download.fetch_fer2013() == fer2013.find() == tmp_path / "raw" / "fer2013"


def test_half_a_download_is_never_found_and_is_continued(hub: Server, tmp_path: Path) -> None:
    whole = hub.files.pop(parquet_address("Training"))  # the last in alphabetical order
    with pytest.raises(DownloadError, match="train-.*404"):
        fer2013_download.fetch_fer2013(tmp_path, hub.url)
    with pytest.raises(FileNotFoundError):
        fer2013.find(tmp_path)
    hub.files[parquet_address("Training")] = whole
    hub.log.clear()
    hub.cut_after = [10**9, 10_000]  # the list arrives, then the file breaks
    fer2013_download.fetch_fer2013(tmp_path, hub.url)
    assert [path for path, _ in hub.log[1:]] == [parquet_address("Training")] * 2
    assert hub.log[-1][1] == "bytes=8192-"
    assert len(fer2013.read(tmp_path / "fer2013")) == 21


def test_what_an_older_list_left_is_not_read_too(hub: Server, tmp_path: Path) -> None:
    arriving = tmp_path / ".fer2013-arriving"
    arriving.mkdir()
    (arriving / "Training-7.parquet").write_bytes(parquet(9))
    (arriving / "Training-8.parquet.part").write_bytes(b"x")
    assert len(fer2013.read(fer2013_download.fetch_fer2013(tmp_path, hub.url))) == 21


def test_a_changed_file_is_refused(hub: Server, tmp_path: Path) -> None:
    hub.files[parquet_address("Training")] = parquet(5)
    with pytest.raises(DownloadError, match="checksum is wrong"):
        fer2013_download.fetch_fer2013(tmp_path, hub.url)
    assert not (tmp_path / "fer2013").exists()


@pytest.mark.parametrize(
    "listing", [b"{}", b"[]", b"not json", b'[{"path": 1}]', b'[{"path": "data/train-0.parquet"}]']
)
def test_an_answer_that_is_no_list_of_the_files(
    hub: Server, tmp_path: Path, listing: bytes
) -> None:
    hub.files[f"/api/datasets/{fer2013_download.MIRROR}/tree/main"] = listing
    with pytest.raises(DownloadError, match="/api/datasets"):
        fer2013_download.fetch_fer2013(tmp_path, hub.url)


def test_files_that_are_not_fer2013_are_refused_and_removed(hub: Server, tmp_path: Path) -> None:
    broken = b"PAR1 but not really"
    listing = [{"path": path} for path in NAMES.values()]
    hub.files[f"/api/datasets/{fer2013_download.MIRROR}/tree/main"] = json.dumps(listing).encode()
    hub.files[parquet_address("Training")] = broken
    with pytest.raises(DownloadError, match="not FER-2013"):
        fer2013_download.fetch_fer2013(tmp_path, hub.url)
    assert files(tmp_path) == []


def test_names_from_outside_never_become_paths(hub: Server, tmp_path: Path) -> None:
    listing = [{"path": path} for path in NAMES.values()]
    listing.append({"path": "../../../train-evil.parquet"})
    hub.files[f"/api/datasets/{fer2013_download.MIRROR}/tree/main"] = json.dumps(listing).encode()
    evil = f"/datasets/{fer2013_download.MIRROR}/resolve/main/../../../train-evil.parquet"
    hub.files |= {path: parquet(4) for path in (evil, "/datasets/train-evil.parquet")}
    hub.files["/datasets/Aaryan333/train-evil.parquet"] = parquet(4)
    fer2013_download.fetch_fer2013(tmp_path / "raw", hub.url)
    assert [p.name for p in tmp_path.iterdir()] == ["raw"]


def test_what_is_there_already_is_not_overwritten(hub: Server, tmp_path: Path) -> None:
    (tmp_path / "fer2013").mkdir()
    (tmp_path / "fer2013" / "mine.txt").write_text("x")
    with pytest.raises(FileExistsError, match="move it away"):
        fer2013_download.fetch_fer2013(tmp_path, hub.url)
    assert hub.log == []


def test_of_two_downloads_at_once_one_waits_and_finds_the_data(hub: Server, tmp_path: Path) -> None:
    found: list[Path] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(fer2013_download.fetch_fer2013(tmp_path, hub.url))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == [tmp_path / "fer2013"] * 2
    assert len(hub.log) == 4  # the list and three files, once


@pytest.mark.slow
def test_three_fetches_of_fer2013(hub: Server, tmp_path: Path) -> None:
    told = together(
        tmp_path / "ready",
        "from facevalue.data import fer2013_download\n"
        "fer2013_download.has_kaggle_credentials = lambda: False",
        "fer2013_download.fetch_fer2013(sys.argv[3], sys.argv[4])",
        tmp_path,
        hub.url,
        number=3,
    )
    here = f"sentence: {tmp_path / 'fer2013'} already exists: move it away to download it again."
    assert "result" in told and set(told) <= {"result", here}
    resolved = f"/datasets/{fer2013_download.MIRROR}/resolve"
    assert sum(path.startswith(resolved) for path, _ in hub.log) == 3  # each file once
    assert len(list((tmp_path / "fer2013").iterdir())) == 3


def test_without_the_hub_it_comes_from_kaggle_where_there_are_credentials(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kagglehub = pytest.importorskip("kagglehub", reason="kagglehub is not installed")
    monkeypatch.setenv("KAGGLE_USERNAME", "someone")
    monkeypatch.setenv("KAGGLE_KEY", "secret")

    def delivered(handle: str, output_dir: str) -> str:
        assert handle == "deadskull7/fer2013"
        place = Path(output_dir)
        place.mkdir(parents=True)
        lines = [f"{i % 7},{' '.join(['9'] * 2304)},{SPLITS[i % 3]}" for i in range(21)]
        (place / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *lines]))
        return output_dir

    monkeypatch.setattr(kagglehub, "dataset_download", delivered)
    place = fer2013_download.fetch_fer2013(tmp_path, server.url)
    assert fer2013.find(tmp_path) == place / "fer2013.csv"

    def refused(handle: str, output_dir: str) -> str:
        raise RuntimeError("401 for someone:secret")

    monkeypatch.setattr(kagglehub, "dataset_download", refused)
    with pytest.raises(DownloadError, match="your credentials") as caught:
        fer2013_download.fetch_fer2013(tmp_path / "other", server.url)
    assert "secret" not in str(caught.value)


def test_without_credentials_both_ways_are_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "none"))
    with pytest.raises(DownloadError, match="404.*by hand.*Kaggle"):
        fer2013_download.fetch_fer2013(tmp_path / "raw", server.url)


def test_a_malformed_kaggle_json_is_no_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    (tmp_path / "kaggle.json").write_text("{")
    assert not fer2013_download.has_kaggle_credentials()
