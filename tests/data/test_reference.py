"""The published tables, as they were printed."""

import pytest

from facevalue.data import reference


def test_published_dense_sweep_is_the_printed_one():
    sweep = reference.published("dense_sweep").set_index("id")
    assert list(sweep.index) == [f"P{n}" for n in range(1, 15)] + [f"S{n}" for n in range(1, 6)]
    # the best row, as project 1 prints it
    assert sweep["test_accuracy"].idxmax() == "P13"
    assert sweep.loc["P13", "test_accuracy"] == 0.29
    assert sweep.loc["P13", "neurons_per_layer"] == "1024/512/256/128/64"


def test_published_epochs_end_at_the_printed_top_3():
    epochs = reference.published("cnn6_epochs")
    assert len(epochs) == 20
    assert epochs["val_top3_accuracy"].iloc[-1] == 0.8877


def test_an_unknown_table_names_the_known_ones():
    with pytest.raises(FileNotFoundError, match="'sweep': choose one of .*dense_sweep"):
        reference.published("sweep")
