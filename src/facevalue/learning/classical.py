"""Training classical models and predicting with them, with checks of the input."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from facevalue.learning.classical_checks import check_features, check_images, check_labels
from facevalue.learning.image_features import ImageFeatures
from facevalue.learning.mirror_ridge import MirrorRidge

Model = TypeVar("Model", bound=BaseEstimator)


def fit(model: Model, faces: ArrayLike, labels: ArrayLike) -> Model:
    """Train a model in place and return it.

    Args:
        model: a classifier of scikit-learn.
        faces: images, uint8, shape (n, 48, 48), if the model takes images, as `MirrorRidge` and
            pipelines that begin with a class of `image_features` do; otherwise features, float,
            shape (n, d).
        labels: int, shape (n,).

    Raises:
        ValueError: there is only one class, NaN, or a wrong shape; the message says which.

    >>> from sklearn.svm import SVC
    >>> model = fit(SVC(), np.eye(6), [0, 0, 0, 1, 1, 1])
    >>> predict(model, np.eye(6)[[0, 5]]).tolist()
    [0, 1]
    """
    faces = _check_faces(model, faces)
    labels = check_labels(labels, len(faces))
    # the threads of gradient boosting wait for each other: on a busy machine, two threads took
    # ten times as long as one
    with threadpool_limits(1, "openmp"):
        return model.fit(faces, labels)


def predict(model: BaseEstimator, faces: ArrayLike) -> np.ndarray:
    """Return the class of each face, int, shape (n,).

    Args:
        model: a trained classifier of scikit-learn.
        faces: as in `fit`.

    Raises:
        ValueError: a feature vector has another length than in training, NaN, or a wrong shape.
    """
    return model.predict(_check_faces(model, faces))


def _check_faces(model: BaseEstimator, faces: ArrayLike) -> np.ndarray:
    first = model[0] if isinstance(model, Pipeline) else model
    if isinstance(first, ImageFeatures | MirrorRidge):
        return check_images(faces)
    return check_features(faces, getattr(model, "n_features_in_", None))
