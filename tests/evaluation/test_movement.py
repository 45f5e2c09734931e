"""The moved regions of drawn faces, and the share of a map in them."""

from dataclasses import replace

import numpy as np
import pytest

from facevalue.drawing import drawn_set
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import movement


def test_the_share_inside_by_hand():
    maps = np.array([[[1.0, 3.0], [0.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]])
    mask = np.array([[True, False], [False, True]])
    share = movement.inside_share(maps, mask)
    assert share[0] == pytest.approx(5 / 8) and np.isnan(share[1])
    both = movement.inside_share(maps, np.stack([~mask, mask]))
    assert both[0] == pytest.approx(3 / 8) and both.dtype == np.float32


def test_a_constant_map_has_the_share_of_the_region():
    mask = np.random.default_rng(0).random((5, 48, 48)) < 0.3
    share = movement.inside_share(np.ones((5, 48, 48)), mask)
    np.testing.assert_allclose(share, mask.mean(axis=(1, 2)), rtol=1e-5)


def test_masks_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"shape of the maps, \(1, 48, 48\), not \(6, 6\)"):
        movement.inside_share(np.ones((1, 48, 48)), np.ones((6, 6), bool))


@pytest.fixture(scope="module")
def truth():
    return drawn_set.sample(28, seed=3, clean=True, progress=False).truth


def test_a_neutral_face_has_hardly_moved(truth):
    for row in truth[truth["emotion"] == "neutral"].to_dict("records"):
        assert movement.moved_region(row).mean() < 0.03


@pytest.mark.slow
def test_every_emotion_moves_a_part_of_the_face(truth):
    for _, row in truth[truth["emotion"] != "neutral"].iterrows():
        region = movement.moved_region(row)
        assert (region.shape, region.dtype) == ((48, 48), bool)
        assert 0.02 < region.mean() < 0.5


@pytest.mark.parametrize(("unit", "rows"), [("au_2", slice(0, 24)), ("au_12", slice(24, 48))])
def test_brows_move_above_and_lips_below(unit, rows):
    region = movement.moved_region({unit: 1.0})
    assert region[rows].sum() > 0.9 * region.sum() > 0


def test_noise_and_compression_do_not_count_as_movement():
    noisy = {"au_12": 0.0, "noise": 0.03, "jpeg": 30, "occlusion": "hand", "texture": 5}
    assert not movement.moved_region(noisy).any()


def test_parts_behind_a_microphone_do_not_count_as_moved():
    shown = movement.moved_region({"au_26": 1.0, "au_25": 1.0})
    hidden = movement.moved_region({"au_26": 1.0, "au_25": 1.0, "occlusion": "microphone"})
    assert hidden.sum() < shown.sum()


def test_a_face_whose_truth_is_unknown_is_refused():
    with pytest.raises(ValueError, match="no columns au_N"):
        movement.moved_region({"emotion": "happy"})


@pytest.mark.slow
def test_moved_shares_leaves_out_faces_at_rest(network):
    drawn = drawn_set.sample(40, 3, clean=True, progress=False)
    table = movement.moved_shares(network, drawn)
    neutral = drawn.labels == EMOTIONS.index("neutral")
    assert 10 < len(table) <= 40 - neutral.sum()
    assert not set(table.index) & set(np.flatnonzero(neutral))
    assert table[["inside", "chance"]].stack().between(0, 1).all()
    answers = network.predict(drawn.x, verbose=0).argmax(axis=1)
    assert (table["right"] == (answers == drawn.labels)[table.index]).all()


def test_moved_shares_needs_drawn_faces(network):
    drawn = replace(drawn_set.sample(10, 3, clean=True, progress=False), truth=None)
    with pytest.raises(ValueError, match="drawn"):
        movement.moved_shares(network, drawn)
