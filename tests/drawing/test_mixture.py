"""Project 1's mixture of four sources."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facevalue.data.dataset import Dataset
from facevalue.drawing import faces, mixture


def several(n: int, name: str = "rendered") -> Dataset:
    """Return n different Training images, as many of each emotion."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (n, 48, 48), dtype=np.uint8)
    return Dataset(
        name, images, np.arange(n) % 7, np.full(n, "Training"), np.array([str(i) for i in range(n)])
    )


def by_source(mixed: mixture.Mixed) -> dict[str, int]:
    return {str(k): int(v) for k, v in pd.Series(mixed.sources).value_counts().items()}


@pytest.fixture
def drawings(processed: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the faces that were drawn during a test."""
    sizes: list[int] = []

    def draw(units: object, person: object, view: object, size: int) -> np.ndarray:
        sizes.append(size)
        return np.full((size, size), len(sizes) % 256, np.uint8)

    monkeypatch.setattr(faces, "draw", draw)
    return sizes


@pytest.mark.slow
def test_the_mixture_has_the_published_counts(drawings: list[int]) -> None:
    mixed = mixture.mixed(several(3_500), 48)
    assert len(mixed.images) == 3357
    assert by_source(mixed) == {
        "Kaggle": 1400, "FER-2013": 1400, "DuckDuckGo": 448, "Pixabay": 109,
    }  # fmt: skip
    # project 1's faces of each emotion: 18 + 62 + 400 angry, 3 + 63 + 400 disgusted, and so on
    assert np.bincount(mixed.labels).tolist() == [480, 466, 459, 505, 466, 498, 483]
    assert set(drawings) == {224}
    assert len(drawings) == 1957


def test_a_smaller_mixture_has_the_same_proportions(drawings: list[int]) -> None:
    mixed = mixture.mixed(several(700), 64, per_class=20)
    assert mixed.images.shape[1:] == (64, 64)
    assert by_source(mixed)["Kaggle"] == by_source(mixed)["FER-2013"] == 140
    assert by_source(mixed)["DuckDuckGo"] == pytest.approx(44.8, abs=3)


def test_real_faces_are_not_mixed_with_drawn_ones(drawings: list[int]) -> None:
    data = several(700, "fer2013")
    mixed = mixture.mixed(data, 48, per_class=20)
    assert not drawings
    real = {image.tobytes(): label for image, label in zip(data.images, data.labels, strict=True)}
    assert [real[image.tobytes()] for image in mixed.images] == mixed.labels.tolist()


def test_no_image_is_mixed_twice_and_a_rare_emotion_has_fewer(drawings: list[int]) -> None:
    data = several(700, "fer2013")
    data.images[::7][:90] = data.images[0]  # angry: eleven different images are left
    mixed = mixture.mixed(data, 48, per_class=20)
    assert len({image.tobytes() for image in mixed.images}) == len(mixed.images)
    assert (mixed.labels == 0).sum() == 11


def test_only_training_images_are_mixed(drawings: list[int]) -> None:
    data = several(1400, "fer2013")
    data.splits[700:] = "PrivateTest"
    private = {image.tobytes() for image in data.images[700:]}
    assert not private & {i.tobytes() for i in mixture.mixed(data, 48, per_class=20).images}


def test_the_drawn_part_is_drawn_once_and_again_when_damaged(
    drawings: list[int], processed: Path
) -> None:
    first = mixture.mixed(several(70), 64, per_class=2)
    drawn_at_first = len(drawings)
    assert mixture.mixed(several(70), 64, per_class=2).key == first.key
    assert len(drawings) == drawn_at_first
    for file in processed.glob("portraits-happy-*.npz"):
        file.write_bytes(file.read_bytes()[:200])
    mixture.mixed(several(70), 64, per_class=2)
    assert len(drawings) > drawn_at_first


def test_another_image_or_size_changes_the_key(drawings: list[int]) -> None:
    data = several(70)
    key = mixture.mixed(data, 48, per_class=2).key
    assert mixture.mixed(data, 64, per_class=2).key != key
    data.images[:] ^= 1
    assert mixture.mixed(data, 48, per_class=2).key != key


@pytest.mark.parametrize(("size", "per_class"), [(4, 200), (5000, 200), (64, 0), (64, 201)])
def test_a_size_out_of_range_is_refused_with_the_allowed_range(size: int, per_class: int) -> None:
    with pytest.raises(ValueError, match="size must be from 24 to 1024 pixels and per_class"):
        mixture.mixed(several(7), size, per_class)


def test_a_mixture_of_nothing_is_refused() -> None:
    data = several(7)
    data.splits[:] = "PublicTest"
    with pytest.raises(ValueError, match="data set rendered has no Training images to mix"):
        mixture.mixed(data)
