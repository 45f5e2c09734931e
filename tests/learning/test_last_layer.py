"""What raters say about labels, and the last layer that learns from it."""

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from facevalue.data import ferplus
from facevalue.learning import last_layer
from facevalue.learning.augmentation import Augmentation
from facevalue.learning.last_layer import LastLayer, learn_last_layer, new_layer
from facevalue.learning.raters import consensus, outvoted

STILL = Augmentation(flip=False, shift=0, rotate=0, zoom=0, light=0, erase=0)
HAPPY, SAD, NEUTRAL = 3, 4, 6


def ballots(*counts):
    rows = [[row.get(name, 0) for name in ferplus.VOTES] for row in counts]
    return pd.DataFrame(rows, columns=list(ferplus.VOTES))


def test_a_label_is_outvoted_if_no_rater_chose_it_and_enough_agree_on_another():
    votes = ballots(
        {"anger": 10},
        {"sadness": 8, "neutral": 2},
        {"sadness": 8, "anger": 2},
        {"sadness": 7, "neutral": 3},
        {"NF": 9},
        {},
    )
    angry, sad = np.zeros(6, int), np.full(6, SAD)
    assert outvoted(angry, votes, 0.7).tolist() == [False, True, False, False, True, False]
    assert outvoted(sad, votes, 0.7).tolist() == [True, False, False, False, True, False]


def test_the_consensus_weights_votes_as_frequent_as_the_labels():
    """Bayes' rule by hand: raters say neutral 3 times as often as happy, labels equally often."""
    votes = ballots({"neutral": 10}, {"neutral": 5, "happiness": 5, "contempt": 9})
    found = consensus(np.array([NEUTRAL, HAPPY]), votes)
    assert found.shape == (2, 7) and found.dtype == np.float32
    assert found[0].tolist() == [0, 0, 0, 0, 0, 0, 1]
    # shares of votes: neutral 0.75, happy 0.25; of labels: 0.5 each
    happy, neutral = 0.5 * 0.5 / 0.25, 0.5 * 0.5 / 0.75
    assert found[1, HAPPY] == pytest.approx(happy / (happy + neutral))
    assert found[1].sum() == pytest.approx(1)


def test_the_consensus_of_nobody_is_the_label():
    found = consensus(np.array([0, 1]), ballots({"NF": 9}, {"unknown": 10}))
    assert found.tolist() == np.eye(7)[:2].tolist()


def test_the_last_layer_is_that_of_logistic_regression():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    x = rng.normal(size=(300, 4)) + np.eye(3, 4)[labels]
    kernel, bias = last_layer.fit(x, np.eye(3)[labels], (np.zeros((4, 3)), np.zeros(3)))
    # scikit-learn's loss is the sum over the images plus half of the squares divided by C
    other = LogisticRegression(C=1 / (2 * last_layer.DECAY * 300), tol=1e-8, max_iter=1000)
    expected = other.fit(x, labels).predict_proba(x)
    assert softmax(x @ kernel + bias, axis=1) == pytest.approx(expected, abs=2e-3)


def layer_for(plan, votes, labels, x):
    start = np.zeros((x.shape[1], 7)), np.zeros(7)
    return new_layer(plan, [x], np.eye(7)[labels], labels, votes, start)


def test_an_outvoted_image_teaches_nothing():
    """The first feature says happy; half of these images are called sad, which all raters deny."""
    x = np.eye(2)[[0, 0, 0, 0, 1, 1]]
    labels = np.array([HAPPY, HAPPY, SAD, SAD, SAD, SAD])
    votes = ballots(*4 * [{"happiness": 10}], *2 * [{"sadness": 10}])
    believed = softmax(x[0] @ layer_for(LastLayer(), votes, labels, x)[0])
    plan = LastLayer(outvoted=0.7)
    kernel, bias = layer_for(plan, votes, labels, x)
    assert softmax(x[0] @ kernel + bias)[HAPPY] > 0.9 > believed[HAPPY]


def test_the_consensus_has_its_share_of_the_targets():
    """All raters call every happy face sad and every sad one happy, so the weights are equal."""
    x = np.eye(2)[[0, 1]]
    labels = np.array([HAPPY, SAD])
    votes = ballots({"sadness": 10}, {"happiness": 10})
    kernel, bias = layer_for(LastLayer(consensus=0.25), votes, labels, x)
    assert softmax(x[0] @ kernel + bias)[[HAPPY, SAD]] == pytest.approx([0.75, 0.25], abs=0.02)


def test_balance_makes_rare_emotions_as_likely_as_if_all_were_equally_frequent():
    """Nine of ten faces are happy, and the features say nothing."""
    x = np.ones((10, 1))
    labels = np.array([HAPPY] * 9 + [SAD])
    votes = ballots(*10 * [{}])
    for balance, expected in ((0, [0.9, 0.1]), (1, [0.5, 0.5])):
        kernel, bias = layer_for(LastLayer(balance=balance), votes, labels, x)
        found = softmax((kernel[0] + bias)[[HAPPY, SAD]])
        assert found == pytest.approx(expected, abs=0.02)


@pytest.mark.slow
def test_only_the_last_layer_of_a_model_learns():
    inputs = keras.Input((48, 48, 1))
    maps = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D(name="average")(maps)
    model = keras.Model(inputs, keras.layers.Dense(7, "softmax", name="emotion")(pooled))
    before = model.get_layer("conv").get_weights()[0].copy()
    labels = np.arange(20) % 2 + HAPPY
    images = np.full((20, 48, 48), 40, np.uint8)
    images[labels == HAPPY] = 200
    names = {HAPPY: "happiness", SAD: "sadness"}
    votes = ballots(*[{names[label]: 10} for label in labels])
    learn_last_layer(
        model, LastLayer(0.2, 0.7), images, np.eye(7)[labels], labels, votes, STILL, verbose=0
    )
    assert (model.get_layer("conv").get_weights()[0] == before).all()
    answers = model.predict(images[..., None] / np.float32(255), verbose=0)
    assert answers.argmax(axis=1).tolist() == labels.tolist()
