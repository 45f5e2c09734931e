"""Figures about networks: their lines, bars, labels and legends."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from facevalue.evaluation import metrics, plots


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def curve(*accuracy, validation=None):
    table = {"epoch": range(1, len(accuracy) + 1), "accuracy": accuracy}
    table["loss"] = [1 - value for value in accuracy]
    if validation:
        table |= {"val_accuracy": validation, "val_loss": [1 - value for value in validation]}
    return pd.DataFrame(table)


def test_each_training_has_one_colour_dashed_and_solid():
    curves = {
        "plain": curve(0.3, 0.6, 0.9, validation=[0.3, 0.4, 0.3]),
        "dropout": curve(0.3, 0.5, validation=[0.3, 0.45]),
    }
    figure = plots.plot_curves(curves, "Dropout helps")
    loss, accuracy = figure.axes
    drawn = [(line.get_linestyle(), line.get_ydata().tolist()) for line in accuracy.lines]
    assert drawn == [
        ("--", [0.3, 0.6, 0.9]),
        ("-", [0.3, 0.4, 0.3]),
        ("--", [0.3, 0.5]),
        ("-", [0.3, 0.45]),
    ]
    colours = [line.get_color() for line in accuracy.lines]
    assert colours[0] == colours[1] != colours[2] == colours[3]
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "loss")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "plain",
        "dropout",
        "training",
        "validation",
    ]
    assert figure.get_suptitle() == "Dropout helps"


def test_one_training_without_validation_needs_no_names():
    figure = plots.plot_curves({"": curve(0.1, 0.2)}, "It learns", measures=["accuracy"])
    assert [len(axis.lines) for axis in figure.axes] == [1]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["training"]


def test_more_trainings_than_colours_are_all_named():
    figure = plots.plot_curves({f"net {k}": curve(0.1, 0.2) for k in range(7)}, "Seven")
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [*(f"net {k}" for k in range(7)), "training"]


def test_the_reliability_diagram_has_a_bar_for_each_step():
    labels = np.array([0, 0, 0, 1])
    probabilities = np.array([[0.6, 0.4], [0.2, 0.8], [0.8, 0.2], [0.0, 1.0]])
    table = metrics.calibration(labels, probabilities, bins=5)
    above, below = plots.plot_calibration(table, "Overconfident").axes
    bars = {round(bar.get_x() + bar.get_width() / 2, 6): bar.get_height() for bar in above.patches}
    assert bars[0.7] == 0.5 and bars[0.9] == 1.0
    assert [bar.get_height() for bar in below.patches] == [0, 0, 1, 2, 1]
    assert (above.get_ylabel(), below.get_ylabel()) == ("accuracy", "images")


def test_confusion_shows_shares_of_the_true_class():
    matrix = np.array([[8, 2], [0, 0]])  # no image of the second class
    axis = plots.plot_confusion(matrix, ["happy", "sad"], "confusions").axes[0]
    assert [text.get_text() for text in axis.texts] == ["0.80", "0.20", "0.00", "0.00"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("predicted emotion", "true emotion")
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["happy", "sad"]


def test_shares_are_drawn_with_the_interval_of_their_counts():
    table = pd.DataFrame(
        [("frontal", "yunet", 20, 20), ("frontal", "haar", 15, 20), ("profile", "haar", 0, 20)],
        columns=["row", "series", "count", "of"],
    )
    axis = plots.plot_shares(table, "Haar loses faces", "20 photos").axes[0]
    assert [bar.get_width() for bar in axis.patches] == [100, 75, 0]
    assert [text.get_text() for text in axis.texts] == ["20 of 20", "15 of 20", "0 of 20"]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["frontal", "profile"]
    low, high = axis.collections[1].get_segments()[0][:, 0]
    # Brown, Cai and DasGupta (2001): 15 of 20
    assert (low, high) == pytest.approx((53.13, 88.81), abs=0.01)
    plt.close("all")


def test_a_stored_result_is_drawn_in_the_layout_that_its_columns_ask_for():
    shares = pd.DataFrame([("all", "yunet", 1, 2)], columns=["row", "series", "count", "of"])
    assert plots.plot_result(shares, "Half").axes[0].get_xlabel().startswith("share")

    rows = [("cnn", 1, 0.2, 0.3), ("cnn", 2, 0.4, 0.5), ("net", 1, 0.1, 0.2)]
    curves = pd.DataFrame(rows, columns=["series", "epoch", "accuracy", "val_accuracy"])
    figure = plots.plot_result(curves, "Two curves", "20 photos")
    assert [axis.get_ylabel() for axis in figure.axes] == ["accuracy"]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["cnn", "net", "training", "validation"]
    assert figure.legends[0].get_title().get_text() == "20 photos"

    table = metrics.calibration(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    assert plots.plot_result(table.reset_index(), "Sure").axes[1].get_ylabel() == "images"

    matrix = pd.DataFrame({"label": ["happy", "sad"], "happy": [3, 1], "sad": [1, 1]})
    texts = [text.get_text() for text in plots.plot_result(matrix, "Taken for").axes[0].texts]
    assert texts == ["0.75", "0.25", "0.50", "0.50"]
    plt.close("all")


def test_small_shares_fill_the_axis_and_large_ones_are_seen_out_of_100():
    rows = pd.DataFrame([("copies", "exact", 8, 100)], columns=["row", "series", "count", "of"])
    assert 15 < plots.plot_shares(rows, "Few").axes[0].get_xlim()[1] < 40  # its interval: to 15
    assert plots.plot_shares(rows.assign(count=60), "Many").axes[0].get_xlim()[1] > 100


def test_a_row_with_one_bar_has_it_in_the_middle():
    columns = ["row", "series", "count", "of"]
    rows = pd.DataFrame([("a", "public", 8, 10), ("b", "private", 9, 10)], columns=columns)
    bars = plots.plot_shares(rows, "One each").axes[0].patches
    assert [bar.get_y() + bar.get_height() / 2 for bar in bars] == pytest.approx([0, 1])


def test_a_long_title_takes_two_lines():
    rows = pd.DataFrame([("a", "b", 8, 10)], columns=["row", "series", "count", "of"])
    title = "a finding with its number " * 4
    assert plots.plot_shares(rows, title).get_suptitle().count("\n") == 1
