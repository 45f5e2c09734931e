"""Images that look wrong, found by measures of each image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.sparse.linalg import eigsh

from facevalue.data.dataset import SIZE, Dataset
from facevalue.exploration.duplicates import BITS, CORRELATION, _standardised, conflicting

AT_ONCE = 1_000
"""Rows of a large comparison that are held in memory together."""


def measures(images: np.ndarray) -> pd.DataFrame:
    """Return what can be measured in each image without knowing what a face is.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        One row per image:
        brightness: mean grey level. Cannot tell a dark room from dark skin.
        contrast: standard deviation of the grey levels. A bright background raises it.
        sharpness: variance of the Laplacian. Noise raises it like detail does.
        side_light: difference of brightness between left and right half. A turned head raises
        it, or a background of two colours.
        symmetry: correlation of the edges with those of the mirrored image, -1 to 1. Low where
        the head is turned or tilted, off centre, or something covers one side.
        flatness: share of neighbouring pixels with the same grey level. High in line drawings
        and placeholders, but also in photos with black or white areas.
        strangeness: share of the image's variance that the ten main components of this set
        (Turk and Pentland's eigenfaces, 1991) cannot make. High in what is no face, in covered
        and tilted ones; a strange face that is frequent in the set is not strange to it.
    """
    parts = range(0, max(len(images), 1), AT_ONCE)
    local = pd.concat([_local_measures(images[k : k + AT_ONCE]) for k in parts])
    return local.reset_index(drop=True).assign(strangeness=_strangeness(images))


def _local_measures(images: np.ndarray) -> pd.DataFrame:
    pixels = images.astype("float32")
    half = SIZE // 2
    left, right = pixels[:, :, :half].mean(axis=(1, 2)), pixels[:, :, half:].mean(axis=(1, 2))
    across = (np.diff(images, axis=2) == 0).mean(axis=(1, 2))
    down = (np.diff(images, axis=1) == 0).mean(axis=(1, 2))
    sharpness = [cv2.Laplacian(image, cv2.CV_32F).var() for image in images]
    edges = np.hypot(*np.gradient(pixels, axis=(1, 2)))
    edges = ndimage.gaussian_filter(edges, (0, 1.5, 1.5))
    edges -= edges.mean(axis=(1, 2), keepdims=True)
    total = np.maximum((edges**2).sum(axis=(1, 2)), 1)
    columns = {
        "brightness": pixels.mean(axis=(1, 2)),
        "contrast": pixels.std(axis=(1, 2)),
        "sharpness": np.array(sharpness, "float32"),
        "side_light": np.abs(left - right),
        "symmetry": (edges * edges[:, :, ::-1]).sum(axis=(1, 2)) / total,
        "flatness": (across + down) / 2,
    }
    return pd.DataFrame(columns)


def _strangeness(images: np.ndarray, components: int = 10) -> np.ndarray:
    if len(images) <= components:
        return np.zeros(len(images))
    pixels = _standardised(images) * SIZE
    pixels -= pixels.mean(axis=0)
    start = np.ones(SIZE * SIZE)  # the same on every machine
    _, faces = eigsh((pixels.T @ pixels).astype("float64"), k=components, v0=start)
    faces = faces.astype("float32")
    return np.square(pixels - (pixels @ faces) @ faces.T).mean(axis=1)


@dataclass(frozen=True, eq=False)
class Problem:
    """Images that have one thing wrong with them.

    Attributes:
        name: what is wrong.
        rows: int, shape (k,), where they are, the clearest first.
        basis: "measure", "truth" or "votes": how they were found.
        rule: the measure's rule, in words.
        unseen: what the rule cannot see, or takes for something else.
        precision: of the rule's images, the share that really are so; NaN where nobody knows.
        recall: of those that really are so, the share that the rule finds; NaN likewise.
    """

    name: str
    rows: np.ndarray
    basis: str
    rule: str
    unseen: str
    precision: float = float("nan")
    recall: float = float("nan")


# name, column of `measures`, sign (1: large is wrong), limit (None: the whisker of the box plot,
# 1.5 times the middle half's range beyond it), what it cannot see
_RULES: tuple[tuple[str, str, int, float | None, str], ...] = (
    ("no face", "strangeness", 1, None, "dolls, cats; takes tilted and cut faces"),
    ("covered", "strangeness", 1, None, "a small hand, glasses; takes tilted faces"),
    ("drawing", "flatness", 1, 0.3, "shaded drawings; takes signs, black areas"),
    ("too dark", "brightness", -1, 40, "hard shadows; takes dark skin"),
    ("too bright", "brightness", 1, 200, "glare; takes white backgrounds"),
    ("low contrast", "contrast", -1, 22, "a flat face before a varied background"),
    ("lit from a side", "side_light", 1, None, "light from below; takes turned heads"),
    ("turned", "symmetry", -1, -0.2, "nodding, small angles; takes hands, hair"),
)


def problems(
    data: Dataset, votes: pd.DataFrame | None = None, table: pd.DataFrame | None = None
) -> list[Problem]:
    """Return the images with something wrong in the picture, one entry for each kind of fault.

    Where it is known which images have the fault, from the truth of drawn faces or the FER+
    votes, these are returned, and precision and recall say how well the rule would have done.

    Args:
        data: any data set.
        votes: FER+ votes for its images in its order, from `ferplus.votes`, if there are any.
        table: what `measures` returned for these images, where it has been computed.
    """
    table = measures(data.images) if table is None else table
    rows = np.flatnonzero(np.ptp(data.images.reshape(len(data), SIZE * SIZE), axis=1) == 0)
    found = [Problem("blank", rows, "measure", "all pixels equal", "one pixel of another grey")]
    known = _known(data, votes)
    for name, column, sign, limit, unseen in _RULES:
        values = sign * table[column].to_numpy()
        bound = _whisker(np.delete(values, rows)) if limit is None else sign * limit
        hits = values > bound
        hits[rows] = False
        order = np.argsort(-values, kind="stable")
        rule = f"{column.replace('_', ' ')} {'over' if sign > 0 else 'under'} {sign * bound:.3g}"
        basis, scores = "measure", {"precision": float("nan"), "recall": float("nan")}
        if name in known:
            basis, really = known[name]
            scores = {k: float(v) for k, v in score(hits, really).items() if k in scores}
            hits = really
        found.append(Problem(name, order[hits[order]], basis, rule, unseen, **scores))
    return found


def _whisker(values: np.ndarray) -> float:
    if not len(values):
        return float("inf")
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high + 1.5 * (high - low))


def copy_problems(data: Dataset, exact: np.ndarray, near: np.ndarray) -> list[Problem]:
    """Return the images that have copies, one entry for each kind; copies stand side by side.

    Args:
        data: any data set.
        exact: from `exact_copies`.
        near: from `near_copies`.
    """
    blank = np.ptp(data.images.reshape(len(data), SIZE * SIZE), axis=1) == 0
    twice = pd.Series(exact).duplicated(keep=False).to_numpy()
    # groups of near copies that hold more than one group of exact copies
    several = pd.Series(exact).groupby(near).transform("nunique").to_numpy() > 1
    training = data.splits == "Training"
    leaked = np.isin(exact, exact[training]) & np.isin(exact, exact[~training])
    changed, similar = "copies that were changed", "takes two photos of one scene"
    kinds = (
        ("exact copies", twice, exact, "all pixels equal", changed),
        ("near copies", several, near, f"hash within {BITS} bits of 64, r over {CORRELATION}",
         f"moved, mirrored; {similar}"),
        ("training and test", leaked, exact, "exact copies in both", changed),
        ("two labels", conflicting(exact, data.labels), exact, "exact copies, labels differ",
         "copies with the same wrong label"),
    )  # fmt: skip
    found = []
    for name, hits, groups, rule, unseen in kinds:
        # blank images come last: they are copies, but show nothing
        order = np.lexsort((np.arange(len(data)), groups, blank))
        found.append(Problem(name, order[hits[order]], "measure", rule, unseen))
    return found


def _known(data: Dataset, votes: pd.DataFrame | None) -> dict[str, tuple[str, np.ndarray]]:
    known: dict[str, tuple[str, np.ndarray]] = {}
    if data.truth is not None and {"occlusion", "yaw", "roll"} <= set(data.truth):
        truth = data.truth
        known["no face"] = ("truth", np.zeros(len(data), bool))
        known["covered"] = ("truth", truth["occlusion"].ne("none").to_numpy())
        turned = (truth["yaw"].abs() > 15) | (truth["roll"].abs() > 10)
        known["turned"] = ("truth", turned.to_numpy())
        side = (truth["light_x"].abs() > 1) & (truth["hardness"] > 0.5)
        known["lit from a side"] = ("truth", side.to_numpy())
    elif votes is not None:
        known["no face"] = ("votes", (votes["NF"] >= 5).to_numpy())
    return known


def problem_table(found: list[Problem]) -> pd.DataFrame:
    """Return one row per kind of fault: how many, how found, and how good the rule is."""
    columns = ["images", "basis", "rule", "precision", "recall", "unseen"]
    rows = {p.name: [len(p.rows), p.basis, p.rule, p.precision, p.recall, p.unseen] for p in found}
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def score(found: np.ndarray, planted: np.ndarray | None) -> pd.Series:
    """Return found, planted, precision and recall of a search; NaN where they are not known.

    Args:
        found: bool, shape (n,), what the search found.
        planted: bool, shape (n,), what is there; None where nobody knows.
    """
    result = pd.Series({"found": float(found.sum()), "planted": np.nan})
    result["precision"] = result["recall"] = np.nan
    if planted is not None:
        hits, there = float((found & planted).sum()), float(planted.sum())
        result["planted"] = there
        result["precision"] = hits / found.sum() if found.any() else np.nan
        result["recall"] = hits / there if there else np.nan
    return result


def scores(data: Dataset, searches: Mapping[str, tuple[np.ndarray, str]]) -> pd.DataFrame:
    """Compare searches with what was planted in drawn faces; photos get NaN, since nobody knows.

    Args:
        data: any data set.
        searches: by name: what was found (bool, shape (n,)) and what was looked for, "copies" or
            "wrong labels".

    Returns:
        One row per search: found, planted, precision and recall.
    """
    planted: dict[str, np.ndarray] = {}
    if data.truth is not None:
        planted["copies"] = (data.truth["duplicate_of"] >= 0).to_numpy()
        planted["wrong labels"] = data.truth["clean_label"].to_numpy() != data.labels
    rows = {name: score(found, planted.get(what)) for name, (found, what) in searches.items()}
    return pd.DataFrame(rows).T
