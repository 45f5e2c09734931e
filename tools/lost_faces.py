"""Draw the picture at the top of notebook 01: one person under six difficulties, with boxes.

python tools/lost_faces.py docs/lost_faces.jpg
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from facevalue.evaluation import detection_scenes as scenes
from facevalue.files import atomic_write
from facevalue.recognition import detection

SEED = 1
COLOURS = {"yunet": (86, 180, 233), "haar": (213, 94, 0)}


def picture(seed: int = SEED) -> np.ndarray:
    """Return the picture, RGB: two rows of three drawn photos, 960 pixels wide."""
    photos = [
        scenes.scene(seed, size=160),
        scenes.scene(seed, size=160, roll=45),
        scenes.scene(seed, size=160, yaw=60),
        scenes.scene(seed, size=32),
        scenes.scene(seed, size=160, light=0.1),
        scenes.scene(seed, size=160, occlusion="hand"),
    ]
    small = [cv2.resize(_with_boxes(photo.image), (316, 237)) for photo in photos]
    edge = np.full((237, 6, 3), 255, np.uint8)
    rows = [np.hstack([a, edge, b, edge, c]) for a, b, c in (small[:3], small[3:])]
    return np.vstack([rows[0], np.full((6, rows[0].shape[1], 3), 255, np.uint8), rows[1]])


def _with_boxes(photo: np.ndarray) -> np.ndarray:
    marked = photo.copy()
    for detector, colour in COLOURS.items():
        for face in detection.find_faces(photo, detector):
            x, y, width, height = face.box
            cv2.rectangle(marked, (x, y), (x + width, y + height), colour, 5)
    return marked


def main(arguments: Sequence[str]) -> None:
    """Write the picture to the file that the first argument names."""
    with atomic_write(Path(arguments[0]), suffix=".jpg") as part:
        Image.fromarray(picture()).save(part, quality=85)


if __name__ == "__main__":
    main(sys.argv[1:])
