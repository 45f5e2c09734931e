"""tools/measure_seeds.py, with networks whose answers can be computed by hand."""

import keras
import measure_seeds
import numpy as np
import pandas as pd
import pytest

from facevalue import paths
from facevalue.data.dataset import Dataset
from facevalue.learning.recipe import Recipe
from facevalue.learning.train_recogniser import trained_file

LABELS = np.array([3, 3, 4, 0])


def faces():
    """The first and the third face are light on the left, the others on the right."""
    images = np.zeros((4, 48, 48), np.uint8)
    images[[0, 2], :, :24] = 255
    images[[1, 3], :, 24:] = 255
    return Dataset("fer2013", images, LABELS, np.full(4, "PublicTest"), np.arange(4).astype(str))


def network(left, right):
    """A network that gives one answer to faces light on the left, one to the others."""
    inputs = keras.Input((48, 48, 1))
    halves = keras.layers.Flatten()(keras.layers.AveragePooling2D((48, 24))(inputs))
    model = keras.Model(inputs, keras.layers.Dense(7, use_bias=False)(halves))
    model.layers[-1].set_weights([np.array([left, right], np.float32)])
    return model


@pytest.fixture
def rows(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "processed", lambda: tmp_path)
    happy, sad, angry = np.eye(7)[[3, 4, 0]]
    trained_file("a", 0).parent.mkdir()
    network(0.9 * happy + 0.1 * sad, 0.4 * happy + 0.6 * angry).save(trained_file("a", 0))
    network(0.2 * happy + 0.8 * sad, angry).save(trained_file("a", 1))
    found = measure_seeds.measured(Recipe("a", votes=0.0), faces(), None, "PublicTest")
    return {(row["seed"], row["answer"]): row["accuracy"] for row in found}


@pytest.mark.slow
def test_each_seed_alone_answers_one_crop(rows):
    assert rows["0", "one crop"] == 0.5  # happy, angry, happy, angry
    assert rows["1", "one crop"] == 0.5  # sad, angry, sad, angry


@pytest.mark.slow
def test_the_mirror_image_counts_as_much_as_the_face(rows):
    assert rows["0", "and its mirror image"] == 0.5  # always happy: 0.65
    assert rows["1", "and its mirror image"] == 0.25  # always angry: 0.5


@pytest.mark.slow
def test_all_seeds_together_are_their_mean(rows):
    assert rows["0,1", "all seeds together"] == 0.5  # happy 0.55, angry 0.8
    assert len(rows) == 5


@pytest.mark.slow
def test_seeds_with_one_start_are_also_averaged_into_one_network(rows):
    plan = Recipe("a", start="b", votes=0.0)
    found = list(measure_seeds.measured(plan, faces(), None, "PublicTest"))
    # the faces are happy 0.55, sad 0.45 and angry 0.8, happy 0.2, as the answers' means are
    soup = {"seed": "0,1", "answer": "mean weights of all seeds", "accuracy": 0.5}
    assert soup.items() <= found[-1].items() and len(found) == 6


def test_a_soup_has_the_mean_of_all_weights():
    left, right = np.arange(7.0), np.ones(7)
    averaged = measure_seeds.soup([network(left, right), network(3 * left, 0 * right)])
    np.testing.assert_allclose(averaged.get_weights()[0], [2 * left, right / 2])


@pytest.mark.slow
def test_one_seed_has_no_company(rows):
    trained_file("a", 1).unlink()
    found = list(measure_seeds.measured(Recipe("a", votes=0.0), faces(), None, "PublicTest"))
    assert [(row["seed"], row["answer"], row["accuracy"]) for row in found] == [
        ("0", "one crop", 0.5),
        ("0", "and its mirror image", 0.5),
    ]


def test_a_recipe_without_trainings_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "processed", lambda: tmp_path)
    with pytest.raises(SystemExit, match="No seed of a is trained: see models/a.toml."):
        list(measure_seeds.measured(Recipe("a", votes=0.0), faces(), None, "PublicTest"))


def test_what_was_measured_again_takes_the_place_of_its_row():
    def table(*rows):
        columns = ["model", "seed", "answer", "test", "accuracy"]
        return pd.DataFrame(rows, columns=columns)

    kept = ("b", "0", "one crop", "PublicTest", 0.1)
    old = table(
        ("a", "0", "one crop", "PublicTest", 0.2),
        ("a", "0,1", "all seeds together", "PublicTest", 0.3),
        kept,
    )
    again = (
        ("a", "0", "one crop", "PublicTest", 0.4),
        ("a", "0,1,2", "all seeds together", "PublicTest", 0.5),
    )
    pd.testing.assert_frame_equal(
        measure_seeds.merged(old, table(*again)).reset_index(drop=True), table(*again, kept)
    )
