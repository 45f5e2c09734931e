"""What was computed once, kept for the next time."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd

from facevalue import paths
from facevalue.data.dataset import Dataset
from facevalue.files import atomic_write

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


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
    with atomic_write(target, shared=True) as part, part.open("wb") as opened:
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
