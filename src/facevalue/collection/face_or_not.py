"""The second data set: does an image show a human face, or something else?

Like the faces of `drawn_set.sample`, it is drawn from a seed and contains no real photos. Half of
the images are faces: drawn directly, or cropped from drawn photos by the face detector. The
other half is of four kinds: backgrounds, textures, objects, and failed crops. A failed crop shows a
part of a photo of people but misses the face, as a detector does when it fails.
"""

from __future__ import annotations

import numpy as np

from facevalue.data.dataset import SIZE
from facevalue.drawing import canvas, drawn_set, faces, scenery
from facevalue.drawing.things import OBJECTS, photographed
from facevalue.image_files import to_grey
from facevalue.recognition import cropping, detection
from facevalue.recognition.face import Face, overlap

NAMES = ("other", "human")
"""The names of the labels 0 and 1."""

FACES = ("drawn face", "cropped face")
OTHERS = ("background", "texture", "object", "failed crop")
KINDS = dict.fromkeys(OTHERS, 0) | dict.fromkeys(FACES, 1)
"""The label of each kind of image."""

CROPPED = 0.25
"""Fraction of the faces that are cropped from photos; the others are drawn, which is faster."""

MAX_FACE_SHARE = 0.35
"""Less than this share of a failed crop's area lies in the box of any face."""


def load(
    n: int, seed: int = 0, photos: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw the data set, in random order.

    Several crops come from each drawn photo, so two images may show the same person. For training
    and testing, draw two sets with different seeds instead of splitting one.

    Args:
        n: number of images, at least 12: half faces, and an eighth of each other kind.
        seed: the same seed gives the same images.
        photos: number of drawn photos to crop from; by default one per 120 images.

    Returns:
        images, uint8, shape (n, 48, 48), grey levels from 0 to 255; labels, int, shape (n,), 1
        for a human face, otherwise 0; kinds, str, shape (n,), each a key of `KINDS`.

    Raises:
        ValueError: `n` is under 12, or `photos` under 1.

    >>> images, labels, kinds = load(12)
    >>> images.shape, int(labels.sum()), str(kinds[0]) in KINDS
    ((12, 48, 48), 6, True)
    """
    if n < 12 or (photos is not None and photos < 1):
        raise ValueError(f"n must be at least 12 and photos at least 1, got {n} and {photos}.")
    rng = np.random.default_rng([seed, SIZE])
    cropped, others = round(CROPPED * n / 2), n // 2
    scenes = _scenes(photos or max(1, n // 120), rng)
    drawn = drawn_set.sample(n - others - cropped, seed, clean=True, progress=False).images
    shown = [*FACES[:1] * len(drawn), *FACES[1:] * cropped]
    shown += [OTHERS[k % len(OTHERS)] for k in range(others)]
    made = [_MAKERS[kind](scenes, rng) for kind in shown[len(drawn) :]]
    images, kinds = np.concatenate([drawn, made]), np.array(shown)
    labels = np.array([KINDS[kind] for kind in shown])
    order = rng.permutation(n)
    return images[order], labels[order], kinds[order]


Scene = tuple[np.ndarray, list[Face], np.ndarray]
"""A grey photo, the true faces that the detector found, and the boxes of all of them."""


def _scenes(photos: int, rng: np.random.Generator) -> list[Scene]:
    """Draw photos of three people until the detector has found a face in `photos` of them."""
    scenes: list[Scene] = []
    while len(scenes) < photos:
        photo = faces.photo(rng, people=3)
        grey = to_grey(photo.image)
        found = detection.find_faces(grey)
        hits = [face for face in found if max(overlap(face.box, b) for b in photo.boxes) > 0.4]
        if hits:
            scenes.append((grey, hits, photo.boxes))
    return scenes


def _crop_face(scenes: list[Scene], rng: np.random.Generator) -> np.ndarray:
    grey, found, _ = scenes[rng.integers(len(scenes))]
    x, y, width, height = found[rng.integers(len(found))].box
    shift = rng.uniform(-0.06, 0.06, 2) * height
    box = np.rint([x + shift[0], y + shift[1], width, height]).astype(int)
    face = cropping.crop(grey, box, margin=rng.uniform(-0.05, 0.15))
    return face[:, ::-1] if rng.random() < 0.5 else face


def _crop_beside_face(scenes: list[Scene], rng: np.random.Generator) -> np.ndarray:
    """Crop a place near a face: hair, an ear, a shoulder, or something further away."""
    grey, _, truth = scenes[rng.integers(len(scenes))]
    while True:
        x, y, side, _ = truth[rng.integers(len(truth))]
        size = int(side * rng.uniform(0.4, 1.1))
        left, top = np.rint((x, y) + rng.normal(0, side, 2)).astype(int)
        inside = 0 <= left <= grey.shape[1] - size and 0 <= top <= grey.shape[0] - size
        if inside and max(_covered((left, top, size), face) for face in truth) < MAX_FACE_SHARE:
            return cropping.crop(grey, (left, top, size, size), margin=0)


def _covered(square: tuple[int, int, int], face: np.ndarray) -> float:
    """Return the share of a square (x, y, side) that lies in the box of a face."""
    left, top, size = square
    x, y, width, height = face
    across = min(left + size, x + width) - max(left, x)
    down = min(top + size, y + height) - max(top, y)
    return max(across, 0) * max(down, 0) / size**2


def _draw_background(scenes: list[Scene], rng: np.random.Generator) -> np.ndarray:
    """Crop a square from hills, a room, or blurred lights."""
    side = int(rng.integers(SIZE, 160))
    scene = scenery.landscape(220, 160, rng)
    left, top = rng.integers(0, 220 - side + 1), rng.integers(0, 160 - side + 1)
    return photographed(scene[top : top + side, left : left + side].mean(axis=2), rng)


def _draw_texture(scenes: list[Scene], rng: np.random.Generator) -> np.ndarray:
    """Draw noise that looks like clouds, hair or skin; or stripes or checks at a random angle."""
    kind = rng.choice(["clouds", "strands", "skin", "stripes", "checks"])
    if kind in ("clouds", "strands", "skin"):
        number = int(rng.integers(1 << 16))
        pattern = canvas.texture(kind, 96, rng.uniform(0.5, 4), number)
        turns = int(rng.integers(4))
        return photographed(128 + rng.uniform(20, 60) * np.rot90(pattern, turns), rng)
    angle, wave = rng.uniform(0, np.pi), rng.uniform(0.2, 1.2)
    down, across = np.mgrid[:96, :96]
    pattern = np.sin(wave * (across * np.cos(angle) + down * np.sin(angle)))
    if kind == "checks":
        pattern = pattern * np.sin(wave * (down * np.cos(angle) - across * np.sin(angle)))
    return photographed(rng.uniform(70, 180) + rng.uniform(20, 70) * pattern, rng)


def _draw_object(scenes: list[Scene], rng: np.random.Generator) -> np.ndarray:
    """Draw a ball, a clock, a house, a mug or a flower in front of a background."""
    image = np.ascontiguousarray(scenery.landscape(128, 96, rng)[:, 16:112].mean(axis=2))
    light, dark = rng.uniform(140, 250), rng.uniform(5, 90)
    if rng.random() < 0.3:
        light, dark = dark, light
    x, y = (int(value) for value in rng.uniform(40, 56, 2))
    OBJECTS[rng.integers(len(OBJECTS))](image, (x, y), int(rng.uniform(20, 36)), light, dark, rng)
    shade = np.linspace(rng.uniform(0.6, 1.2), rng.uniform(0.6, 1.2), 96)
    return photographed(image * shade, rng)


_MAKERS = {
    "cropped face": _crop_face,
    "background": _draw_background,
    "texture": _draw_texture,
    "object": _draw_object,
    "failed crop": _crop_beside_face,
}
