"""The course's two data sets, loaded by name and kept ready for the next time."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from facevalue import emotions, faces, fer2013, paths
from facevalue.dataset import Dataset
from facevalue.emotions import EMOTIONS

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAMES = ("rendered", "fer2013")
"""The data sets that `load` knows: the drawn faces, and the real ones."""

RENDERED = 25_000
"""How many faces are drawn where no number is asked for."""


def load(name: str = "rendered", train_images: int | None = None) -> Dataset:
    """Return one of the two data sets; from the second time on, in under a second.

    Args:
        name: "rendered", faces drawn by `faces.sample` with seed 0, or "fer2013", the real
            photos, found by `fer2013.find`.
        train_images: how many Training images, or None for all. The drawn faces are then 5/4 of
            that number in all; of FER-2013, Training is sampled in its class proportions and
            both test splits stay whole.

    Raises:
        ValueError: there is no such data set, or its file is damaged.
        FileNotFoundError: FER-2013 is not on this machine; the message says how to get it.
    """
    if name not in NAMES:
        raise ValueError(f"there is no data set {name!r}: choose {' or '.join(NAMES)}.")
    if train_images is not None and train_images < 1:
        raise ValueError(f"train_images must be 1 or more, or None for all, not {train_images}.")
    if name == "rendered":
        return _rendered(RENDERED if train_images is None else train_images * 5 // 4)
    source = fer2013.find()
    data = _cached("fer2013", _state(source), lambda: fer2013.read(source))
    return data if train_images is None else data.sample(train_images)


def _rendered(n: int, seed: int = 0) -> Dataset:
    prefix = f"rendered-{n}-{seed}"
    show = sys.stderr.isatty()  # a progress bar has no place in a notebook's stored output
    return _cached(prefix, _drawing_code(), lambda: faces.sample(n, seed, progress=show))


def _drawing_code() -> str:
    """Return a text that changes with the code that draws: the same numbers are other faces."""
    package = Path(__file__).parent
    sources = [*package.glob("face*.py"), package / "emotions.py", package / "facs.py"]
    sources += (paths.root() / "data" / "facs").glob("*.csv")
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in sorted(sources))).hexdigest()


def _state(source: Path) -> str:
    """Return a text that changes when a file, any file of a folder, or the reader is replaced."""
    state = hashlib.sha256(Path(fer2013.__file__).read_bytes() + bytes(source.resolve()))
    files = [str(source)] if source.is_file() else sorted(_files(source))
    for file in files:
        facts = os.stat(file)  # noqa: PTH116 - 35,887 of them
        state.update(f"{file}|{facts.st_size}|{facts.st_mtime_ns}\n".encode())
    return state.hexdigest()


def _files(folder: Path) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        yield from (os.path.join(place, name) for name in names)  # noqa: PTH118


def _cached(prefix: str, state: str, make: Callable[[], Dataset]) -> Dataset:
    """Return the data set kept for this state of its source, or make it and keep it.

    What `make` warned about is kept too, and said again each time.
    """
    target = paths.processed() / f"{prefix}-{state[:16]}.npz"
    kept = _unpacked(target)
    if kept is None:
        with _turn(target.with_suffix(".lock")):
            kept = _unpacked(target) or _made(make, target, prefix)
    data, notes = kept
    for note in notes:
        warnings.warn(note, stacklevel=3)
    return data


@contextmanager
def _turn(file: Path) -> Iterator[None]:
    """Let processes that make the same data set go one by one: all but the first find it made.

    The system frees the lock when a process ends, however it ends. Without locks (Windows), each
    makes its own, and the last one's file stays.
    """
    with ExitStack() as stack:
        with suppress(OSError):
            lock = stack.enter_context(file.open("w"))
            if fcntl:
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _made(make: Callable[[], Dataset], target: Path, prefix: str) -> tuple[Dataset, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = make()
    notes = [str(warning.message) for warning in caught if warning.category is UserWarning]
    with suppress(OSError):  # a full disk costs time, not the lesson
        _pack(target, data, notes)
        for old in target.parent.glob(f"{prefix}-*"):
            if old.stem != target.stem:
                old.unlink()
    return data, notes


def _pack(target: Path, data: Dataset, notes: list[str]) -> None:
    """Write one file beside `target` and rename it, so that no reader meets half of it."""
    arrays = {
        "name": np.array(data.name),
        "images": data.images,
        "labels": data.labels,
        "splits": data.splits,
        "origins": data.origins,
        "notes": np.array(notes, dtype=str),
    }
    if data.truth is not None:
        table = io.BytesIO()
        data.truth.to_parquet(table)
        arrays["truth"] = np.frombuffer(table.getvalue(), np.uint8)
    with paths.beside(target, shared=True) as part, part.open("wb") as opened:
        np.savez(opened, allow_pickle=False, **arrays)


def _unpacked(path: Path) -> tuple[Dataset, list[str]] | None:
    """Return what `_pack` wrote; None if it is not there or cannot be read, for any reason."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            truth = None
            if "truth" in arrays:
                truth = pd.read_parquet(io.BytesIO(arrays["truth"].tobytes()))
            data = Dataset(
                str(arrays["name"]),
                arrays["images"],
                arrays["labels"],
                arrays["splits"],
                arrays["origins"],
                truth,
            )
            return data, arrays["notes"].tolist()
    except Exception:  # a damaged zip file raises half a dozen types
        return None


# ------------------------------------------------------------------------ the mixed data set

LARGE = 224
"""Height and width of the faces of Kaggle, and of those that are drawn in their place."""


@dataclass(frozen=True, eq=False)
class Mixed:
    """Project 1's mixture of four sources, made again from other faces: see `mixed`.

    Attributes:
        images: uint8, shape (n, size, size), grey levels from 0 to 255.
        labels: int64, shape (n,), indices into `emotions.EMOTIONS`.
        sources: str, shape (n,), the source of project 1 whose place an image takes.
    """

    images: np.ndarray
    labels: np.ndarray
    sources: np.ndarray

    @property
    def key(self) -> str:
        """A short text that changes when an image or a label does."""
        return hashlib.sha256(self.images.tobytes() + self.labels.tobytes()).hexdigest()[:16]


def mixed(data: Dataset, size: int = LARGE, per_class: int = 200) -> Mixed:
    """Return as many faces of each emotion as project 1 had of each source: 3,357 in full.

    It had 109 faces of Pixabay and 448 of DuckDuckGo, and for each emotion 200 of Kaggle and 200
    of FER-2013. All but FER-2013's are large. With "rendered" data these are drawn with 224 x 224
    pixels, and Training images take FER-2013's place; with "fer2013" Training images take every
    place (there are too few of disgust for that, so that some are missing). What has another size
    than `size` is resized. No image comes twice.

    Args:
        data: a data set of `load`.
        size: height and width of the images.
        per_class: how many of 200; the searches' faces become fewer in proportion.
    Raises:
        ValueError: a number is too small or too large, or `data` has no Training images.
    """
    if not 24 <= size <= 1024 or not 1 <= per_class <= 200:
        raise ValueError(
            "size must be from 24 to 1024 pixels and per_class from 1 to 200, "
            f"not {size} and {per_class}."
        )
    training = data.split("Training")
    if not len(training):
        raise ValueError(f"the data set {data.name} has no Training images to mix.")
    once = {image.tobytes(): row for row, image in enumerate(training.images)}
    rows = np.random.default_rng(0).permutation(np.array(list(once.values())))
    found: list[tuple[np.ndarray, int, str]] = []
    for label, counts in enumerate(_counts(per_class)):
        own = iter(training.images[rows[training.labels[rows] == label]])
        large = own
        if data.name == "rendered":
            large = iter(_portraits(EMOTIONS[label], sum(counts.values()) - counts["FER-2013"]))
        for source, count in counts.items():
            queue = own if source == "FER-2013" else large
            found += [(_resized(image, size), label, source) for image in islice(queue, count)]
    images, labels, sources = zip(*found, strict=True)
    return Mixed(np.stack(images), np.array(labels), np.array(sources))


def _counts(per_class: int) -> list[dict[str, int]]:
    """Return for each emotion how many images project 1 had of each source, or a part of them."""
    table = pd.read_csv(paths.root() / "data" / "reference" / "image_funnel.csv")
    table = table[table["stage"] == "face detection"].set_index("source")
    columns = {emotions.number(name): name for name in table.columns[1:-1]}
    flat = {"Kaggle": per_class, "FER-2013": per_class}
    return [
        {str(k): round(int(v) * per_class / 200) for k, v in table[columns[label]].items()} | flat
        for label in range(len(EMOTIONS))
    ]


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    # averaging when it shrinks, smooth when it grows
    method = cv2.INTER_AREA if size < len(image) else cv2.INTER_CUBIC
    return image if size == len(image) else cv2.resize(image, (size, size), interpolation=method)


def _portraits(emotion: str, n: int) -> np.ndarray:
    """Return n drawn faces of an emotion, kept for the next time: uint8 (n, 224, 224)."""
    prefix = f"portraits-{emotion}-{n}"
    target = paths.processed() / f"{prefix}-{_drawing_code()[:16]}.npy"
    with _turn(target.with_suffix(".lock")):
        with suppress(OSError, ValueError):  # not there, or damaged
            return np.asarray(np.load(target, allow_pickle=False))
        numbers = tqdm(range(n), desc=f"drawing {emotion}", disable=not sys.stderr.isatty())
        images = np.stack([_portrait(emotion, index) for index in numbers])
        with suppress(OSError):  # a full disk costs time, not the lesson
            with paths.beside(target, shared=True) as part, part.open("wb") as opened:
                np.save(opened, images, allow_pickle=False)
            for old in target.parent.glob(f"{prefix}-*"):
                if old.stem != target.stem:
                    old.unlink()
    return images


def _portrait(emotion: str, index: int) -> np.ndarray:
    rng = np.random.default_rng([3357, EMOTIONS.index(emotion), index])
    person, view = faces.Person.random(rng), faces.View.random(rng, mild=True)
    units = faces.expression(emotion, rng, float(rng.uniform(0.6, 1)))
    return faces.draw(units, person, view, LARGE)
