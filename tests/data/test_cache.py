"""The cache of computed arrays; tests/drawing/test_course_faces.py has more, on data sets."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facevalue.data import cache


def squares(n: int) -> Callable[[], dict[str, np.ndarray]]:
    return lambda: {"x": np.arange(n) ** 2, "name": np.array("squares")}


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("*.npz"))


def test_arrays_are_the_same_from_the_cache(tmp_path: Path) -> None:
    first = cache.load_or_make("a", "1", squares(5), folder=tmp_path)
    second = cache.load_or_make("a", "1", squares(6), folder=tmp_path)
    for arrays in (first, second):
        assert arrays["x"].tolist() == [0, 1, 4, 9, 16]
        assert str(arrays["name"]) == "squares"


def test_another_key_replaces_the_file_of_the_same_name_only(tmp_path: Path) -> None:
    for name, key in (("a", "1"), ("a-b", "1"), ("ab", "1"), ("a", "2")):
        cache.load_or_make(name, key, squares(5), folder=tmp_path)
    assert names(tmp_path) == ["a-2.npz", "a-b-1.npz", "ab-1.npz"]


def test_so_many_bytes_of_other_keys_are_kept_and_the_newest_first(tmp_path: Path) -> None:
    for age, key in enumerate(("4", "3", "2", "1")):
        cache.load_or_make("a", key, squares(5), folder=tmp_path, keep_bytes=10_000)
        file = tmp_path / f"a-{key}.npz"
        os.utime(file, (age, age))
    keep = 2 * file.stat().st_size
    cache.load_or_make("a", "0", squares(5), folder=tmp_path, keep_bytes=keep)
    assert names(tmp_path) == ["a-0.npz", "a-1.npz", "a-2.npz"]


def test_errors_of_the_computation_pass_through(tmp_path: Path) -> None:
    def fail() -> dict[str, np.ndarray]:
        raise OSError("no such photo")

    with pytest.raises(OSError, match="no such photo"):
        cache.load_or_make("a", "1", fail, folder=tmp_path)
    assert not names(tmp_path)


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for _ in range(2):
        arrays = cache.load_or_make("a", "1", squares(3), folder=tmp_path / "file")
        assert arrays["x"].tolist() == [0, 1, 4]


def test_a_key_with_a_dash_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'1-2' must consist of letters and digits"):
        cache.load_or_make("a", "1-2", squares(3), folder=tmp_path)
