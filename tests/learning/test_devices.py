"""Training on two devices, or in two processes, gives the same curve as on one device."""

import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from tiny_training import faces

from facevalue import paths
from facevalue.learning import devices, training
from facevalue.learning.augmentation import Augmentation
from facevalue.learning.batches import Batches

ENVIRONMENT = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def one_device(monkeypatch):
    monkeypatch.delenv(devices.VARIABLE, raising=False)


def train(**settings):
    """Train with everything that the devices share: statistics, average, weights, callbacks."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            keras.layers.Conv2D(6, 3, strides=2, kernel_regularizer=keras.regularizers.L2(0.01)),
            keras.layers.BatchNormalization(momentum=0.8),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.SGD(0.02, momentum=0.5),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    plateau = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=0.5)
    settings = {"epochs": 4, "average": 0.8, "class_weight": {0: 2.0, 1: 1.0}} | settings
    curve = training.fit(
        model,
        faces(42),
        faces(18),
        batch_size=8,
        name="small",
        augmentation=Augmentation(),
        callbacks=[plateau],
        verbose=0,
        **settings,
    )
    return curve, model


def train_twice(folder):
    """Train two epochs, then resume."""
    paths.processed = lambda: Path(folder)
    train(keep=True, epochs=2)
    return train(keep=True)


def train_on_one_then_two():
    """Train on one device, then again on two."""
    yield train()
    os.environ[devices.VARIABLE] = "data"
    devices.start()
    yield train()


def start(runs, **environment):
    """Start training runs in another process, which prints their curves."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from facevalue.learning import devices\n"
        "devices.start()\n"
        "import test_devices as t\n"
        f"for curve, model in {runs}:\n"
        "    number = len(model.weights[0].value.sharding.device_set)\n"
        "    print('CURVE', number, curve.to_json())\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | ENVIRONMENT | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def results(process):
    """Return on how many devices a process trained each time, and the curve."""
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors[-6000:]
    lines = [line.split(maxsplit=2) for line in out.splitlines() if line.startswith("CURVE")]
    return [(int(number), pd.read_json(io.StringIO(curve))) for _, number, curve in lines]


def difference(one, other):
    assert list(one) == list(other)
    return np.abs(one - other).drop(columns="seconds").to_numpy().max()


@pytest.fixture(scope="module")
def curves():
    """The curves of one device and of two."""
    pytest.importorskip("jax")
    two = "--xla_force_host_platform_device_count=2"
    numbers, curves = zip(*results(start("t.train_on_one_then_two()", XLA_FLAGS=two)), strict=True)
    assert numbers == (1, 2)
    assert curves[0]["learning_rate"].nunique() > 1  # the plateau was reached
    return curves


@pytest.mark.slow
def test_two_devices_train_like_one(curves):
    one, two = curves
    assert difference(two, one) < 1e-3


@pytest.mark.slow
def test_two_processes_train_and_resume_like_one(curves, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    shared = {
        devices.VARIABLE: "data",
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
        "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
    }
    code = f"[t.train_twice({str(tmp_path)!r})]"
    started = [
        start(code, KERAS_DISTRIBUTION_PROCESS_ID=str(number), **shared) for number in (0, 1)
    ]
    for [(number, curve)] in [results(process) for process in started]:
        assert number == 2
        assert difference(curve, curves[0]) < 1e-3


def test_the_last_batch_divides_by_the_devices(monkeypatch):
    def shapes():
        batches = Batches(faces(35), 8)
        return [len(batches[step][0]) for step in range(len(batches))]

    assert shapes() == [8, 8, 8, 8, 3]
    monkeypatch.setattr(devices, "count", lambda: 2)
    assert shapes() == [8, 8, 8, 8, 2]
    monkeypatch.setattr(devices, "count", lambda: 4)
    assert shapes() == [8, 8, 8, 8]


def test_the_parts_of_all_processes_form_the_batch(monkeypatch):
    whole = Batches(faces(40), 8, augmentation=Augmentation())[1]
    monkeypatch.setattr(devices, "process_count", lambda: 2)
    shares = []
    for number in (0, 1):
        monkeypatch.setattr(devices, "process_index", lambda number=number: number)
        shares.append(Batches(faces(40), 8, augmentation=Augmentation())[1])
    for part in (0, 1):
        assert np.array_equal(np.concatenate([share[part] for share in shares]), whole[part])


def test_one_process_needs_nothing():
    devices.start()
    devices.check(7)
    assert (devices.count(), devices.process_index(), devices.process_count()) == (1, 0, 1)


@pytest.mark.parametrize(
    ("kind", "backend", "message"),
    [
        ("workers", "jax", "\"data\" or unset, not 'workers'"),
        ("data", "tensorflow", "needs KERAS_BACKEND=jax, not tensorflow"),
        ("data", "torch", "needs KERAS_BACKEND=jax, not torch"),
    ],
)
def test_another_kind_or_backend_is_refused(monkeypatch, kind, backend, message):
    monkeypatch.setenv(devices.VARIABLE, kind)
    monkeypatch.setattr(keras.config, "backend", lambda: backend)
    with pytest.raises(ValueError, match=message):
        devices.start()


def test_a_batch_that_does_not_divide_is_refused(monkeypatch):
    monkeypatch.setattr(devices, "count", lambda: 3)
    devices.check(9)
    with pytest.raises(ValueError, match="8 images does not divide by 3 devices.* 9"):
        devices.check(8)


def test_a_distribution_that_was_not_started_is_refused(monkeypatch):
    monkeypatch.setenv(devices.VARIABLE, "data")
    with pytest.raises(RuntimeError, match=r"call devices.start\(\) before the network"):
        devices.check(8)
