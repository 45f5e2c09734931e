"""Glasses painted onto photos of faces, so that a network does not mistake frames for eyebrows."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import cv2
import numpy as np
from tqdm import tqdm

from facevalue.data.cache import load_or_make
from facevalue.drawing.appearance import Person
from facevalue.drawing.glasses import SHAPES, glasses
from facevalue.recognition import yunet

ENLARGED, MARGIN = 4, 24
"""YuNet looks at the image enlarged by the first, with so many pixels of its edge around it."""

CACHE_BYTES = 40_000_000
"""How much room the copies of other images may take; those of FER-2013 take 13 MB."""

EYES = np.array([(-0.37, -0.21), (0.37, -0.21)])
"""Where the eyes of `drawing.glasses` are, in half frames."""


def with_glasses(
    images: np.ndarray, targets: np.ndarray, share: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return training images and their targets, and after them copies of some with glasses.

    The copies are cached, because finding the eyes takes minutes, and each seed of a recipe needs
    the same ones.

    Args:
        images: faces, uint8, shape (n, height, width).
        targets: shape (n, k).
        share: the share of the images that get a copy, from 0 to 1; fewer get one if YuNet does not
            find the eyes of all of them.
        seed: the seed of the choice, and of the glasses.

    >>> images, targets = with_glasses(np.zeros((4, 48, 48), np.uint8), np.eye(4), share=0)
    >>> images.shape, targets.shape  # nobody wears glasses
    ((4, 48, 48), (4, 4))
    """
    if not share:
        return images, targets
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(images))[: round(share * len(images))])
    bare = images[chosen]
    key = hashlib.sha256(bare.tobytes() + repr((images.shape, seed)).encode())
    made = load_or_make(
        "painted-glasses",
        key.hexdigest()[:16],
        lambda: dict(zip(("rows", "worn"), wear_glasses(bare, seed), strict=True)),
        keep_bytes=CACHE_BYTES,
    )
    rows, worn = chosen[made["rows"]], made["worn"]
    return np.concatenate([images, worn]), np.concatenate([targets, targets[rows]])


def wear_glasses(
    images: np.ndarray, seed: int = 0, progress: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Paint random glasses onto the faces whose eyes YuNet finds.

    Args:
        images: faces, uint8, shape (n, height, width).
        seed: the seed of the glasses.
        progress: whether to show a progress bar on a terminal.

    Returns:
        The rows of the faces that wear glasses now, int, shape (m,), and their images, uint8,
        shape (m, height, width).

    >>> rows, worn = wear_glasses(np.zeros((3, 48, 48), np.uint8))
    >>> rows.tolist(), worn.shape
    ([], (0, 48, 48))
    """
    rng = np.random.default_rng(seed)
    rows, worn = [], []
    hidden = None if progress else True
    for row, image in enumerate(tqdm(images, desc="putting on glasses", disable=hidden)):
        person = _random_wearer(rng)
        eyes = find_eyes(image)
        if eyes is not None:
            rows.append(row)
            worn.append(paint_glasses(image, eyes, person))
    empty = np.empty((0, *images.shape[1:]), np.uint8)
    return np.array(rows, int), np.stack(worn) if worn else empty


def find_eyes(image: np.ndarray) -> np.ndarray | None:
    """Return the middles of the eyes, or None if YuNet finds no face.

    Args:
        image: a face that fills the image, uint8, shape (height, width).

    Returns:
        float, shape (2, 2): x and y in pixels, first of the eye that is further left.
    """
    large = cv2.resize(image, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
    framed = np.pad(large, MARGIN, mode="edge")
    found = yunet.search(cv2.cvtColor(framed, cv2.COLOR_GRAY2BGR))
    if not len(found):
        return None
    eyes = (found[0, 5:9].reshape(2, 2) - MARGIN) / ENLARGED
    return eyes[np.argsort(eyes[:, 0])]


def paint_glasses(image: np.ndarray, eyes: np.ndarray, person: Person) -> np.ndarray:
    """Return a copy of an image with the glasses of a person before its eyes.

    Args:
        image: uint8, shape (height, width).
        eyes: as `find_eyes` returns them.
        person: of whom the frame, its shade and the glare are taken.
    """
    across, from_eyes = eyes[1] - eyes[0], EYES[1, 0] - EYES[0, 0]
    turn = np.array([[across[0], -across[1]], [across[1], across[0]]]) / from_eyes
    worn = glasses(person)
    painted = image / 255.0
    dark_lenses = person.frame == "sunglasses"
    for outlines, shade, opacity in (
        (worn.lenses, 0.05, 0.85 if dark_lenses else 0.0),
        (worn.glare, 1.0, person.glare),
        (worn.frame, person.frame_shade, 0.4 if person.frame == "rimless" else 1.0),
    ):
        places = [(part - EYES.mean(axis=0)) @ turn.T + eyes.mean(axis=0) for part in outlines]
        cover = opacity * _cover(image.shape, places)
        painted = painted * (1 - cover) + shade * cover
    return np.rint(255 * painted).astype(np.uint8)


def _random_wearer(rng: np.random.Generator) -> Person:
    """Return a person with random glasses; one pair in ten is sunglasses."""
    usual = [name for name in SHAPES if name != "sunglasses"]
    frame = "sunglasses" if rng.random() < 0.1 else str(rng.choice(usual))
    shade = rng.uniform(0.0, 0.35) if rng.random() < 0.75 else rng.uniform(0.35, 0.9)
    glare = rng.uniform(0.2, 0.7) if rng.random() < 0.3 else 0.0
    return replace(Person(), frame=frame, frame_shade=shade, glare=glare)


def _cover(shape: tuple[int, ...], outlines: list[np.ndarray]) -> np.ndarray:
    """Return how much of each pixel lies within outlines, 0 to 1; outlines are in pixels."""
    height, width = shape
    fine = np.zeros((8 * height, 8 * width), np.uint8)
    for outline in outlines:
        # pixel k reaches from k - 0.5 to k + 0.5
        cv2.fillPoly(fine, [np.rint(8 * (outline + 0.5)).astype(np.int32)], 255)
    return cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA) / 255.0
