"""Accuracy by groups of drawn people, and its intervals."""

import numpy as np
import pandas as pd
import pytest

from facevalue.evaluation import fairness

PAIRS = (("glasses", "no"), ("glasses", "yes"), ("age", "20"), ("age", "75"))


def test_groups_are_counted_with_wilsons_interval():
    groups = pd.DataFrame({"glasses": ["yes"] * 10 + ["no"] * 10 + ["lost"] * 2})
    right = np.array([1] * 8 + [0] * 2 + [0] * 10 + [1] * 2, bool)
    table = fairness.by_group(right, groups)
    assert table["glasses"].tolist() == ["yes", "no", "lost"]
    assert table["faces"].tolist() == [10, 10, 2]
    assert table["accuracy"].tolist() == [0.8, 0, 1]
    # (p + z2/2n -+ z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n), z2 = 3.8415
    assert table["low"].tolist() == pytest.approx([0.4902, 0, 0.3424], abs=1e-4)
    assert table["high"].tolist() == pytest.approx([0.9433, 0.2775, 1], abs=1e-4)


def test_gaps_compare_person_by_person():
    # four people: without glasses all are right, with them two of four; age makes no difference
    rows = [(a, g) for _ in range(4) for a, g in PAIRS]
    table = pd.DataFrame(rows, columns=["attribute", "group"])
    right = np.ones(16, bool)
    right[[1, 5]] = False
    found = fairness.gaps(right, table).set_index("attribute")
    assert found.loc["glasses", ["best", "worst"]].tolist() == ["no", "yes"]
    # the differences are 1, 1, 0, 0: mean 0.5, standard deviation 0.5, 0.5 -+ 1.96 * 0.5 / 2
    limits = found.loc["glasses", ["difference", "low", "high"]].tolist()
    assert limits == pytest.approx([0.5, 0.01, 0.99])
    assert found.loc["age", ["difference", "low", "high"]].tolist() == [0, 0, 0]


@pytest.fixture(scope="module")
def drawn():
    return fairness.drawn_groups(7, seed=1, progress=False)


def test_every_person_is_drawn_in_every_group(drawn):
    images, table = drawn
    groups = sum(len(values) for values in fairness.GROUPS.values())
    assert images.shape == (7 * groups, 48, 48) and len(table) == 7 * groups
    counts = table.groupby(["attribute", "group"])["label"].agg(["size", "nunique"])
    assert (counts == 7).all(axis=None)  # one face of each emotion


def test_only_the_named_attribute_differs(drawn):
    images, table = drawn
    centre = images[:, 20:36, 14:34].mean(axis=(1, 2))
    skin = centre[(table["attribute"] == "skin").to_numpy()].reshape(7, -1)
    assert (np.diff(skin, axis=1) > 0).all()  # from dark to light
    plain, glasses = (
        images[((table["attribute"] == "glasses") & (table["group"] == group)).to_numpy()]
        for group in ("no", "yes")
    )
    # a dark frame also changes the mean grey level, and with it a little of all levels
    changed = np.abs(plain.astype(int) - glasses) > 4
    assert changed.any(axis=(1, 2)).all()
    assert not changed[:, 40:].any() and not changed[:, :8].any()  # chin and forehead


def test_the_first_people_stay_the_same(drawn):
    images, _ = fairness.drawn_groups(2, seed=1, progress=False)
    np.testing.assert_array_equal(images, drawn[0][: len(images)])


@pytest.mark.slow
def test_a_recogniser_that_is_worse_on_dark_skin_is_detected(drawn):
    images, table = drawn
    truth = iter(table["label"].to_numpy())

    def biased(faces):
        labels = np.array([next(truth) for _ in faces])
        light = faces[:, 20:36, 14:34].mean(axis=(1, 2)) > 120
        return np.eye(7)[np.where(light, labels, (labels + 1) % 7)]

    found = fairness.fairness(biased, 7, seed=1, progress=False)
    skin = found[found["attribute"] == "skin"].set_index("group")["accuracy"]
    assert skin["very dark"] < skin["very light"] == 1
    assert list(found.columns) == ["attribute", "group", "faces", "accuracy", "low", "high"]


def test_no_people_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        fairness.drawn_groups(0)
