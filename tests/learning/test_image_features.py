"""Features of faces, by hand and by symmetry."""

from __future__ import annotations

import numpy as np
import pytest

from facevalue.learning import image_features


@pytest.mark.slow
def test_pixels_are_the_image_row_by_row(drawn):
    rows = image_features.Pixels().transform(drawn.images[:3])
    assert rows.dtype == np.float32
    assert np.allclose(rows.reshape(3, 48, 48) * 255, drawn.images[:3])


def test_gradients_do_not_depend_on_brightness_and_contrast():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 100, (1, 48, 48)).astype("uint8")
    hog = image_features.Gradients(8)
    assert hog.transform(image).shape == (1, 5 * 5 * 4 * 9)
    assert np.allclose(hog.transform(image), hog.transform(image + 50), atol=1e-5)
    assert np.allclose(hog.transform(image), hog.transform(image * 2), atol=0.02)


def test_gradients_find_the_direction_of_an_edge():
    upright = np.tile(np.arange(48, dtype="uint8") * 5, (48, 1))
    hog = image_features.Gradients(8)
    both = hog.transform(np.stack([upright, upright.T])).reshape(2, -1, 9).mean(axis=1)
    # OpenCV's bins begin at the horizontal gradient, which a ramp to the right has
    assert set(both[0].argsort()[-2:]) == {0, 8}
    assert both[1].argmax() == 4


def binary_pattern(image, y, x):
    """Return the bin of one pixel, computed from the definition."""
    circle = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    bits = [int(image[y + dy, x + dx] >= image[y, x]) for dy, dx in circle]
    changes = sum(bits[i] != bits[i - 1] for i in range(8))
    code = sum(bit << i for i, bit in enumerate(bits))
    uniform = [
        c for c in range(256) if sum((c >> i & 1) != (c >> (i - 1) % 8 & 1) for i in range(8)) <= 2
    ]
    assert len(uniform) == 58
    return uniform.index(code) if changes <= 2 else 58


def test_binary_patterns_as_defined():
    image = np.random.default_rng(1).integers(0, 256, (48, 48)).astype("uint8")
    ours = image_features.BinaryPatterns(8).transform(image[None]).reshape(6, 6, 59)
    expected = np.zeros(59)
    for y in range(16, 24):
        for x in range(8, 16):
            expected[binary_pattern(image, y, x)] += 1
    assert np.allclose(ours[2, 1] ** 2 * 64, expected, atol=1e-3)
    assert np.allclose((ours**2).sum(axis=2), 1, atol=1e-5)


def test_binary_patterns_do_not_depend_on_brightness():
    image = np.random.default_rng(2).integers(0, 120, (1, 48, 48)).astype("uint8")
    lbp = image_features.BinaryPatterns(12)
    assert np.array_equal(lbp.transform(image), lbp.transform(image * 2 + 10))


@pytest.mark.parametrize(
    "features", [image_features.Gradients(7), image_features.BinaryPatterns(5)]
)
def test_a_cell_that_does_not_fit(features, drawn):
    with pytest.raises(ValueError, match="fit|divide"):
        features.transform(drawn.images[:1])


def test_overlapping_gradients_contain_the_plain_ones(drawn):
    plain = image_features.Gradients(8).transform(drawn.images[:2]).reshape(2, 5, 5, 36)
    fine = image_features.Gradients(8, step=4).transform(drawn.images[:2]).reshape(2, 9, 9, 36)
    assert np.allclose(fine[:, ::2, ::2], plain, atol=1e-6)
    with pytest.raises(ValueError, match="must divide 8"):
        image_features.Gradients(8, step=3).transform(drawn.images[:1])


def test_no_images_give_no_rows():
    empty = np.zeros((0, 48, 48), "uint8")
    assert image_features.Gradients(8).transform(empty).shape == (0, 900)
    assert image_features.BinaryPatterns(8).transform(empty).shape == (0, 2124)


def test_fewer_samples_than_components():
    with pytest.raises(ValueError, match="253 components cannot be found in 100 faces"):
        image_features.pca(np.zeros((100, 900)), 253)
