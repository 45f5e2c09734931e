"""Few labelled images: drawing them, and the two ways of learning from them that are compared."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from facevalue.emotions import EMOTIONS
from facevalue.learning import fine_tuning, networks
from facevalue.learning.augmentation import Augmentation, augment


def draw(labels: np.ndarray, per_class: int | None, seed: int) -> np.ndarray:
    """Return the rows of some images of each class, drawn at random.

    Args:
        labels: int, shape (n,).
        per_class: how many images of each class; a class with fewer gives all of its images. None
            for all images.
        seed: the seed of the draw. Its smaller draws are parts of its larger ones.

    >>> draw(np.array([0, 0, 0, 4]), 2, seed=1).shape
    (3,)
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    return np.concatenate([order[labels[order] == k][:per_class] for k in np.unique(labels)])


def head(alpha: float) -> Pipeline:
    """Return a linear classifier for frozen features: ridge regression on standardised columns.

    Args:
        alpha: how strongly large weights are punished, above 0.
    """
    return make_pipeline(StandardScaler(), RidgeClassifier(alpha=alpha))


def small_network(rate: float) -> keras.Model:
    """Return `networks.small_body` with a head, compiled, to be trained from scratch.

    Args:
        rate: Adam's learning rate.

    Returns:
        A model from faces, float, shape (n, 48, 48, 1), 0 to 255, to probabilities, shape (n, 7).
    """
    faces = keras.Input((48, 48, 1), name="faces")
    x = layers.Concatenate(name="three_channels")([faces, faces, faces])
    x = layers.Rescaling(1 / 127.5, -1, name="own_range")(x)
    x = layers.GlobalAveragePooling2D(name="pooled")(networks.small_body()(x))
    x = layers.Dense(len(EMOTIONS), activation="softmax", name="emotion")(x)
    model = keras.Model(faces, x, name="from_scratch")
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        jit_compile=networks.JIT,
    )
    return model


def batches(n: int, steps: int, seed: int) -> np.ndarray:
    """Return the rows of some full batches of 32: epoch after epoch, each in another order.

    Args:
        n: the number of images, 1 or more.
        steps: the number of batches.
        seed: the seed of the orders.

    Returns:
        int, shape (32 * steps,), from 0 to n - 1.

    >>> np.bincount(batches(16, 1, seed=0)).tolist() == [2] * 16
    True
    """
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(n) for _ in range(-(-32 * steps // n))]
    return np.concatenate(orders)[: 32 * steps]


def train_from_scratch(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    steps: int,
    seed: int,
    changes: Augmentation | None = None,
) -> None:
    """Give a compiled model new random weights, and train it in batches of 32.

    Args:
        model: a compiled model, such as `small_network` returns; its training step is used again.
        images: uint8, shape (n, 48, 48).
        labels: int, shape (n,).
        steps: the number of gradient steps.
        seed: the seed of the weights, of the order of the images and of their changes.
        changes: how each image is changed, differently each time; None to leave them as they are.
    """
    keras.utils.set_random_seed(seed)
    fresh = keras.models.clone_model(model).get_weights()
    rows = batches(len(images), steps, seed)
    x = images[rows, ..., None].astype("float32")
    if changes is not None:
        x = 255 * augment(x / 255, changes, np.random.default_rng(seed))
    fine_tuning.refit(model, fresh, x, labels[rows], epochs=1)


def predicted(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the label that a model gives to each face.

    The model is called directly: `predict` would compile for each number of faces.

    Args:
        model: from faces, float, shape (n, 48, 48, 1), to probabilities.
        images: uint8, shape (n, 48, 48).
    """
    probabilities = model(images[..., None].astype("float32"), training=False)
    return keras.ops.convert_to_numpy(probabilities).argmax(axis=1)
