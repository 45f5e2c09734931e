"""A training that takes a second, for tests."""

import keras
import numpy as np
from keras import layers

from facevalue.learning import networks, training


def faces(n=40):
    """Bright and dark images, uint8, shape (n, 12, 12), and which they are."""
    labels = np.arange(n) % 2
    images = np.random.default_rng(2).integers(0, 120, (n, 12, 12)) + 100 * labels[:, None, None]
    return images.astype(np.uint8), labels


class Stream:
    """Images that are made only when they are needed."""

    def __init__(self, n=40):
        self.n, self.most = n, 0

    def __len__(self):
        return self.n

    def __getitem__(self, rows):
        self.most = max(self.most, len(rows))
        images, labels = faces(self.n)
        return images[rows], labels[rows]


def network(width=6, **compiled):
    """A small network with all kinds of state: dropout, batch normalisation, momentum."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(width, 3, strides=2),
            layers.BatchNormalization(momentum=0.8),
            layers.ReLU(),
            layers.Dropout(0.3, seed=4),  # without a seed, PyTorch draws the masks itself
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    settings = {
        "optimizer": keras.optimizers.SGD(0.05, momentum=0.9),
        "loss": "sparse_categorical_crossentropy",
    }
    model.compile(metrics=["accuracy"], jit_compile=networks.JIT, **(settings | compiled))
    return model


def fit(model, data=None, validation=None, **settings):
    settings = {"epochs": 3, "batch_size": 8, "name": "small", "keep": True} | settings
    return training.fit(model, data or faces(), validation or faces(16), **settings)


class Steps(keras.callbacks.Callback):
    """Counts the steps, and calls `stop` at one of them."""

    def __init__(self, stop_at=None, stop=None):
        super().__init__()
        self.done, self.stop_at, self.stop = 0, stop_at, stop

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.done += 1
        if (self.epoch, batch) == self.stop_at:
            self.stop()


def same_weights(one, other, tolerance=1e-4):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.allclose(a, b, atol=tolerance) for a, b in pairs)


def same_curve(one, other, tolerance=1e-3):
    one, other = one.drop(columns="seconds"), other.drop(columns="seconds")
    return list(one) == list(other) and np.allclose(one, other, atol=tolerance)
