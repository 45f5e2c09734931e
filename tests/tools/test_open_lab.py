"""JupyterLab with the learner's own copies of the notebooks."""

import os
from pathlib import Path

import open_lab
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folders(tmp_path):
    course, mine = tmp_path / "notebooks", tmp_path / "mine"
    (course / "solutions").mkdir(parents=True)
    for name in ("01_first", "solutions/01_first"):
        (course / f"{name}.ipynb").write_text("one")
    return course, mine


def test_copies_follow_the_course_until_the_learner_changes_them(folders):
    course, mine = folders
    assert open_lab.copy_notebooks(course, mine) == []
    assert (mine / "solutions" / "01_first.ipynb").read_text() == "one"
    (course / "01_first.ipynb").write_text("two")
    assert open_lab.copy_notebooks(course, mine) == []
    assert (mine / "01_first.ipynb").read_text() == "two"
    (mine / "01_first.ipynb").write_text("mine")
    assert open_lab.copy_notebooks(course, mine) == []
    (course / "01_first.ipynb").write_text("three")
    assert open_lab.copy_notebooks(course, mine) == ["01_first.ipynb"]
    assert (mine / "01_first.ipynb").read_text() == "mine"
    (mine / "01_first.ipynb").unlink()
    assert open_lab.copy_notebooks(course, mine) == []
    assert (mine / "01_first.ipynb").read_text() == "three"


def test_the_copies_are_ignored_by_git():
    assert "my_notebooks/" in (ROOT / ".gitignore").read_text().splitlines()


def test_root_is_told_how_to_start(monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    assert open_lab.main([]) == 1
    assert "make lab ROOT=1" in capsys.readouterr().err


def test_the_start_page_lists_the_lessons(folders):
    course, mine = folders
    open_lab.copy_notebooks(course, mine)
    open_lab.start_page(mine)
    assert "- [01 first](01_first.ipynb)" in (mine / "START.md").read_text()
