"""Each setting of an augmentation has its documented effect, and no other."""

import numpy as np
import pytest

from facevalue.learning.augmentation import Augmentation, augment

NONE = Augmentation(flip=False, shift=0, rotate=0, zoom=0, light=0, erase=0)


def only(**setting):
    """An augmentation that does one thing."""
    return Augmentation(**(vars(NONE) | setting))


def rng(seed=0):
    return np.random.default_rng(seed)


def noise(n=20, shape=(12, 12, 1)):
    return rng(1).random((n, *shape), dtype=np.float32)


def test_no_augmentation_changes_nothing():
    assert np.array_equal(augment(noise(), NONE, rng()), noise())


def test_a_flip_is_the_mirror_image_and_two_flips_cancel():
    images = noise()
    once = augment(images, only(flip=True), rng())
    flipped = [not np.array_equal(a, b) for a, b in zip(once, images, strict=True)]
    assert 0 < sum(flipped) < len(images)
    assert np.array_equal(once[flipped], images[flipped][:, :, ::-1])
    again = augment(once, only(flip=True), rng())  # the same ones
    assert np.array_equal(again, images)


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_levels_stay_from_0_to_1_and_shapes_do_not_change(channels):
    images = noise(60, (10, 14, channels))
    changed = augment(images, Augmentation(light=1.0), rng())
    assert changed.shape == images.shape
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert np.isfinite(changed).all()


def test_the_same_generator_gives_the_same_images_and_the_next_draw_others():
    one, other = rng(5), rng(5)
    first = augment(noise(), Augmentation(), one)
    assert np.array_equal(first, augment(noise(), Augmentation(), other))
    assert not np.array_equal(first, augment(noise(), Augmentation(), one))


def test_images_are_not_changed_in_place():
    images = noise()
    augment(images, Augmentation(), rng())
    assert np.array_equal(images, noise())


def spots(augmentation, n=200):
    """Return where a soft spot, drawn 12 pixels right of the centre, is afterwards.

    The result has the shape (n, 2): pixels right of and below the centre.
    """
    rows, columns = np.mgrid[:49, :49] - 24.0
    spot = np.exp(-((columns - 12) ** 2 + rows**2) / 8)
    images = np.repeat(spot[None, ..., None].astype(np.float32), n, axis=0)
    changed = augment(images, augmentation, rng())[..., 0]
    mass = changed.sum(axis=(1, 2))
    places = [(changed * grid).sum(axis=(1, 2)) / mass for grid in (columns, rows)]
    return np.stack(places, axis=1)


def test_a_shift_moves_by_at_most_its_share_of_the_side():
    moved = spots(only(shift=0.1)) - (12, 0)
    assert abs(moved).max() <= 4.9 + 0.1
    assert abs(moved).max() > 4
    assert abs(moved.mean(axis=0)).max() < 1


def test_a_rotation_keeps_the_distance_from_the_centre():
    places = spots(only(rotate=20))
    assert np.hypot(*places.T) == pytest.approx(12, abs=0.1)
    angles = np.rad2deg(np.arctan2(places[:, 1], places[:, 0]))
    assert 17 < angles.max() <= 20.2
    assert -17 > angles.min() >= -20.2


def test_a_zoom_changes_the_distance_and_not_the_direction():
    places = spots(only(zoom=0.2))
    assert abs(places[:, 1]).max() < 0.1
    assert 12 / 1.2 - 0.1 < places[:, 0].min() < 10.5
    assert 14 < places[:, 0].max() < 12 / 0.8 + 0.1


def test_light_changes_all_pixels_equally():
    images = np.full((300, 4, 4, 1), 0.5, np.float32)
    changed = augment(images, only(light=0.2), rng())
    assert np.ptp(changed, axis=(1, 2, 3)).max() == 0
    assert 0.3 <= changed.min() < 0.36  # 0.5 * 0.8 - 0.1
    assert 0.64 < changed.max() <= 0.7


def test_erasing_covers_one_square_of_one_grey():
    images = np.zeros((300, 20, 20, 1), np.float32)
    changed = augment(images, only(erase=0.5), rng())[..., 0]
    covered = changed[changed.max(axis=(1, 2)) > 0]
    assert 110 < len(covered) < 190
    for image in covered:
        rows, columns = np.nonzero(image)
        side = np.ptp(rows) + 1
        assert np.ptp(columns) + 1 == side
        assert len(rows) == side**2
        assert len(np.unique(image[rows, columns])) == 1
        assert 2 <= side <= 10  # 2 to 25 % of 400 pixels
