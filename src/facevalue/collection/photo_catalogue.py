"""A searchable collection of drawn photos with tags, for the local photo service.

Each photo is planned from a seed (who is in it, and its tags), and drawn when it is first needed.
"""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass

import numpy as np
from PIL import Image

from facevalue.collection.image_search import WORDS
from facevalue.drawing import faces
from facevalue.emotions import EMOTIONS

PHOTOS_PER_EMOTION = {"angry": 47, "disgust": 7, "fear": 56, "happy": 50, "sad": 50,
                      "surprise": 51, "neutral": 50}  # fmt: skip
"""How many photos of each emotion project 1 found on Pixabay; the catalogue has the same ratio."""

LARGEST_SIDE = 1280
SIZES = {"_150": 150, "_640": 640, "_1280": LARGEST_SIDE}
"""The longest side of Pixabay's preview, web format and large image, by the suffix of the file."""

BLOCK = 40
"""Photos are planned in blocks, so that a larger collection starts with the smaller one."""


@dataclass(frozen=True)
class PlannedPhoto:
    """A photo that need not have been drawn yet.

    Attributes:
        number: its number in the catalogue, from 0.
        shown: the emotions of the people in it.
        tags: the search words that find it.
    """

    number: int
    shown: tuple[str, ...]
    tags: tuple[str, ...]

    @property
    def suffix(self) -> str:
        """The extension of its file: every tenth photo is a PNG."""
        return ".png" if self.number % 10 == 6 else ".jpg"


@dataclass(frozen=True)
class EncodedPhoto:
    """A photo as a file, and the truth about it.

    Attributes:
        content: the bytes of the JPEG or PNG file.
        width, height: in pixels.
        boxes: int, shape (n, 4): x, y, width and height of each face.
    """

    content: bytes
    width: int
    height: int
    boxes: np.ndarray


class PhotoCatalogue:
    """The photos of a service; safe to use from several threads.

    Every fifth photo shows nobody, and about one in eight shows an emotion other than the one that
    its tags name. About two in five are found only by a synonym, not by an emotion's first search
    words.

    Args:
        photos: the number of photos.
        seed: the same seed gives the same photos and tags.

    Raises:
        ValueError: `photos` is under 1.

    >>> catalogue = PhotoCatalogue(40, seed=0)
    >>> len(catalogue), len(catalogue.search("happy face"))
    (40, 3)
    """

    def __init__(self, photos: int, seed: int) -> None:
        if photos < 1:
            raise ValueError(f"photos must be at least 1, got {photos}.")
        self._seed = seed
        self._planned = _plan_photos(photos, seed)
        self._drawn: dict[int, EncodedPhoto] = {}
        self._drawing = threading.Lock()

    def __len__(self) -> int:
        return len(self._planned)

    def get(self, number: int) -> PlannedPhoto | None:
        """Return a photo by its number, or None."""
        return self._planned[number] if 0 <= number < len(self._planned) else None

    def search(self, words: str, image_type: str = "all") -> list[PlannedPhoto]:
        """Return the photos that have all the words as tags.

        Args:
            words: separated by spaces; "" finds all photos.
            image_type: as in Pixabay's API; only "all" and "photo" find any.
        """
        if image_type not in ("all", "photo"):
            return []
        wanted = set(words.lower().split())
        return [photo for photo in self._planned if wanted <= set(photo.tags)]

    def encoded(self, photo: PlannedPhoto, size: str = "_1280") -> EncodedPhoto:
        """Return a photo as a file, in one of the `SIZES`."""
        with self._drawing:
            if photo.number not in self._drawn:
                rng = np.random.default_rng([self._seed, photo.number])
                drawn = faces.photo(rng, len(photo.shown), photo.shown)
                self._drawn[photo.number] = _encode(drawn, LARGEST_SIDE, photo.suffix)
            large = self._drawn[photo.number]
        if SIZES[size] == LARGEST_SIDE:
            return large
        return _encode(_decode(large, photo.shown), SIZES[size], photo.suffix)

    def truth(self, photo: PlannedPhoto, size: str = "_1280") -> faces.Photo:
        """Return the pixels of a photo's file, the boxes of the faces, and their emotions."""
        return _decode(self.encoded(photo, size), photo.shown)


def fit(width: int, height: int, longest: int) -> tuple[int, int]:
    """Return a size with the same aspect ratio and no side longer than `longest`.

    >>> fit(1280, 960, 640), fit(100, 50, 640)
    ((640, 480), (100, 50))
    """
    scale = min(1.0, longest / max(width, height))
    return round(width * scale), round(height * scale)


def _plan_photos(photos: int, seed: int) -> list[PlannedPhoto]:
    planned: list[PlannedPhoto] = []
    for start in range(0, photos, BLOCK):
        rng = np.random.default_rng([seed, start])
        numbers = range(start, start + BLOCK)
        misleading = [number for number in numbers if number % 5 == 4 or number % 8 == 3]
        right = [number for number in numbers if number not in set(misleading)]
        # separately, so that the few photos of a rare emotion are not all misleading
        names = dict(zip(right, rng.permutation(_in_ratio(len(right), least=2)), strict=True))
        names |= dict(
            zip(misleading, rng.permutation(_in_ratio(len(misleading), least=0)), strict=True)
        )
        planned += [_plan_photo(number, str(names[number]), rng) for number in numbers]
    return planned[:photos]


def _plan_photo(number: int, emotion: str, rng: np.random.Generator) -> PlannedPhoto:
    shown: tuple[str, ...] = () if number % 5 == 4 else (emotion,)
    if shown and number % 8 == 3:
        shown = (str(rng.choice([other for other in EMOTIONS if other != emotion])),)
    words = WORDS[emotion]
    first = 0 if rng.random() < 0.6 else int(rng.integers(1, len(words)))
    second = int(rng.integers(1, len(words)))  # so that two searches find the same photo
    chosen = [words[first]] + [words[second]] * (rng.random() < 0.3)
    tags = dict.fromkeys(" ".join(chosen).split())
    return PlannedPhoto(number, shown, (*tags, "drawing"))


def _in_ratio(count: int, least: int) -> list[str]:
    """Return `count` emotions in the ratio of PHOTOS_PER_EMOTION, if possible `least` of each."""
    found = np.array([PHOTOS_PER_EMOTION[emotion] for emotion in EMOTIONS])
    exact = found * count / found.sum()
    counts = np.maximum(np.floor(exact).astype(int), least)
    while counts.sum() < count:
        counts[np.argmax(exact - counts)] += 1
    while counts.sum() > count:
        counts[np.argmax(counts - exact * (counts > 0))] -= 1
    return [emotion for emotion, n in zip(EMOTIONS, counts, strict=True) for _ in range(n)]


def _encode(photo: faces.Photo, longest: int, suffix: str) -> EncodedPhoto:
    """Return a photo as a file, with no side longer than `longest` pixels."""
    image = Image.fromarray(photo.image)
    size = fit(image.width, image.height, longest)
    scale = size[0] / image.width
    if scale < 1:
        image = image.resize(size)
    stream = io.BytesIO()
    if suffix == ".png":
        image.save(stream, "PNG")
    else:
        image.save(stream, "JPEG", quality=90)
    boxes = np.rint(photo.boxes * scale).astype(int)
    return EncodedPhoto(stream.getvalue(), image.width, image.height, boxes)


def _decode(encoded: EncodedPhoto, shown: tuple[str, ...]) -> faces.Photo:
    with Image.open(io.BytesIO(encoded.content)) as image:
        return faces.Photo(np.asarray(image.convert("RGB")), encoded.boxes.copy(), shown)
