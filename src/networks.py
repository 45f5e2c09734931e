"""Networks, and weights for them, that more than one place uses."""

from __future__ import annotations

from pathlib import Path

import keras

from facevalue import downloads, paths

IMAGENET = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
"""Where keras.applications gets MobileNetV2's weights from."""

MOBILENET_SIZES = (96, 128, 160, 192, 224)
"""The image heights for which there are ImageNet weights."""


def mobilenet_v2(
    size: int = 96, download: bool = True, address: str = IMAGENET
) -> tuple[keras.Model, bool]:
    """Return MobileNetV2 without its classifier, and whether it carries ImageNet weights.

    The weights are downloaded once and then kept in data/processed/weights. Where they are not
    to be had, one sentence says so, and the network keeps random weights.

    Args:
        size: height and width of its input in pixels; float32, shape (n, size, size, 3),
            from -1 to 1.
        download: False to use neither the network nor what an earlier run downloaded.
        address: the folder on a server that holds the weight files.

    Raises:
        ValueError: there are no weights for this size, or the weight file is damaged.
    Source: Sandler and others (2018), https://arxiv.org/abs/1801.04381
    """
    if size not in MOBILENET_SIZES:
        sizes = ", ".join(map(str, MOBILENET_SIZES))
        raise ValueError(f"there are no MobileNetV2 weights for size {size}: choose from {sizes}.")
    model = keras.applications.MobileNetV2(
        input_shape=(size, size, 3), include_top=False, weights=None
    )
    if not download:
        print("ImageNet weights: not asked for in this profile, so that no network is needed.")
        return model, False
    file = _weights(
        f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{size}_no_top.h5", address
    )
    if file is None:
        return model, False
    try:
        model.load_weights(file)
    except (OSError, KeyError, ValueError):
        raise ValueError(
            f"{file.name} in {file.parent} does not hold MobileNetV2's weights: "
            "delete it and run this again."
        ) from None
    print("ImageNet weights: loaded.")
    return model, True


def _weights(name: str, address: str) -> Path | None:
    """Return a weight file, downloaded if need be, or None after saying why there is none."""
    file = paths.processed() / "weights" / name
    if file.is_file():
        return file
    try:
        return downloads.download(address + name, file, timeout=(5, 10), pause=0.5)
    except downloads.DownloadError as error:
        print(f"ImageNet weights: not to be had. {error}")
        return None
