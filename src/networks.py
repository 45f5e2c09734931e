"""Networks, and weights for them, that more than one place uses."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import keras
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
    ),
    "fer2013": Backbone(
        "small body",
        "Training of FER-2013: seven emotions",
        small_body,
        **_MINUS_1_TO_1,
        smallest=16,
        sizes=(48,),
    ),
}
"""The four of project 4, by their columns in transfer_f1.csv, and the two that we trained."""

PUBLISHED = ("mobilenet_v2", "resnet50", "vgg16", "vggface")
"""The backbones whose weights are a download."""


def backbone(
    name: str, size: int | None = None, *, weights: bool = True, address: str | None = None
) -> keras.Model:
    """Return a body without its classifier, with its published weights.

    A file is downloaded once, goes on where it broke off, and is kept in data/processed/weights
    with its checksum (`weight_file`).

    Args:
        name: a key of `BACKBONES`; "rendered" and "fer2013" come with the project.
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
        return keras.models.load_model(own_file(name), compile=False) if weights else small_body()
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
    return paths.root() / "models" / "transfer" / f"{name}.keras"


def prepare(faces: keras.KerasTensor, name: str, size: int) -> keras.KerasTensor:
    """Turn grey faces (n, 48, 48, 1) from 0 to 255 into what a backbone expects.

    Returns:
        (n, size, size, 3), in the range of that backbone.
    """
    spec = described(name)
    x = layers.Resizing(size, size, name="resize")(faces)
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
