"""A cache on disk for arrays that take long to compute."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from facevalue import paths
from facevalue.files import atomic_write, file_lock, remove_stale_parts


def load_or_make(
    name: str,
    key: str,
    make: Callable[[], Mapping[str, np.ndarray]],
    *,
    folder: Path | None = None,
    keep_bytes: int = 0,
) -> dict[str, np.ndarray]:
    """Return the arrays in the file NAME-KEY.npz, or make them and write the file.

    If several processes need the same arrays at the same time, one makes them, while the others
    wait for a lock and then read the file. A damaged file is made again. If the file cannot be
    written, for example on a full disk, the arrays are still returned.

    Args:
        name: what the arrays are, for example "rendered-25000-0".
        key: the cache key, letters and digits: a checksum of everything that the arrays depend on.
        make: computes the arrays, by name; none may have the dtype object.
        folder: the folder of the file; by default `paths.processed()`.
        keep_bytes: how many bytes of files with the same name and other keys to keep; the oldest
            files are removed first. By default all are removed, because their keys are stale.

    Raises:
        ValueError: `key` has characters other than letters and digits.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for attempt in ("first", "second"):
    ...         made = lambda: print("computing") or {"squares": np.arange(4) ** 2}
    ...         print(load_or_make("squares", "4", made, folder=Path(folder))["squares"])
    computing
    [0 1 4 9]
    [0 1 4 9]
    """
    if not key.isalnum():
        raise ValueError(f"The cache key {key!r} must consist of letters and digits.")
    target = (folder or paths.processed()) / f"{name}-{key}.npz"
    arrays = _read(target)
    if arrays is not None:
        return arrays
    with file_lock(target):
        arrays = _read(target)  # another process may have made it while this one waited
        if arrays is None:
            arrays = dict(make())
            remove_stale_parts(target.parent)
            with suppress(OSError):
                _remove_stale(name, target, keep_bytes)
            with suppress(OSError):  # a full disk costs time later, but is not an error
                _write(target, arrays)
    return arrays


def _read(path: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays of an .npz file; None if it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except Exception:  # a damaged zip file raises many types of error
        return None


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with atomic_write(path, shared=True) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _remove_stale(name: str, target: Path, keep_bytes: int) -> None:
    """Remove the oldest files of the same name with other keys, and their locks."""
    pattern = re.compile(re.escape(name) + r"-[a-zA-Z0-9]+\.(npz|npz\.lock)")
    files = [file for file in target.parent.iterdir() if pattern.fullmatch(file.name)]
    others = [file for file in files if file.suffix == ".npz" and file != target]
    kept = 0
    for file in sorted(others, key=lambda file: file.stat().st_mtime, reverse=True):
        kept += file.stat().st_size
        if kept > keep_bytes:
            file.unlink()
            file.with_name(f"{file.name}.lock").unlink(missing_ok=True)
