"""Draw the picture at the top of notebook 04: a face, the same face moved, and the difference.

python tools/moved_face.py docs/moved_face.png
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from facevalue.drawing import drawn_set
from facevalue.evaluation import corruptions

FACE, PIXELS, SIDE = 4, 3, 288
"""Which of the first drawn faces, by how much it moves, and the side of each picture, in pixels."""


def picture() -> np.ndarray:
    """Return the three pictures side by side, grey levels, uint8."""
    face = drawn_set.sample(FACE + 1, 0).images[FACE:]
    moved = corruptions.shifted(face, PIXELS, 0)
    difference = np.abs(face.astype(int) - moved).astype(np.uint8)
    large = [
        cv2.resize(image[0], (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
        for image in (face, moved, difference)
    ]
    edge = np.full((SIDE, 12), 255, np.uint8)
    return np.hstack([large[0], edge, large[1], edge, large[2]])


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw and save; return the exit code."""
    names = sys.argv[1:] if arguments is None else list(arguments)
    if len(names) != 1:
        print("Name the file to write, such as docs/moved_face.png.", file=sys.stderr)
        return 1
    Image.fromarray(picture()).save(names[0], optimize=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
