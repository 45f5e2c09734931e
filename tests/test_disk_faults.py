"""Every writer on a full and on a read-only disk, and every reader of a file that it may not read.

Each ends in one true sentence, and leaves everything as it was.
"""

from __future__ import annotations

import contextlib
import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import databases
import keras
import numpy as np
import pandas as pd
import pytest
import tiny_network
import video_files
from PIL import Image
from web_server import Server

import utils
from apps.api import certificates, demo
from facevalue import files, image_files, paths
from facevalue.collection import (
    database,
    database_folders,
    database_import,
    image_folders,
    rate_limiter,
    search_api,
    selection,
)
from facevalue.data import cache, download, fer2013, fer2013_download, ferplus, survey
from facevalue.drawing import faces
from facevalue.evaluation import records, results
from facevalue.learning import (
    classical_files,
    model_files,
    recipe,
    train_recogniser,
    weight_files,
)
from facevalue.recognition import video
from facevalue.recognition.recogniser import Recogniser
from facevalue.scale import crop_folder, fetch_images, score_folder, sweep, tuning
from tools import lost_faces, open_lab

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="disks and permissions as on Linux"),
]

REASONS = {
    "full": "disk is full",
    "almost full": "disk is full",
    "read-only": r"[Rr]ead-?only|Permission denied|unable to open database file",
}
"""What the sentence must say."""

KEPT = re.compile(
    r"\.lock$|\.part(\.etag)?$|/\.[\w-]+-arriving|\.parts(/|$)|/index\.json$"
    r"|/tuning\.db$|\.sqlite$|/training\.json(\.bkp)?$|/crops\.csv$"
)
"""What an interrupted writer may keep, because the next run goes on from it, or ignores it."""

NOISE = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)


@pytest.fixture(autouse=True)
def usual_precision() -> Iterator[None]:
    """Undo the mixed precision that a training chooses for its process."""
    before = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(before)


class Place:
    """Where a writer writes, and what it needs.

    Attributes:
        disk: the folder to write into.
        inputs: another folder, with photos and a video, on a disk with room.
        server: a web server that has /file.bin.
        patch: undone after the test.
    """

    def __init__(self, disk: Path, inputs: Path, server: Server, patch: pytest.MonkeyPatch) -> None:
        self.disk, self.inputs, self.server, self.patch = disk, inputs, server, patch


Writer = Callable[[Place], Iterator[None]]
WRITERS: dict[str, Writer] = {}
QUIET = set[str]()
"""The writers whose file is only a help: they go on without it."""


def writer(name: str, *, quiet: bool = False) -> Callable[[Writer], Writer]:
    """Add a generator function: until it yields, the disk has room."""

    def add(function: Writer) -> Writer:
        WRITERS[name] = function
        if quiet:
            QUIET.add(name)
        return function

    return add


@writer("a text")
def _(at: Place) -> Iterator[None]:
    yield
    files.write_text(at.disk / "new" / "a.txt", "x" * 100_000)


@writer("a line of a log")
def _(at: Place) -> Iterator[None]:
    at.patch.setenv("FACEVALUE_HEADLINES", str(at.disk / "headlines"))
    records.headline("accuracy", 0.5)
    yield
    records.headline("accuracy", "x" * 100_000)


@writer("a claim of a notebook")
def _(at: Place) -> Iterator[None]:
    at.patch.setenv("FACEVALUE_CLAIMS", str(at.disk / "claims"))
    utils.check("short", 1, "<", 2)
    yield
    utils.check("x" * 100_000, 1, "<", 2)


@writer("the cache of arrays", quiet=True)
def _(at: Place) -> Iterator[None]:
    yield
    found = cache.load_or_make("noise", "1", lambda: {"noise": NOISE}, folder=at.disk)
    assert np.array_equal(found["noise"], NOISE)


@writer("a download")
def _(at: Place) -> Iterator[None]:
    yield
    download.download(f"{at.server.url}/file.bin", at.disk / "file.bin")


@writer("a checked download")
def _(at: Place) -> Iterator[None]:
    yield
    download.download_verified(f"{at.server.url}/file.bin", at.disk / "file.bin", None)


@writer("FER-2013")
def _(at: Place) -> Iterator[None]:
    at.patch.setattr(fer2013_download, "has_kaggle_credentials", lambda: False)
    at.server.files[f"/api/datasets/{fer2013_download.MIRROR}/tree/main"] = b"[" + b" " * 100_000
    yield
    fer2013_download.fetch_fer2013(at.disk, at.server.url)


@writer("the survey")
def _(at: Place) -> Iterator[None]:
    yield
    survey.fetch(at.disk, f"{at.server.url}/file.bin")


@writer("a data set of Kaggle")
def _(at: Place) -> Iterator[None]:
    kagglehub = pytest.importorskip("kagglehub", reason="kagglehub is not installed")

    def delivered(handle: str, output_dir: str) -> None:
        Path(output_dir).mkdir()
        Path(output_dir, "a.jpg").write_bytes(bytes(100_000))

    at.patch.setattr(kagglehub, "dataset_download", delivered)
    yield
    image_folders.Kaggle(at.disk / "random")


@writer("published weights")
def _(at: Place) -> Iterator[None]:
    at.patch.setattr(paths, "processed", lambda: at.disk)
    yield
    weight_files.weight_file(f"{at.server.url}/file.bin")


@writer("images of a search")
def _(at: Place) -> Iterator[None]:
    at.server.files["/a.png"] = image_files.encode_png(NOISE)
    at.server.types["/a.png"] = "image/png"
    yield
    hits = pd.DataFrame({"address": [f"{at.server.url}/a.png"]})
    fetch_images.fetch_images(hits, at.disk / "images", this_machine=True)


@writer("the cache of a search", quiet=True)
def _(at: Place) -> Iterator[None]:
    at.server.files["/api"] = b'{"hits": [{"id": "' + b"x" * 100_000 + b'"}]}'
    at.server.types["/api"] = "application/json"
    yield
    limiter = rate_limiter.RateLimiter()
    api = search_api.SearchApi(f"{at.server.url}/api", at.disk / "c.sqlite", limiter, "hits")
    assert len(list(api.rows({}, 5, lambda page: 1))) == 1


@writer("a review")
def _(at: Place) -> Iterator[None]:
    selection.decide(at.disk / "review.csv", "a", "keep")
    yield
    selection.decide(at.disk / "review.csv", "b", "drop", reason="x" * 100_000)


@writer("a new database")
def _(at: Place) -> Iterator[None]:
    yield
    database.create(f"sqlite:///{at.disk}/faces.db")


@writer("images into a database")
def _(at: Place) -> Iterator[None]:
    engine = database.create(f"sqlite:///{at.disk}/faces.db")
    database_import.add_sources(engine, databases.SOURCES)
    rows = pd.DataFrame([databases.face(1) | {"origin": "x" * 100_000}])
    engine.dispose()
    yield
    database_import.add_images(engine, rows)


@writer("a folder into a database")
def _(at: Place) -> Iterator[None]:
    engine = database.create(f"sqlite:///{at.disk}/faces.db")
    database_import.add_sources(engine, databases.SOURCES)
    engine.dispose()
    yield
    database_folders.add_folder(engine, at.inputs / "emotions", "album", progress=False)


@writer("the demo database")
def _(at: Place) -> Iterator[None]:
    at.patch.setattr(demo, "IMAGES", 7)
    yield
    demo.create_demo_database(at.disk / "demo.db")


@writer("a certificate")
def _(at: Place) -> Iterator[None]:
    yield
    certificates.self_signed(at.disk / "https", [f"192.0.2.{k % 250}" for k in range(2_000)])


@writer("the table of results")
def _(at: Place) -> Iterator[None]:
    at.patch.setattr(paths, "root", lambda start=None: at.disk)
    yield
    results.add_times({f"{k:05} " + "x" * 90: 1.0 for k in range(1_000)}, "rendered", "fast")


@writer("a sweep")
def _(at: Place) -> Iterator[None]:
    yield
    sweep.sweep(_long, {"a": {"n": 1}}, label="x", keep=at.disk / "kept", progress=False)


def _long(settings: dict[str, int]) -> dict[str, str]:
    return {"text": "x" * 100_000}


@writer("a search for settings")
def _(at: Place) -> Iterator[None]:
    pytest.importorskip("optuna", reason="Optuna is not installed")
    ranges = {"rate": (0.1, 0.2, True)}
    storage = f"sqlite:///{at.disk}/tuning.db"
    tuning.search(lambda settings: 1.0, ranges, trials=1, name="a", storage=storage, progress=False)
    yield
    tuning.search(
        lambda settings: 1.0, ranges, trials=40, name="a", storage=storage, progress=False
    )


@writer("a new search for settings")
def _(at: Place) -> Iterator[None]:
    pytest.importorskip("optuna", reason="Optuna is not installed")
    at.patch.setattr(paths, "processed", lambda: at.disk)
    yield
    tuning.search(lambda _: 1.0, {"rate": (0.1, 0.2, True)}, trials=1, name="a", progress=False)


def _score(at: Place, out: str) -> None:
    score_folder.score(
        at.inputs / "photos", at.disk / out, models=at.inputs, cropped=True, progress=False
    )


@writer("scores as CSV")
def _(at: Place) -> Iterator[None]:
    (at.disk / "scores.csv").write_text("an older one")
    yield
    _score(at, "scores.csv")


@writer("scores as Parquet")
def _(at: Place) -> Iterator[None]:
    yield
    _score(at, "scores.parquet")


@writer("crops")
def _(at: Place) -> Iterator[None]:
    yield
    crop_folder.crop_folder(at.inputs / "portraits", at.disk / "out", size=300, progress=False)


@writer("a video as MP4")
def _(at: Place) -> Iterator[None]:
    (at.disk / "out.mp4").write_text("an older one")
    yield
    video.annotate(
        at.inputs / "v.mp4", at.disk / "out.mp4", Recogniser("fast", at.inputs), progress=False
    )


@writer("a video as WebM")
def _(at: Place) -> Iterator[None]:
    yield
    video.annotate(
        at.inputs / "v.mp4", at.disk / "out.webm", Recogniser("fast", at.inputs), progress=False
    )


@writer("a classical model")
def _(at: Place) -> Iterator[None]:
    from sklearn.neighbors import KNeighborsClassifier

    yield
    model = KNeighborsClassifier(1).fit(NOISE[:, :100, 0], np.arange(300) % 7)
    classical_files.save(model, at.disk / "model.skops")


@writer("a network as JSON and weights")
def _(at: Place) -> Iterator[None]:
    yield
    model_files.save_json_and_weights(_network(), at.disk / "m.json", at.disk / "m.weights.h5")


@writer("a network as ONNX")
def _(at: Place) -> Iterator[None]:
    pytest.importorskip("tf2onnx", reason="tf2onnx is not installed")
    yield
    model_files.to_onnx(_network(), at.disk / "m.onnx")


@writer("a trained network")
def _(at: Place) -> Iterator[None]:
    curve = pd.DataFrame({"val_accuracy": [0.5]})
    at.patch.setattr(train_recogniser, "train", lambda *_, **__: (_network(), curve))
    at.patch.setattr(train_recogniser.course_faces, "load", lambda name: None)
    at.patch.setattr(train_recogniser, "curve_file", lambda *_: at.inputs / "curve.csv")
    (at.inputs / "r.toml").write_text('name = "r"\nvotes = 0.0\n')
    options = Namespace(recipe=at.inputs / "r.toml", seed=0, data="rendered", out=None)
    options.out = at.disk / "m.keras"
    yield
    train_recogniser.main(options)


@writer("checkpoints", quiet=True)
def _(at: Place) -> Iterator[None]:
    sys.path.insert(0, str(Path(__file__).parent / "learning"))
    import tiny_training

    at.patch.setattr(paths, "processed", lambda: at.disk)
    yield
    with pytest.warns(UserWarning, match=r"training continues, but .*could not be written \("):
        tiny_training.fit(tiny_training.network(width=1_000), epochs=2, verbose=0)


def _network() -> keras.Model:
    return keras.Sequential([keras.Input((200,)), keras.layers.Dense(300), keras.layers.Dense(7)])


@writer("copies of the notebooks")
def _(at: Place) -> Iterator[None]:
    (at.inputs / "notebooks").mkdir(exist_ok=True)
    (at.inputs / "notebooks" / "01_a.ipynb").write_text("x" * 100_000)
    yield
    open_lab.copy_notebooks(at.inputs / "notebooks", at.disk / "mine")


@writer("a picture of the documentation")
def _(at: Place) -> Iterator[None]:
    at.patch.setattr(lost_faces, "picture", lambda: NOISE)
    yield
    lost_faces.main([str(at.disk / "a.jpg")])


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    tiny_network.ship(folder, tiny_network.network())
    for name in ("photos", "portraits", "emotions/happy"):
        (folder / name).mkdir(parents=True)
    for k in range(40):
        Image.fromarray(NOISE[k : k + 48, :48]).save(folder / "photos" / f"{'n' * 200}{k}.png")
    Image.fromarray(faces.photo(4, 2).image).save(folder / "portraits" / "two.png")
    Image.fromarray(NOISE).save(folder / "emotions" / "happy" / "a.png")
    frames = np.random.default_rng(0).integers(0, 255, (20, 192, 256, 3), np.uint8)
    video_files.write(folder / "v.mp4", frames, [k / 10 for k in range(20)])
    return folder


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk of its own; where none can be mounted, a folder."""
    # not pytest's folder, which only its user may enter
    place = Path(tempfile.mkdtemp(prefix="fv-disk-"))
    options = ["-t", "tmpfs", "-o", "size=1500k,mode=0777", "tmpfs", str(place)]
    mounted = shutil.which("mount") and not subprocess.run(["mount", *options]).returncode
    (place / "work").mkdir()
    try:
        yield place / "work"
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=True)
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def fault(kind: str, disk: Path, full_disk: Callable) -> Iterator[None]:
    """Let a disk be full, almost full (by three pages of memory), or read-only."""
    mounted = os.path.ismount(disk.parent)
    gc.collect()  # closes files
    if kind == "read-only":
        if mounted:
            subprocess.run(["mount", "-o", "remount,ro", str(disk.parent)], check=True)
        elif os.geteuid() == 0:
            pytest.skip("root may write everywhere, and no disk can be mounted here")
        else:
            disk.chmod(0o555)
        yield
        if not mounted:
            disk.chmod(0o755)
    elif not mounted:  # what libraries write by themselves is not noticed
        with full_disk(0):
            yield
    else:
        filler = disk.parent / "filler"
        with filler.open("wb", buffering=0) as opened, contextlib.suppress(OSError):
            while opened.write(bytes(4_096)):
                pass
        if kind == "almost full":
            os.truncate(filler, filler.stat().st_size - 3 * 4_096)
        yield
        filler.unlink()


def content(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder, without those that may stay behind.

    An empty file is an empty database for SQLite.
    """
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
        and not KEPT.search(str(file))
        and (file.stat().st_size or file.suffix not in (".db", ".sqlite"))
    }


def is_sentence(text: str) -> bool:
    one_line = "\n" not in text and text.endswith(".")
    technical = re.search(r"\[Errno|Traceback|sqlalchemy|sqlite3|Error:|SELECT|INSERT", text)
    return one_line and not technical


@pytest.mark.parametrize("kind", REASONS)
@pytest.mark.parametrize("name", WRITERS)
def test_a_writer_says_why_and_leaves_nothing(
    name: str,
    kind: str,
    disk: Path,
    inputs: Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    full_disk: Callable,
) -> None:
    steps = WRITERS[name](Place(disk, inputs, server, monkeypatch))
    next(steps)
    before, told = content(disk), ""
    with fault(kind, disk, full_disk), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with contextlib.suppress(StopIteration):
                next(steps)
        except (OSError, ValueError, RuntimeError) as error:  # what `facevalue` prints
            told = files.error_sentence(error)
        after = content(disk) if told or name in QUIET else before
    if name in QUIET:
        assert not told
    elif not told and not os.path.ismount(disk.parent):
        pytest.skip("its library writes by itself, and no disk can be mounted here")
    else:
        assert told, "it claims to have written everything"
        assert is_sentence(told), told
        assert re.search(REASONS[kind], told), told
    assert after == before


SAVE = """
import sys
from pathlib import Path
import keras
from facevalue.learning import model_files
model = keras.Sequential([keras.Input((300,)), keras.layers.Dense(300), keras.layers.Dense(900)])
folder = Path(sys.argv[1])
for room in (0, 4_096, 40_000, 300_000):
    with Path(sys.argv[2]).open("r+b") as filler:
        filler.truncate(filler.seek(0, 2) - room)
    try:
        model_files.save_json_and_weights(model, folder / "m.json", folder / "m.weights.h5")
    except OSError as error:
        print(error)
"""


def test_the_library_for_hdf5_does_not_crash_python(disk: Path) -> None:
    """On a full disk, `model.save_weights(file)` ends in a segmentation fault."""
    if not os.path.ismount(disk.parent):
        pytest.skip("no disk can be mounted here")
    with fault("full", disk, contextlib.nullcontext):
        command = [sys.executable, "-c", SAVE, str(disk), str(disk.parent / "filler")]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("The disk is full: ") == 4
    assert list(disk.iterdir()) == []


def _database(file: Path) -> None:
    database.create(f"sqlite:///{file}").dispose()


def _photos(folder: Path) -> None:
    name = "a.png"
    out = folder.with_name("scores.csv")
    done = score_folder.score(folder, out, models=folder.parent, cropped=True, progress=False)
    assert (done.files, done.failed) == (1, 1)
    (_, reason) = out.with_suffix(".failed.csv").read_text().splitlines()
    raise OSError(reason.removeprefix(f"{name},").strip('"'))


def _crops(folder: Path) -> None:
    table = crop_folder.crop_folder(folder, folder.with_name("crops"), progress=False)
    raise OSError(table["problem"].iloc[0])


def _weights(file: Path) -> None:
    model_files.load_weights(_network(), file)


def _json(file: Path) -> None:
    model_files.load_json_and_weights(file, file)


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a photo": ("a.jpg", image_files.read_photo),
    "a photo that is scored": ("photos/a.png", lambda file: _photos(file.parent)),
    "a photo that is cropped": ("photos/a.png", lambda file: _crops(file.parent)),
    "a video": ("a.mp4", video.open_clip),
    "a model": ("fast.onnx", lambda file: Recogniser("fast", file.parent)),
    "FER-2013": ("fer2013.csv", fer2013.read),
    "FER+": ("fer2013new.csv", ferplus.votes),
    "the survey": ("survey.csv", survey.load),
    "a recipe": ("a.toml", recipe.read),
    "a review": ("review.csv", selection.read),
    "a database": ("faces.db", _database),
    "a classical model": ("model.skops", classical_files.load),
    "weights": ("m.weights.h5", _weights),
    "a network": ("m.json", _json),
    "a certificate": ("a.pem", lambda file: certificates.check(file, file)),
}
"""Functions that read a file; the name of the file."""


@pytest.fixture
def somebody_else() -> Iterator[None]:
    """Be a user without root's rights for a while."""
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.seteuid(65_534)
    yield
    os.seteuid(0)
    os.setgroups(groups)


@pytest.mark.parametrize("name", READERS)
def test_a_file_that_may_not_be_read_is_not_called_damaged(
    name: str, inputs: Path, request: pytest.FixtureRequest
) -> None:
    wanted, read = READERS[name]
    folder = Path(tempfile.mkdtemp(prefix="fv-unreadable-"))  # tmp_path is closed to others
    request.addfinalizer(partial(shutil.rmtree, folder))
    file = folder / wanted
    file.parent.mkdir(exist_ok=True)
    for model in ("fast.onnx", "SHA256SUMS"):
        shutil.copy(inputs / model, folder)
    file.write_bytes(b"secret")
    file.chmod(0)
    folder.chmod(0o777)
    file.parent.chmod(0o777)
    request.getfixturevalue("somebody_else")
    with pytest.raises((OSError, ValueError, RuntimeError)) as caught:
        read(file)
    told = files.error_sentence(caught.value)
    assert re.search("ermission|may not|unable to open", told), told
    assert not re.search("damaged|broken|is no|is not", told), told
    assert "\n" not in told and "[Errno" not in told
