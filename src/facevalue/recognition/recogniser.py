"""The trained recogniser: give it a face, and get the probability of each emotion.

It runs in ONNX Runtime, without Keras and TensorFlow, and starts in a fraction of a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facevalue.emotions import EMOTIONS
from facevalue.recognition.model_file import _session
from facevalue.recognition.preparation import SIZE, _array, _batches, _is_one

WEIGHTS = Path(__file__).parent / "weights"
"""The folder of the models that ship, and of their checksums."""

NAMES = ("accurate", "fast")
"""The models that ship: one to be right more often, one for video on a small machine."""


MARGIN = 0.0
"""What `Recogniser.photo` adds on each side of a found face, as a share of its box: nothing.

FER-2013's faces fill the box that OpenCV's Haar cascade finds, and what is cut more widely looks
small to the network: `tools/bench_recogniser.py --crops` measures what other margins cost.
"""


@dataclass(frozen=True)
class Sighting:
    """A face in a photo.

    Attributes:
        box: x and y of the upper left corner, width and height, in pixels of the photo.
        probabilities: of each emotion, in the order of `emotions.EMOTIONS`; they add up to 1.
    """

    box: tuple[int, int, int, int]
    probabilities: dict[str, float]

    @property
    def emotion(self) -> str:
        """The most probable emotion."""
        return max(self.probabilities, key=self.probabilities.__getitem__)


class Recogniser:
    """A trained network that tells seven emotions apart in pictures of faces.

        recogniser = Recogniser("fast")
        recogniser(face)["happy"]

    One recogniser may serve many threads at once.

    Args:
        name: one of `NAMES`.
        folder: where NAME.onnx and SHA256SUMS are; default: `WEIGHTS`.
        threads: how many threads compute one answer; default: one for each core.
    Raises:
        ValueError: there is no such model, its file is not the one in SHA256SUMS, or it is no
            network from faces to seven probabilities.
        FileNotFoundError: the model or SHA256SUMS is not there.
    """

    def __init__(
        self, name: str = "accurate", folder: Path | None = None, threads: int | None = None
    ) -> None:
        if name not in NAMES:
            raise ValueError(f"there is no recogniser {name!r}: choose {' or '.join(NAMES)}.")
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be 1 or more, or None for all cores, not {threads}.")
        self.name = name
        self.file = (WEIGHTS if folder is None else Path(folder)) / f"{name}.onnx"
        self._session = _session(self.file, threads or 0)
        self._input = self._session.get_inputs()[0].name

    def __repr__(self) -> str:
        return f"Recogniser({self.name!r})"

    def __call__(self, faces: Any) -> Any:
        """Return the probability of each emotion, by its name.

        Args:
            faces: as in `probabilities`.
        Returns:
            For one face a dict from emotion to probability; for several a list of them.
        """
        found = [_named(row) for row in self.probabilities(faces)]
        return found[0] if _is_one(faces) else found

    def probabilities(self, faces: Any) -> np.ndarray:
        """Return the probability of each emotion as an array.

        Args:
            faces: one face, shape (height, width) in grey levels or (height, width, 3) in the
                order red, green, blue; an array of n of them, shape (n, height, width),
                (n, height, width, 1) or (n, height, width, 3); or a list of faces, each of its
                own size. uint8 from 0 to 255, or float from 0 to 1. A face is cut out closely, as
                by `cropping.crop`; it is made grey and 48 x 48 here, as in training.
        Returns:
            float32, shape (n, 7), in the order of `emotions.EMOTIONS`; each row adds up to 1.
        Raises:
            ValueError: `faces` is no such array or list, is empty, or has pixels that are not
                numbers or outside the range.
        """
        rows = [self._session.run(None, {self._input: x})[0] for x in _batches(faces)]
        return np.concatenate(rows)

    def photo(self, image: Any) -> list[Sighting]:
        """Find the faces in a photo, and tell the emotions of each.

        Args:
            image: uint8, shape (height, width, 3) in the order red, green, blue, or
                (height, width) in grey levels; or a PIL image, which is turned as its camera says.
        Returns:
            The faces that `detection.find_faces` finds, the largest first; none: an empty list.
        Raises:
            ValueError: `image` is no such array.
        """
        from facevalue.recognition import cropping, detection

        pixels = _array(image)
        boxes = detection.find_faces(pixels)
        grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        if not len(boxes):
            return []
        crops = np.stack([cropping.crop(grey, box, MARGIN, SIZE) for box in boxes])
        return [
            Sighting((int(x), int(y), int(width), int(height)), _named(row))
            for (x, y, width, height), row in zip(boxes, self.probabilities(crops), strict=True)
        ]


def _named(row: np.ndarray) -> dict[str, float]:
    return dict(zip(EMOTIONS, row.tolist(), strict=True))
