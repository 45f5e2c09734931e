from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facevalue import paths
from facevalue.data import fer2013
from facevalue.data.dataset import SPLITS, Dataset
from facevalue.drawing import course_faces, drawn_set, faces, mixture


def drawn(n: int, seed: int = 0, *, clean: bool = False, progress: bool = True) -> Dataset:
    """A stand-in for drawn_set.sample that takes no time."""
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
def processed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for caches, instead of the project's."""
    monkeypatch.setattr(paths, "processed", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def calls(processed: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the sets that were drawn during a test."""
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
from facevalue.drawing import mixture
from facevalue.drawing import drawn_set
from facevalue.drawing import faces
from facevalue import paths
sys.path.insert(0, {tests!r})
from test_datasets import drawn
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


# ------------------------------------------------------------------------ the mixed data set


def several(n: int, name: str = "rendered") -> Dataset:
    """Return n different Training images, as many of each emotion."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (n, 48, 48), dtype=np.uint8)
    return Dataset(
        name, images, np.arange(n) % 7, np.full(n, "Training"), np.array([str(i) for i in range(n)])
    )


def by_source(mixed: mixture.Mixed) -> dict[str, int]:
    return {str(k): int(v) for k, v in pd.Series(mixed.sources).value_counts().items()}


@pytest.fixture
def drawings(processed: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the faces that were drawn during a test."""
    sizes: list[int] = []

    def draw(units: object, person: object, view: object, size: int) -> np.ndarray:
        sizes.append(size)
        return np.full((size, size), len(sizes) % 256, np.uint8)

    monkeypatch.setattr(faces, "draw", draw)
    return sizes


def test_the_mixture_has_the_published_counts(drawings: list[int]) -> None:
    mixed = mixture.mixed(several(3_500), 48)
    assert len(mixed.images) == 3357
    assert by_source(mixed) == {
        "Kaggle": 1400, "FER-2013": 1400, "DuckDuckGo": 448, "Pixabay": 109,
    }  # fmt: skip
    # project 1's faces of each emotion: 18 + 62 + 400 angry, 3 + 63 + 400 disgusted, and so on
    assert np.bincount(mixed.labels).tolist() == [480, 466, 459, 505, 466, 498, 483]
    assert set(drawings) == {224}
    assert len(drawings) == 1957


def test_a_smaller_mixture_has_the_same_proportions(drawings: list[int]) -> None:
    mixed = mixture.mixed(several(700), 64, per_class=20)
    assert mixed.images.shape[1:] == (64, 64)
    assert by_source(mixed)["Kaggle"] == by_source(mixed)["FER-2013"] == 140
    assert by_source(mixed)["DuckDuckGo"] == pytest.approx(44.8, abs=3)


def test_real_faces_are_not_mixed_with_drawn_ones(drawings: list[int]) -> None:
    data = several(700, "fer2013")
    mixed = mixture.mixed(data, 48, per_class=20)
    assert not drawings
    real = {image.tobytes(): label for image, label in zip(data.images, data.labels, strict=True)}
    assert [real[image.tobytes()] for image in mixed.images] == mixed.labels.tolist()


def test_no_image_is_mixed_twice_and_a_rare_emotion_has_fewer(drawings: list[int]) -> None:
    data = several(700, "fer2013")
    data.images[::7][:90] = data.images[0]  # angry: eleven different images are left
    mixed = mixture.mixed(data, 48, per_class=20)
    assert len({image.tobytes() for image in mixed.images}) == len(mixed.images)
    assert (mixed.labels == 0).sum() == 11


def test_only_training_images_are_mixed(drawings: list[int]) -> None:
    data = several(1400, "fer2013")
    data.splits[700:] = "PrivateTest"
    private = {image.tobytes() for image in data.images[700:]}
    assert not private & {i.tobytes() for i in mixture.mixed(data, 48, per_class=20).images}


def test_the_drawn_part_is_drawn_once_and_again_when_damaged(
    drawings: list[int], processed: Path
) -> None:
    first = mixture.mixed(several(70), 64, per_class=2)
    drawn_at_first = len(drawings)
    assert mixture.mixed(several(70), 64, per_class=2).key == first.key
    assert len(drawings) == drawn_at_first
    for file in processed.glob("portraits-happy-*.npy"):
        file.write_bytes(file.read_bytes()[:200])
    mixture.mixed(several(70), 64, per_class=2)
    assert len(drawings) > drawn_at_first


def test_another_image_or_size_changes_the_key(drawings: list[int]) -> None:
    data = several(70)
    key = mixture.mixed(data, 48, per_class=2).key
    assert mixture.mixed(data, 64, per_class=2).key != key
    data.images[:] ^= 1
    assert mixture.mixed(data, 48, per_class=2).key != key


@pytest.mark.parametrize(("size", "per_class"), [(4, 200), (5000, 200), (64, 0), (64, 201)])
def test_a_mixture_out_of_the_question_says_what_is_possible(size: int, per_class: int) -> None:
    with pytest.raises(ValueError, match="size must be from 24 to 1024 pixels and per_class"):
        mixture.mixed(several(7), size, per_class)


def test_a_mixture_of_nothing_is_refused() -> None:
    data = several(7)
    data.splits[:] = "PublicTest"
    with pytest.raises(ValueError, match="the data set rendered has no Training images to mix"):
        mixture.mixed(data)
