"""Atomic writes, file locks, and errors of writing."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from facevalue import files


def test_an_error_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.atomic_write(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_names_are_unique_where_files_are_shared(tmp_path: Path) -> None:
    path = tmp_path / "new" / "model.keras"
    with (
        files.atomic_write(path, shared=True, suffix=".keras") as one,
        files.atomic_write(path, shared=True, suffix=".keras") as other,
    ):
        assert one != other and one.suffix == other.suffix == ".keras"
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"


def test_what_a_killed_run_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    old = time.time() - 2 * files.SECONDS_UNTIL_STALE
    with files.atomic_write(tmp_path / "new.jpg", shared=True) as new:
        new.write_text("being written")
        with files.atomic_write(tmp_path / "killed.npz", shared=True, suffix=".npz") as killed:
            killed.write_text("half")
            os.utime(killed, (old, old))
            for name in ("mine.part", "a.jpg", "notes.part.txt"):
                (tmp_path / name).write_text("of somebody")
                os.utime(tmp_path / name, (old, old))
            files.remove_stale_parts(tmp_path)
            names = {file.name for file in tmp_path.iterdir()}
            assert names == {new.name, "mine.part", "a.jpg", "notes.part.txt"}
            killed.write_text("so that it can be renamed")
    files.remove_stale_parts(tmp_path / "nowhere")


def test_no_part_of_a_password_is_told() -> None:
    for address, told in [
        ("s3://u:p@ss@b/x", "s3://b/x"),
        ("ftp://u:a/b@h/x is not", "ftp://h/x is not"),
        ("http://h:8080/a@b.jpg", "http://h:8080/a@b.jpg"),
        ("s3://bucket/me@home.jpg", "s3://bucket/me@home.jpg"),
    ]:
        assert files.without_secrets(address) == told


def test_a_lock_lets_one_in_at_a_time(tmp_path: Path) -> None:
    inside = []

    def enter() -> None:
        with files.file_lock(tmp_path / "new" / "table.csv"):
            inside.append("in")
            assert len(inside) == 1
            inside.remove("in")

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not inside


def test_without_a_lock_the_block_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with files.file_lock(tmp_path / "file" / "table.csv"):
        pass
    with pytest.raises(OSError, match="from the block"), files.file_lock(tmp_path / "table.csv"):
        raise OSError("from the block")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "^The disk is full: .*x.csv cannot be"),
        (
            OSError(errno.EACCES, "Permission denied"),
            "x.csv cannot be written: Permission denied.$",
        ),
        (OSError("odd"), "x.csv cannot be written: odd.$"),
    ],
)
def test_errors_of_writing_are_explained(error: OSError, message: str) -> None:
    with (
        pytest.raises(OSError, match=message) as caught,
        files.explain_write_errors(Path("x.csv")),
    ):
        raise error
    assert caught.value.__cause__ is error
