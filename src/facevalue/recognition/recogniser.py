"""The trained recogniser, which recognises the emotions of faces.

It runs in ONNX Runtime, without Keras and TensorFlow, and starts in a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from facevalue.emotions import EMOTIONS
from facevalue.image_files import as_reduced_photo, to_grey
from facevalue.recognition import shipped
from facevalue.recognition.cropping import crop
from facevalue.recognition.detection import MIN_FACE, check_pixels, find_faces
from facevalue.recognition.face import Box, Face, photo_pixels
from facevalue.recognition.model_file import load_session
from facevalue.recognition.preparation import is_one_face, prepared_batches

WEIGHTS = Path(__file__).parent / "weights"
"""The folder of the package with the models and their checksums.

:meta hide-value:
"""

NAMES = ("accurate", "fast")
"""The models in the package: one that is more often right, and one for video on a slow machine."""

MAX_THREADS = 1_024
"""More threads than any machine needs for one face."""

PHOTO_SIDE = 4_000
"""The file of a larger JPEG is decoded in reduced size; its longest side keeps so many pixels.

It is over three times what the detector sees, so that small faces keep their detail. A photo of 48
megapixels is then decoded to 12.
"""


@dataclass(frozen=True)
class Sighting:
    """A face in a photo, and its emotions.

    Attributes:
        face: its box, landmarks and score.
        probabilities: the probability of each emotion, by its name, in the order of
            `emotions.EMOTIONS`; they add up to 1.

    >>> probabilities = dict.fromkeys(EMOTIONS, 0.1) | {"happy": 0.4}
    >>> Sighting(Face((10, 20, 30, 40)), probabilities).emotion
    'happy'
    """

    face: Face
    probabilities: dict[str, float]

    @property
    def box(self) -> Box:
        """x and y of the upper left corner, width and height, in pixels of the photo."""
        return self.face.box

    @property
    def emotion(self) -> str:
        """The most probable emotion."""
        return max(self.probabilities, key=self.probabilities.__getitem__)


class Recogniser:
    """A trained network that distinguishes seven emotions in pictures of faces.

    Several threads may use one recogniser at once.

    Args:
        name: one of `NAMES`.
        folder: a folder that contains NAME.onnx and SHA256SUMS; by default that of the package,
            whose models have the checksums in `shipped`.
        threads: how many threads compute one result; by default one for each core of the CPU.
    Raises:
        ValueError: there is no such model, `threads` is out of range, or the file does not have the
            right checksum or is not a network that maps faces to seven probabilities.
        FileNotFoundError: the model or SHA256SUMS is missing.

    >>> recogniser = Recogniser("fast")
    >>> list(recogniser(np.zeros((48, 48), np.uint8)))
    ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral']
    """

    def __init__(
        self, name: str = "accurate", folder: Path | None = None, threads: int | None = None
    ) -> None:
        if name not in NAMES:
            raise ValueError(f"There is no recogniser {name!r}: choose {' or '.join(NAMES)}.")
        if threads is not None and not (isinstance(threads, int) and 1 <= threads <= MAX_THREADS):
            raise ValueError(
                f"threads must be a whole number from 1 to {MAX_THREADS:,}, or None for all cores, "
                f"not {threads!r}."
            )
        self.name = name
        self.file = (WEIGHTS if folder is None else Path(folder)) / f"{name}.onnx"
        sha256 = shipped.SHA256[self.file.name] if self.file.parent == WEIGHTS else None
        self._session = load_session(self.file, threads or 0, sha256)
        self._input = self._session.get_inputs()[0].name

    def __repr__(self) -> str:
        return f"Recogniser({self.name!r})"

    def __call__(self, faces: Any, *, bgr: bool = False, tta: bool = False) -> Any:
        """Return the probability of each emotion, by its name.

        Args, Raises: as in `probabilities`.

        Returns:
            For one face a dict from emotion to probability; for several a list of dicts.
        """
        named = [_by_name(row) for row in self.probabilities(faces, bgr=bgr, tta=tta)]
        return named[0] if is_one_face(faces) else named

    def probabilities(self, faces: Any, *, bgr: bool = False, tta: bool = False) -> np.ndarray:
        """Return the probability of each emotion as an array.

        Args:
            faces: one face, an array of n faces, or a list of faces, each of its own size. An
                array of one face has the shape (height, width) in grey levels or (height, width,
                channels) with 1, 3 (RGB) or 4 (RGBA) channels; of several faces (n, height, width)
                or (n, height, width, channels). Its type is uint8 from 0 to 255, float from 0 to
                1, uint16 from 0 to 65,535, or bool. One face may also be a PIL image, the path of
                an image file, or its bytes. A face must be cropped closely, as by `cropping.crop`;
                it is converted to 48 x 48 grey levels here, as in training.
            bgr: whether arrays have their channels in the order blue, green, red, as in OpenCV.
            tta: whether to answer with the mean of a face and its mirror image (test-time
                augmentation). It takes twice as long; models/MODEL_CARD.md, "How much is luck",
                says what it gains.
        Returns:
            float32, shape (n, 7), in the order of `emotions.EMOTIONS`; each row adds up to 1.
        Raises:
            ValueError: `faces` is none of these, is empty, or has pixels that are NaN or out of
                range; or `tta` is neither True nor False.
            OSError: a file cannot be read.

        >>> Recogniser("fast").probabilities(np.zeros((5, 48, 48), np.uint8)).shape
        (5, 7)
        """
        if not isinstance(tta, bool | np.bool_):
            raise ValueError(f"tta must be True or False, not {tta!r}.")
        batches = prepared_batches(faces, bgr=bgr)
        return np.concatenate([self._answers(x, tta) for x in batches])

    def _answers(self, batch: np.ndarray, tta: bool) -> np.ndarray:
        """Return the probabilities of prepared faces, float32, shape (n, 48, 48, 1)."""
        rows = self._session.run(None, {self._input: batch})[0]
        if not tta:
            return rows
        mirrored = batch[:, :, ::-1]
        return (rows + self._session.run(None, {self._input: mirrored})[0]) / 2

    def photo(
        self,
        image: Any,
        *,
        bgr: bool = False,
        detector: str = "yunet",
        min_face: int = MIN_FACE,
        tta: bool = False,
    ) -> list[Sighting]:
        """Find the faces in a photo, and recognise the emotion of each.

        Args:
            image: the path of an image file, or its bytes; a PIL image; or an array, shape
                (height, width) in grey levels or (height, width, channels) with 1, 3 (RGB) or 4
                (RGBA) channels: uint8, uint16, bool, or float from 0 to 1. Files and PIL images
                are rotated upright according to their EXIF data. It may have
                `image_files.MAX_PIXELS`; the file of a JPEG may have more, because it is decoded
                in reduced size.
            bgr: whether an array has its channels in the order blue, green, red, as in OpenCV.
            detector, min_face: as in `detection.find_faces`.
            tta: as in `probabilities`.
        Returns:
            The faces and their emotions, the largest face first; an empty list if there is none.
            Boxes and landmarks are in pixels of the whole photo.
        Raises:
            ValueError: `image` is none of these, or `detector`, `min_face` or `tta` is invalid.
            OSError: the file cannot be read.
            ModuleNotFoundError, RuntimeError: as in `detection.find_faces`.

        >>> Recogniser("fast").photo(np.zeros((200, 300, 3), np.uint8))
        []
        """
        check_pixels("min_face", min_face)
        pixels, size = as_reduced_photo(image, PHOTO_SIDE, bgr=bgr)
        scale = max(size) / max(pixels.shape)
        least = min_face if scale == 1 else max(1, round(min_face / scale))
        found = self.in_photo(pixels, find_faces(pixels, detector, min_face=least), tta=tta)
        return [replace(one, face=one.face.enlarged(scale, size)) for one in found]

    def in_photo(self, image: Any, faces: Sequence[Face], *, tta: bool = False) -> list[Sighting]:
        """Recognise the emotions of faces that were found in a photo before.

        Args:
            image: a photo in any of the forms that `image_files.as_photo` takes.
            faces: as `detection.find_faces` returns them.
            tta: as in `probabilities`.
        Returns:
            A sighting for each face, in the same order.
        Raises:
            ValueError: `image` is none of these, or a box lies outside it.
            OSError: the file of the photo cannot be read.
        """
        pixels = photo_pixels(image)
        if not faces:
            return []
        crops = np.stack([to_grey(crop(pixels, face)) for face in faces])
        rows = self.probabilities(crops, tta=tta)
        return [Sighting(face, _by_name(row)) for face, row in zip(faces, rows, strict=True)]


def _by_name(row: np.ndarray) -> dict[str, float]:
    return dict(zip(EMOTIONS, row.tolist(), strict=True))
