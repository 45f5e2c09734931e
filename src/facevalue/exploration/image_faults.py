"""Faults of images, found by rules on measures, and how good the rules are where it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from facevalue.data.dataset import SIZE, Dataset
from facevalue.exploration.planted_faults import precision_and_recall

NO_FACE_VOTES = 5
"""An image shows no face if at least this many of ten FER+ raters say so."""


@dataclass(frozen=True, eq=False)
class Fault:
    """One kind of fault, and the images that a rule finds.

    Attributes:
        name: what is wrong.
        rows: int, shape (k,), positions of the images that the rule finds, the clearest first.
        rule: the rule on the measures, in words.
        limitations: what the rule misses, and what it mistakes for the fault.
        known: bool, shape (n,), which images have the fault, from the truth of drawn faces or the
            votes of FER+; None if nobody knows.
    """

    name: str
    rows: np.ndarray
    rule: str
    limitations: str
    known: np.ndarray | None = None


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
    Rule("line drawing", "flatness", 1, 0.3, "shaded drawings; takes signs, black areas"),
    Rule("too dark", "brightness", -1, 40, "hard shadows; takes dark skin"),
    Rule("too bright", "brightness", 1, 200, "glare; takes white backgrounds"),
    Rule("low contrast", "contrast", -1, 22, "a flat face before a varied background"),
    Rule("lit from a side", "side_light", 1, None, "light from below; takes turned heads"),
    Rule("turned", "symmetry", -1, -0.2, "nodding, small angles; takes hands, hair"),
)

ONLY_PHOTOS = ("no face", "line drawing")
"""Faults that are not looked for in drawn faces: all of these are drawings, and all show a face."""


def find_faults(
    data: Dataset, measures: pd.DataFrame, votes: pd.DataFrame | None = None
) -> list[Fault]:
    """Return one entry for each kind of fault in the picture, with the images that a rule finds.

    Args:
        data: any data set.
        measures: the result of `image_measures.measure` for the images.
        votes: FER+ votes for the images, in the order of `data`, from `ferplus.votes`.
    """
    blank = np.flatnonzero(np.ptp(data.images.reshape(len(data), SIZE * SIZE), axis=1) == 0)
    found = [Fault("blank", blank, "all pixels equal", "one pixel of another grey")]
    known = _known_faults(data, votes)
    rules = [r for r in RULES if data.name != "rendered" or r.name not in ONLY_PHOTOS]
    return found + [_apply_rule(rule, measures, blank, known.get(rule.name)) for rule in rules]


def _apply_rule(
    rule: Rule, measures: pd.DataFrame, blank: np.ndarray, known: np.ndarray | None
) -> Fault:
    values = rule.sign * measures[rule.column].to_numpy()
    automatic = rule.limit is None
    limit = _upper_whisker(np.delete(values, blank)) if automatic else rule.sign * (rule.limit or 0)
    hits = values > limit
    hits[blank] = False
    order = np.argsort(-values, kind="stable")
    side = "over" if rule.sign > 0 else "under"
    text = f"{rule.column.replace('_', ' ')} {side} {rule.sign * limit:.3g}"
    return Fault(rule.name, order[hits[order]], text, rule.limitations, known)


def _upper_whisker(values: np.ndarray) -> float:
    if not len(values):
        return float("inf")
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high + 1.5 * (high - low))


def _known_faults(data: Dataset, votes: pd.DataFrame | None) -> dict[str, np.ndarray]:
    """Return which images have each fault that is known: bool, shape (n,)."""
    known: dict[str, np.ndarray] = {}
    if data.truth is not None and {"occlusion", "yaw", "roll"} <= set(data.truth):
        truth = data.truth
        known["covered"] = truth["occlusion"].ne("none").to_numpy()
        turned = (truth["yaw"].abs() > 15) | (truth["roll"].abs() > 10)
        known["turned"] = turned.to_numpy()
        side_lit = (truth["light_x"].abs() > 1) & (truth["hardness"] > 0.5)
        known["lit from a side"] = side_lit.to_numpy()
    elif votes is not None:
        known["no face"] = (votes["NF"] >= NO_FACE_VOTES).to_numpy()
    return known


def fault_table(faults: list[Fault]) -> pd.DataFrame:
    """Return one row per kind of fault: how many images the rule finds, and how good it is.

    Returns:
        found: the number of images; rule and limitations as in `Fault`; base rate: the share of
        all images that have the fault, which a search at random would reach as its precision;
        precision and recall of the rule. The last three are NaN where nobody knows.
    """
    rows = {}
    for fault in faults:
        quality = {"base rate": np.nan, "precision": np.nan, "recall": np.nan}
        if fault.known is not None:
            found = np.isin(np.arange(len(fault.known)), fault.rows)
            scores = precision_and_recall(found, fault.known)
            quality = {"base rate": fault.known.mean(), **scores[["precision", "recall"]]}
        rows[fault.name] = {"found": len(fault.rows), "rule": fault.rule, **quality}
        rows[fault.name]["limitations"] = fault.limitations
    return pd.DataFrame.from_dict(rows, orient="index")
