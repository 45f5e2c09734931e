"""What corruptions do to pixels, and what the tables count, against truth computed otherwise."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facevalue.emotions import EMOTIONS
from facevalue.evaluation import fairness, robustness
from facevalue.evaluation.corruptions import CORRUPTIONS, corrupt


@pytest.fixture(scope="module")
def images():
    """Smooth pictures with an edge, so that every corruption shows."""
    y, x = np.mgrid[:48, :48]
    phases = np.arange(20)[:, None, None]
    waves = 120 + 60 * np.sin(x / 7 + phases) * np.cos(y / 9) + 40 * (x + y > 40 + phases)
    return waves.astype(np.uint8)


def difference(a, b):
    return np.abs(a.astype(float) - b).mean()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_pure_repeatable_and_grows_with_its_strength(images, name):
    before = images.copy()
    changed = [corrupt(images, name, strength) for strength in (1, 2, 3)]
    np.testing.assert_array_equal(images, before)
    for copy in changed:
        assert copy.dtype == np.uint8 and copy.shape == images.shape
    np.testing.assert_array_equal(corrupt(images, name, 2), changed[1])
    costs = [difference(copy, images) for copy in changed]
    assert 0 < costs[0] < costs[1] < costs[2]


@pytest.mark.parametrize("name", ["noise", "rotation", "occlusion"])
def test_another_seed_is_another_chance(images, name):
    assert (corrupt(images, name, 1, seed=0) != corrupt(images, name, 1, seed=1)).any()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_an_images_copy_does_not_depend_on_those_after_it(images, name):
    np.testing.assert_array_equal(corrupt(images[:5], name, 2), corrupt(images, name, 2)[:5])


@pytest.mark.parametrize("strength", [1, 2, 3])
def test_blur_has_the_stated_width(strength):
    dot = np.zeros((1, 49, 49), np.uint8)
    dot[0, 24, 24] = 255
    weights = corrupt(dot, "blur", strength)[0].astype(float)
    y, x = np.mgrid[:49, :49] - 24
    variance = (weights * (x**2 + y**2)).sum() / weights.sum() / 2
    # tails under half a grey level are rounded away
    assert variance**0.5 == pytest.approx(CORRUPTIONS["blur"][1][strength - 1], rel=0.15)


@pytest.mark.parametrize("strength", [1, 2, 3])
def test_noise_has_the_stated_spread(strength):
    grey = np.full((10, 48, 48), 128, np.uint8)
    noisy = corrupt(grey, "noise", strength).astype(float)
    assert noisy.mean() == pytest.approx(128, abs=0.7)
    assert noisy.std() == pytest.approx(CORRUPTIONS["noise"][1][strength - 1], rel=0.03)


def test_dark_and_low_contrast_scale_grey_levels():
    image = np.zeros((1, 48, 48), np.uint8)
    image[0, :24] = 200
    for strength, light in zip((1, 2, 3), CORRUPTIONS["dark"][1], strict=True):
        assert np.unique(corrupt(image, "dark", strength)).tolist() == [0, round(200 * light)]
    for strength, share in zip((1, 2, 3), CORRUPTIONS["low contrast"][1], strict=True):
        levels = np.unique(corrupt(image, "low contrast", strength)).tolist()
        assert levels == [round(100 - 100 * share), round(100 + 100 * share)]


@pytest.mark.parametrize("strength", [1, 2, 3])
def test_rotation_turns_by_the_stated_angle_to_either_side(strength):
    dots = np.zeros((40, 49, 49), np.uint8)
    dots[:, 23:26, 41:44] = 255  # to the right of the middle
    turned = corrupt(dots, "rotation", strength).astype(float)
    y, x = np.mgrid[:49, :49] - 24
    weight = turned.sum(axis=(1, 2))
    angles = np.arctan2((turned * y).sum(axis=(1, 2)) / weight, (turned * x).sum((1, 2)) / weight)
    degrees = CORRUPTIONS["rotation"][1][strength - 1]
    assert np.abs(np.rad2deg(angles)) == pytest.approx(np.full(40, degrees), abs=0.7)
    assert 8 < (angles > 0).sum() < 32


@pytest.mark.parametrize(("strength", "side"), [(1, 11), (2, 15), (3, 21)])
def test_occlusion_covers_the_stated_area(strength, side):
    white = np.full((50, 48, 48), 255, np.uint8)
    covered = corrupt(white, "occlusion", strength) == 128
    assert (covered.sum(axis=(1, 2)) == side**2).all()
    assert (covered.any(axis=2).sum(axis=1) == side).all()
    assert covered.any(axis=(0, 2)).sum() > 40  # anywhere, not in one place


@pytest.mark.parametrize("strength", [1, 2, 3])
def test_jpeg_is_like_another_librarys(images, strength):
    file = io.BytesIO()
    Image.fromarray(images[0]).save(file, "JPEG", quality=CORRUPTIONS["JPEG"][1][strength - 1])
    theirs = np.array(Image.open(file))
    ours = corrupt(images[:1], "JPEG", strength)[0]
    assert difference(ours, theirs) < 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((np.zeros((1, 48, 48)), "blur", 1), "must be uint8"),
        ((np.zeros((48, 48), np.uint8), "blur", 1), r"\(n, height, width\)"),
        ((np.zeros((0, 48, 48), np.uint8), "blur", 1), "must be uint8 of shape"),
        ((np.zeros((1, 48, 48), np.uint8), "fog", 1), "no corruption 'fog': choose blur"),
        ((np.zeros((1, 48, 48), np.uint8), "blur", 4), "strength must be 1, 2 or 3"),
    ],
)
def test_what_cannot_be_corrupted_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        corrupt(*arguments)


# -------------------------------------------------------------------------------------- tables


def light_is_happy(images):
    """A recogniser that anyone can predict: happy if the mean is over 100, else sad."""
    light = images.mean(axis=(1, 2)) > 100
    return np.eye(7)[np.where(light, EMOTIONS.index("happy"), EMOTIONS.index("sad"))]


def test_robustness_counts_what_a_known_recogniser_gets_right():
    levels = np.array([20, 60, 150, 180, 240, 250], np.uint8)
    images = levels[:, None, None] * np.ones((48, 48), np.uint8)
    happy, sad = EMOTIONS.index("happy"), EMOTIONS.index("sad")
    labels = np.array([sad, happy, happy, happy, happy, happy])  # the second is wrong
    table = robustness.robustness(light_is_happy, images, labels)
    assert len(table) == 1 + 3 * len(CORRUPTIONS) and (table["images"] == 6).all()
    by_name = table.set_index(["corruption", "strength"])
    assert by_name.loc[("none", 0), "accuracy"] == pytest.approx(5 / 6)
    # half the light: 10 30 75 90 120 125; a quarter or a tenth: all are dark
    assert by_name.loc["dark"]["accuracy"].tolist() == pytest.approx([3 / 6, 1 / 6, 1 / 6])
    assert by_name.loc[("dark", 1), "lost"] == pytest.approx(2 / 6)
    assert by_name.loc[("dark", 1), "setting"] == "50% of the light"
    # neither changes the mean of a flat image
    for name in ("blur", "low contrast", "rotation", "JPEG"):
        assert by_name.loc[name]["lost"].tolist() == [0, 0, 0]


def test_images_and_labels_must_match():
    images = np.zeros((2, 48, 48), np.uint8)
    with pytest.raises(ValueError, match="as many labels as images"):
        robustness.robustness(light_is_happy, images, np.array([1]))
    with pytest.raises(ValueError, match="at least one"):
        robustness.robustness(light_is_happy, images[:0], np.array([]))


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


@pytest.fixture(scope="module")
def drawn():
    return fairness.drawn_groups(7, seed=1, progress=False)


def test_every_person_is_drawn_in_every_group(drawn):
    images, table = drawn
    groups = sum(len(values) for values in fairness.GROUPS.values())
    assert images.shape == (7 * groups, 48, 48) and len(table) == 7 * groups
    counts = table.groupby(["attribute", "group"])["label"].agg(["size", "nunique"])
    assert (counts == 7).all(axis=None)  # one face of each emotion


def test_only_the_named_thing_differs(drawn):
    images, table = drawn
    centre = images[:, 20:36, 14:34].mean(axis=(1, 2))
    skin = centre[(table["attribute"] == "skin").to_numpy()].reshape(7, -1)
    assert (np.diff(skin, axis=1) > 0).all()  # from dark to light
    plain, glasses = (
        images[((table["attribute"] == "glasses") & (table["group"] == group)).to_numpy()]
        for group in ("no", "yes")
    )
    changed = plain != glasses
    assert changed.any(axis=(1, 2)).all()
    assert not changed[:, 40:].any() and not changed[:, :8].any()  # chin and forehead


def test_the_first_people_stay_the_same(drawn):
    images, _ = fairness.drawn_groups(2, seed=1, progress=False)
    np.testing.assert_array_equal(images, drawn[0][: len(images)])


def test_a_recogniser_that_wrongs_dark_skin_is_found_out(drawn):
    images, table = drawn
    truth = iter(table["label"].to_numpy())

    def biased(faces):
        labels = np.array([next(truth) for _ in faces])
        light = faces[:, 20:36, 14:34].mean(axis=(1, 2)) > 60
        return np.eye(7)[np.where(light, labels, (labels + 1) % 7)]

    found = fairness.fairness(biased, 7, seed=1, progress=False)
    skin = found[found["attribute"] == "skin"].set_index("group")["accuracy"]
    assert skin["very dark"] < skin["very light"] == 1
    assert list(found.columns) == ["attribute", "group", "faces", "accuracy", "low", "high"]


def test_no_people_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        fairness.drawn_groups(0)
