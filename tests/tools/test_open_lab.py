"""JupyterLab with the learner's own copies of the notebooks."""

import os
from pathlib import Path

import nbformat
import open_lab
import pytest
from nbclient import NotebookClient

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


def test_the_start_page_lists_the_lessons(tmp_path):
    open_lab.start_page(ROOT / "notebooks", tmp_path)
    text = (tmp_path / "START.md").read_text()
    assert "- [04 Convolutional networks](04_cnn.ipynb): learn to " in text


@pytest.mark.slow
def test_a_kernel_of_the_lab_shows_warnings_but_not_the_log_of_tensorflow(monkeypatch):
    monkeypatch.setenv("PYTHONSTARTUP", str(ROOT / "tools" / "library_log.py"))
    log = "I0000 00:00:1795207246.813163    8416 port.cc:153] oneDNN custom operations are on."
    source = f"""
import os, sys, time
os.write(2, {log!r}.encode() + b"\\n")
time.sleep(1)
print("look here", file=sys.stderr)
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, kernel_name="python3").execute()
    assert "".join(output.text for output in notebook.cells[0].outputs) == "look here\n"
