"""The course's two data sets, loaded by name and cached."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from facevalue import paths
from facevalue.data import fer2013
from facevalue.data.cache import _cached
from facevalue.data.dataset import Dataset
from facevalue.drawing import drawn_set

NAMES = ("rendered", "fer2013")
"""The data sets that `load` knows: the drawn faces, and the real ones."""

DRAWING_CODE = (
    *("appearance.py", "camera.py", "drawn_set.py", "faces.py", "facs.py", "geometry.py"),
    *("shading.py", "../emotions.py"),
)
"""The files that decide how a drawn face looks: when one changes, cached faces are stale."""

RENDERED = 25_000
"""How many faces are drawn where no number is asked for."""


def load(name: str = "rendered", train_images: int | None = None) -> Dataset:
    """Return one of the two data sets; from the second time on, in under a second.

    Args:
        name: "rendered", faces drawn by `drawn_set.sample` with seed 0, or "fer2013", the real
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
    return _cached(prefix, _drawing_code(), lambda: drawn_set.sample(n, seed, progress=show))


def _drawing_code() -> str:
    """Return a text that changes with the code that draws: the same numbers are other faces."""
    room = Path(__file__).parent
    sources = [room / name for name in DRAWING_CODE]
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
