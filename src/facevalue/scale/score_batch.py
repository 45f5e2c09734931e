"""Scoring a batch of photos and videos, which is the work of one task."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from facevalue import files, image_files
from facevalue.emotions import EMOTIONS
from facevalue.files import ExplainedError, atomic_write
from facevalue.image_files import to_grey
from facevalue.recognition import detection, overlay, video
from facevalue.recognition.cropping import crop
from facevalue.recognition.face import Face
from facevalue.recognition.people import People
from facevalue.recognition.preparation import BATCH_SIZE, prepare
from facevalue.recognition.recogniser import Recogniser, Sighting
from facevalue.scale import no_face, storage
from facevalue.scale.face_table import BOX, Row, emotion_cells, face_row

SUFFIXES = (*image_files.SUFFIXES, *video.SUFFIXES)
"""The suffixes of the files that are scored, in lower case."""

KINDS = (
    "a photo (JPEG, PNG, WebP, TIFF, BMP, GIF or AVIF) or a video (MP4, MOV, MKV, AVI, WebM ...)"
)
"""What is scored, in words: there are too many suffixes for a sentence."""

MAX_VIDEO_BYTES = 50_000_000_000
"""The size of the largest video that is read, in bytes."""

DECODED_SIDE = 1_920
"""A larger JPEG is decoded in reduced size; its longest side keeps at least so many pixels."""


@dataclass(frozen=True)
class Method:
    """How files are scored: everything that a worker must know and that the results depend on.

    Attributes:
        address: the folder, or its address for fsspec.
        model: the name of the model.
        models: the folder of the model files; None for that of the package.
        checksum: the SHA-256 of the model file.
        every, cropped, detector, min_face: as in `score_folder.score`.
        annotate: the folder for annotated photos; None for none.
    """

    address: str
    model: str
    models: str | None
    checksum: str
    every: float
    cropped: bool
    detector: str
    min_face: int
    annotate: str | None


@dataclass(frozen=True)
class Batch:
    """Files that are scored together, and a cache key of the files and the method."""

    key: str
    files: tuple[str, ...]

    def __str__(self) -> str:
        more = len(self.files) - 1
        files = "file" if more == 1 else f"{more} files"
        return self.files[0] + (f" and the {files} after it" if more else "")


def kind(path: str) -> str:
    """Return whether a file is a "photo" or a "video" by its name, or "" if it is neither.

    >>> kind("a.JPG"), kind("b/film.mp4"), kind("notes.txt")
    ('photo', 'video', '')
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in image_files.SUFFIXES:
        return "photo"
    return "video" if suffix in video.SUFFIXES else ""


def score_batch(method: Method, batch: Batch) -> tuple[list[Row], bool]:
    """Score a batch of files, here or on a worker.

    Returns:
        The rows of the files, as `face_parts.Parts.store` takes them, and whether the batch must
        be scored again because a file could not be reached.
    Raises:
        CannotAnnotate: an annotated photo cannot be written.
        ValueError, RuntimeError, ModuleNotFoundError: the model or the detector cannot be used.
    """
    recogniser = _recogniser(method.model, method.models, method.checksum, method.detector)
    system, root = storage.file_system(method.address)
    collector = _Collector(recogniser)
    retry = False
    for name in batch.files:
        path = storage.join(root, name)
        try:
            if kind(name) == "photo":
                _score_photo(
                    method, collector, name, storage.read(system, path, image_files.MAX_BYTES)
                )
            else:
                with storage.local_file(system, path, MAX_VIDEO_BYTES) as file:
                    _score_video(method, collector, name, file)
        except CannotAnnotate:
            raise
        except Exception as error:  # a storage has its own types; one file must not stop the rest
            collector.rows.append({"file": name, "problem": storage.reason(error)})
            retry = retry or not isinstance(error, ValueError)
    collector.recognise()
    return collector.rows, retry


class CannotAnnotate(ExplainedError):
    """An annotated photo cannot be written: an error that would stop other photos too."""


class _Collector:
    """Collects the rows of a batch, and recognises the emotions of many faces at a time.

    Args:
        recogniser: recognises the emotions.
    """

    def __init__(self, recogniser: Recogniser) -> None:
        self.rows: list[Row] = []
        self._recogniser = recogniser
        self._waiting: list[tuple[Row, np.ndarray]] = []

    def add(self, row: Row, face: np.ndarray) -> None:
        """Add a face.

        Args:
            row: as from `face_row`.
            face: its pixels, float32, shape (1, 48, 48, 1), as from `prepare`.
        """
        self.rows.append(row)
        self._waiting.append((row, face))
        if len(self._waiting) >= BATCH_SIZE:
            self.recognise()

    def recognise(self) -> None:
        """Add the emotions to the rows that do not have them yet."""
        if self._waiting:
            rows, faces = zip(*self._waiting, strict=True)
            values = self._recogniser.probabilities(np.concatenate(faces))
            for row, probabilities in zip(rows, values, strict=True):
                row.update(emotion_cells(probabilities))
            self._waiting.clear()


def _score_photo(method: Method, collector: _Collector, name: str, content: bytes) -> None:
    """Add the faces of a photo, or the reason why it has none."""
    image, size = image_files.decode_reduced(content, PurePosixPath(name).name, DECODED_SIDE)
    before = len(collector.rows)
    scale = max(size) / max(image.shape)
    faces, smaller = _faces(method, image, scale)
    for face, pixels in faces:
        collector.add(face_row(name, face.enlarged(scale, size).box), pixels)
    if not faces:
        reason = no_face.why(image, size, [round(scale * height) for height in smaller])
        collector.rows.append({"file": name, "no_face": reason})
    if method.annotate is not None and faces:
        collector.recognise()
        # a photo that is too large to be decoded whole is drawn on in reduced size
        whole = scale > 1 and size[0] * size[1] <= image_files.MAX_PIXELS
        photo = image_files.decode_photo(content, PurePosixPath(name).name) if whole else image
        rows = collector.rows[before:]
        _annotate(Path(method.annotate, name), photo, rows, 1.0 if whole else scale)


def _score_video(method: Method, collector: _Collector, name: str, file: Path) -> None:
    """Add the faces of a video, or the reason why it has none.

    Raises:
        ValueError: the file is not a video, or it breaks off, after the faces before that were
            added.
    """
    clip = video.open_clip(file)
    people, before = People(), len(collector.rows)
    reasons: Counter[str] = Counter()
    try:
        for frame, seconds, image in clip.sampled(method.every):
            faces, smaller = _faces(method, image)
            if not faces:
                reasons[no_face.why(image, (clip.width, clip.height), smaller)] += 1
            numbers = people([face for face, _ in faces], seconds)
            for (face, pixels), person in zip(faces, numbers, strict=True):
                row = face_row(name, face.box, frame=frame, seconds=seconds, person=person)
                collector.add(row, pixels)
    finally:
        clip.close()
    if reasons and len(collector.rows) == before:
        collector.rows.append({"file": name, "no_face": reasons.most_common(1)[0][0]})


def _faces(
    method: Method, image: np.ndarray, scale: float = 1.0
) -> tuple[list[tuple[Face, np.ndarray]], list[int]]:
    """Return the faces in a picture, and the heights of those that are too small.

    Args:
        scale: the width of the file's picture divided by that of `image`.
    Returns:
        Each face with its pixels, as from `prepare`, from left to right; and heights, in pixels of
        `image`.
    """
    if method.cropped:
        height, width = image.shape[:2]
        return [(Face((0, 0, width, height)), prepare(image))], []
    found = detection.find_faces(image, method.detector, min_face=1)
    found.sort(key=lambda face: face.box[0])
    large = [face for face in found if scale * face.box[3] >= method.min_face]
    smaller = [face.box[3] for face in found if scale * face.box[3] < method.min_face]
    return [(face, prepare(to_grey(crop(image, face)))) for face in large], smaller


def _annotate(out: Path, photo: np.ndarray, rows: Sequence[Row], scale: float) -> None:
    """Write a photo with the boxes, numbers and bars of its faces.

    Args:
        out: the file to write.
        photo: uint8, shape (height, width, 3), RGB.
        rows: its faces, as in the table.
        scale: the width of the photo's file divided by that of `photo`.
    Raises:
        ValueError: this photo cannot be written, because of its name or its size.
        CannotAnnotate: no photo can be written.
    """
    sightings = [
        Sighting(
            Face(tuple(round(row[side] / scale) for side in BOX)),
            {name: row[name] for name in EMOTIONS},
        )
        for row in rows
    ]
    drawn = Image.fromarray(overlay.draw(photo, sightings, numbered=True))
    try:
        with atomic_write(out, suffix=out.suffix) as part:
            drawn.save(part, quality=90)
    except OSError as error:
        if error.errno in (None, errno.ENAMETOOLONG):  # only this photo cannot be written
            raise ValueError(f"its annotated copy cannot be written: {error}") from error
        raise CannotAnnotate(str(error), error.errno) from error


@lru_cache(maxsize=1)
def _recogniser(model: str, models: str | None, checksum: str, detector: str) -> Recogniser:
    """Return the recogniser of this process, loaded once for all of its batches.

    Raises:
        ValueError: the model file differs from that on the machine that started the work.
        RuntimeError, ModuleNotFoundError: the detector cannot be used here.
    """
    recogniser = Recogniser(model, Path(models) if models else None, threads=1)
    if files.checksum(recogniser.file) != checksum:
        raise ValueError(
            f"{recogniser.file} differs from the file on the machine that started the work: "
            "install the same version of facevalue everywhere."
        )
    check_detector(detector)
    return recogniser


def check_detector(detector: str) -> None:
    """Raise an error if a detector cannot be used here, before every file fails.

    Raises:
        ValueError: there is no such detector, or its file is damaged.
        RuntimeError, ModuleNotFoundError: a file or a package is missing.
    """
    detection.find_faces(np.zeros((64, 64), np.uint8), detector)
