"""Drawn people among the training images: others than those of the tests, with rare traits."""

import numpy as np
import pytest

from facevalue.evaluation import fairness
from facevalue.learning.drawn_people import with_drawn_people

LABELS = np.repeat([0, 3, 6], [20, 40, 40])
IMAGES = np.zeros((len(LABELS), 48, 48), np.uint8)


@pytest.fixture
def added(processed):
    targets = np.eye(17, dtype=np.float32)[LABELS]  # seven emotions and ten columns of votes
    return with_drawn_people(IMAGES, targets, 0.5, progress=False)


def test_the_drawn_people_follow_the_photos_in_the_same_proportions(added):
    images, targets = added
    assert images.shape == (150, 48, 48) and targets.shape == (150, 17)
    assert not images[:100].any()
    assert targets[100:].sum(axis=0).tolist() == [10, 0, 0, 20, 0, 0, 20, *[0] * 10]
    assert targets.dtype == np.float32


def test_a_drawn_person_shows_the_emotion_of_the_target(added):
    from facevalue import Recogniser

    images, targets = added
    happy = targets[100:, 3] == 1
    said = Recogniser("fast").probabilities(images[100:])[:, 3]
    assert said[happy].mean() > said[~happy].mean() + 0.3


def test_nobody_is_drawn_twice_nor_drawn_for_the_card(added):
    drawn = {image.tobytes() for image in added[0][100:]}
    assert len(drawn) == 50
    tested, _ = fairness.drawn_groups(3, progress=False)
    assert not drawn & {image.tobytes() for image in tested}


def test_the_same_people_come_from_the_cache(added, processed):
    files = list(processed.glob("drawn-people-*.npz"))
    again = with_drawn_people(IMAGES, np.eye(17, dtype=np.float32)[LABELS], 0.5, progress=False)
    assert np.array_equal(again[0], added[0])
    assert len(files) == 1 and list(processed.glob("drawn-people-*.npz")) == files
