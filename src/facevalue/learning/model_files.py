"""Saving and loading trained networks: JSON with weights, float32 copies, and ONNX."""

from __future__ import annotations

import json
import tempfile
import textwrap
import warnings
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from facevalue.files import atomic_write, write_text

MAX_JSON_BYTES = 10_000_000
"""The largest description of a network that is read; that of ResNet-50 has 100,000 bytes."""


def save_as_published(model: keras.Model, json_file: Path, h5_file: Path) -> None:
    """Save a network as two files: its architecture as JSON, and its weights.

    The published projects saved theirs this way; a .keras file holds both. The saved network
    computes in float32 (see `as_float32`) and has no optimizer.

    Args:
        model: a functional or sequential network.
        json_file: the file for the architecture.
        h5_file: the file for the weights; Keras 3 wants its name to end in .weights.h5.

    Raises:
        ValueError: `h5_file` has another ending.

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = Path(folder) / "model.json", Path(folder) / "model.weights.h5"
    ...     save_as_published(model, *files)
    ...     load_as_published(*files).output_shape
    (None, 2)
    """
    json_file, h5_file = Path(json_file), Path(h5_file)
    if not h5_file.name.endswith(".weights.h5"):
        raise ValueError(f"The name of the weights file must end in .weights.h5: {h5_file}.")
    copy = as_float32(model)
    with atomic_write(h5_file, suffix=".weights.h5") as part:
        copy.save_weights(part)
    write_text(json_file, copy.to_json(indent=1))


def load_as_published(json_file: Path, h5_file: Path) -> keras.Model:
    """Return the network that `save_as_published` saved, ready to predict, not compiled.

    Raises:
        FileNotFoundError: one of the files does not exist.
        ValueError: the JSON does not describe a network, or the weights belong to another one.
    """
    json_file = Path(json_file)
    if json_file.stat().st_size > MAX_JSON_BYTES:
        raise ValueError(f"{json_file} is larger than {MAX_JSON_BYTES:,} bytes: not a network.")
    text = json_file.read_text(encoding="utf-8")
    try:
        if "module" not in json.loads(text):
            raise ValueError("it was not written by Keras 3")
        model = keras.models.model_from_json(text)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        reason = str(error).strip().split("\n")[0].split(". ")[0]
        raise ValueError(f"{json_file} does not describe a network: {reason}.") from error
    if not isinstance(model, keras.Model):
        raise ValueError(f"{json_file} does not describe a network but a {type(model).__name__}.")
    load_weights(model, h5_file)
    return model


def load_weights(model: keras.Model, file: Path) -> None:
    """Load weights into a network, all of them or none.

    Keras alone loads the first layers of a deeper network without a warning, and leaves a network
    half loaded when a later layer does not fit.

    Args:
        model: the network; it keeps its weights if the file is refused.
        file: a .weights.h5 file of Keras 3, or an .h5 file of Keras 2.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a weights file, or belongs to another network; the message gives
            Keras's reason.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f"There is no weights file {file}.")
    if not file.name.endswith(".h5"):
        raise ValueError(f"{file} is not a weights file: its name must end in .h5.")
    before = model.get_weights()
    try:
        _check_arrays(model, file)
        with warnings.catch_warnings():
            # the state of an optimizer in the file is not needed
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            warnings.filterwarnings("ignore", "Skipping nested container")
            model.load_weights(file)
    except (OSError, KeyError) as error:
        model.set_weights(before)
        raise ValueError(
            f"{file} is damaged or not a weights file: save it again, or download it again."
        ) from error
    except ValueError as error:
        model.set_weights(before)
        # Keras goes on to print all values of the weights
        reason = textwrap.shorten(str(error).split(" Target variable")[0], 400)
        raise ValueError(
            f"{file} holds the weights of another network: {reason.rstrip('.')}. "
            "Build the network that the weights were saved from."
        ) from error


def _check_arrays(model: keras.Model, file: Path) -> None:
    """Raise a ValueError if a .weights.h5 file has arrays that the network lacks.

    For the .h5 files of Keras 2, Keras itself compares the number of layers.
    """
    if not file.name.endswith(".weights.h5"):
        return
    found = _arrays(file)
    with tempfile.TemporaryDirectory() as folder:
        own_file = Path(folder) / "own.weights.h5"
        model.save_weights(own_file)
        unknown = sorted(found - _arrays(own_file))
    if unknown:
        raise ValueError(f"the network has no layer for {', '.join(unknown[:3])}")


def _arrays(file: Path) -> set[str]:
    """Return the paths of the arrays in an HDF5 file, except those of an optimizer."""
    paths: set[str] = set()

    def add(path: str, node: h5py.Group | h5py.Dataset) -> None:
        if isinstance(node, h5py.Dataset) and not path.startswith("optimizer/"):
            paths.add(path)

    with h5py.File(file, "r") as opened:
        opened.visititems(add)
    return paths


def as_float32(model: keras.Model) -> keras.Model:
    """Return a copy of a network that computes in float32, not compiled.

    A network that was built for mixed precision (bfloat16) stores its weights in float32 anyway;
    only its arithmetic changes. The copy shares no weights with the network.
    """
    copy = type(model).from_config(_float32_config(model.get_config()))
    copy.set_weights(model.get_weights())
    return copy


def _float32_config(config: Any) -> Any:
    """Return the configuration of a network in float32, without how it was compiled."""
    if isinstance(config, list | tuple):
        return type(config)(map(_float32_config, config))
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return "float32"
    return {key: _float32_config(value) for key, value in config.items() if key != "compile_config"}


def to_onnx(model: keras.Model, file: Path) -> None:
    """Save a network for ONNX Runtime, which predicts without Keras and TensorFlow.

    Input and output are float32 with the model's shapes, and so is the arithmetic, whatever the
    model was built with. An export can be wrong without a warning, so the file is run once and
    compared with the model.

    Args:
        model: a functional or sequential network with one input and one output, without random
            layers such as augmentation.
        file: the file to write; its name should end in .onnx.

    Raises:
        ModuleNotFoundError: a package that writes or reads ONNX is missing.
        ValueError: the network has a random layer, or cannot be written as ONNX.
    """
    try:
        import onnxruntime
        import tf2onnx  # noqa: F401 - Keras needs it
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"ONNX needs the package {error.name}: run pip install {error.name}."
        ) from error
    copy = as_float32(model)
    random = [layer.name for layer in copy.layers if type(layer).__name__.startswith("Random")]
    if random:
        raise ValueError(
            f"The network has a random layer, which ONNX does not support ({', '.join(random)}): "
            "build it without augmentation."
        )
    images = np.random.default_rng(0).random((3, *model.input_shape[1:]), dtype=np.float32)
    expected = keras.ops.convert_to_numpy(copy(images, training=False))
    with atomic_write(Path(file), suffix=".onnx") as part:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # tf2onnx uses np.object
            copy.export(part, format="onnx", verbose=False)
        try:
            session = onnxruntime.InferenceSession(part, providers=["CPUExecutionProvider"])
            (found,) = session.run(None, {session.get_inputs()[0].name: images})
        except Exception as error:  # ONNX Runtime raises its own types
            reason = str(error).replace(str(part), str(file)).strip().split("\n")[0]
            raise ValueError(f"This network cannot be written as ONNX: {reason}") from error
        difference = float(np.abs(found - expected).max())
        if not difference < 1e-3:
            raise ValueError(
                f"The ONNX file of this network would give other outputs, by up to "
                f"{difference:.2g}: save it as .keras instead."
            )
