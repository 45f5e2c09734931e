"""A second opinion on the labels: FER+ votes for FER-2013, the truth for drawn faces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facevalue import paths
from facevalue.data import ferplus
from facevalue.data.dataset import SPLITS, Dataset
from facevalue.data.ferplus import VOTES_FILE
from facevalue.emotions import EMOTIONS

OTHER = "other"
"""The answers contempt, unknown and no face of FER+, taken together."""

RATERS = 10
"""Votes per image in FER+."""


@dataclass(frozen=True, eq=False)
class Opinion:
    """A second opinion on each image.

    Attributes:
        shares: one row per image, a column for each of the seven emotions and `OTHER`; each row
            sums to 1. No rows if there is no second opinion.
        note: whose opinion it is, or why there is none, in one sentence.
        votes: the FER+ votes, or None.
    """

    shares: pd.DataFrame
    note: str
    votes: pd.DataFrame | None = None

    @property
    def answers(self) -> np.ndarray:
        """The most frequent answer, int, shape (n,): 0 to 6, or 7 for `OTHER`; first if tied."""
        return self.shares.to_numpy().reshape(-1, len(EMOTIONS) + 1).argmax(axis=1)


def second_opinion(data: Dataset, path: str | Path | None = None) -> Opinion:
    """Return the FER+ votes on FER-2013's images, or the truth about drawn faces.

    Args:
        data: any data set.
        path: fer2013new.csv; by default in the folder of FER-2013 (`paths.raw_file`).
    """
    columns = [*EMOTIONS, OTHER]
    if data.truth is not None and "clean_label" in data.truth:
        shares = np.eye(len(columns))[data.truth["clean_label"].to_numpy()]
        note = "The second opinion is the emotion that was drawn: one answer, and always right."
        return Opinion(pd.DataFrame(shares, columns=columns), note)
    path = Path(path) if path else paths.raw_file(VOTES_FILE)
    no_shares = pd.DataFrame(columns=columns, dtype=float)
    if not path.is_file():
        note = f"There is no second opinion: get {VOTES_FILE} of FER+, or use the drawn faces."
        return Opinion(no_shares, note)
    try:
        votes = ferplus.votes(path, data)
    except ValueError as error:
        return Opinion(no_shares, f"There is no second opinion: {error}")
    counts = votes[list(ferplus.NAMES)].set_axis(list(EMOTIONS), axis=1)
    counts[OTHER] = votes[["contempt", "unknown", "NF"]].sum(axis=1)
    voted = counts.div(counts.sum(axis=1), axis=0).reset_index(drop=True)
    note = "The second opinion is that of FER+: ten people voted on each image."
    return Opinion(voted, note, votes.reset_index(drop=True))


def agreement(opinion: Opinion, labels: np.ndarray) -> pd.DataFrame:
    """Return how much the second opinion agrees with the labels, and with itself, by emotion.

    Args:
        opinion: from `second_opinion`; without shares, the table has no rows.
        labels: int, shape (n,).

    Returns:
        By labelled emotion: images; same (share of images whose most frequent answer is the
        label); top (mean share of people who gave the most frequent answer); entropy (mean
        entropy of the answers to one image, in bits: 0 if all agree, 3 if all eight are equally
        frequent).
    """
    shares = opinion.shares.to_numpy()
    if not len(shares):
        return pd.DataFrame(columns=["images", "same", "top", "entropy"])
    bits = -np.sum(shares * np.log2(np.where(shares > 0, shares, 1)), axis=1)
    columns = {"same": opinion.answers == labels, "top": shares.max(axis=1), "entropy": bits}
    table = pd.DataFrame(columns).groupby(labels).agg(["size", "mean"])
    result = pd.DataFrame({"images": table[("same", "size")]})
    for column in columns:
        result[column] = table[(column, "mean")]
    return result.rename(index=dict(enumerate(EMOTIONS)))


def answers_by_label(opinion: Opinion, labels: np.ndarray) -> pd.DataFrame:
    """Return the confusion matrix of labels (rows) and most frequent answers (columns).

    Shape (7, 8); each row sums to 1. The row of an emotion without images or opinions is NaN.
    """
    rows = labels if len(opinion.shares) else labels[:0]
    table = pd.crosstab(rows, opinion.answers)
    table = table.reindex(index=range(len(EMOTIONS)), columns=range(len(EMOTIONS) + 1))
    table = table.fillna(0).set_axis(list(EMOTIONS)).set_axis([*EMOTIONS, OTHER], axis=1)
    return table.div(table.sum(axis=1).replace(0, np.nan), axis=0)


def disagrees(opinion: Opinion, labels: np.ndarray) -> np.ndarray:
    """Return 1 where the most frequent answer differs from the label, else 0.

    Returns:
        float64, shape (n,); NaN if there is no second opinion.
    """
    if not len(opinion.shares):
        return np.full(len(labels), np.nan)
    return (opinion.answers != labels).astype("float64")


def upper_bounds(opinion: Opinion, data: Dataset) -> pd.DataFrame:
    """Return the accuracy, by split, that a model could reach if it knew only the second opinion.

    Neither number bounds a model that learns the habits of the people who made the labels.

    Returns:
        By split: images; majority: the accuracy, against the data set's labels, of the most
        frequent answer; one_person: how often the majority of the other people predicts a
        person's answer, the mean over all people (a tie counts as wrong). It is the best accuracy
        to expect if each label is the answer of one more person.
    """
    splits = data.splits if len(opinion.shares) else data.splits[:0]
    shares = opinion.shares.to_numpy(dtype=float)
    second, top = np.sort(shares, axis=1)[:, -2:].T
    # the top answer must lead even without one of its voters: by two votes of ten
    leads = top - second > 1.5 / RATERS
    columns = {"majority": 1 - disagrees(opinion, data.labels)[: len(splits)]}
    columns["one_person"] = np.where(leads, top, 0)
    table = pd.DataFrame(columns).astype(float).groupby(splits)
    result = table.mean()
    result.insert(0, "images", table.size())
    return result.reindex([split for split in SPLITS if split in result.index])
