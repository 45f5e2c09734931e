"""Networks, and weights for them, that more than one place uses."""

from __future__ import annotations

import datetime
import json
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py  # type: ignore[import-untyped]
import keras
import numpy as np
from keras import layers

from facevalue import downloads, paths
from facevalue.downloads import DownloadError

KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/"
VGGFACE = "https://github.com/rcmalli/keras-vggface/releases/download/v2.0/"

JIT = keras.config.backend() == "jax"
"""For `compile(jit_compile=JIT)`: on TensorFlow, XLA would compile anew for each batch size."""

LARGEST = 200_000_000
"""Most bytes of a weight file; the largest of the four, ResNet-50's, has 95 million."""


# ------------------------------------------------------------------------------ the bodies


def small_body(size: int = 48) -> keras.Model:
    """Return the project's own small body, untrained: images (n, size, size, 3) to 128 maps.

    Four blocks of convolution, batch normalisation and ReLU, each of which halves the image.
    """
    x = inputs = keras.Input((size, size, 3), name="image")
    for block, filters in enumerate((16, 32, 64, 128), start=1):
        shape: dict[str, Any] = {"strides": 2, "padding": "same", "use_bias": False}
        x = layers.Conv2D(filters, 3, **shape, name=f"block{block}_conv")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"block{block}_bn")(x)
        x = layers.ReLU(name=f"block{block}_relu")(x)
    return keras.Model(inputs, x, name="small_body")


class QuickBatchNormalization(layers.BatchNormalization):
    """Batch normalisation by the backend's own kernel while training, where Keras computes it
    in several steps: a network of many small maps trains twice as fast on a processor.

    The weights are those of `keras.layers.BatchNormalization`, which takes its place when a
    trained network is kept (`residual(..., quick=False)`).
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise float maps, shape (n, height, width, channels), over all but the last axis."""
        if not training or keras.config.backend() != "torch":
            return super().call(inputs, training=training, mask=mask)
        import torch

        channels_first = inputs.permute(0, 3, 1, 2)
        running = self.moving_mean.value, self.moving_variance.value
        learnt = self.gamma.value, self.beta.value
        settings = (True, 1 - self.momentum, self.epsilon)
        answer = torch.nn.functional.batch_norm(channels_first, *running, *learnt, *settings)
        return answer.permute(0, 2, 3, 1)


class QuickConvolution(layers.Conv2D):
    """A convolution that, on PyTorch, spares the two copies that Keras 3.15 makes of what comes in:
    on a processor, the recogniser's network trains a fifth faster.

    The weights are those of `keras.layers.Conv2D`, which takes its place when a trained network is
    kept (`residual(..., quick=False)`). For kernels of 1 and 3, padding "same" and even sizes
    only.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolve float maps, shape (n, height, width, channels)."""
        if keras.config.backend() != "torch":
            return super().convolution_op(inputs, kernel)
        from torch.nn import functional

        channels_first = inputs.permute(0, 3, 1, 2)
        around = self.kernel_size[0] // 2
        if around and self.strides[0] > 1:  # as TensorFlow pads: right and below only
            channels_first, around = functional.pad(channels_first, (0, around, 0, around)), 0
        turned = keras.ops.convert_to_tensor(kernel).permute(3, 2, 0, 1)
        answer = functional.conv2d(channels_first, turned, stride=self.strides, padding=around)
        return answer.permute(0, 2, 3, 1)


def residual(
    widths: Sequence[int] = (32, 64, 128, 256),
    blocks: Sequence[int] = (2, 2, 2),
    heads: Mapping[str, int] = MappingProxyType({"emotion": 7}),
    *,
    dropout: float = 0.0,
    quick: bool = False,
) -> keras.Model:
    """Return the recogniser's network, untrained: grey faces (n, 48, 48, 1) to probabilities.

    Each face is first brought to mean 0 and standard deviation 1, so that light and contrast
    count for nothing. Then come a convolution and three stages of residual blocks, each of which
    halves the maps. To let the last normalisation of each block begin at zero, as is often done,
    is of no use here: with so few blocks the network learns for epochs as if they were not there.
    Source: He and others (2016), https://arxiv.org/abs/1512.03385.

    Args:
        widths: maps of the first convolution and of the stages.
        blocks: of each stage.
        heads: by name, how many probabilities each gives; side by side in the answer.
        dropout: share of the last values that training sets to 0.
        quick: whether `QuickConvolution` and `QuickBatchNormalization` are used.
    """
    convolve = QuickConvolution if quick else layers.Conv2D
    norm = QuickBatchNormalization if quick else layers.BatchNormalization

    def convolution(x: Any, filters: int, size: int = 3, stride: int = 1) -> Any:
        how: Any = {"strides": stride, "padding": "same", "use_bias": False}
        x = convolve(filters, size, kernel_initializer="he_normal", **how)(x)
        # the running mean is for later use: the weights' own average is as slow
        return norm(momentum=0.9, autocast=False)(x)

    inputs = keras.Input((48, 48, 1), name="face")
    standard = layers.LayerNormalization(
        axis=(1, 2, 3), center=False, scale=False, epsilon=1e-5, dtype="float32", name="standard"
    )
    x = layers.ReLU()(convolution(standard(inputs), widths[0]))
    for width, number in zip(widths[1:], blocks, strict=True):
        for block in range(number):
            stride = 1 if block else 2
            shortcut = x if block else convolution(x, width, 1, stride)
            y = layers.ReLU()(convolution(x, width, 3, stride))
            y = convolution(y, width)
            x = layers.ReLU()(layers.Add()([y, shortcut]))
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(dropout, name="dropout", seed=0)(x) if dropout else x
    answers = [
        layers.Dense(size, "softmax", dtype="float32", name=name)(x) for name, size in heads.items()
    ]
    whole = layers.Concatenate(dtype="float32")(answers) if len(answers) > 1 else answers[0]
    return keras.Model(inputs, whole, name="residual")


def vggface(size: int = 96) -> keras.Model:
    """Return VGG16's convolutions under the names that VGGFace's weight file uses, untrained.

    Source: Parkhi and others (2015), https://doi.org/10.5244/C.29.41; the names are those of
        rcmalli/keras-vggface.
    """
    x = inputs = keras.Input((size, size, 3), name="input_1")
    stages = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
    for stage, (filters, convolutions) in enumerate(stages, start=1):
        for number in range(1, convolutions + 1):
            name = f"conv{stage}_{number}"
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(2, name=f"pool{stage}")(x)
    return keras.Model(inputs, x, name="vggface")


def recogniser_body(whole: keras.Model) -> keras.Model:
    """Return the recogniser's network without its last layers: (n, 48, 48, 3) to 6 x 6 maps.

    Args:
        whole: as from `residual`; its weights are shared. It takes the first of the three channels.
    """
    maps = keras.Model(whole.input, whole.get_layer("average").input)
    inputs = keras.Input((48, 48, 3), name="image")
    return keras.Model(inputs, maps(inputs[..., :1]), name="recogniser_body")


def _application(name: str) -> Callable[[int], keras.Model]:
    def build(size: int) -> keras.Model:
        make = getattr(keras.applications, name)
        return make(input_shape=(size, size, 3), include_top=False, weights=None)

    return build


@dataclass(frozen=True)
class Backbone:
    """A network without its classifier: what it learnt from, what it expects, where it is.

    Attributes:
        title: its name in figures and tables.
        learnt_from: the images and the task that its weights come from.
        build: makes it with random weights, for images of a size.
        scale, offset: it expects `x * scale + offset` of an image x from 0 to 255; the offset is
            by channel. For VGG16, ResNet-50 and VGGFace the channels are blue, green, red; in a
            grey face all three are equal, so that only the offsets tell the order.
        smallest: least height and width of an image.
        sizes: the sizes for which there are weights; empty where one file serves all.
        address: the weight file on the web; "" where it comes with the project.
        file: under models/, where it comes with the project.
        cut: makes the body of what the file holds, where that is more.
        md5: the checksum that Keras publishes, or "" where nobody does.
        by_name: whether the layers are found in the file by their names.
    """

    title: str
    learnt_from: str
    build: Callable[[int], keras.Model]
    scale: float = 1.0
    offset: tuple[float, float, float] = (-103.939, -116.779, -123.68)
    smallest: int = 32
    sizes: tuple[int, ...] = ()
    address: str = ""
    file: str = ""
    cut: Callable[[keras.Model], keras.Model] | None = None
    md5: str = ""
    by_name: bool = False


_MINUS_1_TO_1: dict[str, Any] = {"scale": 1 / 127.5, "offset": (-1.0, -1.0, -1.0)}
_KERNELS = "weights_tf_dim_ordering_tf_kernels"

BACKBONES = {
    "mobilenet_v2": Backbone(
        "MobileNetV2",
        "ImageNet, 1,000 kinds of things",
        _application("MobileNetV2"),
        **_MINUS_1_TO_1,
        sizes=(96, 128, 160, 192, 224),
        address=f"{KERAS}mobilenet_v2/mobilenet_v2_{_KERNELS}_1.0_{{size}}_no_top.h5",
    ),
    "resnet50": Backbone(
        "ResNet-50",
        "ImageNet, 1,000 kinds of things",
        _application("ResNet50"),
        address=f"{KERAS}resnet/resnet50_{_KERNELS}_notop.h5",
        md5="4d473c1dd8becc155b73f8504c6f6626",
    ),
    "vgg16": Backbone(
        "VGG16",
        "ImageNet, 1,000 kinds of things",
        _application("VGG16"),
        address=f"{KERAS}vgg16/vgg16_{_KERNELS}_notop.h5",
        md5="6d6bbae143d832006294945121d1f1fc",
    ),
    "vggface": Backbone(
        "VGGFace",
        "photos of 2,622 known people: who is it?",
        vggface,
        offset=(-93.5940, -104.7624, -129.1863),
        smallest=48,
        address=f"{VGGFACE}rcmalli_vggface_tf_notop_vgg16.h5",
        by_name=True,
    ),
    "rendered": Backbone(
        "small body",
        "drawn faces: which muscles move?",
        small_body,
        **_MINUS_1_TO_1,
        smallest=16,
        sizes=(48,),
        file="transfer/rendered.keras",
    ),
    "fer2013": Backbone(
        "small body",
        "Training of FER-2013: seven emotions",
        small_body,
        **_MINUS_1_TO_1,
        smallest=16,
        sizes=(48,),
        file="transfer/fer2013.keras",
    ),
    "accurate": Backbone(
        "recogniser",
        "Training of FER-2013: seven emotions",
        lambda _: residual(),
        scale=1 / 255,
        offset=(0.0, 0.0, 0.0),
        smallest=48,
        sizes=(48,),
        file="accurate.keras",
        cut=recogniser_body,
    ),
}
"""The four of project 4, by their columns in transfer_f1.csv, and those that we trained."""

PUBLISHED = ("mobilenet_v2", "resnet50", "vgg16", "vggface")
"""The backbones whose weights are a download."""


def backbone(
    name: str, size: int | None = None, *, weights: bool = True, address: str | None = None
) -> keras.Model:
    """Return a body without its classifier, with its published weights.

    A file is downloaded once, goes on where it broke off, and is kept in data/processed/weights
    with its checksum (`weight_file`).

    Args:
        name: a key of `BACKBONES`; "rendered", "fer2013" and "accurate" come with the project.
        size: height and width of its input, float32 (n, size, size, 3), as `prepare` makes it;
            by default 48 for our own and 96 for the others.
        weights: False for random weights.
        address: the weight file, where it is not at its published address.

    Raises:
        ValueError: there is no such backbone, or none for this size.
        DownloadError: the weights are not to be had, or not what they were; a sentence says why.
    """
    spec = described(name)
    size = size or (96 if name in PUBLISHED else 48)
    if size < spec.smallest or (spec.sizes and size not in spec.sizes):
        known = " or ".join(map(str, spec.sizes)) or f"{spec.smallest} or more"
        raise ValueError(f"{spec.title} takes images of {known} pixels, not {size}.")
    if name not in PUBLISHED:
        load = keras.models.load_model
        own = load(own_file(name), compile=False) if weights else spec.build(size)
        return spec.cut(own) if spec.cut else own
    model = spec.build(size)
    model.name = name
    if weights:
        file = weight_file((address or spec.address).format(size=size), md5=spec.md5)
        try:
            missing = load_by_name(model, file) if spec.by_name else model.load_weights(file)
            if missing:
                raise ValueError(f"it lacks {', '.join(missing)}")
        except (OSError, KeyError, ValueError):
            raise DownloadError(
                f"{file.name} in {file.parent} does not hold {spec.title}'s weights: "
                "delete it and run this again."
            ) from None
    return model


def described(name: str) -> Backbone:
    """Return what is known about a backbone.

    Raises:
        ValueError: there is no such backbone.
    """
    if name not in BACKBONES:
        raise ValueError(f"there is no backbone {name!r}: choose {', '.join(BACKBONES)}.")
    return BACKBONES[name]


def own_file(name: str) -> Path:
    """Return where a body that the project trained itself is kept."""
    return paths.root() / "models" / described(name).file


def prepare(faces: keras.KerasTensor, name: str, size: int) -> keras.KerasTensor:
    """Turn grey faces (n, 48, 48, 1) from 0 to 255 into what a backbone expects.

    Returns:
        (n, size, size, 3), in the range of that backbone.
    """
    spec = described(name)
    x = faces if faces.shape[1] == size else layers.Resizing(size, size, name="resize")(faces)
    x = layers.Concatenate(name="three_channels")([x, x, x])
    return layers.Rescaling(spec.scale, list(spec.offset), name="own_range")(x)


# ------------------------------------------------------------------------------ weight files


def weight_file(address: str, folder: Path | None = None, md5: str = "") -> Path:
    """Return a weight file, downloaded if need be, and the same one each time.

    Its sha256 is written into weights.json beside it when it is first seen, and checked ever
    after: a file that has changed is downloaded again, and a server that sends another one is
    refused.

    Args:
        address: the file on the web.
        folder: where it is kept; default: data/processed/weights.
        md5: a published checksum, for the first time, or "".

    Raises:
        DownloadError: it is not to be had, or is another file; a sentence says which and why.
    """
    folder = folder or paths.processed() / "weights"
    file = folder / address.rpartition("/")[2]
    seen = _seen(folder)
    known = seen.get(file.name, {}).get("sha256")
    if not file.is_file() or (known and downloads.digest(file) != known):
        print(f"{file.name}: downloading it, once.")
        downloads.download(address, file, known, largest=LARGEST, timeout=(5, 10), pause=0.5)
    if not known:
        if md5 and downloads.digest(file, "md5") != md5:
            file.unlink()
            raise DownloadError(f"{address} is not the published file: its md5 is not {md5}.")
        facts = {
            "sha256": downloads.digest(file),
            "bytes": file.stat().st_size,
            "address": address,
            "first_seen": datetime.date.today().isoformat(),
        }
        text = json.dumps(_seen(folder) | {file.name: facts}, indent=1)
        paths.write_text(folder / "weights.json", text)
    return file


def _seen(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what weights.json says.

    Raises:
        DownloadError: it is damaged; to go on would be to trust any file.
    """
    record = folder / "weights.json"
    if not record.is_file():
        return {}
    try:
        seen = json.loads(record.read_text(encoding="utf-8"))
        return {str(name): dict(facts) for name, facts in seen.items()}
    except (ValueError, AttributeError, TypeError):
        raise DownloadError(
            f"{record} is damaged, so the weight files cannot be checked: delete it and them."
        ) from None


def load_by_name(model: keras.Model, file: Path) -> list[str]:
    """Load the layers of an .h5 file into the layers of the same name.

    Layers that the file does not know, such as a new head, keep the weights that they have.

    Returns:
        The names of those layers, of the ones that have weights.
    Raises:
        ValueError: the file has weights for a layer that the model lacks, or of another shape;
            Keras alone would leave a misspelt layer random without a word.
        OSError: the file is no .h5 file.
    """
    with h5py.File(file, "r") as opened:
        group = opened
        if "layer_names" not in opened.attrs and "model_weights" in opened:
            group = opened["model_weights"]
        names = [_text(name) for name in group.attrs["layer_names"]]
        weighted = {name for name in names if len(group[name].attrs["weight_names"])}
    ours = [layer.name for layer in model.layers if layer.weights]
    unknown = sorted(weighted - set(ours))
    if unknown:
        raise ValueError(f"the model has no layer {', '.join(unknown[:3])}")
    if not weighted:
        raise ValueError("it has no weights")
    model.load_weights(file, by_name=True)
    return [name for name in ours if name not in weighted]


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


# ------------------------------------------------------------------------------ saving, loading


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
    with paths.beside(h5_file, ending=".weights.h5") as part:
        copy.save_weights(part)
    paths.write_text(json_file, copy.to_json(indent=1))


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
    with paths.beside(Path(file), ending=".onnx") as part:
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
