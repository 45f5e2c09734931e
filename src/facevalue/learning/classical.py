"""Training classical models and predicting with them, after checks of the input."""

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
        faces: images, uint8, shape (n, 48, 48), for `MirrorRidge` and for pipelines that begin with
            a class of `image_features`; features, float, shape (n, d), for all other models.
        labels: int, shape (n,), with at least two classes.

    Raises:
        ValueError: the faces have another shape or dtype, or contain NaN; there is not one label
            per face; or all labels are the same.

    >>> from sklearn.svm import SVC
    >>> model = fit(SVC(), np.eye(6), [0, 0, 0, 1, 1, 1])
    >>> predict(model, np.eye(6)[[0, 5]]).tolist()
    [0, 1]
    """
    faces = _check_faces(model, faces)
    labels = check_labels(labels, len(faces))
    # one thread: the threads of gradient boosting wait for each other, so that on a busy machine
    # two took ten times as long as one
    with threadpool_limits(1, "openmp"):
        return model.fit(faces, labels)


def predict(model: BaseEstimator, faces: ArrayLike) -> np.ndarray:
    """Return the class of each face, int, shape (n,).

    Args:
        model: a trained classifier of scikit-learn.
        faces: as in `fit`.

    Raises:
        ValueError: the faces have another shape or dtype, or contain NaN; or the feature vectors
            have another length than in training.
    """
    return model.predict(_check_faces(model, faces))


def _check_faces(model: BaseEstimator, faces: ArrayLike) -> np.ndarray:
    """Return the faces as an array of images or features, whichever the model takes."""
    first = model[0] if isinstance(model, Pipeline) else model
    if isinstance(first, ImageFeatures | MirrorRidge):
        return check_images(faces)
    return check_features(faces, getattr(model, "n_features_in_", None))
