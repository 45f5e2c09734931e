"""Faulty images: those with faults in the picture, found by rules on measures, and duplicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from facevalue.data.dataset import SIZE, Dataset
from facevalue.exploration.duplicates import (
    MAX_HASH_DISTANCE,
    MIN_CORRELATION,
    conflicting_labels,
)
from facevalue.exploration.image_measures import measure
from facevalue.exploration.planted_faults import precision_and_recall

NO_FACE_VOTES = 5
"""An image shows no face if at least this many of ten FER+ raters say so."""


@dataclass(frozen=True, eq=False)
class Fault:
    """The images with one kind of fault.

    Attributes:
        name: what is wrong.
        rows: int, shape (k,), their positions in the data set, the clearest cases first.
        basis: how they were found: "measure", "truth" or "votes".
        rule: the rule on the measures, in words.
        limitations: what the rule misses, and what it mistakes for the fault.
        precision: the share of the images found by the rule that have the fault; NaN if unknown.
        recall: the share of the images with the fault that the rule finds; NaN if unknown.
    """

    name: str
    rows: np.ndarray
    basis: str
    rule: str
    limitations: str
    precision: float = float("nan")
    recall: float = float("nan")


class Rule(NamedTuple):
    """A limit for one column of `image_measures.measure`.

    Attributes:
        name: the name of the fault.
        column: a column of the measures.
        sign: 1 if large values are faulty, -1 if small ones are.
        limit: None for the upper whisker of a box plot: 1.5 times the interquartile range above
            the third quartile.
        limitations: see `Fault`.
    """

    name: str
    column: str
    sign: int
    limit: float | None
    limitations: str


RULES = (
    Rule("no face", "reconstruction_error", 1, None, "dolls, cats; takes tilted and cut faces"),
    Rule("covered", "reconstruction_error", 1, None, "a small hand, glasses; takes tilted faces"),
    Rule("drawing", "flatness", 1, 0.3, "shaded drawings; takes signs, black areas"),
    Rule("too dark", "brightness", -1, 40, "hard shadows; takes dark skin"),
    Rule("too bright", "brightness", 1, 200, "glare; takes white backgrounds"),
    Rule("low contrast", "contrast", -1, 22, "a flat face before a varied background"),
    Rule("lit from a side", "side_light", 1, None, "light from below; takes turned heads"),
    Rule("turned", "symmetry", -1, -0.2, "nodding, small angles; takes hands, hair"),
)


def find_faults(
    data: Dataset, votes: pd.DataFrame | None = None, measures: pd.DataFrame | None = None
) -> list[Fault]:
    """Return the images with something wrong in the picture, one entry per kind of fault.

    If it is known which images have a fault, from the truth of drawn faces or from FER+ votes,
    exactly these are returned, with the precision and recall of the rule.

    Args:
        data: any data set.
        votes: FER+ votes for the images, in the order of `data`, from `ferplus.votes`.
        measures: the result of `image_measures.measure` for the images, if already computed.
    """
    measures = measure(data.images) if measures is None else measures
    blank = np.flatnonzero(_is_blank(data))
    found = [Fault("blank", blank, "measure", "all pixels equal", "one pixel of another grey")]
    known = _known_faults(data, votes)
    return found + [_apply_rule(rule, measures, blank, known.get(rule.name)) for rule in RULES]


def _apply_rule(
    rule: Rule, measures: pd.DataFrame, blank: np.ndarray, known: tuple[str, np.ndarray] | None
) -> Fault:
    values = rule.sign * measures[rule.column].to_numpy()
    automatic = rule.limit is None
    limit = _upper_whisker(np.delete(values, blank)) if automatic else rule.sign * (rule.limit or 0)
    hits = values > limit
    hits[blank] = False
    order = np.argsort(-values, kind="stable")
    side = "over" if rule.sign > 0 else "under"
    text = f"{rule.column.replace('_', ' ')} {side} {rule.sign * limit:.3g}"
    if known is None:
        return Fault(rule.name, order[hits[order]], "measure", text, rule.limitations)
    basis, truth = known
    quality = precision_and_recall(hits, truth)
    return Fault(
        rule.name,
        order[truth[order]],
        basis,
        text,
        rule.limitations,
        float(quality["precision"]),
        float(quality["recall"]),
    )


def _upper_whisker(values: np.ndarray) -> float:
    if not len(values):
        return float("inf")
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high + 1.5 * (high - low))


def _is_blank(data: Dataset) -> np.ndarray:
    return np.ptp(data.images.reshape(len(data), SIZE * SIZE), axis=1) == 0


def find_duplicate_faults(data: Dataset, exact: np.ndarray, near: np.ndarray) -> list[Fault]:
    """Return the images that have duplicates, one entry per kind, with duplicates side by side.

    Args:
        data: any data set.
        exact: from `exact_duplicates`.
        near: from `near_duplicates`.
    """
    repeated = pd.Series(exact).duplicated(keep=False).to_numpy()
    # groups of near duplicates that hold more than one group of exact duplicates
    several = pd.Series(exact).groupby(near).transform("nunique").to_numpy() > 1
    training = data.splits == "Training"
    leaked = np.isin(exact, exact[training]) & np.isin(exact, exact[~training])
    conflicting = conflicting_labels(exact, data.labels)
    changed = "copies that were changed"
    near_rule = f"hash within {MAX_HASH_DISTANCE} bits of 64, r over {MIN_CORRELATION}"
    near_limits = "moved, mirrored; takes two photos of one scene"
    wrong = "copies with the same wrong label"
    kinds = (
        ("exact copies", repeated, exact, "all pixels equal", changed),
        ("near copies", several, near, near_rule, near_limits),
        ("training and test", leaked, exact, "exact copies in both", changed),
        ("two labels", conflicting, exact, "exact copies, labels differ", wrong),
    )
    blank = _is_blank(data)
    found = []
    for name, hits, groups, rule, limitations in kinds:
        # blank images come last: they are duplicates, but show nothing
        order = np.lexsort((np.arange(len(data)), groups, blank))
        found.append(Fault(name, order[hits[order]], "measure", rule, limitations))
    return found


def _known_faults(data: Dataset, votes: pd.DataFrame | None) -> dict[str, tuple[str, np.ndarray]]:
    """Return the basis and the images (bool, shape (n,)) of each fault that is known."""
    known: dict[str, tuple[str, np.ndarray]] = {}
    if data.truth is not None and {"occlusion", "yaw", "roll"} <= set(data.truth):
        truth = data.truth
        known["no face"] = ("truth", np.zeros(len(data), bool))
        known["covered"] = ("truth", truth["occlusion"].ne("none").to_numpy())
        turned = (truth["yaw"].abs() > 15) | (truth["roll"].abs() > 10)
        known["turned"] = ("truth", turned.to_numpy())
        side_lit = (truth["light_x"].abs() > 1) & (truth["hardness"] > 0.5)
        known["lit from a side"] = ("truth", side_lit.to_numpy())
    elif votes is not None:
        known["no face"] = ("votes", (votes["NF"] >= NO_FACE_VOTES).to_numpy())
    return known


def fault_table(faults: list[Fault]) -> pd.DataFrame:
    """Return one row per kind of fault: images, basis, rule, precision, recall, limitations."""
    columns = ["images", "basis", "rule", "precision", "recall", "limitations"]
    rows = {f.name: [len(f.rows), *(getattr(f, name) for name in columns[1:])] for f in faults}
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)
