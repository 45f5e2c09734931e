"""The trained recogniser: give it a face, and get the probability of each emotion.

It runs in ONNX Runtime, without Keras and TensorFlow, and starts in a fraction of a second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from PIL import Image, ImageOps

from facevalue import paths
from facevalue.emotions import EMOTIONS

NAMES = ("accurate", "fast")
"""The models that ship: one to be right more often, one for video on a small machine."""

SUMS = "SHA256SUMS"
"""The file beside the models that says which bytes they must have."""

SIZE = 48
"""Height and width of a face as the network sees it, in pixels: FER-2013's."""

MARGIN = 0.0
"""What `Recogniser.photo` adds on each side of a found face, as a share of its box: nothing.

FER-2013's faces fill the box that OpenCV's Haar cascade finds, and what is cut more widely looks
small to the network: `tools/bench_recogniser.py --crops` measures what other margins cost.
"""

BATCH = 64
"""Faces that go through the network at once: more need more memory and are not quicker."""

LARGEST = 200_000_000
"""Bytes that a model file may have."""

MOST_SUMS = 100_000
"""Characters of SHA256SUMS that are read."""

LONGEST = 3.0
"""How many times as long as wide, or wide as long, a face crop may be."""


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
        folder: where NAME.onnx and SHA256SUMS are; default: models/ in the project.
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
        self.file = (paths.root() / "models" if folder is None else Path(folder)) / f"{name}.onnx"
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
                by `detection.crop`; it is made grey and 48 x 48 here, as in training.
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
        from facevalue import detection  # it loads half a second's worth of packages

        pixels = _array(image)
        boxes = detection.find_faces(pixels)
        grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        if not len(boxes):
            return []
        crops = np.stack([detection.crop(grey, box, MARGIN, SIZE) for box in boxes])
        return [
            Sighting((int(x), int(y), int(width), int(height)), _named(row))
            for (x, y, width, height), row in zip(boxes, self.probabilities(crops), strict=True)
        ]


def _named(row: np.ndarray) -> dict[str, float]:
    return dict(zip(EMOTIONS, row.tolist(), strict=True))


# ------------------------------------------------------------------------------ from faces to input


def prepare(faces: Any) -> np.ndarray:
    """Return faces as the network takes them.

    Colours become grey levels as in OpenCV (0.299 red + 0.587 green + 0.114 blue). A face of
    another size is resized, by averaging where it shrinks and smoothly where it grows, as
    `detection.crop` does; one that is not square is stretched. uint8 is divided by 255, which is
    all that training does with FER-2013's pixels.

    Args, Raises: as in `Recogniser.probabilities`.
    Returns:
        float32, shape (n, 48, 48, 1), from 0 to 1.
    """
    return np.concatenate(list(_batches(faces)))


def _batches(faces: Any) -> Iterator[np.ndarray]:
    """Yield what `prepare` returns, `BATCH` faces at a time."""
    if isinstance(faces, list | tuple):
        if not faces:
            raise ValueError("there are no faces: the list is empty.")
        crops = [_array(face) for face in faces]
        for number, crop in enumerate(crops):
            if not _is_face(crop):
                raise ValueError(f"face {number} of the list {_wrong_shape(crop)}")
        for start in range(0, len(crops), BATCH):
            part = enumerate(crops[start : start + BATCH], start)
            yield np.concatenate([_prepared(crop[None], number) for number, crop in part])
        return
    array = _array(faces)
    if _is_face(array):
        array = array[None]
    elif array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] not in (1, 3)):
        raise ValueError(f"the array {_wrong_shape(array)}")
    for start in range(0, max(len(array), 1), BATCH):
        yield _prepared(array[start : start + BATCH], start)


def _is_one(faces: Any) -> bool:
    return not isinstance(faces, list | tuple) and _is_face(_array(faces))


def _array(image: Any) -> np.ndarray:
    """Return an image as an array; nothing but an array or a PIL image is one."""
    if isinstance(image, Image.Image):
        # turned as its camera says; in other modes than RGB the numbers may mean anything
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    if not hasattr(image, "__array__"):
        kind = type(image).__name__
        raise ValueError(
            f"an image must be a NumPy array or a PIL image, not {kind}: "
            "facevalue.detection.read(Path) reads one from a file."
        )
    return np.asarray(image)


def _is_face(array: np.ndarray) -> bool:
    """Whether an array is one face: (height, width), (height, width, 1) or (height, width, 3)."""
    return array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3))


def _wrong_shape(array: np.ndarray) -> str:
    return (
        f"has the shape {array.shape}: a face has (height, width) or (height, width, 3), several "
        "have (n, height, width) or (n, height, width, 3)."
    )


def _prepared(faces: np.ndarray, first: int) -> np.ndarray:
    """Return faces of one size, shape (n, height, width[, 1 or 3]), as the network takes them.

    The first of them is the caller's number `first`.
    """
    n, height, width = faces.shape[:3]
    if faces.size == 0:
        raise ValueError(f"there is no face in an array of shape {faces.shape}: it is empty.")
    if max(height, width) > LONGEST * min(height, width):
        raise ValueError(
            f"{width} x {height} pixels are no face crop: one side is more than {LONGEST:g} times "
            "the other."
        )
    _check_values(faces, first)
    if faces.ndim == 4 and faces.shape[3] == 3:
        # one tall image: each pixel's grey depends on that pixel alone
        tall = np.ascontiguousarray(faces).reshape(n * height, width, 3)
        faces = cv2.cvtColor(_computable(tall), cv2.COLOR_RGB2GRAY)
    faces = faces.reshape(n, height, width)
    if (height, width) != (SIZE, SIZE):
        method = cv2.INTER_AREA if max(height, width) > SIZE else cv2.INTER_CUBIC
        faces = np.stack(
            [cv2.resize(_computable(face), (SIZE, SIZE), interpolation=method) for face in faces]
        )
    if faces.dtype == np.uint8:
        return np.divide(faces, np.float32(255), dtype=np.float32)[..., None]
    # smooth growing may overshoot
    return np.clip(faces, 0, 1).astype(np.float32)[..., None]


def _computable(image: np.ndarray) -> np.ndarray:
    """Return an image in a type that OpenCV computes with: uint8 or float32."""
    return image if image.dtype == np.uint8 else image.astype(np.float32)


def _check_values(faces: np.ndarray, first: int) -> None:
    if faces.dtype == np.uint8:
        return
    if faces.dtype.kind != "f":
        raise ValueError(
            f"pixels must be uint8 from 0 to 255 or float from 0 to 1, not {faces.dtype}."
        )
    # NaN is in no range; what rounding leaves beside it is
    wrong = ~((faces >= -1e-6) & (faces <= 1 + 1e-6)).reshape(len(faces), -1).all(axis=1)
    if not wrong.any():
        return
    row = int(wrong.argmax())
    low, high = float(faces[row].min()), float(faces[row].max())
    if not np.isfinite([low, high]).all():
        raise ValueError(f"face {first + row} has pixels that are not numbers (NaN or infinite).")
    raise ValueError(
        f"float pixels must be from 0 to 1, those of face {first + row} are from {low:.3g} to "
        f"{high:.3g}: divide grey levels by 255."
    )


# -------------------------------------------------------------------------------- the model file


def _session(file: Path, threads: int) -> Any:
    """Return ONNX Runtime with a model that was checked: its bytes, its input, its output."""
    content = _checked(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only
    wrong = (
        f"{file.name} is no network from faces of {SIZE} x {SIZE} to {len(EMOTIONS)} probabilities"
    )
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
        blank = np.zeros((2, SIZE, SIZE, 1), np.float32)
        (found,) = session.run(None, {given.name: blank})
    except Exception:  # ONNX Runtime has a dozen types, all of which mean the same here
        raise ValueError(f"{wrong}: ONNX Runtime cannot run it as one.") from None
    if found.shape != (2, len(EMOTIONS)) or found.dtype != np.float32:
        raise ValueError(f"{wrong}: for two faces it gives {found.dtype} of shape {found.shape}.")
    if not (np.allclose(found.sum(axis=1), 1, atol=1e-3) and found.min() >= 0):
        raise ValueError(f"{wrong}: what it gives does not add up to 1.")
    return session


def _checked(file: Path) -> bytes:
    """Return the bytes of a model file that are those in SHA256SUMS."""
    sums = file.parent / SUMS
    for needed in (file, sums):
        if not needed.is_file():
            raise FileNotFoundError(
                f"{needed.name} is not in {needed.parent}: get the project's models/ folder, or "
                "give the folder that holds it."
            )
    if file.stat().st_size > LARGEST:
        raise ValueError(f"{file.name} has more than {LARGEST // 1_000_000} MB: it is no model.")
    content = file.read_bytes()
    with sums.open(encoding="utf-8", errors="replace") as opened:
        lines = [line.split() for line in opened.read(MOST_SUMS).splitlines()]
    listed = {line[1].lstrip("*"): line[0].lower() for line in lines if len(line) == 2}
    if file.name not in listed:
        raise ValueError(f"{SUMS} beside {file.name} does not list it: it cannot be trusted.")
    if hashlib.sha256(content).hexdigest() != listed[file.name]:
        raise ValueError(
            f"{file.name} is damaged or another file than {SUMS} says: get it again from the "
            "project."
        )
    return content
