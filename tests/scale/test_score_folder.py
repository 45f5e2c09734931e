"""Scoring folders: the same rows here and on a cluster, after kills, and with damaged files."""

import errno
import gzip
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import cv2
import fsspec
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_network import network, ship

from facevalue import Recogniser, files, image_files
from facevalue.drawing import faces
from facevalue.emotions import EMOTIONS
from facevalue.recognition.detection import find_faces
from facevalue.scale import cluster, face_parts, face_table, score_folder, storage

BOX = ["x", "y", "width", "height"]


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A network whose answers can be computed by hand, in place of the project's."""
    folder = tmp_path_factory.mktemp("models")
    ship(folder, network())
    return folder


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """Ten small photos with a face, one without, in two folders, and two short videos."""
    folder = tmp_path_factory.mktemp("drawn")
    (folder / "b").mkdir()
    people = [faces.photo(seed).image for seed in range(1, 6)]
    mirrored = [image[:, ::-1] for image in people]
    for number, image in enumerate([faces.photo(0, people=0).image, *people, *mirrored]):
        small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        place = folder / ("b" if number % 2 else ".") / f"{number}.png"
        Image.fromarray(small).save(place)
    face = cv2.resize(people[2], (320, 240), interpolation=cv2.INTER_AREA)
    film(folder / "film.avi", [face] * 25, 10)
    film(folder / "b" / "film.mp4", [face] * 12, 5)
    return folder


@pytest.fixture
def folder(drawn, tmp_path):
    return Path(shutil.copytree(drawn, tmp_path / "photos"))


def film(file, images, rate):
    height, width = images[0].shape[:2]
    codec = cv2.VideoWriter.fourcc(*("MJPG" if file.suffix == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(file), codec, rate, (width, height))
    assert writer.isOpened()
    for image in images:
        writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    writer.release()


def rows(out):
    return pd.read_parquet(out)


def left_over(folder):
    return [file.name for file in folder.rglob("*") if ".part" in file.suffixes]


@pytest.mark.slow
def test_each_face_has_a_row_with_its_box_and_probabilities(folder, tmp_path, models):
    out = tmp_path / "scores.parquet"
    done = score_folder.score(folder, out, models=models, progress=False)
    table = rows(out)
    assert list(table) == ["file", "frame", "seconds", "person", *BOX, *EMOTIONS, "emotion"]
    assert done[:4] == (13, len(table), 0, {}) and not out.with_suffix(".failed.csv").exists()
    assert done.emotions == {name: (table["emotion"] == name).sum() for name in EMOTIONS}
    films = table["file"].str.contains("film")
    assert table.loc[~films, ["seconds", "person"]].isna().all(axis=None)
    assert (table.loc[films, "person"] == 1).all()
    photos = table[table["file"].str.endswith(".png")]
    assert len(photos) >= 8 and (photos["frame"] == 0).all()
    recogniser = Recogniser("fast", folder=models)
    for name in {"2.png", "b/5.png"} & set(photos["file"]):
        found = recogniser.photo(image_files.read_photo(folder / name))
        here = photos[photos["file"] == name]
        assert [tuple(row) for row in here[BOX].to_numpy().tolist()] == [s.box for s in found]
        expected = [list(sighting.probabilities.values()) for sighting in found]
        np.testing.assert_allclose(here[list(EMOTIONS)], expected, atol=1e-6)
    assert (table[list(EMOTIONS)].sum(axis=1) - 1).abs().max() < 1e-5
    assert (table[list(EMOTIONS)].idxmax(axis=1) == table["emotion"]).all()
    assert table["file"].tolist() == sorted(table["file"], key=lambda name: name.split("/"))


@pytest.mark.parametrize(
    ("every", "first", "second"), [(1, [0, 10, 20], [0, 5, 10]), (0.6, [0, 6, 12, 18, 24], None)]
)
@pytest.mark.slow
def test_a_video_is_looked_at_once_a_second(folder, tmp_path, models, every, first, second):
    out = tmp_path / "scores.parquet"
    score_folder.score(folder, out, every=every, models=models, progress=False)
    table = rows(out)
    frames = table.groupby("file")["frame"].unique()
    assert frames["film.avi"].tolist() == first
    film = table[table["file"] == "film.avi"]
    np.testing.assert_allclose(film["seconds"], film["frame"] / 10, atol=1e-3)
    assert second is None or frames["b/film.mp4"].tolist() == second


@pytest.mark.slow
def test_any_fsspec_address_gives_the_same_rows(folder, tmp_path, models):
    store = fsspec.filesystem("memory")
    store.put(str(folder), "/bucket/photos", recursive=True)
    score_folder.score(folder, tmp_path / "local.parquet", models=models, progress=False)
    score_folder.score(
        "memory://bucket/photos", tmp_path / "s.parquet", models=models, progress=False
    )
    pd.testing.assert_frame_equal(rows(tmp_path / "s.parquet"), rows(tmp_path / "local.parquet"))
    store.rm("/bucket", recursive=True)


@pytest.mark.slow
def test_files_that_fail_are_listed_and_do_not_stop_the_rest(folder, tmp_path, models):
    out = tmp_path / "scores.parquet"
    score_folder.score(folder, out, models=models, progress=False)
    whole = rows(out)
    (folder / "b" / "torn.jpg").write_bytes((folder / "b" / "5.png").read_bytes()[:2000])
    (folder / "words.mp4").write_text("no video")
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    cut = (folder / "film.avi").read_bytes()
    (folder / "cut.avi").write_bytes(cut[: len(cut) // 2])
    done = score_folder.score(folder, out, models=models, progress=False)
    failed = pd.read_csv(out.with_suffix(".failed.csv"), index_col="file")["reason"]
    assert done.failed == 4 and set(failed.index) == {
        "b/torn.jpg", "words.mp4", "gone.png", "cut.avi",
    }  # fmt: skip
    assert failed["b/torn.jpg"] == "torn.jpg is a broken image."
    assert failed["words.mp4"] == "words.mp4 is not a video that OpenCV can read."
    assert failed["gone.png"] == "No such file or directory"
    table = rows(out)
    kept = table[table["file"] != "cut.avi"].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, whole)


@pytest.mark.slow
def test_the_list_of_failed_files_goes_when_none_fails_any_more(folder, tmp_path, models):
    out = tmp_path / "scores.parquet"
    good = (folder / "2.png").read_bytes()
    (folder / "2.png").write_bytes(good[:1000])
    assert score_folder.score(folder, out, models=models, progress=False).failed == 1
    (folder / "2.png").write_bytes(good)
    assert score_folder.score(folder, out, models=models, progress=False).failed == 0
    assert not out.with_suffix(".failed.csv").exists() and "2.png" in set(rows(out)["file"])


@pytest.fixture
def seen(monkeypatch):
    """Which files are read, photo by photo."""
    names = []
    read = storage.read

    def noted(system, path, limit):
        names.append(Path(path).name)
        return read(system, path, limit)

    monkeypatch.setattr(storage, "read", noted)
    monkeypatch.setattr(score_folder, "BATCH_SIZE", 2)
    return names


@pytest.mark.slow
def test_a_second_start_does_only_what_is_new_changed_or_was_out_of_reach(
    folder, tmp_path, models, seen
):
    out = tmp_path / "scores.parquet"
    keep = {"models": models, "keep_parts": True, "progress": False}
    (folder / "gone.png").symlink_to(folder / "hidden" / "1.png")
    score_folder.score(folder, out, **keep)
    assert len(seen) == 12 and len(set(seen)) == 12
    first = rows(out)
    seen.clear()
    score_folder.score(folder, out, **keep)
    assert "gone.png" in seen and len(seen) <= 8  # with the few of its part
    (folder / "gone.png").unlink()
    score_folder.score(folder, out, **keep)
    seen.clear()
    assert score_folder.score(folder, out, **keep).files == 13
    assert seen == []
    pd.testing.assert_frame_equal(rows(out), first)
    shutil.copy(folder / "2.png", folder / "b" / "aa.png")
    score_folder.score(folder, out, **keep)
    assert "aa.png" in seen and len(seen) <= 9
    assert len(rows(out)) == len(first) + (first["file"] == "2.png").sum()


@pytest.mark.slow
def test_the_parts_go_when_the_result_is_whole(folder, tmp_path, models, seen):
    out = tmp_path / "scores.parquet"
    parts = out.with_suffix(".parts")
    (folder / "torn.jpg").write_bytes(b"no image today, none tomorrow")
    (folder / "gone.png").symlink_to(folder / "hidden" / "1.png")
    score_folder.score(folder, out, models=models, progress=False)
    assert parts.is_dir()  # a file that was out of reach may come
    (folder / "gone.png").unlink()
    score_folder.score(folder, out, models=models, progress=False)
    assert not parts.exists() and left_over(tmp_path) == []
    seen.clear()
    score_folder.score(folder, out, models=models, progress=False)
    assert len(seen) == 12 and not parts.exists()
    parts.mkdir()
    (parts / "mine.txt").write_text("of somebody else")
    score_folder.score(folder, out, models=models, progress=False)
    assert [file.name for file in parts.iterdir()] == ["mine.txt"]


@pytest.mark.slow
def test_another_frame_rate_is_not_taken_from_an_older_run(folder, tmp_path, models):
    out = tmp_path / "scores.parquet"
    keep = {"models": models, "keep_parts": True, "progress": False}
    score_folder.score(folder, out, every=1, **keep)
    first = len(rows(out))
    score_folder.score(folder, out, every=0.5, **keep)
    assert len(rows(out)) > first
    parts = out.with_suffix(".parts").iterdir()
    lines = [line for part in parts for line in gzip.decompress(part.read_bytes()).splitlines()]
    assert sum(b"no_face" not in line for line in lines) == len(rows(out))


@pytest.mark.slow
def test_a_part_that_was_damaged_is_done_again(folder, tmp_path, models):
    out = tmp_path / "scores.parquet"
    score_folder.score(folder, out, models=models, keep_parts=True, progress=False)
    first = rows(out)
    for part in out.with_suffix(".parts").iterdir():
        part.write_bytes(part.read_bytes()[:50])
    score_folder.score(folder, out, models=models, progress=False)
    pd.testing.assert_frame_equal(rows(out), first)


START = """
import sys, time
from pathlib import Path
from facevalue.scale import score_folder, storage
score_folder.BATCH_SIZE = 1
read = storage.read
def slow(*arguments):
    time.sleep(float(sys.argv[4]))
    return read(*arguments)
storage.read = slow
score_folder.score(
    sys.argv[1], Path(sys.argv[2]), models=Path(sys.argv[3]), keep_parts=True, progress=False
)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_and_gives_the_rows_of_an_undisturbed_one(
    folder, tmp_path, models, monkeypatch
):
    out, whole = tmp_path / "killed.parquet", tmp_path / "whole.parquet"
    command = [sys.executable, "-c", START, str(folder), str(out), str(models)]
    run = subprocess.Popen([*command, "0.3"])
    parts = out.with_suffix(".parts")
    deadline = time.monotonic() + 60
    while len(list(parts.glob("*.jsonl.gz"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    run.kill()
    run.wait()
    before = {part.name: part.stat().st_mtime_ns for part in parts.glob("*.jsonl.gz")}
    assert len(before) >= 4 and not out.exists()
    subprocess.run([*command, "0"], check=True, timeout=60)
    after = {part.name: part.stat().st_mtime_ns for part in parts.iterdir()}
    assert before.items() <= after.items() and len(after) == 13
    score_folder.score(folder, whole, models=models, progress=False)
    pd.testing.assert_frame_equal(rows(out), rows(whole))
    assert left_over(tmp_path) == []


@pytest.mark.slow
def test_a_cluster_gives_the_same_rows(local, folder, tmp_path, models, monkeypatch):
    monkeypatch.setattr(score_folder, "BATCH_SIZE", 2)
    (folder / "torn.jpg").write_bytes(b"nothing")
    here, there = tmp_path / "here.parquet", tmp_path / "there.parquet"
    done = score_folder.score(folder, here, models=models, progress=False)
    monkeypatch.setenv("FACEVALUE_SCHEDULER", local.scheduler_address)
    assert score_folder.score(folder, there, models=models, progress=False) == done
    pd.testing.assert_frame_equal(rows(there), rows(here))
    failed = pd.read_csv(there.with_suffix(".failed.csv"))
    assert failed.to_numpy().tolist() == [
        ["torn.jpg", "torn.jpg is not a JPEG, PNG, WebP, TIFF, BMP, GIF or AVIF image."]
    ]


@pytest.mark.slow
def test_the_work_of_a_worker_that_dies_is_done_again(local, folder, tmp_path, models, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(score_folder, "BATCH_SIZE", 1)
    monkeypatch.setenv("FACEVALUE_SCHEDULER", local.scheduler_address)
    for copy in range(4):
        shutil.copytree(folder / "b", folder / f"more{copy}")
    out, whole = tmp_path / "killed.parquet", tmp_path / "whole.parquet"
    killed = []
    store = face_parts.Parts.store

    def storing(self, *arguments, **named):
        store(self, *arguments, **named)
        if not killed:
            with distributed.Client(local.scheduler_address, set_as_default=False) as client:
                killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(face_parts.Parts, "store", storing)
    done = score_folder.score(folder, out, models=models, progress=False)
    assert killed and done.failed == 0
    monkeypatch.delenv("FACEVALUE_SCHEDULER")
    score_folder.score(folder, whole, models=models, progress=False)
    pd.testing.assert_frame_equal(rows(out), rows(whole))


score_batch = score_folder.score_batch


def deadly(method, batch):
    """Score a batch on a worker that dies of one file."""
    if "b/3.png" in batch.files:
        os.kill(os.getpid(), signal.SIGKILL)
    return score_batch(method, batch)


@pytest.mark.slow
def test_a_file_that_kills_its_workers_is_listed_and_the_others_are_scored(
    folder, tmp_path, models, monkeypatch
):
    dask = pytest.importorskip("dask")
    distributed = pytest.importorskip("distributed")
    out, whole = tmp_path / "scores.parquet", tmp_path / "whole.parquet"
    score_folder.score(folder, whole, models=models, progress=False)
    monkeypatch.setattr(score_folder, "score_batch", deadly)
    settings = {"distributed.scheduler.allowed-failures": 0}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1"
        ) as fragile,
    ):
        monkeypatch.setenv("FACEVALUE_SCHEDULER", fragile.scheduler_address)
        done = score_folder.score(folder, out, models=models, progress=False)
    assert done.failed == 1
    failed = pd.read_csv(out.with_suffix(".failed.csv"))
    assert failed.to_numpy().tolist() == [["b/3.png", "the workers that read it died"]]
    table = rows(whole)
    expected = table[table["file"] != "b/3.png"].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows(out), expected)


def test_an_address_that_nobody_answers_is_told_in_time_and_leaves_nothing(
    folder, tmp_path, models, monkeypatch
):
    pytest.importorskip("distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("FACEVALUE_SCHEDULER", f"tcp://127.0.0.1:{port}")
    start = time.monotonic()
    with pytest.raises(ConnectionError, match=rf"answers at tcp://127.0.0.1:{port}: start"):
        score_folder.score(folder, tmp_path / "scores.parquet", models=models, progress=False)
    assert time.monotonic() - start < 10
    assert sorted(file.name for file in tmp_path.iterdir()) == ["photos"]


def test_a_folder_without_photos_is_named_and_leaves_nothing(tmp_path, models):
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").write_text("no photo")
    with pytest.raises(ValueError, match=r"no file in .*empty that is, by its name, a photo"):
        score_folder.score(empty, tmp_path / "scores.parquet", models=models, progress=False)
    with pytest.raises(FileNotFoundError, match="no photo, video or folder .*nowhere"):
        score_folder.score(tmp_path / "nowhere", tmp_path / "s.parquet", models=models)
    assert [file.name for file in tmp_path.iterdir()] == ["empty"]


@pytest.mark.slow
def test_a_csv_file_has_the_same_rows(folder, tmp_path, models):
    out = tmp_path / "scores.csv"
    done = score_folder.score(folder, out, models=models, progress=False)
    again = tmp_path / "scores.parquet"
    assert score_folder.score(folder, again, models=models, progress=False) == done
    table = pd.read_csv(out)
    assert list(table) == list(face_table.COLUMNS)
    expected = rows(again).astype(table.dtypes.to_dict())
    pd.testing.assert_frame_equal(table, expected, check_exact=False, atol=1e-6)


def test_parquet_without_pyarrow_is_refused_before_the_work(folder, tmp_path, models, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "pyarrow>=16", or write a \.csv'):
        score_folder.score(folder, tmp_path / "s.parquet", models=models)
    assert [file.name for file in tmp_path.iterdir()] == ["photos"]


@pytest.mark.slow
def test_other_kinds_of_images_are_read_and_of_files_counted(folder, tmp_path, models):
    image = Image.open(folder / "2.png")
    for name in ("tiff.tif", "bmp.bmp", "gif.gif"):
        image.save(folder / name)
    (folder / "b" / "notes.txt").write_text("no photo")
    (folder / "phone.HEIC").write_bytes(b"another kind")
    (folder / "Makefile").write_text("")
    out = folder / "scores.csv"  # what it writes itself is not counted, in a second run too
    for _ in range(2):
        done = score_folder.score(folder, out, models=models, progress=False)
        assert done.skipped == {".heic": 1, "": 1, ".txt": 1} and done.files == 16
        assert done.kinds == {}
        assert (folder / "scores.no_face.csv").is_file()
    table = pd.read_csv(out)
    for name in ("tiff.tif", "bmp.bmp"):
        found = table[table["file"] == name].drop(columns="file").reset_index(drop=True)
        expected = table[table["file"] == "2.png"].drop(columns="file").reset_index(drop=True)
        assert len(found)
        pd.testing.assert_frame_equal(found, expected, check_exact=False, atol=2e-6)
    assert "gif.gif" in set(table["file"])


def test_files_of_other_names_are_told_by_their_content(tmp_path, models):
    source = tmp_path / "photos"
    source.mkdir()
    Image.new("RGB", (60, 60)).save(source / "1.png")
    shutil.copy(source / "1.png", source / "portrait")
    for name in ("IMG_1.HEIC", "IMG_2.HEIC"):
        (source / name).write_bytes(b"\0\0\0\x24ftypheic\0\0\0\0mif1heic")
    (source / "notes.txt").write_text("no photo")
    done = score_folder.score(source, tmp_path / "s.csv", models=models, progress=False)
    assert done.skipped == {".heic": 2, "": 1, ".txt": 1}
    assert done.kinds == {"HEIC image": 2, "PNG image": 1}
    (source / "1.png").unlink()
    with pytest.raises(ValueError, match=r"no file in .* HEIC image 2, PNG .* Convert .* to JPEG"):
        score_folder.score(source, tmp_path / "s.csv", models=models, progress=False)
    with pytest.raises(ValueError, match=r"IMG_1\.HEIC is not scored, because it is a HEIC image"):
        score_folder.score(source / "IMG_1.HEIC", tmp_path / "s.csv", models=models)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "codec"), [("a.wmv", "wmv2"), ("a.3gp", "h263")])
def test_videos_of_older_kinds_are_read(tmp_path, models, name, codec):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / name), "w") as made:
        stream = made.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 352, 288, "yuv420p"
        for _ in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((288, 352, 3), 90, np.uint8), "rgb24")
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    done = score_folder.score(tmp_path, tmp_path / "s.csv", models=models, progress=False)
    assert done.files == 1 and done.failed == 0 and done.no_face == {"none found": 1}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_links_out_of_the_folder_and_pipes_are_not_followed(tmp_path, models):
    source, other = tmp_path / "photos", tmp_path / "other"
    for place in (source / "sub", other):
        place.mkdir(parents=True)
    for file in (source / "sub" / "1.png", other / "secret.png"):
        Image.new("RGB", (60, 60)).save(file)
    (source / "out.png").symlink_to(other / "secret.png")
    (source / "within.png").symlink_to(source / "sub" / "1.png")
    os.mkfifo(source / "pipe.jpg")
    (source / "loop.jpg").symlink_to(source / "loop.jpg")
    (source / "elsewhere").symlink_to(other)
    out = tmp_path / "s.csv"
    done = score_folder.score(source, out, models=models, progress=False)
    failed = pd.read_csv(tmp_path / "s.failed.csv", index_col="file")["reason"]
    assert failed.to_dict() == {
        "out.png": "it is a link that leads out of the folder: copy the file into the folder",
        "pipe.jpg": "it is a pipe, a socket or a device, not a file",
        "loop.jpg": "Too many levels of symbolic links",
        "elsewhere": "it is a link to a folder, which is not followed: score that folder itself",
    }
    assert done.files == 3 and done.failed == 4
    (tmp_path / "linked").symlink_to(source)  # the folder itself may be a link
    assert score_folder.score(tmp_path / "linked", out, models=models, progress=False) == done
    with pytest.raises(ValueError, match=r"pipe\.jpg is a pipe, a socket or a device"):
        score_folder.score(source / "pipe.jpg", out, models=models, progress=False)


def test_names_that_are_formulas_for_a_spreadsheet_are_quoted(tmp_path, models):
    source = tmp_path / "photos"
    source.mkdir()
    names = ["=HYPERLINK(1).png", "+1.png", "-1.png", "@me.png", "'=1.png", "plain.png"]
    for name in names:
        Image.new("RGB", (48, 48)).save(source / name)
        (source / f"{name}.jpg").write_bytes(b"no image")
    out = tmp_path / "s.csv"
    score_folder.score(source, out, cropped=True, models=models, progress=False)
    for written in (out, tmp_path / "s.failed.csv"):
        cells = written.read_text(encoding="utf-8").splitlines()[1:]
        assert len(cells) == len(names) and {cell[0] for cell in cells} == {"'", "p"}
    reasons = pd.read_csv(tmp_path / "s.failed.csv")["reason"]
    assert not reasons.str.match(r"[=+@-]").any()
    assert {row["file"] for row in face_table.read_csv(out)} == set(names)
    score_folder.score(source, tmp_path / "s.parquet", cropped=True, models=models, progress=False)
    assert set(rows(tmp_path / "s.parquet")["file"]) == set(names)  # a program reads this one


def test_several_files_are_scored_with_names_from_the_folder_they_share(tmp_path, models):
    for name in ("a/1.png", "a/b/2.png", "a/3.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (48, 48)).save(tmp_path / name)
    (tmp_path / "a" / "notes.txt").write_text("no photo")
    named = [tmp_path / name for name in ("a/b/2.png", "a/1.png", "a/notes.txt", "a/1.png")]
    out = tmp_path / "s.csv"
    done = score_folder.score(named, out, cropped=True, models=models, progress=False)
    assert sorted(pd.read_csv(out)["file"]) == ["1.png", "b/2.png"]
    assert done.files == 2 and done.skipped == {".txt": 1}
    with pytest.raises(ValueError, match=r"a.b is not a file on this machine: score one folder"):
        score_folder.score([named[0], tmp_path / "a" / "b"], out, models=models)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png: check the path"):
        score_folder.score([named[0], tmp_path / "nowhere.png"], out, models=models)
    with pytest.raises(ValueError, match="would be among the photos"):
        score_folder.score(named[:2], out, annotate=tmp_path / "a", models=models)


def test_faces_that_are_cut_out_already_are_scored_whole(tmp_path, models):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 48, 40)).astype(np.uint8)
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    out = tmp_path / "scores.csv"
    done = score_folder.score(tmp_path, out, cropped=True, models=models, progress=False)
    table = pd.read_csv(out)
    assert done.faces == 3 and table[BOX].to_numpy().tolist() == [[0, 0, 40, 48]] * 3
    expected = Recogniser("fast", folder=models).probabilities(images)
    np.testing.assert_allclose(table[list(EMOTIONS)], expected, atol=1e-5)
    score_folder.score(tmp_path, out, models=models, progress=False)
    assert len(pd.read_csv(out)) == 0  # another method is not taken from an older run


@pytest.mark.slow
def test_a_photo_without_a_face_is_listed_with_the_reason(tmp_path, models):
    source = tmp_path / "photos"
    source.mkdir()
    image = faces.photo(3).image
    Image.fromarray(image).save(source / "face.png")
    Image.fromarray(np.full_like(image, 90)).save(source / "wall.png")
    Image.fromarray(image // 128).save(source / "night.png")
    Image.fromarray(image[:10, :10]).save(source / "stamp.png")
    out = tmp_path / "scores.csv"
    done = score_folder.score(source, out, models=models, progress=False)
    listed = pd.read_csv(tmp_path / "scores.no_face.csv", index_col="file")["reason"]
    assert listed["wall.png"] == "none found"
    assert listed["stamp.png"] == "too small: the picture has 10 x 10 pixels"
    assert listed["night.png"].startswith("too dark: ") and len(listed) == 3
    assert done.no_face == {"none found": 1, "too dark": 1, "too small": 1}
    (height,) = pd.read_csv(out)["height"]
    done = score_folder.score(source, out, min_face=height + 1, models=models, progress=False)
    listed = pd.read_csv(tmp_path / "scores.no_face.csv", index_col="file")["reason"]
    assert listed["face.png"] == f"too small: the largest face is {height} pixels high"
    assert done.faces == 0 and done.no_face["too small"] == 2
    score_folder.score(source, out, min_face=height, cropped=True, models=models, progress=False)
    assert not (tmp_path / "scores.no_face.csv").exists()


@pytest.mark.slow
def test_a_large_photo_is_decoded_in_part_and_its_boxes_are_those_of_the_whole(tmp_path, models):
    image = cv2.resize(faces.photo(3).image, (4_400, 3_300), interpolation=cv2.INTER_CUBIC)
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned clockwise
    Image.fromarray(np.rot90(image)).save(tmp_path / "large.jpg", quality=95, exif=turned)
    Image.fromarray(image).save(tmp_path / "whole.png")  # a PNG has no reduced size
    out = tmp_path / "scores.csv"
    score_folder.score(tmp_path, out, models=models, progress=False)
    table = pd.read_csv(out).set_index("file")
    boxes = table.loc[["large.jpg", "whole.png"], BOX].to_numpy()
    assert abs(boxes[0] - boxes[1]).max() <= 0.02 * boxes[1, 2:].max()
    both = table.loc[["large.jpg", "whole.png"], list(EMOTIONS)].to_numpy()
    assert abs(both[0] - both[1]).max() < 0.05


@pytest.mark.slow
def test_annotated_photos_show_the_boxes_where_the_table_has_them(folder, tmp_path, models):
    out, drawn_on = tmp_path / "scores.csv", tmp_path / "annotated"
    score_folder.score(folder, out, annotate=drawn_on, models=models, progress=False)
    table = pd.read_csv(out)
    photos = set(table["file"]) - {"film.avi", "b/film.mp4"}  # those without a face are left out
    assert {p.relative_to(drawn_on).as_posix() for p in drawn_on.rglob("*.*")} == photos
    for name in photos:
        before = image_files.read_photo(folder / name).astype(int)
        changed = abs(image_files.read_photo(drawn_on / name) - before).sum(axis=2) > 0
        here = table[table["file"] == name]
        assert changed.any()
        for x, y, width, height in here[BOX].to_numpy():
            middle = y + height // 2, x + width // 2
            edges = changed[middle[0], x : x + 3], changed[y + height - 3 : y + height, middle[1]]
            assert all(edge.any() for edge in edges)
    for place in (folder, folder / "annotated"):
        with pytest.raises(ValueError, match="would be among the photos in"):
            score_folder.score(folder, out, annotate=place, models=models, progress=False)


@pytest.mark.slow
def test_a_photo_that_cannot_be_annotated_does_not_stop_the_others(folder, tmp_path, models):
    photo = folder / "2.png"
    long = f"{'a' * 251}{photo.suffix}"
    shutil.copy(photo, folder / long)
    drawn_on = tmp_path / "annotated"
    out = tmp_path / "scores.csv"
    done = score_folder.score(folder, out, annotate=drawn_on, models=models, progress=False)
    assert done.failed == 1 and (drawn_on / photo.name).is_file()
    failed = pd.read_csv(tmp_path / "scores.failed.csv", index_col="file")["reason"]
    assert failed[long].startswith("its annotated copy cannot be written: ")
    assert failed[long].endswith("File name too long.")
    table = pd.read_csv(out, index_col="file")
    assert table.loc[long, BOX].tolist() == table.loc[photo.name, BOX].tolist()


@pytest.mark.parametrize("nothing", [None, [], b"photos"])
def test_what_is_no_source_is_refused(nothing, tmp_path, models):
    with pytest.raises(ValueError, match="nothing to score|not by (NoneType|bytes)"):
        score_folder.score(nothing, tmp_path / "s.csv", models=models)


def test_haar_can_be_chosen_and_a_wrong_choice_is_named(folder, tmp_path, models):
    out = tmp_path / "scores.csv"
    score_folder.score(folder / "2.png", out, detector="haar", models=models, progress=False)
    (box,) = pd.read_csv(out)[BOX].to_numpy().tolist()
    photo = image_files.read_photo(folder / "2.png")
    assert tuple(box) == find_faces(photo, "haar")[0].box and box[2] == box[3]
    with pytest.raises(ValueError, match="no detector 'hair': choose"):
        score_folder.score(folder, out, detector="hair", models=models, progress=False)
    with pytest.raises(ValueError, match="min_face must be 1 pixel or more, not 0"):
        score_folder.score(folder, out, min_face=0, models=models, progress=False)


def test_a_single_file_is_scored(folder, tmp_path, models):
    out = tmp_path / "one.csv"
    done = score_folder.score(folder / "2.png", out, models=models, progress=False)
    assert done.files == 1 and set(pd.read_csv(out)["file"]) == {"2.png"}
    assert score_folder.score(folder / "film.avi", out, models=models, progress=False).faces >= 3
    (folder / "notes.txt").write_text("no photo")
    with pytest.raises(ValueError, match=r"notes\.txt is not scored: .* must be a photo"):
        score_folder.score(folder / "notes.txt", out, models=models, progress=False)


def test_a_signature_in_an_error_is_not_shown():
    told = storage.reason(OSError('refused: "https://me:pass@host/a?Signature=abc&Key=d", again'))
    assert told == 'refused: "https://host/a", again'


def test_a_password_in_an_address_is_not_shown(tmp_path, models):
    with pytest.raises((ValueError, OSError)) as told:
        score_folder.score("strange://me:secret@host/photos", tmp_path / "s.parquet", models=models)
    assert "secret" not in str(told.value) and "strange://host/photos" in str(told.value)


def test_an_address_that_does_not_answer_is_named(tmp_path, models):
    with pytest.raises(OSError, match=r"^ftp://127\.0\.0\.1:9/photos cannot be reached: .*\.$"):
        score_folder.score("ftp://me:secret@127.0.0.1:9/photos", tmp_path / "s.csv", models=models)


@pytest.mark.parametrize("wanted", ["scores.json", "scores"])
def test_a_result_of_another_kind_is_refused(folder, tmp_path, models, wanted):
    with pytest.raises(ValueError, match=r"must end in \.csv or \.parquet"):
        score_folder.score(folder, tmp_path / wanted, models=models)


@pytest.mark.parametrize("every", [0, -1, math.inf, math.nan])
def test_a_time_between_frames_that_is_none_is_refused(folder, tmp_path, models, every):
    with pytest.raises(ValueError, match="every must be above 0 and below"):
        score_folder.score(folder, tmp_path / "s.parquet", every=every, models=models)


@pytest.mark.slow
def test_a_disk_that_fills_up_is_one_sentence_and_what_was_done_stays(
    folder, tmp_path, models, monkeypatch, full_disk
):
    monkeypatch.setattr(score_folder, "BATCH_SIZE", 1)
    out = tmp_path / "scores.parquet"
    told = "The disk is full: .*scores.parts.* cannot be written"
    with full_disk(3), pytest.raises(OSError, match=told):
        score_folder.score(folder, out, models=models, progress=False)
    assert not out.exists() and left_over(tmp_path) == []
    assert len(list(out.with_suffix(".parts").iterdir())) == 3
    all_rows = score_folder.Run.rows

    def half(run):
        yield from all_rows(run)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(score_folder.Run, "rows", half)
        with pytest.raises(OSError, match="The disk is full: .*scores.parquet cannot"):
            score_folder.score(folder, out, models=models, progress=False)
    assert not out.exists() and left_over(tmp_path) == []
    assert score_folder.score(folder, out, models=models, progress=False).failed == 0


def test_workers_with_another_model_file_are_refused(folder, tmp_path, models, monkeypatch):
    sums = iter(["0" * 64])
    checksum = files.checksum
    monkeypatch.setattr(files, "checksum", lambda file: next(sums, checksum(file)))
    with pytest.raises(cluster.TaskError, match="fast.onnx differs from the file"):
        score_folder.score(folder, tmp_path / "s.parquet", models=models, progress=False)
