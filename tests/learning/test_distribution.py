"""A training on several workers or devices is the training of one process."""

import importlib.util
import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from facevalue.learning import devices, training
from facevalue.learning.augmentation import Augmentation

HERE = Path(__file__).parent
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "OMP_NUM_THREADS": "1"}
QUIET |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """These tests begin as one process that is told nothing."""
    monkeypatch.delenv(devices.NAME, raising=False)
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.setattr(devices, "_started", devices._Started())


def train(**settings):
    """Train with all that must be shared: normalisation, average, weights of classes, callbacks.

    41 and 17 images leave a last batch of one: fewer than workers.
    """
    import test_training as small

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
        jit_compile=keras.config.backend() == "jax",
    )
    plateau = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=0.5)
    steps = small.Steps()
    steps.stop_at, steps.stop = settings.pop("at", None), small.wait_to_be_killed
    settings = {"epochs": 4, "average": 0.8, "class_weight": {0: 2.0, 1: 1.0}} | settings
    curve = training.fit(
        model,
        small.faces(41),
        small.faces(17),
        batch_size=8,
        name="small",
        augmentation=Augmentation(),
        callbacks=[plateau, steps],
        **settings,
    )
    return curve, model, steps.done


@pytest.fixture(scope="module")
def alone_curve():
    return train(verbose=0)[0]


def same(curve, other):
    assert list(curve) == list(other)
    curve, other = curve.drop(columns="seconds"), other.drop(columns="seconds")
    assert np.abs(curve - other).to_numpy().max() < 1e-3, f"{curve}\n{other}"


def addresses(number=2):
    """Return addresses on this machine where nobody listens."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    found = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return found


def config(index, found):
    return json.dumps({"cluster": {"worker": found}, "task": {"type": "worker", "index": index}})


def worker(index, found, folder, settings=""):
    """Start a worker; it prints its curve, and keeps its state in a folder of its own."""
    code = (
        f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
        "from facevalue.learning import devices, paths, training\n"
        "devices.WAIT = 120.0\n"
        "devices.start()\n"
        "from pathlib import Path\n"
        "import test_distribution as t\n"
        f"paths.processed = lambda: Path({str(folder / str(index))!r})\n"
        "training.SAVE_SECONDS = 0\n"
        f"curve, model, steps = t.train(keep=True, {settings})\n"
        "print('CURVE', steps, curve.to_json())\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | QUIET | {devices.NAME: "workers", "TF_CONFIG": config(index, found)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


needs_tensorflow = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="workers need TensorFlow"
)


@needs_tensorflow
def test_two_workers_that_are_killed_and_started_again_train_like_one_process(
    tmp_path, alone_curve
):
    assert alone_curve["learning_rate"].nunique() > 1  # the plateau was met
    found = addresses()
    chief, other = (worker(index, found, tmp_path, "at=(2, 3)") for index in (0, 1))
    with chief, other:
        try:
            for process in (chief, other):
                assert any("HERE" in line for line in process.stdout), process.stderr.read()[-3000:]
            other.terminate()
            assert other.wait(60) == -signal.SIGTERM  # TensorFlow would go on
        finally:
            chief.kill()
            other.kill()
    (kept,) = tmp_path.rglob("state.npz")
    assert kept.is_relative_to(tmp_path / "0")  # the chief alone writes

    found = addresses()
    workers = [worker(index, found, tmp_path) for index in (0, 1)]
    answers = [process.communicate(timeout=300) for process in workers]
    curves = []
    for (out, errors), process in zip(answers, workers, strict=True):
        assert process.returncode == 0, errors[-3000:]
        _, steps, curve = out[out.index("CURVE") :].split(maxsplit=2)
        assert int(steps) == 4 * 6 - 2 * 6 - 3
        curves.append(pd.read_json(io.StringIO(curve)))
    assert "small: goes on at epoch 3, step 4 of 6." in answers[0][0]
    assert answers[1][0].startswith("CURVE")  # only the chief speaks
    same(curves[0], alone_curve)
    measured = [curve.drop(columns="seconds") for curve in curves]
    pd.testing.assert_frame_equal(*measured)


def test_two_devices_train_like_one():
    if not importlib.util.find_spec("jax"):
        pytest.skip("DataParallel needs JAX, which is not installed")
    code = (
        f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
        "from facevalue.learning import devices\n"
        "devices.start()\n"
        "import test_distribution as t\n"
        "curve, model, _ = t.train(verbose=0)\n"
        "print('CURVE', model.weights[0].value.sharding.num_devices, curve.to_json())\n"
    )
    curves = []
    for number_of in (1, 2):
        one = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
        two = {devices.NAME: "data"}
        two["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={number_of}"
        given = os.environ | QUIET | one | (two if number_of == 2 else {})
        process = subprocess.run(
            [sys.executable, "-c", code], env=given, capture_output=True, text=True
        )
        assert process.returncode == 0, process.stderr[-3000:]
        _, number, curve = process.stdout[process.stdout.index("CURVE") :].split(maxsplit=2)
        assert int(number) == number_of
        curves.append(pd.read_json(io.StringIO(curve)))
    same(*curves)


# ------------------------------------------------------------------------------ what is wrong


def test_one_process_needs_nothing():
    devices.start()
    devices.ready(7)
    assert devices.chief()
    assert devices.from_chief(b"as it is") == b"as it is"
    assert devices.from_chief(None) is None


@pytest.mark.parametrize(
    ("kind", "backend", "message"),
    [
        ("horovod", "tensorflow", 'must be "data" or "workers", not \'horovod\''),
        ("data", "tensorflow", "data needs KERAS_BACKEND=jax: .* for tensorflow"),
        ("data", "torch", "data needs KERAS_BACKEND=jax: .* for torch"),
        ("workers", "jax", "workers needs KERAS_BACKEND=tensorflow: .* for jax"),
        ("workers", "tensorflow", "workers needs TF_CONFIG, for example {"),
    ],
)
def test_what_a_backend_cannot_do_is_told(monkeypatch, kind, backend, message):
    monkeypatch.setenv(devices.NAME, kind)
    monkeypatch.setattr(keras.config, "backend", lambda: backend)
    with pytest.raises(ValueError, match=message):
        devices.start()


ONE = "127.0.0.1:7001"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not as it should be"),
        ("[]", "not as it should be"),
        ("{}", "not as it should be"),
        (config(0, ["no port"]), "not as it should be"),
        (config(0, ["127.0.0.1:70000"]), "not as it should be"),
        (config(0, [ONE, ONE]), "not as it should be"),
        (config(0, [5]), "not as it should be"),
        (config(0, []), "has 0 workers, but index 0"),
        (config(2, [ONE, "127.0.0.1:7002"]), "has 2 workers, but index 2"),
        (config(None, [ONE]), "not as it should be"),
        (config(0, [ONE]).replace('"type": "worker"', '"type": "ps"'), "not as it should be"),
    ],
)
def test_a_broken_tf_config_is_told(text, message):
    with pytest.raises(ValueError, match=message):
        devices.workers(text)


def test_a_tf_config_is_read():
    found = devices.workers(config(1, [ONE, "host.example:80"]))
    assert found == ([ONE, "host.example:80"], 1)


def test_a_peer_that_does_not_answer_is_told_with_its_address(monkeypatch):
    own, nobody = addresses()
    monkeypatch.setattr(devices, "WAIT", 0.3)
    with pytest.raises(TimeoutError, match=f"no worker answered at {nobody} within"):
        devices._meet(devices.Workers([own, nobody], 0))


def test_an_address_that_is_taken_is_told():
    own, other = addresses()
    host, _, port = own.partition(":")
    with (
        socket.create_server((host, int(port))),
        pytest.raises(OSError, match=f"worker 0 cannot listen at {own}"),
    ):
        devices._meet(devices.Workers([own, other], 0))


def test_a_batch_that_does_not_divide_is_told(monkeypatch):
    monkeypatch.setattr(devices._started, "devices", 3)
    devices.ready(9)
    with pytest.raises(ValueError, match="8 images does not divide by 3 .* take 9"):
        devices.ready(8)


def test_what_was_not_started_is_told(monkeypatch):
    monkeypatch.setenv(devices.NAME, "workers")
    with pytest.raises(RuntimeError, match=r"call devices.start\(\) before the network"):
        devices.ready(8)


@needs_tensorflow
def test_a_lost_worker_is_told_with_its_address(monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(devices._started, "addresses", (ONE, "127.0.0.1:7002"))
    text = (  # as TensorFlow 2.21 says it
        "Collective ops is aborted by: Error reported from /job:worker/task:1: The following tasks "
        "are unhealthy (stopped sending heartbeats):\n/job:worker/replica:0/task:1"
    )
    lost = r"worker 0 lost worker 1 \(127.0.0.1:7002\): start all of them again"
    with pytest.raises(ConnectionError, match=lost), devices._sentence():
        raise tf.errors.UnavailableError(None, None, text)
    with pytest.raises(tf.errors.InternalError), devices._sentence():
        raise tf.errors.InternalError(None, None, "out of memory")
