"""Few images: which are drawn, and that a network from scratch learns them."""

from __future__ import annotations

import numpy as np
import pytest

from facevalue.learning import few_images
from facevalue.learning.augmentation import Augmentation

LABELS = np.array([0] * 10 + [3] * 10 + [6] * 2)


def test_each_class_gives_as_many_as_it_has_up_to_a_number() -> None:
    rows = few_images.draw(LABELS, 4, seed=5)
    assert np.bincount(LABELS[rows], minlength=7).tolist() == [4, 0, 0, 4, 0, 0, 2]
    assert len(set(rows)) == len(rows)
    assert sorted(few_images.draw(LABELS, None, seed=5)) == list(range(22))


def test_a_smaller_draw_is_a_part_of_a_larger_one() -> None:
    few, more = (set(few_images.draw(LABELS, n, seed=7)) for n in (2, 5))
    assert few < more
    assert few != set(few_images.draw(LABELS, 2, seed=8))


@pytest.mark.slow
def test_a_network_from_scratch_learns_and_starts_anew() -> None:
    images = np.zeros((16, 48, 48), np.uint8)
    images[8:, :, :24] = 255
    labels = np.repeat([1, 4], 8)
    network = few_images.small_network(0.003)
    answers = []
    for _ in range(2):
        few_images.train_from_scratch(network, images, labels, steps=20, seed=1)
        answers.append(network.predict(images[..., None], verbose=0))
    assert (answers[0].argmax(axis=1) == labels).all()
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-3)


def test_a_network_from_scratch_may_learn_from_changed_images(monkeypatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 48, 48)).astype(np.uint8)
    labels = np.arange(8) % 7
    seen = {}

    def refit(model, weights, x, y, epochs):
        seen.update(x=x, y=y)

    monkeypatch.setattr(few_images.fine_tuning, "refit", refit)
    mirror = Augmentation(shift=0, rotate=0, zoom=0, light=0, erase=0)
    few_images.train_from_scratch(few_images.small_network(0.003), images, labels, 4, 1, mirror)
    rows = few_images.batches(8, 4, seed=1)
    assert (seen["y"] == labels[rows]).all()
    same = np.abs(seen["x"][..., 0] - images[rows]).max(axis=(1, 2)) < 0.01
    turned = np.abs(seen["x"][..., 0] - images[rows][:, :, ::-1]).max(axis=(1, 2)) < 0.01
    assert (same | turned).all() and 40 < same.sum() < 88  # of 128, about half
