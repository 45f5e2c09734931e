"""Training on several devices or machines: `keras.distribution` on the JAX backend."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import keras

VARIABLE = "FACEVALUE_DISTRIBUTION"
"""The environment variable that selects the devices: unset for one, "data" for all of them."""


def start() -> None:
    """Spread each batch over all devices if FACEVALUE_DISTRIBUTION is "data"; else do nothing.

    Call it before the first network is built. One process uses all devices of its machine.
    Several processes, on one machine or more, find each other by Keras's own variables, which
    `keras.distribution.initialize` documents: KERAS_DISTRIBUTION_JOB_ADDRESSES,
    KERAS_DISTRIBUTION_NUM_PROCESSES and KERAS_DISTRIBUTION_PROCESS_ID.

    Raises:
        ValueError: the variable has another value, or the backend is not JAX.
    """
    kind = os.environ.get(VARIABLE, "")
    if not kind or keras.distribution.distribution() is not None:
        return
    if kind != "data":
        raise ValueError(f'{VARIABLE} must be "data" or unset, not {kind!r}.')
    if keras.config.backend() != "jax":
        raise ValueError(
            f"{VARIABLE}=data needs KERAS_BACKEND=jax, not {keras.config.backend()}: Keras spreads "
            "batches over devices on the JAX backend only."
        )
    if "KERAS_DISTRIBUTION_JOB_ADDRESSES" in os.environ:
        keras.distribution.initialize()
    # each process makes its own share of a batch: see `Batches`
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))


def count() -> int:
    """Return how many devices share a batch, over all processes."""
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else int(distribution.device_mesh.devices.size)


def process_count() -> int:
    """Return how many processes train together."""
    return _jax_process()[1]


def process_index() -> int:
    """Return the number of this process, from 0. Process 0 prints and writes files."""
    return _jax_process()[0]


def _jax_process() -> tuple[int, int]:
    """Return the index of this process and the number of processes."""
    if keras.distribution.distribution() is None:
        return 0, 1
    import jax

    return jax.process_index(), jax.process_count()


@contextmanager
def one_device() -> Iterator[None]:
    """Let each process build and use networks on its own device while the block runs."""
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


def check(batch_size: int) -> None:
    """Raise an error if the batches cannot be spread over the devices.

    Args:
        batch_size: the number of images in a batch of all devices together.

    Raises:
        RuntimeError: FACEVALUE_DISTRIBUTION is set, but `start` was not called.
        ValueError: `batch_size` is not a multiple of the number of devices.
    """
    if os.environ.get(VARIABLE) and keras.distribution.distribution() is None:
        raise RuntimeError(
            f"{VARIABLE} is set but has no effect yet: call devices.start() before the network "
            "is built."
        )
    if batch_size % count():
        raise ValueError(
            f"A batch of {batch_size} images does not divide by {count()} devices: use a "
            f"batch size of {-(-batch_size // count()) * count()}."
        )
