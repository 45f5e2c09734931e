"""Saving and loading trained networks: as JSON and weights, as float32 copies, and as ONNX."""

from __future__ import annotations

import hashlib
import io
import json
import textwrap
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import keras
import numpy as np

from facevalue.files import atomic_write, open_regular, write_text
from facevalue.learning.weights_content import weights_content
from facevalue.recognition.model_file import SUMS, checked_content

MAX_JSON_BYTES = 10_000_000
"""A larger JSON file is refused; that of ResNet-50 has 100,000 bytes."""

MAX_WEIGHTS = 200_000_000
"""A network with more weights is refused; VGG16, the largest of the course, has 138 million."""


def save_json_and_weights(model: keras.Model, json_file: Path, h5_file: Path) -> None:
    """Save a network as two files: its architecture as JSON, and its weights.

    The earlier projects saved their networks this way; a .keras file contains both. The saved
    network computes in float32 (see `as_float32`) and has no optimizer.

    Args:
        model: a functional or sequential network.
        json_file: the file for the architecture.
        h5_file: the file for the weights; Keras 3 requires that its name ends in .weights.h5.

    Raises:
        ValueError: the name of `h5_file` does not end in .weights.h5.

    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = Path(folder) / "model.json", Path(folder) / "model.weights.h5"
    ...     save_json_and_weights(model, *files)
    ...     load_json_and_weights(*files).output_shape
    (None, 2)
    """
    json_file, h5_file = Path(json_file), Path(h5_file)
    if not h5_file.name.endswith(".weights.h5"):
        raise ValueError(f"The name of the weights file must end in .weights.h5, unlike {h5_file}.")
    copy = as_float32(model)
    with atomic_write(h5_file) as part:
        part.write_bytes(weights_content(copy))
    write_text(json_file, copy.to_json(indent=1))


def load_json_and_weights(json_file: Path, h5_file: Path) -> keras.Model:
    """Return the network that `save_json_and_weights` saved, ready to predict, not compiled.

    Args:
        json_file: the file with the architecture, written by Keras 3.
        h5_file: the file with the weights, as in `load_weights`.

    Raises:
        FileNotFoundError: one of the files does not exist.
        ValueError: the JSON does not describe a network, or the weights belong to another one.
    """
    json_file = Path(json_file)
    with open_regular(json_file) as opened:
        content = opened.read(MAX_JSON_BYTES + 1)
    if len(content) > MAX_JSON_BYTES:
        raise ValueError(
            f"{json_file} is larger than {MAX_JSON_BYTES:,} bytes, so it is not a "
            "description of a network."
        )
    model = _network(json_file, content)
    load_weights(model, h5_file)
    return model


def _network(json_file: Path, content: bytes) -> keras.Model:
    """Return the network that a JSON file describes, with random weights.

    Raises:
        ValueError: it does not describe a network, or one with too many weights.
    """
    try:
        text = content.decode()
        described = json.loads(text)
        if not isinstance(described, dict) or "module" not in described:
            raise ValueError("it was not written by Keras 3")
        with keras.StatelessScope(initialize_variables=False):  # needs no memory for the weights
            probe = keras.models.model_from_json(text)
        weights = probe.count_params() if probe.built else 0
        if weights > MAX_WEIGHTS:
            raise ValueError(f"it would have {weights:,} weights, more than {MAX_WEIGHTS:,}")
        model = keras.models.model_from_json(text)
    except Exception as error:  # Keras raises whatever the damaged part leads to
        reason = str(error).strip().split("\n")[0].split(". ")[0] or type(error).__name__
        raise ValueError(f"{json_file} does not describe a network: {reason}.") from error
    if not isinstance(model, keras.Model):
        raise ValueError(f"{json_file} does not describe a network but a {type(model).__name__}.")
    return model


def load_network(file: Path) -> keras.Model:
    """Return the network of a .keras file that SHA256SUMS in its folder lists, not compiled.

    Raises:
        FileNotFoundError: the file or SHA256SUMS is missing.
        ValueError: it does not have the checksum in SHA256SUMS, or Keras cannot load it.
    """
    file = Path(file)
    checked_content(file)
    try:
        return keras.saving.load_model(file, compile=False)
    except Exception as error:  # Keras raises whatever the reason leads to
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise ValueError(f"{file.name} cannot be loaded by this Keras: {reason}.") from error


def write_checksums(folder: Path) -> None:
    """Write SHA256SUMS for the model files in a folder."""
    files = sorted(f for f in folder.iterdir() if f.suffix in (".keras", ".onnx"))
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    write_text(folder / SUMS, "".join(lines))


def load_weights(model: keras.Model, file: Path) -> None:
    """Load all weights of a file into a network, or none if the file does not fit.

    Keras itself would load the first layers of a deeper network without a warning, and would leave
    a network partly loaded if a later layer does not fit.

    Args:
        model: the network; its weights remain if the file is refused.
        file: a .weights.h5 file of Keras 3, or an .h5 file of Keras 2.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a weights file, has weights that are not finite numbers, or belongs to
            another network; the message contains Keras's reason.
    """
    file = Path(file)
    if not file.exists():
        raise FileNotFoundError(f"There is no weights file {file}: check its path.")
    open_regular(file).close()
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
    except ValueError as error:
        model.set_weights(before)
        # the rest of Keras's message lists all values of the weights
        reason = textwrap.shorten(str(error).split(" Target variable")[0], 400)
        raise ValueError(
            f"{file} contains the weights of another network ({reason.rstrip('.')}): build the "
            "network from which they were saved."
        ) from error
    except Exception as error:  # Keras and h5py raise whatever the damaged part leads to
        model.set_weights(before)
        raise ValueError(
            f"{file} is damaged or not a weights file: save it again, or download it again."
        ) from error
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        model.set_weights(before)
        raise ValueError(
            f"{file} has weights that are not finite numbers: the training failed, or the file is "
            "damaged."
        )


def _check_arrays(model: keras.Model, file: Path) -> None:
    """Raise a ValueError if a file has too many weights, or arrays that the network does not have.

    For the .h5 files of Keras 2, Keras itself compares the number of layers.
    """
    found = _array_paths(file)
    if not file.name.endswith(".weights.h5"):
        return
    if unknown := sorted(found - _array_paths(io.BytesIO(weights_content(model)))):
        raise ValueError(f"the network has no layer for {', '.join(unknown[:3])}")


def _array_paths(file: Path | BinaryIO) -> set[str]:
    """Return the paths of the arrays in an HDF5 file, except those of an optimizer.

    Raises:
        ValueError: the arrays have too many numbers, also of an optimizer: a small file can hold
            any number.
    """
    paths: set[str] = set()
    numbers = 0

    def add(path: str, node: h5py.Group | h5py.Dataset) -> None:
        nonlocal numbers
        numbers += node.size or 0 if isinstance(node, h5py.Dataset) else 0
        if isinstance(node, h5py.Dataset) and not path.startswith("optimizer/"):
            paths.add(path)

    with h5py.File(file, "r") as opened:
        opened.visititems(add)
    if numbers > 3 * MAX_WEIGHTS:  # an optimizer keeps two numbers for each weight
        raise ValueError(f"it has {numbers:,} numbers, more than {3 * MAX_WEIGHTS:,}")
    return paths


def as_float32(model: keras.Model) -> keras.Model:
    """Return a copy of a network that computes in float32, not compiled.

    The weights have the same values, because a network for mixed precision (bfloat16) also stores
    its weights in float32; only the computation changes. The copy shares no weights with `model`.

    Args:
        model: a functional or sequential network.
    """
    copy = type(model).from_config(_float32_config(model.get_config()))
    copy.set_weights(model.get_weights())
    return copy


def _float32_config(config: Any) -> Any:
    """Return the configuration of a network in float32, without its compile settings."""
    if isinstance(config, list | tuple):
        return type(config)(map(_float32_config, config))
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return "float32"
    return {key: _float32_config(value) for key, value in config.items() if key != "compile_config"}


def to_onnx(model: keras.Model, file: Path) -> None:
    """Save a network for ONNX Runtime, which predicts without Keras and TensorFlow.

    Input and output have the model's shapes. They are float32, and so is the computation, even if
    the model uses mixed precision. An export can be wrong without a warning, so the file is run
    once, and its output is compared with that of the model.

    Args:
        model: a functional or sequential network with one input and one output, without random
            layers such as augmentation.
        file: the file to write; its name should end in .onnx.

    Raises:
        ModuleNotFoundError: tf2onnx or ONNX Runtime is not installed.
        ValueError: the network has a random layer, or ONNX Runtime cannot run the file or computes
            another output.
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
            raise ValueError(
                f"The network cannot be saved as ONNX ({reason.rstrip('.')}): save it as .keras."
            ) from error
        difference = float(np.abs(found - expected).max())
        if not difference < 1e-3:
            raise ValueError(
                f"The outputs of the ONNX file would differ from those of the network by up to "
                f"{difference:.2g}: save it as .keras instead."
            )
