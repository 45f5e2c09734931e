"""Training one network several times with other random numbers, to see how much chance decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np

from facevalue.learning import training
from facevalue.learning.batches import Data


def answers(
    build: Callable[[], keras.Model],
    train: Data,
    test: np.ndarray,
    seeds: Iterable[int],
    **settings: Any,
) -> np.ndarray:
    """Train one kind of network once for each seed, and return what each answers.

    The network is compiled once, and starts for each seed from new random weights. The seed also
    decides the order of the images and their augmentation; dropout goes on drawing its numbers.

    Args:
        build: returns a compiled network.
        train: the training images and labels, as `training.fit` takes them.
        test: n images as the network takes them, float32.
        seeds: the random seeds.
        settings: passed to `training.fit`, for example epochs, batch_size and augmentation.

    Returns:
        int, shape (seeds, n): the most probable class of each test image, for each seed.
    """
    network = build()
    network.optimizer.build(network.trainable_variables)
    start = [np.array(variable) for variable in network.optimizer.variables]
    result = []
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        network.set_weights(keras.models.clone_model(network).get_weights())
        for variable, value in zip(network.optimizer.variables, start, strict=True):
            variable.assign(value)
        training.fit(network, train, seed=seed, verbose=0, **settings)
        result.append(network.predict_on_batch(test).argmax(axis=1))
    return np.array(result)
