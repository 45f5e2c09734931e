"""Copies: exact ones, and near ones."""

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

AT_ONCE = 1_000

BITS = 6
"""Most bits of 64 in which the perceptual hashes of near copies differ."""

CORRELATION = 0.95
"""The pixels of near copies correlate by more than this."""


def exact_copies(images: np.ndarray) -> np.ndarray:
    """Number the images so that equal ones, pixel by pixel, have the same number.

    Cannot see: copies that were saved again, cut, mirrored or made brighter.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        int64, shape (n,), numbered from 0 in the order of first appearance.
    """
    return pd.factorize(np.array([image.tobytes() for image in images], dtype=object))[0]


def alike(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return whether image i of `first` and image i of `second` are near copies.

    They are if their perceptual hashes differ in `BITS` bits of 64 at most and their pixels
    correlate by more than `CORRELATION`. Blank images are like no other.

    Args:
        first: uint8, shape (n, 48, 48).
        second: uint8, shape (n, 48, 48).

    Returns:
        bool, shape (n,).
    """
    distance = (perceptual_hash(first) != perceptual_hash(second)).sum(axis=1)
    correlation = (_standardised(first) * _standardised(second)).sum(axis=1)
    return (distance <= BITS) & (correlation > CORRELATION)


def near_pairs(images: np.ndarray) -> np.ndarray:
    """Return all pairs of near copies, exact ones included; the rule is that of `alike`.

    Cannot see: mirrored or cut copies. Can mistake two photos of one scene for copies.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        int64, shape (k, 2): rows of `images`, the smaller first. Blank images are in no pair.
    """
    # the product of two hashes of +1 and -1 is 64 minus twice the number of bits that differ
    signs = np.where(perceptual_hash(images), np.float32(1), np.float32(-1))
    pixels = _standardised(images)
    pairs = [np.zeros((0, 2), "int64")]
    starts = range(0, len(images), AT_ONCE)
    show = len(images) > 10_000 and sys.stderr.isatty()
    for start in tqdm(starts, desc="comparing hashes", disable=not show):
        close = signs[start : start + AT_ONCE] @ signs[start:].T >= 64 - 2 * BITS
        rows, columns = np.nonzero(np.triu(close, 1))
        for k in range(0, len(rows), AT_ONCE):
            a, b = rows[k : k + AT_ONCE] + start, columns[k : k + AT_ONCE] + start
            kept = (pixels[a] * pixels[b]).sum(axis=1) > CORRELATION
            pairs.append(np.column_stack([a[kept], b[kept]]))
    return np.concatenate(pairs)


def near_copies(images: np.ndarray) -> np.ndarray:
    """Number the images so that near copies, and near copies of these, have the same number.

    Returns:
        int64, shape (n,), numbered from 0 in the order of first appearance. Blank images that
        are equal count as copies here, too.
    """
    groups = exact_copies(images)
    pairs = np.concatenate([near_pairs(images), _chained(groups)])
    ones = np.ones(len(pairs), bool)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(images), len(images)))
    return pd.factorize(connected_components(graph, directed=False)[1])[0]


def _chained(groups: np.ndarray) -> np.ndarray:
    """Return pairs that join each member of a group to the next one."""
    order = np.argsort(groups, kind="stable")
    same = groups[order[1:]] == groups[order[:-1]]
    return np.column_stack([order[:-1][same], order[1:][same]])


def _standardised(images: np.ndarray) -> np.ndarray:
    """Return the pixels of each image with mean 0 and length 1 (blank: 0), shape (n, 2304)."""
    pixels = images.reshape(len(images), SIZE * SIZE).astype("float32")
    pixels -= pixels.mean(axis=1, keepdims=True)
    length = np.linalg.norm(pixels, axis=1, keepdims=True)
    # rounding leaves a little even where every pixel is the same
    flat = np.ptp(images.reshape(len(images), SIZE * SIZE), axis=1)[:, None] == 0
    return np.where(flat, np.float32(0), pixels / np.maximum(length, 1e-6))


def repeats(groups: np.ndarray) -> np.ndarray:
    """Return whether an image has a copy before it: dropping these leaves one of each.

    Args:
        groups: int, shape (n,), from `exact_copies` or `near_copies`.

    Returns:
        bool, shape (n,).
    """
    return pd.Series(groups).duplicated().to_numpy()


def across_splits(groups: np.ndarray, splits: np.ndarray) -> pd.DataFrame:
    """Return how many images of each split (row) have a copy in each split (column).

    The diagonal counts images that have another copy in their own split.

    Args:
        groups: int, shape (n,), from `exact_copies` or `near_copies`.
        splits: str, shape (n,).
    """
    table = pd.DataFrame(0, index=list(SPLITS), columns=list(SPLITS))
    for row in SPLITS:
        mine = groups[splits == row]
        for column in SPLITS:
            if row == column:
                shared = pd.Series(mine).duplicated(keep=False)
            else:
                shared = pd.Series(np.isin(mine, groups[splits == column]))
            table.loc[row, column] = int(shared.sum())
    return table


def conflicting(groups: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return whether an image has a copy with another label: one of the labels must be wrong.

    Args:
        groups: int, shape (n,), from `exact_copies` or `near_copies`.
        labels: int, shape (n,).

    Returns:
        bool, shape (n,).
    """
    return (pd.Series(labels).groupby(groups).transform("nunique") > 1).to_numpy()


def label_agreement(groups: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
    """Return in how many pairs of copies the labels agree, and how many pairs there are."""
    table = pd.crosstab(groups, labels).to_numpy()
    pairs = table.sum(axis=1)
    return int((table * (table - 1)).sum() // 2), int((pairs * (pairs - 1)).sum() // 2)


def altered(images: np.ndarray) -> dict[str, np.ndarray]:
    """Return what happens to pictures on the web, to see which copies are still recognised.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        the images, uint8, same shape, after each change.
    """

    def jpeg(image: np.ndarray) -> np.ndarray:
        code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
        return np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))

    def small(image: np.ndarray) -> np.ndarray:
        half = cv2.resize(image, (SIZE // 2, SIZE // 2), interpolation=cv2.INTER_AREA)
        return cv2.resize(half, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)

    return {
        "saved as JPEG (quality 50)": np.stack([jpeg(image) for image in images]),
        "20 grey levels brighter": np.clip(images.astype("int16") + 20, 0, 255).astype("uint8"),
        "halved and enlarged again": np.stack([small(image) for image in images]),
        "moved by 1 pixel": np.roll(images, 1, axis=2),
        "moved by 3 pixels": np.roll(images, 3, axis=2),
        "mirrored": images[:, :, ::-1],
    }
