"""What the notebooks share: settings, checks, headlines and figures."""

import json
import random
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")  # no screen

import matplotlib.pyplot as plt

import utils
from facevalue import settings
from facevalue.evaluation import plots, records


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for variable in ("FACEVALUE_DATASET", "FACEVALUE_PROFILE", "FACEVALUE_HEADLINES"):
        monkeypatch.delenv(variable, raising=False)
    yield
    plt.close("all")


@pytest.fixture
def history():
    """Three epochs, in the form that Keras gives them."""
    measured = {
        "loss": [1.91234, 1.5, 1.2],
        "accuracy": [0.2, 0.4, 0.5],
        "val_loss": [1.8, 1.6, 1.7],
        "val_accuracy": [0.25, 0.35, 0.33],
    }
    return SimpleNamespace(epoch=[0, 1, 2], history=measured)


def test_the_default_is_fast_and_needs_no_download():
    assert (settings.profile().name, settings.profile().dataset) == ("fast", "rendered")


def test_full_is_more_work_and_nothing_else(monkeypatch):
    fast = settings.profile()
    monkeypatch.setenv("FACEVALUE_PROFILE", "full")
    full = settings.profile()
    assert full.train_images is None
    assert full.epochs > fast.epochs
    assert full.sweep_rows == 19  # every row of the published sweep
    assert full.mixed == 200  # as many images of an emotion and source as project 1 took
    assert full.per_class == (200, 500, 2000, None)
    assert full.seeds == 5
    assert full.dense_epochs > fast.dense_epochs
    assert full.photos > fast.photos
    assert full.replicates > fast.replicates
    assert full.dataset == fast.dataset


def test_the_data_set_is_chosen_by_name(monkeypatch):
    monkeypatch.setenv("FACEVALUE_DATASET", "fer2013")
    assert settings.profile().dataset == "fer2013"


def test_an_empty_setting_means_the_default(monkeypatch):
    monkeypatch.setenv("FACEVALUE_PROFILE", "")
    assert settings.profile().name == "fast"


@pytest.mark.parametrize(
    ("variable", "value", "known"),
    [
        ("FACEVALUE_PROFILE", "quick", "fast or full"),
        ("FACEVALUE_DATASET", "FER2013", "rendered or fer2013"),
    ],
)
def test_an_unknown_setting_names_the_known_ones(monkeypatch, variable, value, known):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=f"{variable}='{value}' is unknown: set it to {known}"):
        settings.profile()


def test_setup_makes_random_numbers_repeat():
    utils.setup()
    first = (random.random(), np.random.random())  # noqa: NPY002
    utils.setup()
    assert (random.random(), np.random.random()) == first  # noqa: NPY002


def test_check_says_ok_or_stops(capsys):
    utils.check("better than chance", np.True_)
    assert capsys.readouterr().out == "better than chance: ok\n"
    with pytest.raises(AssertionError, match="better than chance: not so in this run"):
        utils.check("better than chance", 0.1 > 1 / 7)


def test_headlines_are_handed_over_in_order(tmp_path, monkeypatch):
    file = tmp_path / "headlines.jsonl"
    monkeypatch.setenv("FACEVALUE_HEADLINES", str(file))
    records.headline("accuracy", 0.5, model="cnn6")
    records.headline("faces found", "38 of 40")
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert lines == [
        {"label": "accuracy", "value": 0.5, "model": "cnn6"},
        {"label": "faces found", "value": "38 of 40"},
    ]


def test_headlines_go_nowhere_when_nobody_listens(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    records.headline("accuracy", 0.5)
    assert list(tmp_path.iterdir()) == []


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


def test_history_table_counts_epochs_from_one(history):
    table = utils.history_table(history)
    assert table.index.tolist() == [1, 2, 3]
    assert table.index.name == "epoch"
    assert table.loc[1, "loss"] == 1.912


def test_history_is_plotted_with_its_validation(history):
    loss, accuracy = utils.plot_history(history, "it learns").axes
    assert [line.get_ydata().tolist() for line in accuracy.lines] == [
        history.history["accuracy"],
        history.history["val_accuracy"],
    ]
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["training", "validation"]
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "loss")


def test_history_without_validation_has_one_curve(history):
    history.history = {name: history.history[name] for name in ("loss", "accuracy")}
    assert [len(axis.lines) for axis in utils.plot_history(history, "").axes] == [1, 1]


def test_confusion_shows_shares_of_the_true_class():
    matrix = np.array([[8, 2], [0, 0]])  # no image of the second class
    axis = plots.plot_confusion(matrix, ["happy", "sad"], "who is taken for whom").axes[0]
    assert [text.get_text() for text in axis.texts] == ["0.80", "0.20", "0.00", "0.00"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("predicted emotion", "true emotion")
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["happy", "sad"]


def test_rows_of_images_may_be_short_or_empty():
    images = np.full((3, 48, 48), 7, np.uint8)
    figure = utils.show_rows([images, images[:0]], ["three", "none"], title="Rows", columns=2)
    axis = figure.axes[0]
    canvas = np.asarray(axis.images[0].get_array())
    assert canvas.shape == (99, 99)
    assert (canvas == 7).sum() == 2 * 48 * 48
    assert (canvas[51:] == 255).all()
    assert [text.get_text() for text in axis.get_yticklabels()] == ["three", "none"]
