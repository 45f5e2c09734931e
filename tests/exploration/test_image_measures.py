"""Measures order images as one would."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from sample_images import noise

from facevalue.data.dataset import Dataset
from facevalue.exploration import image_measures


def test_measures_order_images_as_one_would() -> None:
    rng = np.random.default_rng(0)
    image = noise(1)[0] // 2 + 60
    lit = np.clip(image + np.linspace(-60, 60, 48), 0, 255).astype("uint8")
    even = ((image.astype(int) + image[:, ::-1]) // 2).astype("uint8")
    drawing = np.full((48, 48), 255, np.uint8)
    cv2.circle(drawing, (24, 24), 18, 0, 2)
    grain = np.clip(image + rng.normal(0, 20, (48, 48)), 0, 255).astype("uint8")
    table = image_measures.measure(np.stack([image, image // 2, lit, even, drawing, grain]))
    assert table["brightness"].idxmin() == 1
    assert table["brightness"].idxmax() == 4
    assert table["side_light"].idxmax() == 2
    assert table["symmetry"][3] == pytest.approx(1, abs=1e-4)
    alone = image_measures.measure(image[None]).drop(columns="reconstruction_error").iloc[0]
    assert np.allclose(alone, table.drop(columns="reconstruction_error").iloc[0])
    assert table["flatness"].idxmax() == 4
    assert table["sharpness"][5] > table["sharpness"][0]
    assert table["brightness"][0] == pytest.approx(image.mean())
    assert table["contrast"][0] == pytest.approx(image.std())


@pytest.mark.slow
def test_what_is_no_face_is_strange_among_faces(drawn: Dataset) -> None:
    images = drawn.images[:200].copy()
    images[[50, 120]] = noise(2, seed=9)
    error = image_measures.measure(images)["reconstruction_error"]
    assert {50, 120} <= set(error.nlargest(10).index)


def test_no_images_have_no_measures() -> None:
    assert len(image_measures.measure(np.zeros((0, 48, 48), np.uint8))) == 0
