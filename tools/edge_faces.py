"""Draw the picture of notebook 06: four drawn faces, and what their edges leave of them.

python tools/edge_faces.py docs/edge_faces.png
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from facevalue.drawing import drawn_set
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import edge_strokes
from facevalue.learning.image_features import Gradients

SHOWN = ("happy", "angry", "surprise", "sad")


def cells(image: np.ndarray) -> np.ndarray:
    """Return the edges of a face in cells of 8 x 8 pixels, float32, shape (6, 6, 9)."""
    blocks = Gradients(8).transform(image[None]).reshape(5, 5, 2, 2, 9)  # columns before rows
    sums = np.zeros((6, 6, 9))
    counts = np.zeros((6, 6, 1))
    for column, row, right, down in np.ndindex(5, 5, 2, 2):
        sums[row + down, column + right] += blocks[column, row, right, down]
        counts[row + down, column + right] += 1
    return sums / counts


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the picture into the file that is given; return the exit code."""
    file = Path((arguments or sys.argv[1:])[0])
    faces = drawn_set.sample(14, seed=4, clean=True, progress=False)
    figure, axes = plt.subplots(2, 4, figsize=(6, 3.1), layout="constrained", facecolor="white")
    for column, name in enumerate(SHOWN):
        image = faces.images[np.flatnonzero(faces.labels == EMOTIONS.index(name))[0]]
        axes[0, column].imshow(image, cmap="gray", vmin=0, vmax=255)
        axes[0, column].axis("off")
        edge_strokes.draw(axes[1, column], cells(image))
    figure.savefig(file, dpi=110)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
