"""Draw the picture at the top of notebook 03: faces, and the same faces with shuffled pixels.

python tools/shuffled_faces.py docs/shuffled_faces.png
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from facevalue.drawing import mixture
from facevalue.emotions import EMOTIONS

SIDE, LARGE = 48, 120
"""The faces are shuffled at the first size, in pixels, and shown at the second."""


def picture() -> np.ndarray:
    """Return the picture, grey: seven drawn faces, and below them the same in one other order."""
    faces = [mixture.portrait(emotion, 3) for emotion in EMOTIONS]
    small = [cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for face in faces]
    order = np.random.default_rng(0).permutation(SIDE * SIDE)
    shuffled = [face.reshape(-1)[order].reshape(SIDE, SIDE) for face in small]
    rows = [np.hstack([_framed(face) for face in row]) for row in (small, shuffled)]
    return np.vstack(rows)


def _framed(face: np.ndarray) -> np.ndarray:
    large = cv2.resize(face, (LARGE, LARGE), interpolation=cv2.INTER_NEAREST)
    return cv2.copyMakeBorder(large, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=255)


def main(arguments: Sequence[str]) -> int:
    """Write the picture to the file that is named; return the exit code."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    Image.fromarray(picture()).save(arguments[0], optimize=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
