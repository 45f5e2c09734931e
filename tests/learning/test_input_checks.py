"""Data that does not fit a network is refused before training, with one sentence."""

import keras
import numpy as np
import pytest
from tiny_training import Stream, faces, network

from facevalue.learning import training
from facevalue.learning.augmentation import Augmentation
from facevalue.learning.input_checks import check_labels


def test_the_validation_split_is_checked_too():
    with pytest.raises(ValueError, match="validation split is empty"):
        training.fit(network(), faces(), faces(0), epochs=1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            (np.zeros((4, 9, 12), np.uint8), np.zeros(4)),
            r"takes .*\(n, 12, 12, 1\).*\(n, 9, 12, 1\)",
        ),
        ((np.zeros((4, 12, 12, 3), np.uint8), np.zeros(4)), r"\(n, 12, 12, 3\)"),
        ((np.zeros((4, 144), np.float32), np.zeros(4)), r"\(n, 144\)"),
        ((np.zeros((0, 12, 12), np.uint8), np.zeros(0)), "training split is empty"),
        ((np.zeros((4, 12, 12), np.uint8), np.zeros(3)), "4 images but 3 labels"),
        ((np.zeros((4, 12, 12), np.uint8), np.array([0, 1, 2, 1])), "from 0 to 1.*one is 2"),
        ((np.zeros((4, 12, 12), np.uint8), np.array([0, -1, 0, 1])), "one is -1"),
        ((np.zeros((4, 12, 12), np.uint8), np.zeros((4, 7))), "2 outputs.*7 columns"),
        (
            (np.zeros((4, 12, 12), np.uint8), np.array([0, np.nan, 0, 1])),
            "label of image 1 .*training.* NaN",
        ),
        ((np.full((4, 12, 12, 1), np.nan, np.float32), np.zeros(4)), "Image 0 .*training.* NaN"),
        ((np.full((4, 12, 12, 1), 255, np.float32), np.zeros(4)), "from 0 to 1.*255"),
    ],
)
def test_the_message_is_one_sentence(data, message, monkeypatch):
    def never(*_, **__):
        raise AssertionError("the training must not start")

    monkeypatch.setattr(keras.Model, "fit", never)
    with pytest.raises(ValueError, match=message) as told:
        training.fit(network(), data, epochs=1, augmentation=Augmentation())
    assert ". " not in str(told.value)


def test_a_stream_is_checked_too():
    class Wrong(Stream):
        def __getitem__(self, rows):
            images, labels = super().__getitem__(rows)
            return images[:, 1:], labels

    with pytest.raises(ValueError, match=r"\(n, 11, 12, 1\)"):
        training.fit(network(), Wrong(), epochs=1)
    with pytest.raises(ValueError, match="empty"):
        training.fit(network(), Stream(0), epochs=1)


def test_a_network_with_one_output_takes_two_classes():
    check_labels(np.array([0, 1]), 1, "training")
    check_labels(np.array([[0.0], [1.0]]), 1, "training")
    with pytest.raises(ValueError, match="from 0 to 1, as the network has 1 output,"):
        check_labels(np.array([0, 2]), 1, "training")
