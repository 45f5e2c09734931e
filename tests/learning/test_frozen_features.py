"""Frozen features and their cache."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from facevalue.learning import backbones, frozen_features

pytestmark = pytest.mark.usefixtures("processed")


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (21, 48, 48)).astype(np.uint8)


@pytest.fixture
def body() -> keras.Model:
    keras.utils.set_random_seed(3)
    return backbones.backbone("rendered", weights=False)


def files(processed: Path) -> list[str]:
    return sorted(file.name for file in (processed / "features").glob("*.npz"))


@pytest.mark.slow
def test_features_are_the_means_of_the_bodys_maps(body: keras.Model, images: np.ndarray) -> None:
    found = frozen_features.features(body, "rendered", images, batch_size=8)
    ready = (images[..., None].repeat(3, axis=-1) / 127.5 - 1).astype("float32")
    maps = keras.ops.convert_to_numpy(body(ready, training=False))
    assert found.dtype == np.float32 and found.shape == (21, 128)
    np.testing.assert_allclose(found, maps.mean((1, 2)), rtol=1e-4, atol=1e-5)


def test_features_are_computed_once(
    body: keras.Model, images: np.ndarray, processed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = frozen_features.features(body, "rendered", images)
    assert len(files(processed)) == 1
    monkeypatch.setattr(frozen_features, "extractor", lambda *_: pytest.fail("computed again"))
    np.testing.assert_array_equal(frozen_features.features(body, "rendered", images), first)


@pytest.mark.slow
def test_other_weights_faces_or_ranges_get_new_features(
    body: keras.Model, images: np.ndarray, processed: Path
) -> None:
    first = frozen_features.features(body, "rendered", images)
    frozen_features.features(body, "rendered", images[::-1].copy())
    frozen_features.features(body, "vggface", images)
    body.set_weights([weight * 1.5 for weight in body.get_weights()])
    assert not np.allclose(frozen_features.features(body, "rendered", images), first)
    assert len(files(processed)) == 4


@pytest.mark.slow
def test_a_damaged_file_is_computed_again(
    body: keras.Model, images: np.ndarray, processed: Path
) -> None:
    first = frozen_features.features(body, "rendered", images)
    (file,) = (processed / "features").glob("*.npz")
    for content in (b"", file.read_bytes()[:5000], b"x" * 300):
        file.write_bytes(content)
        np.testing.assert_array_equal(frozen_features.features(body, "rendered", images), first)


@pytest.mark.slow
def test_the_oldest_features_are_removed_above_the_limit(
    body: keras.Model, images: np.ndarray, processed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a file has 21 x 128 x 4 bytes and a header
    monkeypatch.setattr(frozen_features, "CACHE_BYTES", 15_000)
    for shift in range(4):
        frozen_features.features(body, "rendered", np.roll(images, shift, axis=1))
    assert len(files(processed)) == 2


def test_nothing_is_cached_if_that_is_not_wanted_or_not_possible(
    body: keras.Model, images: np.ndarray, processed: Path
) -> None:
    first = frozen_features.features(body, "rendered", images, keep=False)
    assert not (processed / "features").exists()
    (processed / "features").write_text("a file where the folder should be")
    np.testing.assert_array_equal(frozen_features.features(body, "rendered", images), first)


def test_wrong_images_are_refused(body: keras.Model) -> None:
    with pytest.raises(ValueError, match=r"uint8 of shape \(n, 48, 48\), not float64 of shape"):
        frozen_features.features(body, "rendered", np.zeros((2, 48, 48)))


def test_maps_keep_the_places_that_pooling_averages(body: keras.Model, images: np.ndarray) -> None:
    pooled = frozen_features.features(body, "rendered", images)
    maps = frozen_features.features(body, "rendered", images, pool=False)
    assert maps.shape == (21, 3, 3, 128)
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), pooled, atol=1e-5)
