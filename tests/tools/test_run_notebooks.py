"""The command that runs the notebooks, on small notebooks made for the test."""

import io

import nbformat
import numpy as np
import pytest
import run_notebooks
from PIL import Image


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course with the given notebooks, and an empty build folder."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    monkeypatch.setattr(run_notebooks, "NOTEBOOKS", folder)
    monkeypatch.setattr(run_notebooks, "BUILD", tmp_path / "build")
    # the website has tests of its own
    monkeypatch.setattr(run_notebooks.build_site, "build", lambda out, ran: f"{out.name}\n")
    monkeypatch.setenv("DATABASE_URL", "")

    def add(name, *sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        path = folder / f"{name}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return path

    return add


@pytest.mark.slow
def test_run_writes_the_executed_notebooks_and_names_the_page_to_open(course, tmp_path, capfd):
    course(
        "01_first",
        "from facevalue.evaluation import records",
        "records.headline('answer', 6 * 7)",
    )
    course("02_second", "print('seven')")
    assert run_notebooks.main([]) == 0
    written = nbformat.read(tmp_path / "build" / "02_second.ipynb", as_version=4)
    assert written.cells[0].outputs[0].text == "seven\n"
    table = capfd.readouterr().out
    assert "01_first" in table and "answer: 42" in table and "02_second" in table
    assert f"Open {run_notebooks.PAGES / 'index.html'}" in table


@pytest.mark.slow
def test_a_failing_cell_stops_the_run_and_is_shown(course, tmp_path, capfd):
    course("01_good", "print(1)")
    course("02_bad", "x = 1", "x / 0  # here")
    course("03_never", "print(3)")
    assert run_notebooks.main([]) == 1
    error = capfd.readouterr().err
    assert "02_bad.ipynb" in error and "x / 0  # here" in error and "ZeroDivisionError" in error
    assert not (tmp_path / "build" / "02_bad.ipynb").exists()
    assert not (tmp_path / "build" / "03_never.ipynb").exists()


@pytest.mark.slow
def test_an_interrupted_run_goes_on_with_the_next_notebook(course, tmp_path, monkeypatch, capfd):
    count = tmp_path / "count"
    line = f"open({str(count)!r}, 'a').write('{{}}')"
    course("01_first", line.format(1), "from facevalue.evaluation import records")
    second = course("02_second", line.format(2), "raise KeyboardInterrupt")
    interrupted = run_notebooks.execute

    def execute(path, notebook, timeout):
        try:
            return interrupted(path, notebook, timeout)
        except run_notebooks.NotebookError:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(run_notebooks, "execute", execute)
    assert run_notebooks.main([]) == 130
    assert "make run RESUME=1" in capfd.readouterr().err
    course("02_second", line.format(2))
    assert run_notebooks.main(["--resume"]) == 0
    assert count.read_text() == "122"
    assert "01_first" in capfd.readouterr().out
    # a notebook that has changed runs again, and so does everything without --resume
    course("02_second", line.format(3))
    assert run_notebooks.main(["--resume"]) == 0
    assert run_notebooks.main([]) == 0
    assert count.read_text() == "122313" and second.is_file()


@pytest.mark.slow
def test_only_the_named_notebook_runs(course, tmp_path):
    course("01_first", "1 / 0")
    course("04_cnn", "print(4)")
    assert run_notebooks.main(["04"]) == 0
    assert [path.name for path in (tmp_path / "build").glob("*.ipynb")] == ["04_cnn.ipynb"]


def test_an_unknown_name_is_said_and_the_choices_listed(course, capfd):
    course("01_first", "print(1)")
    assert run_notebooks.main(["09"]) == 1
    assert "01_first" in capfd.readouterr().err


@pytest.mark.slow
def test_stored_outputs_keep_no_log_and_are_those_of_the_defaults(course, monkeypatch):
    path = course(
        "01_first",
        "import os, sys",
        "print('a log', file=sys.stderr)",
        "print([name for name in os.environ if name[:9] in ('FACEVALUE', 'DASK_SCHE')])",
    )
    for name in ("FACEVALUE_PROFILE", "FACEVALUE_PHOTOS", "DASK_SCHEDULER_ADDRESS"):
        monkeypatch.setenv(name, "full")
    assert run_notebooks.main(["--store"]) == 0
    stored = nbformat.read(path, as_version=4)
    assert [out.text for cell in stored.cells for out in cell.outputs] == [
        "['FACEVALUE_HEADLINES']\n"
    ]
    assert stored.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


@pytest.mark.slow
def test_stored_outputs_come_from_a_database_of_their_own(course, tmp_path):
    count = """
import sqlite3
from sqlalchemy.engine import make_url
from facevalue.collection import database
db = sqlite3.connect(make_url(database.url()).database)
db.execute("create table if not exists runs (n)")
db.execute("insert into runs values (1)")
db.commit()
print(db.execute("select count(*) from runs").fetchone()[0])
"""
    first, second = course("01_first", count), course("02_second", count)
    (tmp_path / "build").mkdir()
    for names, expected in (
        (["--store"], "12"),
        (["--store", "02"], "13"),
        (["--store", "01"], "13"),
    ):
        assert run_notebooks.main(names) == 0
        stored = (nbformat.read(path, as_version=4) for path in (first, second))
        assert "".join(one.cells[0].outputs[0].text.strip() for one in stored) == expected


@pytest.mark.slow
def test_pages_keep_warnings_but_no_progress_bar_and_no_log_of_tensorflow(course, tmp_path):
    log = "I0000 00:00:1795207246.813163    8416 port.cc:153] oneDNN custom operations are on."
    course(
        "01_first",
        f"import sys\nprint({log!r}, file=sys.stderr)",
        "print('look here', file=sys.stderr)",
        "from tqdm import tqdm\nfor _ in tqdm(range(9), desc='counting', mininterval=0): pass",
        "from tqdm.auto import tqdm\nfor _ in tqdm(range(9)): pass",
    )
    assert run_notebooks.main([]) == 0
    cells = nbformat.read(tmp_path / "build" / "01_first.ipynb", as_version=4).cells
    assert [len(cell.outputs) for cell in cells] == [0, 1, 0, 0]
    assert cells[1].outputs[0].text == "look here\n"


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_figures_are_stored_small_and_look_the_same():
    values = np.random.default_rng(0).integers(0, 256, (60, 80), dtype=np.uint8)
    photo = Image.fromarray(values).convert("RGBA")
    small = run_notebooks.shrink(png(photo))
    assert len(small) < 0.5 * len(png(photo))
    assert (np.asarray(Image.open(io.BytesIO(small)).convert("L")) == values).all()
    ramp = np.linspace(0, 255, 80).astype(np.uint8)
    chart = np.stack([np.tile(ramp, (60, 1)), np.tile(ramp[:60, None], 80), np.full((60, 80), 90)])
    chart = chart.astype(np.uint8).transpose(1, 2, 0)
    small = run_notebooks.shrink(png(Image.fromarray(chart).convert("RGBA")))
    stored = np.asarray(Image.open(io.BytesIO(small)).convert("RGB")).astype(int)
    assert np.abs(stored - chart).mean() < 8  # of 4,800 colours, 256 are left
    clear = png(Image.new("RGBA", (60, 80), (0, 0, 0, 0)))
    assert run_notebooks.shrink(clear) == clear
