"""The second data set: faces, and what is none."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from facevalue.collection import face_or_not
from facevalue.drawing import course_faces


@pytest.fixture(scope="module")
def data():
    return face_or_not.load(240, seed=0)


def test_half_of_it_are_faces_and_the_rest_a_quarter_of_each_kind(data):
    images, labels, kinds = data
    assert images.shape == (240, 48, 48) and images.dtype == np.uint8
    assert labels.sum() == 120
    counts = dict(zip(*np.unique(kinds, return_counts=True), strict=True))
    assert counts == {
        "drawn face": 90,
        "cropped face": 30,
        "background": 30,
        "texture": 30,
        "object": 30,
        "failed crop": 30,
    }


def test_labels_say_what_the_kinds_say(data):
    _, labels, kinds = data
    for label, kind in zip(labels, kinds, strict=True):
        assert face_or_not.NAMES[label] == ("human" if "face" in kind else "other")


def test_the_order_is_mixed(data):
    assert 30 < np.count_nonzero(np.diff(data[1])) < 200


@pytest.mark.slow
def test_the_same_seed_gives_the_same_images_and_another_seed_others():
    first, again, other = (face_or_not.load(12, seed) for seed in (1, 1, 2))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first[0], other[0])


def test_hardly_any_two_images_are_equal(data):
    assert len(np.unique(data[0].reshape(240, -1), axis=0)) >= 238


@pytest.mark.slow
def test_an_odd_number_is_no_problem():
    images, labels, _ = face_or_not.load(13, seed=3)
    assert len(images) == 13 and labels.sum() in (6, 7)


def test_brightness_alone_does_not_tell_faces_from_the_rest(data):
    """A network has something to learn: neither mean nor contrast gives the label away."""
    images, labels, _ = data
    facts = np.stack([images.mean((1, 2)), images.std((1, 2))], 1) / 255
    model = LogisticRegression().fit(facts[:120], labels[:120])
    assert model.score(facts[120:], labels[120:]) < 0.9


@pytest.mark.parametrize(("n", "photos"), [(11, None), (100, 0)])
def test_too_few_are_refused(n, photos):
    with pytest.raises(ValueError, match="n must be at least 12 and photos at least 1"):
        face_or_not.load(n, photos=photos)


def test_a_change_of_this_module_does_not_make_the_cached_faces_stale():
    assert not [name for name in course_faces.DRAWING_CODE if "face_or_not" in name]
