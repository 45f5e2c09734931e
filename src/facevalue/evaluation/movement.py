"""The parts of a drawn face that moved, and how much of a Grad-CAM map lies in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import cv2
import keras
import numpy as np
import pandas as pd

from facevalue.data.dataset import Dataset
from facevalue.drawing import faces
from facevalue.drawing.appearance import Person, View
from facevalue.evaluation.grad_cam import grad_cam


def inside_share(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the share of each map that lies inside a region.

    For a map that is equal everywhere, it is the region's share of the image.

    Args:
        maps: float, shape (n, height, width), 0 or more, as returned by `grad_cam`.
        masks: bool, True inside the region, shape (n, height, width), or (height, width) for the
            same region in all images.

    Returns:
        float32, shape (n,), from 0 to 1; NaN where a map is zero everywhere.

    Raises:
        ValueError: the shapes do not match.

    >>> inside_share(np.array([[[1.0, 3.0]]]), np.array([[False, True]])).tolist()
    [0.75]
    """
    if maps.ndim != 3 or masks.shape not in (maps.shape, maps.shape[1:]):
        raise ValueError(
            f"The masks must have the shape of the maps, {maps.shape}, not {masks.shape}."
        )
    total = maps.sum(axis=(1, 2), dtype=np.float64)
    inside = (maps * masks).sum(axis=(1, 2), dtype=np.float64)
    nothing = np.full(len(maps), np.nan)
    return np.divide(inside, total, out=nothing, where=total > 0).astype(np.float32)


def moved_region(face: Mapping[Any, Any], threshold: float = 10) -> np.ndarray:
    """Return where a drawn face differs from the same face at rest.

    The face is drawn twice, with and without its action units, and both times without noise and
    JPEG, so that only the expression differs. Parts behind a hand or a microphone do not count.

    Args:
        face: a row of `Dataset.truth` of drawn faces, by column: au_N for the intensity of action
            unit N, and the fields of `Person` and `View`. Missing fields have their defaults.
        threshold: the smallest difference that counts, in grey levels from 0 to 255, after a
            slight blur.

    Returns:
        bool, shape (48, 48); all False for a face at rest, and nearly so for a neutral one.

    Raises:
        ValueError: the row has no columns au_N.

    >>> region = moved_region({"au_12": 1.0})  # a smile
    >>> bool(region[24:].sum() > 0.9 * region.sum())  # most of it in the lower half
    True
    """
    units = {int(str(k)[3:]): float(v) for k, v in face.items() if str(k).startswith("au_")}
    if not units:
        raise ValueError(
            "The face must be a row of the truth of drawn faces: it has no columns au_N."
        )
    person = Person(**{f.name: face[f.name] for f in fields(Person) if f.name in face})
    view = View(**{f.name: face[f.name] for f in fields(View) if f.name in face})
    view = replace(view, noise=0.0, jpeg=100)
    moved, rest = (faces.draw(shown, person, view) for shown in (units, {}))
    # the blur closes small holes in the regions
    return cv2.GaussianBlur(cv2.absdiff(moved, rest), (0, 0), 1.0) >= threshold


def moved_shares(model: keras.Model, drawn: Dataset, min_region: float = 0.02) -> pd.DataFrame:
    """Return the share of the Grad-CAM map that lies in the moved region of each drawn face.

    Args:
        model: a functional network that takes faces, float32, shape (n, 48, 48, 1), from 0 to 1.
        drawn: faces with their truth, from `drawn_set.sample` or `course_faces.load("rendered")`.
        min_region: the smallest share of the image that must have moved. Other faces, such as
            neutral ones, are left out, and so are faces whose map is 0 everywhere.

    Returns:
        One row per face, indexed by its position in `drawn`: inside, the share of the map for the
        predicted class that lies in the moved region; chance, the region's share of the image;
        right, whether the prediction is correct.

    Raises:
        ValueError: `drawn` has no truth.
    """
    if drawn.truth is None:
        raise ValueError(
            f"The data set {drawn.name!r} has no truth: use drawn faces, whose movements are known."
        )
    regions = np.stack([moved_region(face) for face in drawn.truth.to_dict("records")])
    right = model.predict(drawn.x, verbose=0).argmax(axis=1) == drawn.labels
    inside = inside_share(grad_cam(model, drawn.x), regions)
    table = pd.DataFrame({"inside": inside, "chance": regions.mean(axis=(1, 2)), "right": right})
    return table[table["chance"] >= min_region].dropna()
