"""Faults are found where they were planted or are known."""

from __future__ import annotations

import numpy as np
import pytest
from sample_images import needs_fer2013, plain

from facevalue.data.dataset import Dataset
from facevalue.emotions import EMOTIONS
from facevalue.exploration import image_faults
from facevalue.exploration.image_measures import measure


@pytest.mark.slow
def test_problems_are_found_where_they_were_planted(drawn: Dataset) -> None:
    images = drawn.images[:300].copy()
    images[10], images[20], images[30] = 0, images[20] // 8, 255 - (255 - images[30]) // 8
    found = {f.name: f for f in image_faults.find_faults(plain(images), measure(images))}
    assert found["blank"].rows.tolist() == [10]
    assert 20 in found["too dark"].rows
    assert 30 in found["too bright"].rows
    assert all(10 not in p.rows for p in found.values() if p.name != "blank")
    table = image_faults.fault_table(list(found.values()))
    assert table["found"].to_dict() == {name: len(f.rows) for name, f in found.items()}
    assert table[["base rate", "precision", "recall"]].isna().all(axis=None)
    assert (table["limitations"].str.len() > 5).all()


@pytest.mark.slow
def test_rules_are_compared_with_the_truth_of_drawn_faces(drawn: Dataset) -> None:
    found = {f.name: f for f in image_faults.find_faults(drawn, measure(drawn.images))}
    assert not {"no face", "line drawing"} & set(found), "all are drawings of faces"
    covered = (drawn.truth["occlusion"] != "none").to_numpy()
    assert np.array_equal(found["covered"].known, covered)
    table = image_faults.fault_table(list(found.values()))
    assert table.loc["covered", "base rate"] == pytest.approx(covered.mean())
    light = found["lit from a side"]
    hits = light.known[light.rows].sum()
    assert table.loc["lit from a side", "precision"] == pytest.approx(hits / len(light.rows))
    assert table.loc["lit from a side", "recall"] == pytest.approx(hits / light.known.sum())
    # the rule is no perfect one, but finds more than a search at random
    assert table.loc["lit from a side", "precision"] > 2 * table.loc["lit from a side", "base rate"]


@needs_fer2013
@pytest.mark.slow
def test_blank_images_in_fer2013_are_those_that_were_counted_before(fer2013: Dataset) -> None:
    dull = fer2013.take(fer2013.images.std(axis=(1, 2)) < 20)
    blank = image_faults.find_faults(dull, measure(dull.images))[0]
    assert blank.name == "blank"
    assert len(blank.rows) == 12
    assert np.sum(dull.labels[blank.rows] == EMOTIONS.index("angry")) == 8


def test_no_images_have_no_faults() -> None:
    none = plain(np.zeros((0, 48, 48), np.uint8))
    assert all(len(f.rows) == 0 for f in image_faults.find_faults(none, measure(none.images)))
