"""Draw the picture at the top of notebook 05: faces, and what a network for things calls them.

python tools/imagenet_faces.py docs/imagenet_faces.png
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import keras
import matplotlib.pyplot as plt
import numpy as np

from facevalue.data import reference
from facevalue.drawing import drawn_set
from facevalue.learning import backbones, efficientnet_lite

FACES, SIZE = (0, 1, 3, 5), 224
"""Which of the first drawn faces, and the side that the network wants, in pixels."""


def answers(images: np.ndarray) -> list[str]:
    """Return the most probable of ImageNet's 1,000 classes for faces, uint8, (n, 48, 48)."""
    network = efficientnet_lite.efficientnet_lite0(SIZE, classifier=True)
    efficientnet_lite.load_imagenet(network)
    faces = keras.Input((48, 48, 1))
    asked = keras.Model(faces, network(backbones.prepare(faces, "efficientnet_lite0", SIZE)))
    names = reference.published("imagenet_classes")["name"]
    return [names[k] for k in asked.predict(images[..., None], verbose=0).argmax(axis=1)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw and save; return the exit code."""
    files = sys.argv[1:] if arguments is None else list(arguments)
    if len(files) != 1:
        print("Name the file to write, such as docs/imagenet_faces.png.", file=sys.stderr)
        return 1
    images = drawn_set.sample(max(FACES) + 1, 0).images[list(FACES)]
    figure, axes = plt.subplots(1, len(FACES), figsize=(6, 1.9), layout="constrained")
    for axis, image, name in zip(axes, images, answers(images), strict=True):
        axis.imshow(image, cmap="gray", vmin=0, vmax=255)
        axis.set_title(f"“{name}”", fontsize=10)
        axis.axis("off")
    figure.savefig(files[0], dpi=120, facecolor="white", bbox_inches="tight")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
