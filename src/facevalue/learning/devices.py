"""Training on several GPUs or machines, chosen by FACEVALUE_DISTRIBUTION; one process without it.

`data` spreads each batch over the devices of this machine (`keras.distribution.DataParallel`, for
which Keras needs JAX). `workers` spreads it over processes, one for each GPU or machine, each with
its TF_CONFIG (`tf.distribute.MultiWorkerMirroredStrategy`, TensorFlow).

Keras 3's own `fit` does not work under MultiWorkerMirroredStrategy
(https://github.com/keras-team/keras/issues/20585), so `spread` gives the model another step: each
worker makes the whole batch and sends its share through the network; gradients and answers are
summed over the workers by the strategy. Loss and metrics are then those of the whole batch, on
each worker to the last bit, and so is what callbacks hear and do. What one process would have
done differs by rounding alone, except for dropout, whose masks each worker draws for its share.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np

NAME = "FACEVALUE_DISTRIBUTION"

WAIT = 300.0
"""Seconds that the workers wait for one another at the start."""


class Workers(NamedTuple):
    """What TF_CONFIG says: the address of each worker, and which of them this process is."""

    addresses: list[str]
    rank: int


class _Started:
    """What `start` started; None while it is one process."""

    strategy: Any = None  # of the workers
    devices: int = 0  # of DataParallel
    rank: int = 0  # number of this worker
    addresses: tuple[str, ...] = ()  # of all workers


_started = _Started()


def start() -> None:
    """Start what FACEVALUE_DISTRIBUTION names, before anything computes; nothing where it is unset.

    Raises:
        ValueError: the backend cannot do that, or TF_CONFIG is missing or broken.
        TimeoutError: a worker did not answer within `WAIT` seconds.
        RuntimeError: TensorFlow has computed something already.
    """
    kind = os.environ.get(NAME, "")
    if not kind or _number():
        return
    if kind not in ("data", "workers"):
        raise ValueError(f'{NAME} must be "data" or "workers", not {kind!r}.')
    import keras

    needed = {"data": "jax", "workers": "tensorflow"}[kind]
    if keras.config.backend() != needed:
        raise ValueError(
            f"{NAME}={kind} needs KERAS_BACKEND={needed}: Keras has no such distribution for "
            f"{keras.config.backend()}."
        )
    if kind == "data":
        _start_devices()
    else:
        _start_workers(workers(os.environ.get("TF_CONFIG", "")))


def ready(batch_size: int) -> None:
    """Raise an error, one sentence, where a training cannot be spread as it shall be."""
    number = _number()
    if os.environ.get(NAME) and not number:
        raise RuntimeError(
            f"{NAME} is set, but nothing was started: call distribution.start() before the "
            "network is made."
        )
    if number and batch_size % number:
        raise ValueError(
            f"a batch of {batch_size} images does not divide by {number} workers or devices: "
            f"take {-(-batch_size // number) * number}."
        )


def chief() -> bool:
    """Return whether this process is the one that speaks and writes files."""
    return _started.rank == 0


def _number() -> int:
    """Return how many workers or devices share a batch; 0 where nothing was started."""
    strategy = _started.strategy
    return strategy.num_replicas_in_sync if strategy else _started.devices


def workers(text: str) -> Workers:
    """Return what a TF_CONFIG says; a ValueError tells what is wrong with it."""
    example = (
        '{"cluster": {"worker": ["10.0.0.7:7787", "10.0.0.8:7787"]}, '
        '"task": {"type": "worker", "index": 0}}'
    )
    if not text:
        raise ValueError(f"{NAME}=workers needs TF_CONFIG, for example {example}.")
    try:
        config = json.loads(text)
        addresses, task = list(config["cluster"]["worker"]), config["task"]
        index, kind = int(task["index"]), task["type"]
        ports = [int(address.rpartition(":")[2]) for address in addresses]
        right = all(0 < port < 65536 for port in ports) and len(set(addresses)) == len(addresses)
    except (KeyError, TypeError, ValueError, AttributeError):
        right = False
    if not right or kind != "worker" or set(config["cluster"]) != {"worker"}:
        raise ValueError(
            f"TF_CONFIG is not as it should be: it is {text!r}, not such as {example}."
        )
    if not 0 <= index < len(addresses):
        raise ValueError(f"TF_CONFIG has {len(addresses)} workers, but index {index}.")
    return Workers(addresses, index)


def _start_workers(found: Workers) -> None:
    import tensorflow as tf

    addresses, rank = found
    _one_gpu(addresses, rank)
    _meet(found)
    try:
        _started.strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        if "startup" not in str(error):
            raise
        raise RuntimeError(
            "TensorFlow has computed something already: call distribution.start() before that."
        ) from None
    with suppress(ValueError):  # outside the main thread
        # TensorFlow waits for this signal to save by itself, and goes on
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _started.rank, _started.addresses = rank, tuple(addresses)


def _one_gpu(addresses: list[str], rank: int) -> None:
    """Leave this worker one GPU: the workers of a machine take one each, in order."""
    import tensorflow as tf

    hosts = [address.rpartition(":")[0] for address in addresses]
    place, gpus = hosts[:rank].count(hosts[rank]), tf.config.list_physical_devices("GPU")
    if gpus and place >= len(gpus):
        raise ValueError(f"{hosts[rank]} has {len(gpus)} GPUs, but TF_CONFIG more workers there.")
    if gpus:
        tf.config.set_visible_devices(gpus[place], "GPU")


def _meet(found: Workers) -> None:
    """Wait until all workers are there: TensorFlow itself would wait without an end."""
    host, _, port = found.addresses[found.rank].rpartition(":")
    # a machine's name may stand for an address that is not its own, as in Kubernetes
    own = host if host in ("127.0.0.1", "localhost") else ""
    missing = set(found.addresses) - {found.addresses[found.rank]}
    until = time.monotonic() + WAIT
    try:
        listener = socket.create_server((own, int(port)))
    except OSError as error:
        raise OSError(
            f"worker {found.rank} cannot listen at {host}:{port} ({error.strerror})."
        ) from None
    with listener:
        while missing:
            missing = {address for address in missing if not _answers(address)}
            if missing and time.monotonic() > until:
                raise TimeoutError(
                    f"no worker answered at {', '.join(sorted(missing))} within {WAIT:.0f} "
                    "seconds: start the same command there, each with its own index in TF_CONFIG."
                )
            time.sleep(0.2 if missing else 0)


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
    except OSError:
        return False
    return True


def _start_devices() -> None:
    import keras

    devices = keras.distribution.list_devices()
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
    _started.devices = len(devices)


def _sums(*values: Any) -> list[Any]:
    """Return the sum of each value over all workers."""
    import tensorflow as tf

    tensors = [tf.convert_to_tensor(value) for value in values]

    def replica() -> Any:
        return tf.distribute.get_replica_context().all_reduce("SUM", tensors)

    return list(tf.function(lambda: _started.strategy.run(replica), autograph=False)())


def from_chief(content: bytes | None) -> bytes | None:
    """Return on each worker what the chief gave."""
    if not _started.strategy:
        return content
    own = np.frombuffer(content or b"", np.uint8) if chief() else np.empty(0, np.uint8)
    facts = np.array([content is not None, len(own) % 2**20, len(own) >> 20], np.float32)
    there, low, high = np.array(_sums(facts * chief())[0]).astype(int)
    if not there:
        return None
    whole = np.zeros(low + (high << 20), np.float32)  # which all devices can sum
    whole[: len(own)] = own
    return np.array(_sums(whole)[0]).astype(np.uint8).tobytes()


def same_start(model: Any, facts: Any) -> None:
    """Give the model the chief's weights: random ones differ from process to process.

    Args:
        model: built; on all workers of the same layers.
        facts: what must be equal on all workers.

    Raises:
        ValueError: it is not, on all of them.
    """
    if not _started.strategy:
        return
    _agree(f"{facts}, weights {[tuple(variable.shape) for variable in model.variables]}")
    buffer = io.BytesIO()
    np.savez(buffer, *[_numpy(variable) for variable in model.variables])
    with np.load(io.BytesIO(from_chief(buffer.getvalue()) or b""), allow_pickle=False) as values:
        for number, variable in enumerate(model.variables):
            variable.assign(values[f"arr_{number}"])


def _numpy(variable: Any) -> np.ndarray:
    import keras

    return np.array(keras.ops.convert_to_numpy(variable))


def _agree(facts: str) -> None:
    digests = np.zeros((_number(), 16), np.float32)
    digests[_started.rank] = list(hashlib.sha256(facts.encode()).digest()[:16])
    found = np.array(_sums(digests)[0])
    if (found != found[0]).any():
        other = int(np.flatnonzero((found != found[0]).any(axis=1))[0])
        raise ValueError(
            f"workers 0 and {other} do not train the same: network, data and settings must be "
            f"equal, and those of worker {_started.rank} are {facts}."
        )


@contextmanager
def spread(model: Any) -> Iterator[None]:
    """Let `fit` and `evaluate` of a model share each batch, for a while.

    The loss must be a mean over the batch, as Keras's losses are unless told otherwise.

    Raises:
        ConnectionError: a worker is gone.
    """
    if _started.strategy:
        with _steps(model), _sentence():
            yield
    elif _started.devices:
        with _rests(_started.devices):
            yield
    else:
        yield


@contextmanager
def _steps(model: Any) -> Iterator[None]:
    """Give a model steps that share each batch among the workers."""
    layers = [layer for layer in _layers(model) if hasattr(layer, "synchronized")]
    before, jit = [layer.synchronized for layer in layers], model.jit_compile
    for layer in layers:  # BatchNormalization: by the whole batch
        layer.synchronized = True
    for variable in model.variables:
        if "seed_generator" in variable.path:  # the chief's stay, as they are kept
            variable.assign(_numpy(variable) + np.array([_started.rank, 0], "uint32"))
    model.jit_compile = False  # XLA does not compile what goes through the network
    model.train_step = lambda data: _train_step(model, data)
    model.test_step = lambda data: _test_step(model, data)
    model.train_function = model.test_function = None
    try:
        yield
    finally:
        del model.train_step, model.test_step
        model.train_function = model.test_function = None
        model.jit_compile = jit
        for layer, value in zip(layers, before, strict=True):
            layer.synchronized = value


@contextmanager
def _sentence() -> Iterator[None]:
    """Say in a sentence that a worker is gone."""
    import tensorflow as tf

    try:
        yield
    except (tf.errors.OpError, RuntimeError) as error:
        if "Collective ops is aborted" not in str(error):
            raise
        tasks = re.findall(r"/job:worker/(?:replica:0/)?task:(\d+)", str(error))
        gone = sorted({int(task) for task in tasks} - {_started.rank})
        names = ", ".join(f"{task} ({_started.addresses[task]})" for task in gone) or "another one"
        raise ConnectionError(
            f"worker {_started.rank} lost worker {names}: start all of them again, and a training "
            "that is kept goes on from its last state."
        ) from error


@contextmanager
def _rests(devices: int) -> Iterator[None]:
    """Let JAX have batches that do not divide by the devices: each device computes them whole.

    Keras has no way to say so: it lays out every batch as it does the first one.
    """
    import jax
    from keras.src.backend.jax import distribution_lib

    usual = distribution_lib.distribute_data_input

    def distribute(batch: Any, layout: Any, batch_dim_name: str) -> Any:
        if len(batch) % devices:
            sharding = getattr(layout, "backend_layout", layout)
            layout = jax.sharding.NamedSharding(sharding.mesh, jax.sharding.PartitionSpec())
        return usual(batch, layout, batch_dim_name)

    distribution_lib.distribute_data_input = distribute
    try:
        yield
    finally:
        distribution_lib.distribute_data_input = usual


def _layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        yield from _layers(layer) if hasattr(layer, "layers") else [layer]


def _train_step(model: Any, data: Any) -> dict[str, Any]:
    """Do a step with a batch that all workers have; each does its share of the work."""
    import keras
    import tensorflow as tf

    images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)

    def replica() -> Any:
        share = _Share(images)
        with tf.GradientTape() as tape:
            answers = model(share.of(images), training=True)
            loss = model.compute_loss(None, share.of(labels), answers, share.of(weights))
            # Keras has divided by the number of workers, which is right for equal shares
            loss = model.optimizer.scale_loss(loss * _number() * share.weight())
        parts = [*tape.gradient(loss, model.trainable_weights), share.placed(answers)]
        return tf.distribute.get_replica_context().all_reduce("SUM", parts)

    *gradients, answers = _started.strategy.run(replica)
    model.optimizer.apply(gradients, model.trainable_weights)
    return _measure(model, images, labels, answers, weights)


def _test_step(model: Any, data: Any) -> dict[str, Any]:
    import keras
    import tensorflow as tf

    images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)

    def replica() -> Any:
        share = _Share(images)
        whole = share.placed(model(share.of(images), training=False))
        return tf.distribute.get_replica_context().all_reduce("SUM", whole)

    answers = _started.strategy.run(replica)
    return _measure(model, images, labels, answers, weights)


class _Share:
    """This worker's share of a batch: the rows from `first` to before `last`.

    A batch of fewer images than workers is everybody's as a whole, since an empty share is
    nothing that networks can take: the mean of equal gradients and statistics is the same.
    """

    def __init__(self, images: Any) -> None:
        import tensorflow as tf

        self.size, number = tf.shape(images)[0], _number()
        few, edges = self.size < number, [_started.rank, _started.rank + 1]
        self.first, self.last = (self.size * edge // number for edge in edges)
        self.first = tf.where(few, 0, self.first)
        self.last = tf.where(few, self.size, self.last)
        self.copies = tf.cast(tf.where(few, number, 1), "float32")

    def of(self, part: Any) -> Any:
        return None if part is None else part[self.first : self.last]

    def weight(self) -> Any:
        """Return how much the share's mean counts in the mean of the batch."""
        import tensorflow as tf

        rows = tf.cast(self.last - self.first, "float32")
        return rows / (tf.cast(self.size, "float32") * self.copies)

    def placed(self, answers: Any) -> Any:
        """Return the answers in their place in the batch, so that the workers' add up to it."""
        import tensorflow as tf

        ends = [[self.first, self.size - self.last], *[[0, 0]] * (len(answers.shape) - 1)]
        return tf.pad(answers, ends) / tf.cast(self.copies, answers.dtype)


def _measure(model: Any, images: Any, labels: Any, answers: Any, weights: Any) -> dict[str, Any]:
    """Add the answers to a whole batch to the metrics, as Keras's own step does."""
    import tensorflow as tf

    loss = model.compute_loss(None, labels, answers, weights, training=False)
    model.metrics[0].update_state(loss, sample_weight=tf.shape(images)[0])
    return dict(model.compute_metrics(None, labels, answers, sample_weight=weights))
