"""Pretrained networks without their classifiers: published ones and the project's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras import layers

from facevalue import paths
from facevalue.data.download import DownloadError
from facevalue.learning.efficientnet_lite import efficientnet_lite0, load_imagenet
from facevalue.learning.model_files import load_network
from facevalue.learning.networks import recogniser_body, residual, small_body, vggface
from facevalue.learning.weight_files import weight_file

KERAS_URL = "https://storage.googleapis.com/tensorflow/keras-applications/"
VGGFACE_URL = "https://github.com/rcmalli/keras-vggface/releases/download/v2.0/"


def _application(name: str) -> Callable[[int], keras.Model]:
    """Return a function that builds a network of `keras.applications` for a size in pixels."""

    def build(size: int) -> keras.Model:
        make = getattr(keras.applications, name)
        return make(input_shape=(size, size, 3), include_top=False, weights=None)

    return build


@dataclass(frozen=True)
class BackboneSpec:
    """What is known about a network without its classifier: training, input and weight file.

    Attributes:
        title: its name in figures and tables.
        learnt_from: the images and the task of its training.
        build: returns the network with random weights, for images of the given size in pixels.
        scale, offset: for an image x from 0 to 255, the network expects `x * scale + offset`, with
            one offset for each channel. VGG16, ResNet-50 and VGGFace take the channels in the
            order blue, green, red. The channels of a grey face are equal, so only the order of
            the offsets matters.
        size: the height and width of an image in pixels, if no other is asked for.
        min_size: the smallest height and width of an image in pixels.
        sizes: the image sizes for which there are weights; empty if one file fits every size.
        url: the URL of the weight file; "" if nothing is downloaded.
        file: the path of the .keras file in models/; "" if the weights are elsewhere.
        load: gives the network the weights that an installed package carries; None if there is no
            such package.
        remove_classifier: returns the network in `file` without its classifier; None if that
            network has no classifier.
        md5: the published checksum of the weight file; "" if there is none.
    """

    title: str
    learnt_from: str
    build: Callable[[int], keras.Model]
    scale: float = 1.0
    offset: tuple[float, float, float] = (-103.939, -116.779, -123.68)
    size: int = 96
    min_size: int = 32
    sizes: tuple[int, ...] = ()
    url: str = ""
    file: str = ""
    load: Callable[[keras.Model], None] | None = None
    remove_classifier: Callable[[keras.Model], keras.Model] | None = None
    md5: str = ""


_MINUS_1_TO_1: dict[str, Any] = {"scale": 1 / 127.5, "offset": (-1.0, -1.0, -1.0)}
_KERNELS = "weights_tf_dim_ordering_tf_kernels"

BACKBONES = {
    "efficientnet_lite0": BackboneSpec(
        "EfficientNet-Lite0",
        "ImageNet, 1,000 kinds of things",
        efficientnet_lite0,
        scale=1 / 128,
        offset=(-127 / 128, -127 / 128, -127 / 128),
        size=64,
        load=load_imagenet,
    ),
    "mobilenet_v2": BackboneSpec(
        "MobileNetV2",
        "ImageNet, 1,000 kinds of things",
        _application("MobileNetV2"),
        **_MINUS_1_TO_1,
        sizes=(96, 128, 160, 192, 224),
        url=f"{KERAS_URL}mobilenet_v2/mobilenet_v2_{_KERNELS}_1.0_{{size}}_no_top.h5",
    ),
    "resnet50": BackboneSpec(
        "ResNet-50",
        "ImageNet, 1,000 kinds of things",
        _application("ResNet50"),
        url=f"{KERAS_URL}resnet/resnet50_{_KERNELS}_notop.h5",
        md5="4d473c1dd8becc155b73f8504c6f6626",
    ),
    "vgg16": BackboneSpec(
        "VGG16",
        "ImageNet, 1,000 kinds of things",
        _application("VGG16"),
        url=f"{KERAS_URL}vgg16/vgg16_{_KERNELS}_notop.h5",
        md5="6d6bbae143d832006294945121d1f1fc",
    ),
    "vggface": BackboneSpec(
        "VGGFace",
        "photos of 2,622 known people: who is it?",
        vggface,
        offset=(-93.5940, -104.7624, -129.1863),
        min_size=48,
        url=f"{VGGFACE_URL}rcmalli_vggface_tf_notop_vgg16.h5",
    ),
    "rendered": BackboneSpec(
        "small body, of muscles",
        "drawn faces: which muscles move?",
        small_body,
        **_MINUS_1_TO_1,
        size=48,
        min_size=16,
        sizes=(48,),
        file="transfer/rendered.keras",
    ),
    "fer2013": BackboneSpec(
        "small body, of emotions",
        "Training of FER-2013: seven emotions",
        small_body,
        **_MINUS_1_TO_1,
        size=48,
        min_size=16,
        sizes=(48,),
        file="transfer/fer2013.keras",
    ),
    "accurate_clean": BackboneSpec(
        "recogniser, first stage",
        "Training of FER-2013: seven emotions",
        lambda _: residual(),
        scale=1 / 255,
        offset=(0.0, 0.0, 0.0),
        size=48,
        min_size=48,
        sizes=(48,),
        file="accurate_clean.keras",
        remove_classifier=recogniser_body,
    ),
}
"""A backbone from a package, those of project 4, and the project's own. The keys of project 4's are
their columns in transfer_f1.csv."""

PUBLISHED = ("mobilenet_v2", "resnet50", "vgg16", "vggface")
"""The backbones whose weights are downloaded."""


def backbone(
    name: str, size: int | None = None, *, weights: bool = True, url: str | None = None
) -> keras.Model:
    """Return a network without its classifier, with its trained weights.

    A published weight file is downloaded once and kept with its checksum (see `weight_file`).

    Args:
        name: a key of `BACKBONES`; "rendered", "fer2013" and "accurate_clean" come with the
            project.
        size: height and width of the images in pixels; by default that of the entry.
        weights: False for random weights.
        url: another URL of a published weight file, for example of a mirror.

    Returns:
        A model from images, float, shape (n, size, size, 3), as `prepare` returns them, to
        feature maps, float, shape (n, rows, columns, channels).

    Raises:
        ValueError: there is no backbone `name`, or it does not take images of that size.
        DownloadError: the weight file cannot be downloaded, or is not the expected one.
        FileNotFoundError: the project's own file is missing.
        ModuleNotFoundError: the package that carries the weights is not installed.

    >>> backbone("mobilenet_v2", 96, weights=False).output_shape
    (None, 3, 3, 1280)
    """
    spec = backbone_spec(name)
    size = size or spec.size
    if size < spec.min_size or (spec.sizes and size not in spec.sizes):
        known = " or ".join(map(str, spec.sizes)) or f"{spec.min_size} or more"
        raise ValueError(f"{spec.title} takes images of {known} pixels, not {size}.")
    if name in PUBLISHED:
        return _published(spec, name, size, weights, url or spec.url)
    if spec.load:
        network = spec.build(size)
        if weights:
            spec.load(network)
        return network
    network = load_network(own_file(name)) if weights else spec.build(size)
    return spec.remove_classifier(network) if spec.remove_classifier else network


def _published(spec: BackboneSpec, name: str, size: int, weights: bool, url: str) -> keras.Model:
    """Return a published network, with weights from `url` or with random weights."""
    model = spec.build(size)
    model.name = name
    if weights:
        file = weight_file(url.format(size=size), md5=spec.md5)
        try:
            model.load_weights(file)
        except (OSError, KeyError, ValueError) as error:
            raise DownloadError(
                f"{file} does not hold the weights of {spec.title}: delete the file and try again."
            ) from error
    return model


def backbone_spec(name: str) -> BackboneSpec:
    """Return the entry of a backbone in `BACKBONES`.

    Raises:
        ValueError: there is no such backbone.

    >>> backbone_spec("vgg16").title
    'VGG16'
    """
    if name not in BACKBONES:
        raise ValueError(f"There is no backbone {name!r}: choose one of {', '.join(BACKBONES)}.")
    return BACKBONES[name]


def own_file(name: str) -> Path:
    """Return the path of the .keras file of one of the project's own backbones.

    Args:
        name: "rendered", "fer2013" or "accurate_clean".

    Raises:
        ValueError: there is no such backbone.
    """
    return paths.root() / "models" / backbone_spec(name).file


def prepare(faces: keras.KerasTensor, name: str, size: int) -> keras.KerasTensor:
    """Add the layers that resize and rescale grey faces for a backbone.

    Args:
        faces: a symbolic tensor of grey levels from 0 to 255, shape (n, 48, 48, 1).
        name: a key of `BACKBONES`.
        size: height and width that the backbone takes, in pixels.

    Returns:
        A symbolic tensor of images, shape (n, size, size, 3), in the range that the backbone
        expects.

    Raises:
        ValueError: there is no such backbone.

    >>> prepare(keras.Input((48, 48, 1)), "mobilenet_v2", 96).shape
    (None, 96, 96, 3)
    """
    spec = backbone_spec(name)
    x = faces if faces.shape[1] == size else layers.Resizing(size, size, name="resize")(faces)
    x = layers.Concatenate(name="three_channels")([x, x, x])
    return layers.Rescaling(spec.scale, list(spec.offset), name="own_range")(x)
