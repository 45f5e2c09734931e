"""Spoilt training images have what cameras and the web do to faces, and no more of it."""

import cv2
import numpy as np
import pytest

from facevalue.learning.spoiling import Spoiling, spoil


def rng():
    return np.random.default_rng(0)


def pictures(n=200, side=48):
    """Smooth pictures with a sharp edge in the middle."""
    images = np.full((n, side, side, 1), 0.3, np.float32)
    images[:, :, side // 2 :] = 0.7
    return images


def only(**settings):
    """Spoil every image in one way, if at all."""
    nothing = {"side_light": 0, "gamma": 1, "roll": 0, "blur": 0, "shrink": 1, "noise": 0}
    return Spoiling(**nothing | {"share": 1, "jpeg": 95} | settings)


def changed(before, after, least=1 / 255):
    return np.abs(after - before).max(axis=(1, 2, 3)) > least


def test_by_default_nothing_is_spoilt():
    assert np.array_equal(spoil(pictures(), Spoiling(), rng()), pictures())


def test_the_share_of_the_images_is_spoilt_and_the_originals_are_kept():
    images = pictures(1000)
    spoilt = spoil(images, Spoiling(share=0.4), rng())
    # one in 128 goes through none of the seven steps
    assert changed(images, spoilt).mean() == pytest.approx(0.4 * 127 / 128, abs=0.05)
    assert np.array_equal(images, pictures(1000))
    assert spoilt.dtype == np.float32 and spoilt.min() >= 0 and spoilt.max() <= 1


def test_noise_has_at_most_the_given_standard_deviation():
    images = np.full((400, 48, 48, 1), 0.5, np.float32)
    spread = 255 * (spoil(images, only(noise=20), rng()) - images).std(axis=(1, 2, 3))
    assert (spread > 1).mean() == pytest.approx(0.47, abs=0.08)
    assert 18 < spread.max() < 21


def test_blur_is_at_most_that_of_the_given_standard_deviation():
    images = pictures(400)
    spoilt = spoil(images, only(blur=2), rng())
    steepest = np.abs(np.diff(spoilt, axis=2)).max(axis=(1, 2, 3))
    hardest = np.abs(np.diff(cv2.GaussianBlur(images[0], (0, 0), 2.0), axis=1)).max()
    assert hardest * 0.95 < steepest.min() < hardest * 1.1
    assert steepest.max() == pytest.approx(0.4, abs=0.01)  # half of them are not blurred


def test_a_shrunk_image_keeps_its_mean_and_loses_its_details():
    images = rng().random((200, 48, 48, 1), dtype=np.float32)
    spoilt = spoil(images, only(shrink=3), rng())
    which = changed(images, spoilt, 0.1)
    assert 0.3 < which.mean() < 0.6
    assert spoilt[which].std(axis=(1, 2, 3)).max() < images.std()
    means = spoilt.mean(axis=(1, 2, 3)), images.mean(axis=(1, 2, 3))
    assert means[0] == pytest.approx(means[1], abs=0.02)


def test_the_lowest_jpeg_quality_is_that_of_opencv():
    images = rng().random((300, 48, 48, 1), dtype=np.float32)
    spoilt = spoil(images, only(jpeg=10), rng())
    difference = np.abs(spoilt - images).mean(axis=(1, 2, 3))
    levels = np.rint(images[:, ..., 0] * 255).astype(np.uint8)
    worst = [
        cv2.imdecode(cv2.imencode(".jpg", image, [1, 10])[1], cv2.IMREAD_GRAYSCALE) / 255
        for image in levels
    ]
    hardest = np.abs(worst - images[..., 0]).mean(axis=(1, 2))
    assert (difference < 1.05 * hardest).all()
    assert difference.max() > 0.9 * hardest.mean()
    assert changed(images, spoilt).mean() == pytest.approx(0.5, abs=0.1)


def test_side_light_darkens_one_side_by_at_most_the_given_share():
    images = np.full((400, 48, 48, 1), 0.8, np.float32)
    spoilt = spoil(images, only(side_light=0.5), rng())[..., 0] / 0.8
    which = changed(images, 0.8 * spoilt[..., None], 0.02)
    assert which.mean() == pytest.approx(0.48, abs=0.08)
    assert spoilt.max() < 1.01
    assert spoilt.min() == pytest.approx(0.5, abs=0.02)
    # the light falls from every side: each corner is the darkest one of some faces
    corners = spoilt[which][:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert set(corners.argmin(axis=1)) == {0, 1, 2, 3}


def test_gamma_darkens_or_brightens_the_middle_and_keeps_black_and_white():
    images = np.zeros((400, 48, 48, 1), np.float32)
    images[:, :, 16:32] = 0.5
    images[:, :, 32:] = 1
    black, middle, white = spoil(images, only(gamma=2), rng())[:, 24, [8, 24, 40], 0].T
    assert black.max() < 0.02 and white.min() > 0.98
    assert middle.min() == pytest.approx(0.5**2, abs=0.02)
    assert middle.max() == pytest.approx(0.5**0.5, abs=0.02)


def test_a_rolled_face_is_turned_around_its_middle_by_at_most_the_given_angle():
    image = np.zeros((48, 48), np.float32)
    image[24, 4:44] = 1  # a level line
    image = cv2.GaussianBlur(image, (0, 0), 1)
    rolled = spoil(np.stack([image] * 400)[..., None], only(roll=30), rng())[..., 0]
    down, right = np.mgrid[:48, :48] - 23.5
    across, along = (down * right * rolled).sum((1, 2)), ((right**2 - down**2) * rolled).sum((1, 2))
    degrees = np.rad2deg(np.arctan2(2 * across, along) / 2)
    assert (np.abs(degrees) > 1).mean() == pytest.approx(0.48, abs=0.08)
    assert degrees.min() == pytest.approx(-30, abs=2)
    assert degrees.max() == pytest.approx(30, abs=2)


def test_a_generator_in_the_same_state_spoils_alike():
    first, again = (spoil(pictures(), Spoiling(share=0.5), rng()) for _ in range(2))
    assert np.array_equal(first, again)
