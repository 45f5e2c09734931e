"""What the notebooks share: set-up, checks and pictures."""

import json
import os
import random

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

import utils


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_setup_makes_random_numbers_repeat():
    utils.setup()
    first = (random.random(), np.random.random())  # noqa: NPY002
    utils.setup()
    assert (random.random(), np.random.random()) == first  # noqa: NPY002


def test_check_says_ok_or_stops(capsys):
    utils.check("better than chance", np.True_)
    assert capsys.readouterr().out == "better than chance: ok\n"
    with pytest.raises(AssertionError, match="better than chance"):
        utils.check("better than chance", 0.1 > 1 / 7)


def test_check_prints_what_it_compares(capsys):
    utils.check("cnn6 beats always-happy", np.float32(0.61), ">", 0.26, margin=0.05)
    utils.check("photos left", np.int64(1109), "<", 3110)
    utils.check("same", [1, 2], "==", [1, 2])
    assert capsys.readouterr().out.splitlines() == [
        "cnn6 beats always-happy: 0.61 > 0.26 + 0.05: ok",
        "photos left: 1,109 < 3,110: ok",
        "same: [1, 2] == [1, 2]: ok",
    ]


@pytest.mark.parametrize(
    ("relation", "bound", "margin"),
    [(">", 0.6, 0.05), ("<", 0.65, 0.05), (">=", 0.7, 0), ("==", 1, 0)],
)
def test_a_comparison_that_fails_stops_with_its_values(relation, bound, margin):
    with pytest.raises(AssertionError, match=f"better: 0.61 {relation} {bound}.*not true in this"):
        utils.check("better", 0.61, relation, bound, margin=margin)


def test_a_claim_that_fails_is_noted_and_does_not_stop(monkeypatch, tmp_path):
    notes = tmp_path / "claims.jsonl"
    monkeypatch.setenv("FACEVALUE_CLAIMS", str(notes))
    utils.check("better", np.float32(0.5), ">", 0.6)
    utils.check("same", np.True_)
    first, second = (json.loads(line) for line in notes.read_text("utf-8").splitlines())
    assert (first["value"], first["relation"], first["bound"], first["holds"]) == (
        0.5, ">", 0.6, False,
    )  # fmt: skip
    assert second["label"] == "same" and second["holds"] is True


def test_an_unknown_relation_is_named():
    with pytest.raises(ValueError, match="'=' is no relation: use > >= < <= == !="):
        utils.check("same", 1, "=", 1)


def test_a_stored_result_is_drawn_with_its_counts_and_its_source(tmp_path, monkeypatch):
    folder = tmp_path / "reports" / "on_real_photos"
    folder.mkdir(parents=True)
    text = (
        "# title: two of three\n# note: 3 photos, one core\nrow,series,count,of\nfound,Haar,2,3\n"
    )
    (folder / "01_toy.csv").write_text(text, encoding="utf-8")
    monkeypatch.setattr(utils.paths, "root", lambda: tmp_path)
    figure = utils.on_real_photos("01", "toy")
    assert figure.get_suptitle() == "On real photos: two of three"
    assert figure.get_supxlabel() == "3 photos, one core"
    assert [text.get_text() for text in figure.axes[0].texts] == ["2 of 3"]
    with pytest.raises(FileNotFoundError, match="no result 'funnel' of 01: choose from toy"):
        utils.on_real_photos("01", "funnel")


def test_images_fill_the_grid_row_by_row():
    images = [np.full((48, 48), grey, np.uint8) for grey in range(10)]
    figure = utils.show_images(images, [str(n) for n in range(10)], title="ten", columns=4)
    assert len(figure.axes) == 12  # three rows of four
    drawn = [axis.images[0].get_array().mean() for axis in figure.axes if axis.images]
    assert drawn == list(range(10))
    assert figure.axes[9].get_title() == "9"
    assert figure.get_suptitle() == "ten"


def test_grey_levels_are_not_stretched():
    dim = utils.show_images(np.full((1, 48, 48), 40, np.uint8)).axes[0].images[0]
    assert dim.get_clim() == (0, 255)
    signed = utils.show_images([np.zeros((3, 3))], vmin=-1, vmax=1).axes[0].images[0]
    assert signed.get_clim() == (-1, 1)


def test_colour_images_are_drawn_too():
    figure = utils.show_images([np.zeros((20, 30, 3), np.uint8)])
    assert figure.axes[0].images[0].get_array().shape == (20, 30, 3)


def test_rows_of_images_may_be_short_or_empty():
    images = np.full((3, 48, 48), 7, np.uint8)
    figure = utils.show_rows([images, images[:0]], ["three", "none"], title="Rows", columns=2)
    axis = figure.axes[0]
    canvas = np.asarray(axis.images[0].get_array())
    assert canvas.shape == (99, 99)
    assert (canvas == 7).sum() == 2 * 48 * 48
    assert (canvas[51:] == 255).all()
    assert [text.get_text() for text in axis.get_yticklabels()] == ["three", "none"]


def test_a_heat_map_is_drawn_over_the_face():
    images = np.random.default_rng(0).random((3, 48, 48, 1))
    maps = np.zeros((3, 48, 48), np.float32)
    maps[0, 10:20, 10:20] = 1
    masks = maps > 0  # nothing moved in the other two
    figure = utils.show_heat(images, maps, ["a", "b", "c"], masks=masks, columns=2)
    first, second = figure.axes[:2]
    face, heat = (drawn.get_array() for drawn in first.images)
    np.testing.assert_array_equal(face, images[0, :, :, 0])
    np.testing.assert_array_equal(heat, maps[0])
    assert (len(first.collections), len(second.collections)) == (1, 0)
    assert first.get_title() == "a"


def test_a_figure_is_described_by_its_titles_axes_and_legend():
    figure, axes = plt.subplots(1, 2)
    for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
        axis.plot([0, 1], label="cnn6")
        axis.set(xlabel="epoch", ylabel=name, title="")
    axes[0].legend()
    figure.suptitle("Both\nrise")
    expected = "Figure: Both rise; loss by epoch; cnn6; accuracy by epoch"
    assert utils.alternative_text(figure) == expected


@pytest.mark.slow
def test_a_notebook_stores_the_alternative_text_of_its_figures():
    source = """
import matplotlib.pyplot as plt
import utils
utils.setup()
utils.setup()
plt.plot([1, 2])
plt.title("It rises to 2")
plt.show()
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    shown = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    NotebookClient(notebook, kernel_name="python3").execute(env=shown)
    (figure,) = [out for out in notebook.cells[0].outputs if "data" in out]
    assert figure.metadata["image/png"] == {"alt": "Figure: It rises to 2"}
    assert figure.data["image/png"].startswith("iVBOR")
