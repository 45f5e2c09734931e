"""Duplicates: against planted ones, published counts and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from sample_images import needs_fer2013, noise

from facevalue.data.dataset import Dataset
from facevalue.exploration import duplicates


@needs_fer2013
@pytest.mark.slow
def test_copies_in_fer2013_are_those_that_were_counted_before(fer2013: Dataset) -> None:
    groups = duplicates.exact_duplicates(fer2013.images)
    assert len(np.unique(groups)) == 34_036
    table = duplicates.across_splits(groups, fer2013.splits)
    assert table.loc["PrivateTest", "Training"] == 288
    assert table.loc["PublicTest", "Training"] == 280
    assert table.loc["PrivateTest", "PublicTest"] == 44
    doubtful = duplicates.conflicting_labels(groups, fer2013.labels)
    assert len(np.unique(groups[doubtful])) == 59
    assert doubtful.sum() == 166


@needs_fer2013
@pytest.mark.slow
def test_near_copies_in_fer2013_are_about_as_many_as_counted_with_another_hash(
    fer2013: Dataset,
) -> None:
    pairs = duplicates.near_duplicate_pairs(fer2013.images)
    for split, counted in (("PublicTest", 365), ("PrivateTest", 382)):
        first, second = (fer2013.splits[pairs[:, k]] for k in (0, 1))
        leaked = np.concatenate(
            [
                pairs[(first == "Training") & (second == split), 1],
                pairs[(first == split) & (second == "Training"), 0],
            ]
        )
        assert len(np.unique(leaked)) == pytest.approx(counted, rel=0.03)


@pytest.mark.slow
def test_every_planted_copy_is_found_and_nothing_else(drawn: Dataset) -> None:
    planted = (drawn.truth["duplicate_of"] >= 0).to_numpy()
    assert planted.any()
    exact = duplicates.duplicated(duplicates.exact_duplicates(drawn.images))
    near = duplicates.duplicated(duplicates.near_duplicates(drawn.images))
    assert (exact == planted).all()
    assert (near == planted).all()


def modified_copies(images: np.ndarray) -> list[tuple[str, np.ndarray]]:
    changed = duplicates.modified_copies(images)
    assert all(i.shape == images.shape and i.dtype == np.uint8 for i in changed.values())
    return list(changed.items())


def test_near_copies_survive_saving_and_light_but_not_a_mirror() -> None:
    images = noise(40)
    kept = {
        name: duplicates.are_near_duplicates(images, other).mean()
        for name, other in modified_copies(images)
    }
    assert kept["saved as JPEG (quality 50)"] == 1
    assert kept["mirrored"] == 0
    again = np.concatenate(
        [images, duplicates.modified_copies(images)["saved as JPEG (quality 50)"]]
    )
    groups = duplicates.near_duplicates(again)
    assert (groups[:40] == groups[40:]).all()
    assert len(np.unique(groups)) == 40
    assert duplicates.exact_duplicates(again).max() == 79


def test_near_pairs_are_those_of_a_plain_loop() -> None:
    images = noise(30)
    images[7] = np.clip(images[3].astype(int) + 4, 0, 255)
    images[20] = images[11]
    images[[25, 26]] = 128  # blank images are like no other
    expected = [
        (i, j)
        for i in range(30)
        for j in range(i + 1, 30)
        if np.ptp(images[i])
        and np.ptp(images[j])
        and np.corrcoef(images[i].ravel(), images[j].ravel())[0, 1] > duplicates.MIN_CORRELATION
    ]
    assert expected == [(3, 7), (11, 20)]
    assert [tuple(pair) for pair in duplicates.near_duplicate_pairs(images)] == expected
    groups = duplicates.near_duplicates(images)
    assert groups[25] == groups[26]
    assert len(np.unique(groups)) == 27


def test_tables_of_copies_by_hand() -> None:
    groups = np.array([0, 1, 0, 2, 1, 0])
    splits = np.array(["Training"] * 3 + ["PublicTest"] * 2 + ["PrivateTest"])
    labels = np.array([3, 4, 3, 1, 5, 3])
    table = duplicates.across_splits(groups, splits)
    assert table.to_numpy().tolist() == [[2, 1, 2], [1, 0, 0], [1, 0, 0]]
    assert duplicates.conflicting_labels(groups, labels).tolist() == [
        False,
        True,
        False,
        False,
        True,
        False,
    ]
    # 0 and 2, 0 and 5, 2 and 5 agree; 1 and 4 do not
    assert duplicates.label_agreement(groups, labels) == (3, 4)
    assert duplicates.duplicated(groups).tolist() == [False, False, True, False, True, True]


def test_no_images_are_no_duplicates() -> None:
    none = np.zeros((0, 48, 48), np.uint8)
    assert len(duplicates.near_duplicate_pairs(none)) == 0
    assert len(duplicates.near_duplicates(none)) == 0
