"""Faults are found where they were planted or are known."""

from __future__ import annotations

import numpy as np
import pytest
from sample_images import needs_fer2013, noise, plain

from facevalue.data.dataset import Dataset
from facevalue.emotions import EMOTIONS
from facevalue.exploration import duplicates, image_faults


@pytest.mark.slow
def test_problems_are_found_where_they_were_planted(drawn: Dataset) -> None:
    images = drawn.images[:300].copy()
    images[10], images[20], images[30] = 0, images[20] // 8, 255 - (255 - images[30]) // 8
    found = {f.name: f for f in image_faults.find_faults(plain(images))}
    assert found["blank"].rows.tolist() == [10]
    assert 20 in found["too dark"].rows
    assert 30 in found["too bright"].rows
    assert all(10 not in p.rows for p in found.values() if p.name != "blank")
    assert {p.basis for p in found.values()} == {"measure"}
    table = image_faults.fault_table(list(found.values()))
    assert table["precision"].isna().all()
    assert (table["limitations"].str.len() > 5).all()


@pytest.mark.slow
def test_known_faults_of_drawn_faces_come_from_the_truth(drawn: Dataset) -> None:
    found = {f.name: f for f in image_faults.find_faults(drawn)}
    covered = np.flatnonzero(drawn.truth["occlusion"] != "none")
    assert sorted(found["covered"].rows) == covered.tolist()
    assert found["covered"].basis == "truth"
    assert len(found["no face"].rows) == 0
    # the rule is no perfect one, but finds more than a search at random
    rate = len(found["lit from a side"].rows) / len(drawn)
    assert found["lit from a side"].precision > 2 * rate


def test_galleries_of_copies_put_copies_side_by_side() -> None:
    images, labels = noise(8), np.zeros(8, int)
    images[5], images[4] = images[1], np.clip(images[2].astype(int) + 3, 0, 255)
    labels[5] = 3
    data = plain(images, labels)
    data.splits[[5, 7]] = "PrivateTest"
    exact, near = duplicates.exact_duplicates(images), duplicates.near_duplicates(images)
    found = {f.name: f.rows.tolist() for f in image_faults.find_duplicate_faults(data, exact, near)}
    assert found == {
        "exact copies": [1, 5],
        "near copies": [2, 4],
        "training and test": [1, 5],
        "two labels": [1, 5],
    }


@needs_fer2013
@pytest.mark.slow
def test_blank_images_in_fer2013_are_those_that_were_counted_before(fer2013: Dataset) -> None:
    dull = fer2013.take(fer2013.images.std(axis=(1, 2)) < 20)
    blank = image_faults.find_faults(dull)[0]
    assert blank.name == "blank"
    assert len(blank.rows) == 12
    assert np.sum(dull.labels[blank.rows] == EMOTIONS.index("angry")) == 8


def test_no_images_have_no_faults() -> None:
    none = plain(np.zeros((0, 48, 48), np.uint8))
    nobody = np.zeros(0, int)
    assert all(len(f.rows) == 0 for f in image_faults.find_faults(none))
    assert all(len(f.rows) == 0 for f in image_faults.find_duplicate_faults(none, nobody, nobody))
