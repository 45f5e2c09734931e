"""The effect of corruptions on pixels, compared with values computed independently."""

import io

import numpy as np
import pytest
from PIL import Image

from facevalue.evaluation.corruptions import CORRUPTIONS, corrupt, shifted


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
def test_another_seed_gives_other_corruptions(images, name):
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
        ((np.zeros((1, 48, 48), np.uint8), "fog", 1), "no corruption 'fog': choose from blur"),
        ((np.zeros((1, 48, 48), np.uint8), "blur", 4), "strength must be 1, 2 or 3"),
    ],
)
def test_wrong_arguments_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        corrupt(*arguments)


def test_a_shifted_image_moves_and_repeats_its_edge():
    image = np.arange(9).reshape(1, 3, 3)
    assert shifted(image, 1, 0).tolist() == [[[0, 1, 2], [0, 1, 2], [3, 4, 5]]]
    assert shifted(image, 0, -1).tolist() == [[[1, 2, 2], [4, 5, 5], [7, 8, 8]]]
    assert shifted(image, 0, 0).tolist() == image.tolist()
    assert shifted(image, 5, 0).tolist() == [[[0, 1, 2]] * 3], "more than the image is high"
