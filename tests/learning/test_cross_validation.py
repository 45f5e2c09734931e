"""Groups of near duplicates, and folds that keep them together."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from facevalue.learning import cross_validation


def test_groups_join_copies_and_mirror_images(drawn):
    images = drawn.images[:20]
    again = cv2.imdecode(cv2.imencode(".jpg", images[4])[1], cv2.IMREAD_GRAYSCALE)
    more = np.concatenate([images, images[2:3], images[3:4, :, ::-1], again[None]])
    groups = cross_validation.groups(more)
    assert groups[20] == groups[2] and groups[21] == groups[3] and groups[22] == groups[4]
    assert len(np.unique(groups)) == 20


def test_folds_keep_groups_together():
    rng = np.random.default_rng(0)
    groups, labels = rng.integers(0, 80, 300), rng.integers(0, 3, 300)
    folds = cross_validation.folds(labels, groups, 4)
    assert len(folds) == 4
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(300))
    assert not any(set(groups[a]) & set(groups[b]) for a, b in folds)


def test_more_folds_than_faces_of_an_emotion():
    with pytest.raises(ValueError, match="class 1 has only 2"):
        cross_validation.folds(np.array([0] * 10 + [1] * 2), np.arange(12), 3)
