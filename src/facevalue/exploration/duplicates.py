"""Exact and near duplicates among images."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from facevalue.data.dataset import SIZE, SPLITS
from facevalue.data.descriptors import perceptual_hash

BLOCK = 1_000
"""The number of images that are compared with all others at once."""

MAX_HASH_DISTANCE = 6
"""The perceptual hashes of near duplicates differ in at most this many bits of 64."""

MIN_CORRELATION = 0.95
"""The pixels of near duplicates correlate by more than this."""


def exact_duplicates(images: np.ndarray) -> np.ndarray:
    """Return a group number for each image; images with equal pixels have the same one.

    Does not find copies that were saved again, cropped, mirrored or brightened.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        int64, shape (n,), numbered from 0 in the order of first appearance.

    >>> black, white = np.zeros((48, 48), np.uint8), np.full((48, 48), 255, np.uint8)
    >>> exact_duplicates(np.stack([black, white, black])).tolist()
    [0, 1, 0]
    """
    return pd.factorize(np.array([image.tobytes() for image in images], dtype=object))[0]


def are_near_duplicates(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return whether image i of `first` and image i of `second` are near duplicates.

    They are if their perceptual hashes differ in at most `MAX_HASH_DISTANCE` bits of 64 and their
    pixels correlate by more than `MIN_CORRELATION`. Blank images are near duplicates of none.

    Args:
        first: uint8, shape (n, 48, 48).
        second: uint8, shape (n, 48, 48).

    Returns:
        bool, shape (n,).
    """
    distance = (perceptual_hash(first) != perceptual_hash(second)).sum(axis=1)
    correlation = (standardise(first) * standardise(second)).sum(axis=1)
    return (distance <= MAX_HASH_DISTANCE) & (correlation > MIN_CORRELATION)


def near_duplicate_pairs(images: np.ndarray) -> np.ndarray:
    """Return all pairs of near duplicates, exact ones included, by `are_near_duplicates`.

    Does not find mirrored or cropped copies. May mistake two photos of one scene for duplicates.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        int64, shape (k, 2): pairs of rows of `images`, the smaller first, without blank images.
    """
    # the product of two hashes of +1 and -1 is 64 minus twice the number of bits that differ
    signs = np.where(perceptual_hash(images), np.float32(1), np.float32(-1))
    pixels = standardise(images)
    pairs = [np.zeros((0, 2), "int64")]
    starts = range(0, len(images), BLOCK)
    show = len(images) > 10_000 and sys.stderr.isatty()
    for start in tqdm(starts, desc="comparing hashes", disable=not show):
        products = signs[start : start + BLOCK] @ signs[start:].T
        rows, columns = np.nonzero(np.triu(products >= 64 - 2 * MAX_HASH_DISTANCE, 1))
        for k in range(0, len(rows), BLOCK):
            a, b = rows[k : k + BLOCK] + start, columns[k : k + BLOCK] + start
            kept = (pixels[a] * pixels[b]).sum(axis=1) > MIN_CORRELATION
            pairs.append(np.column_stack([a[kept], b[kept]]))
    return np.concatenate(pairs)


def near_duplicates(images: np.ndarray) -> np.ndarray:
    """Return a group number for each image; near duplicates, and their near duplicates, share it.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        int64, shape (n,), numbered from 0 in the order of first appearance. Equal blank images
        are in one group here.
    """
    groups = exact_duplicates(images)
    pairs = np.concatenate([near_duplicate_pairs(images), _link_groups(groups)])
    ones = np.ones(len(pairs), bool)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(images), len(images)))
    return pd.factorize(connected_components(graph, directed=False)[1])[0]


def _link_groups(groups: np.ndarray) -> np.ndarray:
    """Return pairs that connect each member of a group to the next one."""
    order = np.argsort(groups, kind="stable")
    same = groups[order[1:]] == groups[order[:-1]]
    return np.column_stack([order[:-1][same], order[1:][same]])


def standardise(images: np.ndarray) -> np.ndarray:
    """Return the pixels of each image with mean 0 and length 1: their dot product is Pearson's r.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        float32, shape (n, 2304); 0 for blank images.
    """
    pixels = images.reshape(len(images), SIZE * SIZE).astype("float32")
    pixels -= pixels.mean(axis=1, keepdims=True)
    length = np.linalg.norm(pixels, axis=1, keepdims=True)
    # blank images are found by their range: rounding leaves them a small length
    blank = np.ptp(images.reshape(len(images), SIZE * SIZE), axis=1)[:, None] == 0
    return np.where(blank, np.float32(0), pixels / np.maximum(length, 1e-6))


def duplicated(groups: np.ndarray) -> np.ndarray:
    """Return whether each image has a duplicate before it: dropping these leaves one per group.

    Args:
        groups: int, shape (n,), from `exact_duplicates` or `near_duplicates`.

    Returns:
        bool, shape (n,).

    >>> duplicated(np.array([0, 1, 0])).tolist()
    [False, False, True]
    """
    return pd.Series(groups).duplicated().to_numpy()


def across_splits(groups: np.ndarray, splits: np.ndarray) -> pd.DataFrame:
    """Return how many images of each split (row) have a duplicate in each split (column).

    The diagonal counts images with another duplicate in their own split.

    Args:
        groups: int, shape (n,), from `exact_duplicates` or `near_duplicates`.
        splits: str, shape (n,).
    """
    table = pd.DataFrame(0, index=list(SPLITS), columns=list(SPLITS))
    for row in SPLITS:
        own = groups[splits == row]
        for column in SPLITS:
            if row == column:
                shared = pd.Series(own).duplicated(keep=False)
            else:
                shared = pd.Series(np.isin(own, groups[splits == column]))
            table.loc[row, column] = int(shared.sum())
    return table


def conflicting_labels(groups: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return whether each image has a duplicate with another label: one of them must be wrong.

    Args:
        groups: int, shape (n,), from `exact_duplicates` or `near_duplicates`.
        labels: int, shape (n,).

    Returns:
        bool, shape (n,).
    """
    return (pd.Series(labels).groupby(groups).transform("nunique") > 1).to_numpy()


def label_agreement(groups: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
    """Return the number of pairs of duplicates with equal labels, and the number of all pairs.

    >>> label_agreement(np.array([0, 0, 0]), np.array([3, 3, 4]))
    (1, 3)
    """
    table = pd.crosstab(groups, labels).to_numpy()
    sizes = table.sum(axis=1)
    return int((table * (table - 1)).sum() // 2), int((sizes * (sizes - 1)).sum() // 2)


def modified_copies(images: np.ndarray) -> dict[str, np.ndarray]:
    """Modify images in ways common on the web, to test which copies are still recognised.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        the modified images, uint8, same shape, by the name of the modification.
    """

    def jpeg(image: np.ndarray) -> np.ndarray:
        code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
        return np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))

    def rescaled(image: np.ndarray) -> np.ndarray:
        half = cv2.resize(image, (SIZE // 2, SIZE // 2), interpolation=cv2.INTER_AREA)
        return cv2.resize(half, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)

    return {
        "saved as JPEG (quality 50)": np.stack([jpeg(image) for image in images]),
        "20 grey levels brighter": np.clip(images.astype("int16") + 20, 0, 255).astype("uint8"),
        "halved and enlarged again": np.stack([rescaled(image) for image in images]),
        "moved by 1 pixel": np.roll(images, 1, axis=2),
        "moved by 3 pixels": np.roll(images, 3, axis=2),
        "mirrored": images[:, :, ::-1],
    }
