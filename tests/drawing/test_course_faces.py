from __future__ import annotations

import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facevalue.data import fer2013
from facevalue.data.dataset import SPLITS, Dataset
from facevalue.drawing import course_faces, drawn_set


def drawn(n: int, seed: int = 0, *, clean: bool = False, progress: bool = True) -> Dataset:
    """A fast replacement for drawn_set.sample."""
    rng = np.random.default_rng(seed)
    return Dataset(
        "rendered",
        rng.integers(0, 256, (n, 48, 48), dtype=np.uint8),
        np.arange(n) % 7,
        np.array([SPLITS[0] if i % 10 < 8 else SPLITS[i % 10 - 7] for i in range(n)]),
        np.array([f"seed {seed}, face {i}" for i in range(n)]),
        pd.DataFrame({"emotion": ["happy"] * n, "au_12": np.linspace(0, 1, n)}),
    )


@pytest.fixture
def calls(processed: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the sets that a test has drawn."""
    sizes: list[int] = []

    def counted(n: int, seed: int = 0, **options: bool) -> Dataset:
        sizes.append(n)
        return drawn(n, seed)

    monkeypatch.setattr(drawn_set, "sample", counted)
    return sizes


def equal(one: Dataset, other: Dataset) -> None:
    for field in ("images", "labels", "splits", "origins"):
        ours, theirs = getattr(one, field), getattr(other, field)
        assert ours.dtype == theirs.dtype
        assert (ours == theirs).all()
    assert one.name == other.name
    if one.truth is not None or other.truth is not None:
        pd.testing.assert_frame_equal(one.truth, other.truth)


def test_the_second_time_nothing_is_drawn(calls: list[int]) -> None:
    first = course_faces.load("rendered", 80)
    second = course_faces.load("rendered", 80)
    assert calls == [100]
    equal(first, second)
    equal(first, drawn(100))
    assert (first.splits == "Training").sum() == 80


@pytest.mark.slow
def test_the_default_is_25_000_drawn_faces(calls: list[int]) -> None:
    assert len(course_faces.load()) == 25_000
    assert calls == [25_000]


def test_other_sizes_are_other_caches(calls: list[int], processed: Path) -> None:
    course_faces.load("rendered", 80)
    course_faces.load("rendered", 8)
    course_faces.load("rendered", 80)
    assert calls == [100, 10]


def test_other_code_draws_again_and_leaves_no_old_cache(
    calls: list[int],
    processed: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = tmp_path_factory.mktemp("package")
    room = package / "drawing"
    room.mkdir()
    (package / "data").mkdir()
    for name in (*course_faces.DRAWING_CODE, "course_faces.py"):
        (room / name).write_text("")
    monkeypatch.setattr(course_faces, "__file__", str(room / "course_faces.py"))
    course_faces.load("rendered", 80)
    (room / "appearance.py").write_text("# a wider smile\n")
    course_faces.load("rendered", 80)
    (room / "course_faces.py").write_text("# draws nothing\n")
    course_faces.load("rendered", 80)
    assert calls == [100, 100]
    assert len(list(processed.glob("*.npz"))) == 1


def test_the_cache_key_covers_every_module_that_draws() -> None:
    """What `drawn_set` imports, and that in turn, from this room or from the emotions."""
    room = Path(drawn_set.__file__).parent
    found, left = set(), {"drawn_set"}
    while left:
        name = left.pop()
        found.add(f"{name}.py")
        code = (room / f"{name}.py").read_text()
        imported = set(re.findall(r"from facevalue\.drawing\.(\w+) import", code))
        for names in re.findall(r"from facevalue\.drawing import (.+)", code):
            imported |= set(names.split(", "))
        left |= {module for module in imported if f"{module}.py" not in found}
    assert found == {name for name in course_faces.DRAWING_CODE if "/" not in name}


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other", "folder"])
def test_a_broken_cache_is_made_again(calls: list[int], processed: Path, damage: str) -> None:
    first = course_faces.load("rendered", 80)
    cache = next(processed.glob("*.npz"))
    content = cache.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    other = {"cut": content[:middle], "flipped": flipped, "empty": b"", "other": b"hello"}
    if damage == "folder":
        cache.unlink()
        cache.mkdir()
    else:
        cache.write_bytes(other[damage])
    equal(course_faces.load("rendered", 80), first)
    assert calls == [100, 100]
    if damage != "folder":
        equal(course_faces.load("rendered", 80), first)
        assert calls == [100, 100]
    assert not list(processed.glob("*.part"))


def test_an_interrupted_drawing_leaves_nothing_behind(
    processed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*args: object, **options: object) -> Dataset:
        raise KeyboardInterrupt

    monkeypatch.setattr(drawn_set, "sample", stopped)
    with pytest.raises(KeyboardInterrupt):
        course_faces.load("rendered", 80)
    assert not [file for file in processed.iterdir() if file.suffix != ".lock"]


def test_a_full_disk_costs_only_time(calls: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
    equal(course_faces.load("rendered", 80), drawn(100))


TWO_AT_ONCE = """
import sys, time
from pathlib import Path
from facevalue.drawing import course_faces
from facevalue.drawing import drawn_set
from facevalue import paths
sys.path.insert(0, {tests!r})
from test_course_faces import drawn
folder = Path({folder!r})
paths.processed = lambda: folder
def slow(n, seed=0, **options):
    with (folder / "log.txt").open("a") as log:
        log.write("drawn\\n")
    time.sleep(1)
    return drawn(n, seed)
drawn_set.sample = slow
print(int(course_faces.load("rendered", 80).images.sum()))
"""


@pytest.mark.slow
def test_two_processes_at_once_get_the_same_and_draw_once(tmp_path: Path) -> None:
    code = TWO_AT_ONCE.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    runs = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [run.communicate(timeout=60)[0].strip() for run in runs]
    assert answers == [str(int(drawn(100).images.sum()))] * 2
    drawings = (tmp_path / "log.txt").read_text().count("drawn")
    assert drawings == 1 or sys.platform == "win32"
    assert len(list(tmp_path.glob("*.npz"))) == 1


def csv(path: Path, training: int = 70) -> None:
    """A small fer2013.csv: so many Training images, and 14 in each test split."""
    usage = ["Training"] * training + ["PublicTest"] * 14 + ["PrivateTest"] * 14
    lines = [f"{i % 7},{' '.join([str(i)] * 2304)},{split}" for i, split in enumerate(usage)]
    path.write_text("\n".join(["emotion,pixels,Usage", *lines]) + "\n")


@pytest.mark.filterwarnings("ignore:.*class counts")
def test_fer2013_is_read_once_and_again_when_the_file_changes(
    processed: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    read = fer2013.read
    monkeypatch.setattr(fer2013, "read", lambda path: reads.append(path) or read(path))
    path = tmp_path_factory.mktemp("raw") / "fer2013.csv"
    monkeypatch.setenv("FACEVALUE_DATA", str(path.parent))
    csv(path)
    first = course_faces.load("fer2013")
    equal(course_faces.load("fer2013"), first)
    assert len(reads) == 1
    csv(path, training=77)
    assert len(course_faces.load("fer2013")) == 105
    assert len(reads) == 2


@pytest.mark.filterwarnings("ignore:.*class counts")
def test_fer2013_with_fewer_training_images_keeps_the_test_splits_whole(
    processed: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path_factory.mktemp("raw") / "fer2013.csv"
    monkeypatch.setenv("FACEVALUE_DATA", str(path))
    csv(path)
    counts = course_faces.load("fer2013", 21).counts().drop(columns="total")
    assert counts.loc["Training"].tolist() == [3] * 7
    assert counts.loc["PublicTest"].tolist() == [2] * 7
    assert counts.loc["PrivateTest"].tolist() == [2] * 7


def test_a_warning_is_said_again_when_the_data_come_from_the_cache(
    processed: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path_factory.mktemp("raw") / "fer2013.csv"
    monkeypatch.setenv("FACEVALUE_DATA", str(path))
    csv(path)
    for _ in range(2):
        with pytest.warns(UserWarning, match="published class counts") as caught:
            course_faces.load("fer2013")
        assert len(caught) == 1
        assert caught[0].filename == __file__


def test_missing_data_are_explained(
    processed: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEVALUE_DATA", str(tmp_path_factory.mktemp("raw")))
    with pytest.raises(FileNotFoundError, match="make data"):
        course_faces.load("fer2013")


def test_bad_arguments_are_refused(calls: list[int]) -> None:
    with pytest.raises(ValueError, match="'faces': choose rendered or fer2013"):
        course_faces.load("faces")
    with pytest.raises(ValueError, match="not 0"):
        course_faces.load("rendered", 0)
    assert calls == []


def test_the_real_drawings_survive_the_cache(processed: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = course_faces.load("rendered", 8)
        second = course_faces.load("rendered", 8)
    equal(first, second)
    equal(first, drawn_set.sample(10, 0, progress=False))
