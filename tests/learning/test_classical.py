"""Training and predicting with classical models: bad input is refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from facevalue.learning import classical, image_features, mirror_ridge


@pytest.fixture(scope="module")
def model(drawn):
    steps = make_pipeline(image_features.Gradients(8), PCA(30, random_state=0), SVC(C=3))
    return classical.fit(steps, drawn.images, drawn.labels)


def test_one_class_only(drawn):
    with pytest.raises(ValueError, match="only class 3"):
        classical.fit(SVC(), np.zeros((5, 4)), np.full(5, 3))
    with pytest.raises(ValueError, match="two emotions"):
        mirror_ridge.MirrorRidge().fit(drawn.images[:5], np.full(5, 3))


def test_labels_for_other_faces():
    with pytest.raises(ValueError, match="one label for each of the 5 faces"):
        classical.fit(SVC(), np.zeros((5, 4)), np.arange(4))


def test_nan_is_refused(model):
    images = np.zeros((3, 48, 48))
    images[1, 5, 5] = np.nan
    with pytest.raises(ValueError, match="Image 1 has NaN"):
        classical.predict(model, images)
    rows = np.zeros((3, 20))
    rows[2, 7] = np.nan
    with pytest.raises(ValueError, match="Row 2 of the features contains NaN"):
        image_features.pca(rows, 2)
    with pytest.raises(ValueError, match="Row 2"):
        classical.fit(SVC(), rows, np.array([0, 1, 1]))


def test_a_feature_vector_of_the_wrong_length():
    svm = classical.fit(SVC(), np.eye(6), np.arange(6) % 2)
    with pytest.raises(ValueError, match="has 5 numbers, but the model was trained on 6"):
        classical.predict(svm, np.zeros((2, 5)))


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 47, 48), "uint8"), "shape"),
        (np.zeros((48, 48), "uint8"), "shape"),
        (np.zeros((2, 48, 48), "float32"), "uint8"),
    ],
)
def test_images_of_another_shape_or_dtype(model, images, words):
    with pytest.raises(ValueError, match=words):
        classical.predict(model, images)
