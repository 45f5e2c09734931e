"""OpenCV's Haar cascade."""

import threading

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from facevalue.recognition import haar_detector
from facevalue.recognition.face import overlap


@pytest.fixture
def unloaded(monkeypatch):
    """No cascade is loaded yet."""
    monkeypatch.setattr(haar_detector, "_loaded", threading.local())


@pytest.mark.slow
def test_finds_most_drawn_faces_where_they_were_drawn(drawn):
    hits = 0
    for photo in drawn:
        found = haar_detector.find_faces(photo.image)
        hits += any(overlap(face.box, photo.boxes[0]) > 0.5 for face in found)
    assert hits >= 5


def test_a_grey_photo_gives_the_same_boxes(drawn):
    grey = cv2.cvtColor(drawn[0].image, cv2.COLOR_RGB2GRAY)
    boxes = [[f.box for f in haar_detector.find_faces(im)] for im in (grey, drawn[0].image)]
    assert boxes[0] == boxes[1] != []


def test_false_alarms_in_a_real_photo_of_a_flower_go_when_more_windows_must_agree():
    flower = load_sample_image("flower.jpg")
    found = [len(haar_detector.find_faces(flower, min_neighbors=n)) for n in (1, 5, 30)]
    assert found[0] > found[1] > found[2] == 0


def test_a_face_that_fills_the_photo_is_found_thanks_to_the_border(drawn):
    """Close-ups that cut off chin and ears are much of what a search engine returns."""
    cuts = []
    for photo in drawn:
        x, y, side, _ = photo.boxes[0]
        edge = side // 10
        cuts.append(photo.image[y + edge : y + side - edge, x + edge : x + side - edge])
    found = [haar_detector.find_faces(cut) for cut in cuts]
    assert all(len(some) == 1 for some in found)
    assert sum(len(haar_detector.find_faces(cut, border=0)) for cut in cuts) < len(cuts)
    for cut, (face,) in zip(cuts, found, strict=True):
        x, y, width, height = face.box
        assert min(x, y) >= 0 and x + width <= cut.shape[1] and y + height <= cut.shape[0]


def test_none_is_under_the_smallest_size(drawn):
    (face, *_) = haar_detector.find_faces(drawn[0].image)
    least = face.box[2]
    found = haar_detector.find_faces(drawn[0].image, min_face=least)
    assert all(each.box[2] >= least for each in found)


def test_without_cascades_the_error_says_what_to_install(unloaded, monkeypatch, drawn):
    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(RuntimeError, match="opencv-python-headless>=4.10,<5"):
        haar_detector.find_faces(drawn[0].image)


def test_a_damaged_cascade_is_named(unloaded, monkeypatch, drawn, tmp_path):
    (tmp_path / haar_detector.CASCADE).write_text("<opencv_storage>")
    monkeypatch.setattr(cv2.data, "haarcascades", f"{tmp_path}/")
    with pytest.raises(RuntimeError, match=r"frontalface_default.xml is damaged: reinstall"):
        haar_detector.find_faces(drawn[0].image)


def test_a_negative_border_is_refused(drawn):
    with pytest.raises(ValueError, match="border must be 0 or more"):
        haar_detector.find_faces(drawn[0].image, border=-0.1)


def test_a_scale_factor_that_never_grows_is_refused(drawn):
    with pytest.raises(ValueError, match="above 1, not 1.0"):
        haar_detector.find_faces(drawn[0].image, scale_factor=1.0)


def test_an_array_that_is_no_photo_is_named():
    with pytest.raises(ValueError, match=r"must be of shape \(height, width\)"):
        haar_detector.find_faces(np.zeros((50, 50, 2), np.uint8))
