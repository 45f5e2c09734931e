"""Other people's networks, and ours, without their classifiers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras import layers

from facevalue import paths
from facevalue.data.download import DownloadError
from facevalue.learning.networks import recogniser_body, residual, small_body, vggface
from facevalue.learning.weight_files import load_by_name, weight_file

KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/"
VGGFACE = "https://github.com/rcmalli/keras-vggface/releases/download/v2.0/"


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
