"""The command line: what it passes on, prints, and returns."""

import errno
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import video_files
from live_helpers import frame, movie, small_model

from facevalue import __main__ as command
from facevalue import paths, progress
from facevalue.collection import fetch_data
from facevalue.recognition import detection, haar_detector, live_window, video, yunet
from facevalue.recognition import recogniser as recognising
from facevalue.scale import cluster, score_folder

RECIPE = str(Path(__file__).parents[1] / "models" / "fast.toml")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    image, _ = frame()
    file = tmp_path_factory.mktemp("clip") / "source.mp4"
    return movie(file, [np.roll(image, k, axis=1) for k in range(12)], rate=10)


@pytest.fixture
def recogniser(tmp_path_factory, monkeypatch):
    made = small_model(tmp_path_factory.mktemp("models"))["fast"]
    monkeypatch.setattr("facevalue.recognition.recogniser.Recogniser", lambda name: made)
    return made


def test_live_writes_a_video_and_says_so(source, tmp_path, recogniser, capsys):
    out = tmp_path / "out.mp4"
    assert command.main(["live", "--source", str(source), "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert "out.mp4: 12 frames" in printed.out
    assert "12/12" in printed.err  # the progress bar


def test_the_progress_bar_needs_no_tqdm(source, tmp_path, recogniser, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    out = tmp_path / "out.mp4"
    assert command.main(["live", "--source", str(source), "--out", str(out)]) == 0
    assert capsys.readouterr().err.endswith("annotating: 12/12\n")


def test_live_says_in_a_sentence_what_was_wrong(tmp_path, recogniser, monkeypatch, capsys):
    source = ["live", "--source", str(tmp_path / "none.mp4"), "--out", str(tmp_path / "o.mp4")]
    assert command.main(source) == 1
    assert capsys.readouterr().err.startswith("There is no video")

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(video, "annotate", interrupted)
    assert command.main(source) == 130
    assert "Stopped. Nothing was written." in capsys.readouterr().err


@pytest.mark.slow
def test_live_records_a_camera_until_ctrl_c(tmp_path, recogniser, monkeypatch, capsys):
    image, _ = frame()
    cameras = {1: video_files.Camera(image, frames=5)}
    monkeypatch.setattr(cv2, "VideoCapture", cameras.get)
    out = tmp_path / "out.mp4"
    assert command.main(["live", "--source", "1", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: 5 frames.\n"
    assert len(video_files.times(out)) == 5


def test_live_shows_a_camera_in_a_window(recogniser, monkeypatch):
    given = []
    monkeypatch.setattr(live_window, "show", lambda *args: given.append(args))
    assert command.main(["live", "--source", "0"]) == 0
    assert given == [(0, recogniser)]


@pytest.mark.slow
def test_live_reads_a_video_from_an_address(source, tmp_path, recogniser, capsys):
    out = tmp_path / "out.mp4"
    with video_files.served(source.parent) as address:
        given = ["live", "--source", f"{address}/{source.name}", "--out", str(out)]
        assert command.main(given) == 0
    assert capsys.readouterr().out == f"{out}: 12 frames.\n"


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("97", "camera 97"),
        ("rtsp://me:secret@127.0.0.1:9/a", "rtsp://127.0.0.1:9/a"),
        ("rtsp://me:my@secret@127.0.0.1:9/a", "rtsp://127.0.0.1:9/a"),
        ("rtsp://me:my/secret@127.0.0.1:9/a", "127.0.0.1:9/a"),
        ("http://127.0.0.1:9/a.mjpg?token=secret", "http://127.0.0.1:9/a.mjpg"),
    ],
)
def test_live_names_a_source_that_does_not_answer(source, named, tmp_path, recogniser, capsys):
    assert command.main(["live", "--source", source, "--out", str(tmp_path / "out.mp4")]) == 1
    told = capsys.readouterr()
    assert named in told.err and told.err.count("\n") == 1 and "secret" not in told.err
    assert told.out == "" and not list(tmp_path.iterdir())


def test_score_passes_its_options_on(tmp_path, monkeypatch, capsys):
    given = {}

    def stub(source, out, **named):
        given.update(source=source, out=out, **named)
        return score_folder.Scored(0, 0, 0, {}, {}, {}, {}, 0, 0, 0)

    monkeypatch.setattr(score_folder, "score", stub)
    out = tmp_path / "scores.parquet"
    arguments = ["score", "s3://bucket/photos", "--out", str(out)]
    assert command.main(arguments) == 0
    expected = {
        "source": "s3://bucket/photos", "out": out, "model": "fast", "detector": "yunet",
        "min_face": detection.MIN_FACE, "every": 1.0, "cropped": False, "annotate": None,
        "keep_parts": False, "progress": True,
    }  # fmt: skip
    assert given == expected
    more = ["--every", "0.5", "--annotate", "drawn", "--model", "accurate"]
    more += ["--detector", "haar", "--min-face", "60", "--keep-parts"]
    assert command.main([*arguments, *more]) == 0
    assert given == expected | {
        "model": "accurate", "detector": "haar", "min_face": 60, "every": 0.5,
        "annotate": Path("drawn"), "keep_parts": True,
    }  # fmt: skip
    assert command.main([*arguments, "--cropped"]) == 0
    assert given == expected | {"cropped": True}
    with pytest.raises(SystemExit):
        command.main([*arguments, "--csv"])  # one place for the table
    with pytest.raises(SystemExit):
        command.main(["score", "--help"])
    assert f"(default: {detection.MIN_FACE})" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["fast.onnx", "cascade", "yunet"])
@pytest.mark.parametrize("used", ["score", "live"])
def test_a_model_file_that_cannot_be_loaded_is_one_sentence(
    name, used, source, tmp_path, monkeypatch, capsys
):
    detector = "haar" if name == "cascade" else "yunet"
    if name == "fast.onnx":
        weights = tmp_path / "weights"
        shutil.copytree(recognising.WEIGHTS, weights)
        (weights / name).write_bytes((weights / name).read_bytes()[:-100])
        monkeypatch.setattr(recognising, "WEIGHTS", weights)
    elif name == "cascade":
        (tmp_path / haar_detector.CASCADE).write_text("<opencv_storage>")
        monkeypatch.setattr(cv2.data, "haarcascades", str(tmp_path))
        monkeypatch.setattr(haar_detector, "_loaded", threading.local())
    else:
        monkeypatch.setattr(yunet, "SHA256", "0" * 64)
        yunet.file_content.cache_clear()
        yunet._session.cache_clear()
    arguments = {
        "score": ["score", str(source), "--detector", detector],
        "live": ["live", "--source", str(source), "--out", str(tmp_path / "out.mp4"),
                 "--model", "fast"],
    }  # fmt: skip
    if used == "live" and name == "cascade":
        return  # it has no choice of a detector
    assert command.main(arguments[used]) == 1
    told = capsys.readouterr()
    last = told.err.replace("\r", "\n").strip().splitlines()[-1]
    assert "Traceback" not in told.err and last.endswith(".") and not told.out
    assert "reinstall" in last.lower()


@pytest.mark.parametrize(
    ("error", "printed"),
    [
        (cluster.VersionError("Another version."), "Another version.\n"),
        (FileNotFoundError(errno.ENOENT, "No such file", "x.toml"), "x.toml: No such file.\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "scores.parquet"),
            "The disk is full: scores.parquet cannot be written. Finished results are kept: free "
            "some space, then run the same command again.\n",
        ),
        (
            ModuleNotFoundError("No module named 'pandas'", name="pandas"),
            "facevalue score needs the package pandas, which is not installed: run pip install "
            '".[cluster]" in the folder of the course.\n',
        ),
        (ModuleNotFoundError("Install s3fs."), "Install s3fs.\n"),
    ],
)
def test_an_error_is_one_sentence(tmp_path, monkeypatch, capsys, error, printed):
    def refused(*_, **__):
        raise error

    monkeypatch.setattr(score_folder, "score", refused)
    assert command.main(["score", str(tmp_path), "--out", str(tmp_path / "scores.csv")]) == 1
    assert capsys.readouterr().err == printed


def test_a_path_that_does_not_exist_is_named(tmp_path, capsys):
    out = tmp_path / "scores.csv"
    assert command.main(["score", str(tmp_path / "nowhere"), "--out", str(out)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("There is no photo, video or folder ") and "nowhere" in told
    assert command.main(["live", "--source", str(tmp_path / "none.mp4")]) == 1  # not: no windows
    assert capsys.readouterr().err.startswith("There is no video file ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["score", ""], "not by an empty text: the current folder is a dot"),
        (["score", ".", "--out", "nowhere/s.csv"], "There is no folder nowhere for s.csv: create"),
        (["score", ".", "--keep-parts"], "--keep-parts needs --out FILE"),
        (["score", "a b.mp4", "--annotate", "drawn"], "facevalue live --source 'a b.mp4' --out"),
        (["score", "notes.txt"], "notes.txt is not scored: by its name, it must be a photo (JPEG"),
        (["live", "--source", "0", "--out", "nowhere/v.mp4"], "There is no folder nowhere for v"),
        (["train", RECIPE, "--out", "nowhere/m.keras"], "There is no folder nowhere for m"),
    ],
)
def test_what_would_have_no_effect_or_a_surprising_one_is_refused(
    arguments, told, tmp_path, monkeypatch, recogniser, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("no photo")
    assert command.main(arguments) == 1
    printed = capsys.readouterr().err
    assert told in printed and printed.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_the_progress_bar_begins_with_the_number_of_files(capsys):
    with progress.ProgressBar("scoring", 0, unit="file") as bar:
        assert capsys.readouterr().err == ""
        bar.set_total(3)
        assert "0/3" in capsys.readouterr().err
        bar.update(3)
    assert "0file" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("inner", "arguments"),
    [
        ("facevalue.scale.score_folder.score", ["score", "photos", "--out", "s.parquet"]),
        ("facevalue.scale.tuning.main", ["tune", RECIPE]),
        ("facevalue.learning.train_recogniser.main", ["train", RECIPE]),
    ],
)
def test_an_interrupted_command_says_how_to_continue(inner, arguments, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(inner, interrupted)
    assert command.main(arguments) == 130
    assert "the same command continues" in capsys.readouterr().err


def test_train_passes_its_options_on(monkeypatch, tmp_path):
    given = []
    monkeypatch.setattr("facevalue.learning.train_recogniser.main", given.append)
    out = tmp_path / "mine.keras"
    assert command.main(["train", RECIPE, "--seed", "3", "--out", str(out)]) == 0
    options = given[0]
    assert str(options.recipe) == RECIPE and options.seed == 3
    assert options.data == "fer2013" and options.out == out


def test_a_recipe_that_does_not_exist_is_named_before_tensorflow_is_loaded(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "facevalue.learning.train_recogniser", None)
    assert command.main(["train", "nowhere.toml"]) == 1
    assert capsys.readouterr().err.startswith("nowhere.toml: ")


def test_data_returns_the_status_of_the_downloads(monkeypatch):
    monkeypatch.setattr(fetch_data, "main", lambda: 1)
    assert command.main(["data"]) == 1


def test_api_runs_in_a_checkout_with_its_own_options(monkeypatch, capsys):
    given = []

    def run_module(name, **_):
        given.append((name, list(sys.argv)))
        raise SystemExit(0)

    monkeypatch.setattr(command, "runpy", SimpleNamespace(run_module=run_module))
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert command.main(["api", "--port", "0"]) == 0
    assert given == [("apps.api", ["facevalue api", "--port", "0"])]
    monkeypatch.setattr(paths, "checkout", lambda start=None: None)
    assert command.main(["api"]) == 1
    assert "clone the repository" in capsys.readouterr().err


def test_an_unknown_option_and_no_command_are_refused(capsys):
    for arguments, message in [([], "command"), (["data", "--all"], "--all")]:
        with pytest.raises(SystemExit) as stopped:
            command.main(arguments)
        assert stopped.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.slow
def test_the_version_and_the_help_load_no_library():
    code = "import sys; from facevalue.__main__ import main\ntry: main([{!r}])\n"
    code += "finally: print('numpy' in sys.modules)"
    for option in ("--version", "--help"):
        done = subprocess.run(
            [sys.executable, "-c", code.format(option)], capture_output=True, text=True, check=True
        )
        assert "facevalue" in done.stdout and done.stdout.endswith("False\n")
