from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from facevalue.data.dataset import SPLITS, Dataset
from facevalue.emotions import EMOTIONS


def made(labels: list[int], splits: list[str], truth: bool = False) -> Dataset:
    """A set whose image i is grey level i everywhere."""
    n = len(labels)
    images = np.repeat(np.arange(n, dtype=np.uint8), 48 * 48).reshape(n, 48, 48)
    origins = np.array([f"face {i}" for i in range(n)])
    table = pd.DataFrame({"number": range(n)}) if truth else None
    return Dataset("rendered", images, np.array(labels), np.array(splits), origins, table)


@pytest.fixture
def six() -> Dataset:
    splits = ["Training", "Training", "PublicTest", "Training", "PrivateTest", "PublicTest"]
    return made([0, 3, 3, 6, 1, 0], splits, truth=True)


def test_x_is_what_a_network_takes(six: Dataset) -> None:
    assert six.x.shape == (6, 48, 48, 1)
    assert six.x.dtype == np.float32
    assert six.x[5, 0, 0, 0] == pytest.approx(5 / 255)


def test_split_keeps_order_and_everything_about_an_image(six: Dataset) -> None:
    public = six.split("PublicTest")
    assert public.images[:, 0, 0].tolist() == [2, 5]
    assert public.labels.tolist() == [3, 0]
    assert public.origins.tolist() == ["face 2", "face 5"]
    assert public.truth is not None
    assert public.truth["number"].tolist() == [2, 5]
    assert public.truth.index.tolist() == [0, 1]
    assert len(six.split("PublicTest", "PrivateTest")) == 3


def test_take_by_index_by_mask_and_by_slice(six: Dataset) -> None:
    assert six.take(np.array([4, 0])).origins.tolist() == ["face 4", "face 0"]
    first = six.take(slice(2))
    assert first.origins.tolist() == ["face 0", "face 1"]
    assert first.truth is not None and first.truth["number"].tolist() == [0, 1]
    masked = six.take(six.labels == 3)
    assert masked.truth is not None
    assert masked.truth["number"].tolist() == [1, 2]


def test_counts_by_hand(six: Dataset) -> None:
    counts = six.counts()
    assert list(counts.columns) == [*EMOTIONS, "total"]
    assert list(counts.index) == list(SPLITS)
    assert counts.loc["Training"].tolist() == [1, 0, 0, 1, 0, 0, 1, 3]
    assert counts.loc["PublicTest", "happy"] == 1
    assert counts["total"].sum() == 6


def test_sample_keeps_proportions_rare_classes_and_the_test_splits() -> None:
    labels = [0] * 150 + [1] * 2 + [6] * 48 + [0, 1, 6]
    data = made(labels, ["Training"] * 200 + ["PublicTest", "PrivateTest", "PrivateTest"])
    small = data.sample(20)
    assert small.counts()["total"].tolist() == [20, 1, 2]
    # a tenth of each class is 15, 0.2 and 4.8: the rare one is kept, so another gives one up
    assert small.counts().loc["Training", ["angry", "disgust", "neutral"]].tolist() == [15, 1, 4]
    assert (np.diff(small.images[:, 0, 0].astype(int)) > 0).all()
    assert data.sample(20).origins.tolist() == small.origins.tolist()
    assert data.sample(20, seed=1).origins.tolist() != small.origins.tolist()


@pytest.mark.parametrize("n", [7, 33, 99, 150, 199])
def test_sample_has_exactly_the_number_asked_for(n: int) -> None:
    rng = np.random.default_rng(n)
    data = made(rng.integers(0, 7, 200).tolist(), ["Training"] * 200)
    assert len(data.sample(n)) == n
    assert len(np.unique(data.sample(n).labels)) == 7


def test_sample_of_more_than_there_are_is_the_whole_set(six: Dataset) -> None:
    assert six.sample(100) is six


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((2, 48, 48), np.float32)}, "uint8"),
        ({"images": np.zeros((2, 64, 64), np.uint8)}, "64, 64"),
        ({"labels": np.array([0, 7])}, "0 to 6"),
        ({"labels": np.array([0, -1])}, "0 to 6"),
        ({"labels": np.array([0])}, "labels must have one entry for each of the 2"),
        ({"splits": np.array(["Training", "Test"])}, "'Test'"),
        ({"truth": pd.DataFrame({"a": [1]})}, "truth must have one row for each of the 2"),
    ],
)
def test_wrong_arrays_are_refused(change: dict, message: str) -> None:
    fields = {
        "name": "rendered",
        "images": np.zeros((2, 48, 48), np.uint8),
        "labels": np.array([0, 6]),
        "splits": np.array(["Training", "PublicTest"]),
        "origins": np.array(["a", "b"]),
    }
    Dataset(**fields)
    with pytest.raises(ValueError, match=message):
        Dataset(**(fields | change))


def test_an_unknown_split_is_refused_by_name(six: Dataset) -> None:
    with pytest.raises(ValueError, match="'Validation'.*Training, PublicTest, PrivateTest"):
        six.split("Validation")


def network(channels: int, answers: int) -> SimpleNamespace:
    return SimpleNamespace(input_shape=(None, 48, 48, channels), output_shape=(None, answers))


def test_a_grey_network_of_seven_takes_all_faces_as_they_are(six: Dataset) -> None:
    images, labels = six.for_model(network(1, 7))
    np.testing.assert_array_equal(images, six.images)
    np.testing.assert_array_equal(labels, six.labels)


def test_project_4s_network_takes_three_equal_channels_and_five_emotions() -> None:
    data = made(list(range(7)), ["Training"] * 7)
    images, labels = data.for_model(network(3, 5))
    five = ["angry", "fear", "happy", "sad", "surprise"]
    assert [EMOTIONS[k] for k in images[:, 0, 0, 0]] == five  # image i is grey level i
    assert labels.tolist() == [0, 1, 2, 3, 4]
    assert images.shape == (5, 48, 48, 3) and images.dtype == np.uint8
    assert (images[..., 0] == images[..., 2]).all()
