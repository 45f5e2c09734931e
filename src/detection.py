"""Finding faces in photos, and cutting them out."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

import cv2
import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from facevalue import cluster, images, paths, storage
from facevalue.sources import YUNET

if TYPE_CHECKING:
    from facevalue.faces import Photo

DETECTORS = ("frontalface_default", "frontalface_alt2", "yunet")
"""Two Haar cascades, which come with OpenCV 4, and a small network, which is a download."""

BORDER = 0.2
"""How much is added around a photo before the cascades look at it, as a share of its short side.

They find only whole faces with some room around them. Of 381 real photos, most of them close-ups,
this border lets them find the face in 96 % of those with a frontal one, instead of in 80 %.
"""


@lru_cache(maxsize=16)
def _cascade(name: str, thread: int) -> Any:
    """Return one of OpenCV's Haar cascades, loaded once per thread: threads cannot share it.

    Raises:
        RuntimeError: this OpenCV has no Haar cascades.
    """
    path = Path(getattr(getattr(cv2, "data", None), "haarcascades", "")) / f"haarcascade_{name}.xml"
    if not hasattr(cv2, "CascadeClassifier") or not path.is_file():
        raise RuntimeError(
            f"OpenCV {cv2.__version__} comes without Haar cascades, which find the faces here: "
            'install version 4 with pip install "opencv-python-headless>=4.10,<5".'
        )
    return cv2.CascadeClassifier(str(path))


@lru_cache(maxsize=8)
def _yunet(path: Path, thread: int) -> Any:
    if not path.is_file():
        raise FileNotFoundError(
            f"the detector YuNet is not on this machine: fetch {path.name} (233 kB) with "
            "facevalue.sources.fetch_yunet()."
        )
    try:
        return cv2.FaceDetectorYN.create(str(path), "", (320, 320), 0.7)
    except cv2.error:
        raise ValueError(
            f"OpenCV {cv2.__version__} cannot read {path.name}: delete it, and fetch it again with "
            "facevalue.sources.fetch_yunet()."
        ) from None


def available() -> list[str]:
    """Return the detectors that this machine can run: YuNet needs its file."""
    return [name for name in DETECTORS if name != "yunet" or paths.raw_file(YUNET).is_file()]


def find_faces(
    image: np.ndarray,
    detector: str = "frontalface_default",
    *,
    scale_factor: float = 1.1,
    min_neighbors: int = 5,
    min_size: tuple[int, int] = (40, 40),
    border: float = BORDER,
) -> np.ndarray:
    """Return where the faces in a photo are, the largest first.

    Args:
        image: uint8, shape (h, w, 3) in the order red, green, blue, or (h, w) in grey levels.
        detector: one of `DETECTORS`.
        scale_factor: by how much the search window grows from one pass to the next, over 1.
        min_neighbors: how many overlapping windows must agree before they count as a face.
        min_size: width and height of the smallest face, in pixels.
        border: how much is added around the photo, as a share of its short side; the edge's
            pixels are repeated. Without it, faces that fill a photo are missed.
    Returns:
        int, shape (k, 4): x and y of the upper left corner, width, height. k is 0 for no face. A
        box is square, unless the photo's edge cuts it.
    Raises:
        ValueError: `image` is no such array, `scale_factor` is not over 1, `border` is negative,
            or there is no such detector.
        RuntimeError: this OpenCV has no Haar cascades.
        FileNotFoundError: YuNet's file is not there; the message says how to get it.
    Source: Viola and Jones (2001), https://doi.org/10.1109/CVPR.2001.990517; Wu, Peng and Yu
        (2023), https://doi.org/10.1007/s11633-023-1423-y
    """
    _check(image)
    if scale_factor <= 1:
        raise ValueError(f"scale_factor must be over 1, got {scale_factor}.")
    if border < 0:
        raise ValueError(f"border must be 0 or more, got {border}.")
    if detector not in DETECTORS:
        raise ValueError(f"there is no detector {detector!r}: choose {', '.join(DETECTORS)}.")
    if detector == "yunet":
        found = _find_yunet(image)
    else:
        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        edge = round(border * min(grey.shape))
        wide = cv2.copyMakeBorder(grey, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        found = _cascade(detector, threading.get_ident()).detectMultiScale(
            wide, scaleFactor=scale_factor, minNeighbors=min_neighbors, minSize=min_size
        )
        found = np.array(found, dtype=int).reshape(-1, 4) - (edge, edge, 0, 0)
    boxes = _inside(found, image)
    boxes = boxes[(boxes[:, 2] >= min_size[0]) & (boxes[:, 3] >= min_size[1])]
    return boxes[np.lexsort((boxes[:, 1], boxes[:, 0], -boxes[:, 2] * boxes[:, 3]))]


def _inside(boxes: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Cut boxes at the photo's edges."""
    size = image.shape[1::-1]
    corners = np.clip(np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]), 0, [*size, *size])
    return np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])


LONGEST = 640
"""YuNet sees photos no larger than this: it was trained on faces of 10 to 300 pixels."""


def _find_yunet(image: np.ndarray) -> np.ndarray:
    network = _yunet(paths.raw_file(YUNET), threading.get_ident())
    colour = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    scale = min(1.0, LONGEST / max(image.shape[:2]))
    small = cv2.resize(colour, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    network.setInputSize((small.shape[1], small.shape[0]))
    _, found = network.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    boxes = np.zeros((0, 4)) if found is None else found[:, :4] / scale
    return np.rint(boxes).astype(int)


def overlap(a: Sequence[int] | np.ndarray, b: Sequence[int] | np.ndarray) -> float:
    """Return what two boxes share: the area of both over the area of either, 0 to 1."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def matched(boxes: np.ndarray, truth: np.ndarray, least: float = 0.4) -> int:
    """Return how many true faces have a box of their own that overlaps them enough.

    Args:
        boxes: int, shape (k, 4), as `find_faces` returns them.
        truth: int, shape (n, 4).
        least: the smallest `overlap` that counts.
    """
    left, hits = list(boxes), 0
    for face in truth:
        best = max(range(len(left)), key=lambda k: overlap(left[k], face), default=-1)
        if best >= 0 and overlap(left[best], face) >= least:
            left.pop(best)
            hits += 1
    return hits


def compare(photos: Sequence[Photo], detectors: Sequence[str] | None = None) -> pd.DataFrame:
    """Return what each detector finds in photos whose faces are known.

    Args:
        photos: drawn by `faces.photo`, or others with an `image` and true `boxes`.
        detectors: some of `DETECTORS`; default: those that are `available`.
    Returns:
        A row per detector, with faces found and missed, boxes that are no face (false), and the
        milliseconds that a megapixel took.
    """
    rows = []
    faces = sum(len(photo.boxes) for photo in photos)
    megapixels = sum(photo.image[..., 0].size for photo in photos) / 1e6
    for detector in available() if detectors is None else detectors:
        find_faces(photos[0].image, detector)  # loads it
        start = time.perf_counter()
        boxes = [find_faces(photo.image, detector) for photo in photos]
        seconds = time.perf_counter() - start
        found = sum(matched(b, photo.boxes) for b, photo in zip(boxes, photos, strict=True))
        false = sum(map(len, boxes)) - found
        rows.append((detector, found, faces - found, false, 1000 * seconds / megapixels))
    columns = ["detector", "found", "missed", "false", "ms per megapixel"]
    return pd.DataFrame(rows, columns=columns).set_index("detector")


def crop(
    image: np.ndarray,
    box: Sequence[int] | np.ndarray,
    margin: float = 0.1,
    size: int | None = None,
) -> np.ndarray:
    """Cut a square around a box out of a photo.

    Where the square reaches over the photo's edge, the last pixels are repeated.

    Args:
        image: uint8, shape (h, w, 3) or (h, w).
        box: x, y, width, height, as `find_faces` returns it.
        margin: how much is added on each side, as a share of the box's longer side.
        size: height and width of the result; None keeps the photo's resolution.
    Returns:
        uint8, shape (size, size, 3) or (size, size).
    Raises:
        ValueError: `image` is no such array, the box does not touch it, or a number is too small.
    """
    _check(image)
    x, y, width, height = (int(value) for value in box)
    rows, columns = image.shape[:2]
    if width < 1 or height < 1 or not (-width < x < columns and -height < y < rows):
        raise ValueError(
            f"the box {(x, y, width, height)} does not touch the {columns} x {rows} image."
        )
    if margin < 0 or (size is not None and size < 1):
        raise ValueError(f"margin must be 0 or more and size 1 or more, got {margin} and {size}.")
    side = round(max(width, height) * (1 + 2 * margin))
    left, top = x + (width - side) // 2, y + (height - side) // 2
    down = np.clip(np.arange(top, top + side), 0, rows - 1)
    across = np.clip(np.arange(left, left + side), 0, columns - 1)
    cut = image[np.ix_(down, across)]
    if size is None or size == side:
        return cut
    # averaging when it shrinks, smooth when it grows
    method = cv2.INTER_AREA if size < side else cv2.INTER_CUBIC
    return cv2.resize(cut, (size, size), interpolation=method)


SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
MOST_BYTES = 50_000_000
MOST_PIXELS = 40_000_000


def read(file: Path) -> np.ndarray:
    """Return a photo from disk, turned as its camera says: uint8, shape (h, w, 3), RGB.

    Raises:
        ValueError: the file is no JPEG, PNG or WebP image, a broken one, or too large.
        OSError: it is not there, or this user may not read it.
    """
    if file.stat().st_size > MOST_BYTES:
        raise ValueError(f"{file.name} is larger than {MOST_BYTES // 1_000_000} MB.")
    with file.open("rb") as opened:
        return decode(opened, file.name)


def read_from(system: Any, path: str) -> np.ndarray:
    """Do as `read` with a file of any storage (see `storage.opened`)."""
    content = storage.read(system, path, MOST_BYTES)
    return decode(io.BytesIO(content), PurePosixPath(path).name)


def decode(opened: BinaryIO, name: str, most_pixels: int = MOST_PIXELS) -> np.ndarray:
    """Return an opened photo, turned as its camera says: uint8, shape (h, w, 3), RGB.

    Args:
        opened: a file, or bytes in an `io.BytesIO`; the caller has looked at its length.
        name: what the messages call it.
        most_pixels: a larger photo is refused before it is decoded.
    Raises:
        ValueError: it is no JPEG, PNG or WebP image, a broken one, or has too many pixels.
    """
    large = f"{name} has more than {most_pixels // 1_000_000} megapixels."
    try:
        image = Image.open(opened, formats=("JPEG", "PNG", "WEBP"))
    except Image.DecompressionBombError:
        raise ValueError(large) from None
    except Exception:  # Pillow raises many types for bytes that are no image
        raise ValueError(f"{name} is not a JPEG, PNG or WebP image.") from None
    if image.width * image.height > most_pixels:
        raise ValueError(large)
    try:
        return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except Exception:
        raise ValueError(f"{name} is a broken image.") from None


TABLE = "crops.csv"
COLUMNS = ("file", "x", "y", "width", "height", "crop", "hash", "problem", "state")

Row = tuple[int | None, int | None, int | None, int | None, str, str, str]


def crop_folder(
    folder: str | Path,
    out: Path,
    *,
    size: int = 48,
    colour: bool = False,
    margin: float = 0.1,
    detector: str = "frontalface_default",
    progress: bool = True,
) -> pd.DataFrame:
    """Cut the faces out of all photos of a folder, here or on a cluster (see `cluster.map`).

    Writes a PNG for each face to `out`, and the returned table as crops.csv. Started again with
    the same settings, it goes on with the photos that are new, changed, or not done yet.

    Args:
        folder: photos, at any depth, on this machine or at an address that fsspec knows, as
            s3://bucket/photos; files of other types than `SUFFIXES` are left out.
        out: where the crops go, a folder that a cluster's workers share; it may lie in `folder`.
        size: height and width of a crop: 48 for our networks, 224 for pretrained ones.
        colour: keep the colours, or write grey levels.
        margin: as in `crop`.
        detector: as in `find_faces`.
        progress: show a bar.
    Returns:
        A row per face, the photos in the order of their names: file (the photo, under `folder`),
        x, y, width, height (its box), crop (the PNG, under `out`), hash (`perceptual_hash` of the
        crop in hexadecimal: equal for copies of one photo), problem. A photo without a face, or
        that cannot be read, has one row with the reason in problem; else that is empty.
    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: there is no photo in it, or `size`, `margin` or `detector` is out of the
            question, or `out` is `folder`.
        ModuleNotFoundError: the address needs a package that is not installed.
        OSError: the table cannot be written, as when the disk is full.
        cluster.TaskError: a crop cannot be written; the message names the photo.
        cluster.VersionError, ConnectionError: as in `cluster.map`.
    """
    place, out = storage.address(folder), out.resolve()
    storage.check_folder(place)
    if place == str(out):
        raise ValueError(f"the crops would lie among the photos of {folder}: give another `out`.")
    blank = np.zeros((64, 64), np.uint8)  # wrong settings fail here, once, not in every photo
    crop(blank, (0, 0, 64, 64), margin, size)
    find_faces(blank, detector)
    inside = f"{out.relative_to(place).as_posix()}/" if Path(place) in out.parents else None
    # a photo is done if it is the same file, cropped in the same way
    settings = f"{detector} {size} {'colour' if colour else 'grey'} {margin:g}"
    system, root = storage.opened(place)
    problems: list[dict[str, str]] = []
    states = {
        name: f"{settings} {state}"
        for name, state in storage.files(system, root, SUFFIXES, problems)
        if inside is None or not name.startswith(inside)
    }
    if not states and not problems:
        raise ValueError(f"there is no photo in {storage.shown(place)}: no {', '.join(SUFFIXES)}.")
    done = _done(out, states)
    left = [name for name in states if name not in done]
    work = partial(_crop_photo, place, out, size, colour, margin, detector)
    pause, saved = 5.0, time.monotonic()
    try:
        results = cluster.map(work, left, label="cropping faces", progress=progress)
        for name, rows in zip(left, results, strict=True):
            done[name] = rows
            start = time.monotonic()
            if start > saved + pause:  # what a kill costs at most
                _table(out, done, states)
                saved = time.monotonic()
                pause = max(5.0, 20 * (saved - start))
        for told in problems:
            done[told["file"]], states[told["file"]] = [_failed(told["problem"])], ""
    finally:
        table = _table(out, done, states)
    return table.drop(columns="state")


def _failed(problem: str) -> Row:
    return (None, None, None, None, "", "", problem)


def _crop_photo(
    place: str, out: Path, size: int, colour: bool, margin: float, detector: str, name: str
) -> list[Row]:
    """Write the faces of one photo; return the rows of the table for it."""
    system, root = storage.opened(place)
    try:
        image = read_from(system, storage.join(root, name))
    except Exception as error:  # a storage's own types too: one file must not stop the rest
        return [_failed(storage.reason(error))]
    boxes = find_faces(image, detector)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    rows: list[Row] = []
    for number, box in enumerate(boxes):
        face = crop(image if colour else grey, box, margin, size)
        target = out / f"{name}-{number}.png"
        with paths.writing(out), paths.beside(target) as part:
            part.write_bytes(images.png(face))
        x, y, width, height = box.tolist()
        bits = images.perceptual_hash(crop(grey, box, margin, 48)[None])[0]
        told = np.packbits(bits).tobytes().hex()
        rows.append((x, y, width, height, f"{name}-{number}.png", told, ""))
    old = len(boxes)  # from a run that found more
    while (stale := out / f"{name}-{old}.png").is_file():
        stale.unlink()
        old += 1
    return rows or [_failed("no face found")]


def _table(out: Path, done: Mapping[str, list[Row]], states: Mapping[str, str]) -> pd.DataFrame:
    """Write what is done so far to `out`, and return it."""
    rows = [(name, *row, states[name]) for name in states for row in done.get(name, [])]
    table = pd.DataFrame(rows, columns=COLUMNS)
    table = table.astype(dict.fromkeys(COLUMNS[1:5], "Int64"))
    with paths.writing(out):
        paths.write_text(out / TABLE, table.to_csv(index=False, lineterminator="\n"))
    return table


def _done(out: Path, states: Mapping[str, str]) -> dict[str, list[Row]]:
    """Return the rows of the photos that an earlier run has cropped in the same way."""
    try:
        table = pd.read_csv(out / TABLE, dtype=str, keep_default_na=False)[list(COLUMNS)]
    except (OSError, ValueError, KeyError):  # none, or somebody else's: everything is to be done
        return {}
    done: dict[str, list[Row]] = {}
    lost = set()
    for name, *box, crop, told, problem, state in table.itertuples(index=False):
        if states.get(name) != state or (crop and not (out / crop).is_file()):
            lost.add(name)
        x, y, width, height = (int(value) if value else None for value in box)
        done.setdefault(name, []).append((x, y, width, height, crop, told, problem))
    return {name: rows for name, rows in done.items() if name not in lost}


def _check(image: np.ndarray) -> None:
    fits = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype != np.uint8 or not fits or image.size == 0:
        raise ValueError(
            "the image must be uint8 of shape (height, width) or (height, width, 3), "
            f"got {image.dtype} of shape {image.shape}."
        )
