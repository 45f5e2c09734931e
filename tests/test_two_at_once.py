"""Several processes that do the same at the same time: each ends in a result or in a sentence."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from databases import count, postgresql, url  # noqa: F401 - fixtures
from PIL import Image
from processes import together
from sqlalchemy import create_engine, text

from facevalue import files
from facevalue.collection import database

pytestmark = pytest.mark.slow


def test_two_scorings_of_one_table(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out" / "scores.csv"
    photos.mkdir()
    out.parent.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    for k in range(400):
        Image.fromarray(noise + np.uint8(k % 200)).save(photos / f"{k}.png")
    told = together(
        tmp_path / "ready",
        "from facevalue.scale.score_folder import score",
        "score(sys.argv[3], sys.argv[4], cropped=True, progress=False)",
        photos,
        out,
        number=2,
    )
    wanted = f"sentence: Another process keeps its finished work in {out.with_suffix('.parts')}"
    assert "result" in told
    assert all(one == "result" or one.startswith(wanted) for one in told), told
    with out.open(encoding="utf-8", newline="") as table:
        assert sorted(row["file"] for row in csv.DictReader(table)) == sorted(
            file.name for file in photos.iterdir()
        )
    assert list(out.parent.iterdir()) == [out]


def test_six_creations_of_a_database(tmp_path: Path, url: str) -> None:  # noqa: F811
    told = together(
        tmp_path / "ready",
        "from facevalue.collection import database",
        "database.create(sys.argv[3]).dispose()",
        url,
        number=6,
    )
    assert told == 6 * ["result"]
    engine = create_engine(database.with_driver(url))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM emotions_ids")) == 7
    assert count(engine) == 0
    engine.dispose()


def test_the_second_writer_of_one_file_gets_a_sentence_at_once(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    told = "Another process writes .*film.mp4, too: let it finish"
    with files.atomic_write(path, suffix=".mp4") as one, one.open("wb") as film:
        film.write(b"first half, ")
        with pytest.raises(OSError, match=told), files.atomic_write(path, suffix=".mp4") as other:
            other.write_bytes(b"other")
        film.write(b"second half")
    assert path.read_bytes() == b"first half, second half"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_hinders_nobody(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    killed = [
        sys.executable,
        "-c",
        "import os, sys; from pathlib import Path; from facevalue import files\n"
        "with files.atomic_write(Path(sys.argv[1])) as part:\n"
        "    part.write_text('half'); os.kill(os.getpid(), 9)",
    ]
    assert subprocess.run([*killed, str(path)]).returncode != 0
    assert [file.name for file in tmp_path.iterdir()] == ["film.mp4.part"]
    files.write_text(path, "whole")
    assert path.read_text() == "whole" and list(tmp_path.iterdir()) == [path]
