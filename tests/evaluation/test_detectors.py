"""Detectors compared on photos whose faces are known."""

import numpy as np

from facevalue.drawing import faces
from facevalue.evaluation import detectors


def test_two_boxes_on_one_face_count_once():
    truth = np.array([[0, 0, 100, 100], [200, 0, 100, 100]])
    boxes = np.array([[0, 0, 100, 100], [5, 0, 100, 100], [500, 0, 50, 50]])
    assert detectors.matched(boxes, truth) == 1
    assert detectors.matched(truth, truth) == 2
    assert detectors.matched(boxes[:0], truth) == 0


def test_compare_counts_found_missed_and_false():
    photos = [faces.photo(1, 2), faces.photo(2, 0)]
    table = detectors.compare(photos, ["yunet"])
    row = table.loc["yunet"]
    assert row["found"] + row["missed"] == 2
    assert row["found"] == 2 and row["ms per megapixel"] > 0
    # a photo whose truth lies elsewhere: the same boxes are then false
    wrong = faces.Photo(photos[0].image, np.array([[0, 0, 50, 50]]), ("happy",))
    row = detectors.compare([wrong], ["yunet"]).loc["yunet"]
    assert (row["found"], row["missed"], row["false"]) == (0, 1, 2)
