"""Saving and loading trained networks in every form."""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from facevalue.files import atomic_write, write_text
from facevalue.learning.weight_files import _text


def save_as_published(model: keras.Model, json_file: Path, h5_file: Path) -> None:
    """Write a network as two files: what it consists of, as JSON, and its weights.

    This is how the published projects kept theirs; a .keras file has both in one. What is written
    computes in float32, see `as_float32`, and nothing of its training is in it.

    Args:
        model: a functional or sequential network.
        json_file: for the architecture.
        h5_file: for the weights; Keras 3 wants its name to end in .weights.h5.

    Raises:
        ValueError: `h5_file` has another ending.
    """
    json_file, h5_file = Path(json_file), Path(h5_file)
    if not h5_file.name.endswith(".weights.h5"):
        raise ValueError(f"the weights' file must end in .weights.h5, not {h5_file.name}.")
    copy = as_float32(model)
    with atomic_write(h5_file, suffix=".weights.h5") as part:
        copy.save_weights(part)
    write_text(json_file, copy.to_json(indent=1))


def load_as_published(json_file: Path, h5_file: Path) -> keras.Model:
    """Return the network that `save_as_published` wrote, ready to predict, not compiled.

    Raises:
        FileNotFoundError: one of the files does not exist.
        ValueError: the JSON describes no network, or the weights are those of another one.
    """
    json_file = Path(json_file)
    if json_file.stat().st_size > LARGEST_JSON:
        raise ValueError(f"{json_file.name} is too large for a description of a network.")
    text = json_file.read_text(encoding="utf-8")
    try:
        if "module" not in json.loads(text):
            raise ValueError("Keras 3 wrote none of it, and it reads no other")
        model = keras.models.model_from_json(text)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        reason = str(error).strip().split("\n")[0].split(". ")[0]
        raise ValueError(f"{json_file.name} does not describe a network: {reason}.") from None
    if not isinstance(model, keras.Model):
        raise ValueError(f"{json_file.name} does not describe a network.")
    load_weights(model, h5_file)
    return model


LARGEST_JSON = 10_000_000
"""Most bytes of an architecture; that of ResNet-50 has 100 thousand."""


def load_weights(model: keras.Model, file: Path) -> None:
    """Load weights into a network, after a look whether they are those of such a network.

    Keras alone loads the first layers of a deeper network without a word.

    Args:
        model: the network; it stays as it was where the file is refused.
        file: .weights.h5 of Keras 3, or .h5 of Keras 2.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no weights file, or of another network; the message names the layer,
            what the network expects there and what the file has.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f"there is no weights file {file}.")
    if not file.name.endswith(".h5"):
        raise ValueError(f"{file.name} is no weights file: its name must end in .h5.")
    try:
        found = _shapes(file)
    except (OSError, KeyError):
        raise ValueError(f"{file.name} is damaged or no weights file: bring it again.") from None
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "own.weights.h5"
        if file.name.endswith(".weights.h5"):
            model.save_weights(own)
            expected = _shapes(own)
        else:
            layers_ = [layer for layer in model.layers if layer.weights]
            expected = {
                str(k): (layer.name, [tuple(w.shape) for w in layer.weights])
                for k, layer in enumerate(layers_)
            }
    _compare(file.name, model, expected, found)
    with warnings.catch_warnings():
        # an optimizer's state in the file is of no use here
        warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
        model.load_weights(file)


Shapes = dict[str, tuple[str, list[tuple[int, ...]]]]
"""For each place in a weights file: the layer's name, and the shapes of its weights."""


def _shapes(file: Path) -> Shapes:
    """Return what a weights file holds, of either kind, without the layers that have none."""
    shapes: Shapes = {}
    with h5py.File(file, "r") as opened:
        group = opened.get("model_weights", opened)
        if "layer_names" in group.attrs:
            for name in map(_text, group.attrs["layer_names"]):
                weights = [group[name][_text(w)] for w in group[name].attrs["weight_names"]]
                if weights:
                    shapes[str(len(shapes))] = name, [tuple(w.shape) for w in weights]
            return shapes

        def look(path: str, node: Any) -> None:
            if path.endswith("/vars") and len(node) and not path.startswith("optimizer/"):
                order = sorted(node, key=int)
                name = _text(node.attrs.get("name", path.split("/")[-2]))
                shapes[path] = name, [tuple(node[w].shape) for w in order]

        opened.visititems(look)
    return shapes


def _compare(file: str, model: keras.Model, expected: Shapes, found: Shapes) -> None:
    """Refuse weights that are not the network's.

    Raises:
        ValueError: names the first layer that does not fit.
    """
    names = [layer.name for layer in model.layers]
    places = sorted(
        expected, key=lambda k: names.index(expected[k][0]) if expected[k][0] in names else 0
    )
    for place in [*places, *sorted(found.keys() - expected.keys())]:
        ours, theirs = expected.get(place), found.get(place)
        if ours is None and theirs:
            raise ValueError(
                f"{file} holds the weights of another network: its layer {theirs[0]!r} with "
                f"{_listed(theirs[1])} is not in this network."
            )
        if ours and (theirs is None or ours[1] != theirs[1]):
            there = f"{theirs[0]!r} with {_listed(theirs[1])}" if theirs else "nothing"
            raise ValueError(
                f"{file} holds the weights of another network: layer {ours[0]!r} expects "
                f"{_listed(ours[1])}, and the file has {there}."
            )


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return " and ".join("x".join(map(str, shape)) or "a number" for shape in shapes)


def as_float32(model: keras.Model) -> keras.Model:
    """Return a copy of a network that computes in float32, not compiled.

    A network that was built for quick training in bfloat16 keeps its weights in float32; only
    its arithmetic changes.
    """

    copy = type(model).from_config(_plain(model.get_config()))
    copy.set_weights(model.get_weights())
    return copy


def _plain(config: Any) -> Any:
    """Return a network's description in float32, without how its parts were compiled."""
    if isinstance(config, list | tuple):
        return type(config)(map(_plain, config))
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return "float32"
    return {key: _plain(value) for key, value in config.items() if key != "compile_config"}


def to_onnx(model: keras.Model, file: Path) -> None:
    """Write a network for ONNX Runtime, which predicts without Keras and TensorFlow.

    The file takes float32 of the model's input shape and gives float32 of its output shape, in
    float32 arithmetic whatever the model was built with. What was written is run once and
    compared with the model, since an export can be wrong without a word.

    Args:
        model: a functional or sequential network with one input and one output, without layers
            that are random (augmentation belongs outside).
        file: its name should end in .onnx.

    Raises:
        ModuleNotFoundError: a package that writes or reads ONNX is missing.
        ValueError: the written network computes something else.
    """
    try:
        import onnxruntime
        import tf2onnx  # noqa: F401 - Keras needs it
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"ONNX needs the package {error.name}: pip install {error.name}"
        ) from None
    copy = as_float32(model)
    random = [layer.name for layer in copy.layers if type(layer).__name__.startswith("Random")]
    if random:
        raise ValueError(
            f"{' and '.join(random)} is random, which ONNX cannot do: leave augmentation out of "
            "the network."
        )
    image = np.random.default_rng(0).random((3, *model.input_shape[1:]), dtype=np.float32)
    expected = keras.ops.convert_to_numpy(copy(image, training=False))
    with atomic_write(Path(file), suffix=".onnx") as part:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # tf2onnx asks for np.object
            copy.export(part, format="onnx", verbose=False)
        try:
            session = onnxruntime.InferenceSession(part, providers=["CPUExecutionProvider"])
            (found,) = session.run(None, {session.get_inputs()[0].name: image})
        except Exception as error:
            reason = str(error).replace(str(part), Path(file).name).strip().split("\n")[0]
            raise ValueError(f"this network has no equal in ONNX: {reason}") from None
        difference = float(np.abs(found - expected).max())
        if not difference < 1e-3:
            raise ValueError(f"the network in ONNX differs by {difference:.2g} from its original.")
