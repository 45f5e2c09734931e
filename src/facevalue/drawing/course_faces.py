"""The course's two data sets, loaded by name: drawn faces and FER-2013, both cached."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from facevalue.data import fer2013
from facevalue.data.dataset import Dataset
from facevalue.data.dataset_cache import load_or_make_dataset
from facevalue.drawing import drawn_set
from facevalue.settings import DATASETS

RENDERED = 25_000
"""The number of faces that are drawn by default."""

DRAWING_CODE = (
    *("appearance.py", "camera.py", "canvas.py", "chance.py", "development.py", "drawn_set.py"),
    *("expressions.py", "faces.py", "facial_hair.py", "geometry.py", "glasses.py", "hair.py"),
    *("headwear.py", "lighting.py", "occlusions.py", "painter.py", "scenery.py"),
    *("traits.py", "variety.py", "../emotions.py", "../data/fer2013_facts.py"),
)
"""The files that determine the drawn faces: part of the cache key of everything made from them."""

READING_CODE = (
    *("fer2013.py", "fer2013_common.py", "fer2013_csv.py", "fer2013_facts.py"),
    *("fer2013_folders.py", "fer2013_parquet.py"),
)
"""The files that read FER-2013: part of its cache key."""


def load(name: str = "rendered", train_images: int | None = None) -> Dataset:
    """Return one of the two data sets; from the second call on, within a second from the cache.

    Args:
        name: "rendered", faces drawn by `drawn_set.sample` with seed 0, or "fer2013", the real
            photos, found by `fer2013.find`.
        train_images: the number of Training images; None for all. With drawn faces, each of the
            two test splits has an eighth of this number. With FER-2013, the test splits stay
            complete, and the Training images are sampled in their class proportions.

    Raises:
        ValueError: there is no such data set, `train_images` is under 1, or the file is damaged.
        FileNotFoundError: FER-2013 was not found; the message says how to get it.
    """
    if name not in DATASETS:
        raise ValueError(f"There is no data set {name!r}: choose {' or '.join(DATASETS)}.")
    if train_images is not None and train_images < 1:
        raise ValueError(f"train_images must be 1 or more, or None for all, not {train_images}.")
    if name == "rendered":
        n = RENDERED if train_images is None else train_images * 5 // 4
        progress = sys.stderr.isatty()  # no progress bar in a notebook's stored output
        return load_or_make_dataset(
            f"rendered-{n}-0", drawing_key(), lambda: drawn_set.sample(n, 0, progress=progress)
        )
    source = fer2013.find()
    data = load_or_make_dataset("fer2013", _reading_key(source), lambda: fer2013.read(source))
    return data if train_images is None else data.sample(train_images)


def drawing_key(*more: str) -> str:
    """Return a cache key that changes with the code that draws the faces.

    Args:
        more: names of other files in this folder that the faces depend on.
    """
    folder = Path(__file__).parent
    code = b"\0".join((folder / name).read_bytes() for name in (*DRAWING_CODE, *more))
    return hashlib.sha256(code).hexdigest()[:16]


def _reading_key(source: Path) -> str:
    """Return a cache key that changes with FER-2013's file or files, or the code that reads them.

    A file counts as changed when its size or modification time differs.
    """
    folder = Path(fer2013.__file__).parent
    key = hashlib.sha256(bytes(source.resolve()))
    for name in READING_CODE:
        key.update((folder / name).read_bytes())
    for file in [str(source)] if source.is_file() else sorted(_files_below(source)):
        facts = os.stat(file)  # noqa: PTH116 - faster, for 35,887 files
        key.update(f"{file}|{facts.st_size}|{facts.st_mtime_ns}\n".encode())
    return key.hexdigest()[:16]


def _files_below(folder: Path) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        yield from (os.path.join(place, name) for name in names)  # noqa: PTH118
