"""What the ten raters of FER+ say about the labels of FER-2013."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facevalue.data import ferplus
from facevalue.emotions import EMOTIONS


def vote_shares(votes: pd.DataFrame) -> np.ndarray:
    """Return the share of the votes for each of `ferplus.VOTES`.

    Args:
        votes: the FER+ votes, one row per image.

    Returns:
        float32, shape (n, 10); a row without votes is 0.
    """
    counts = votes[list(ferplus.VOTES)].to_numpy(np.float32)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def consensus(labels: np.ndarray, votes: pd.DataFrame) -> np.ndarray:
    """Return the FER+ votes for the seven emotions as targets beside the labels of FER-2013.

    Raters see far more neutral faces than the labels name, and far less fear. So each emotion's
    votes are weighted by how frequent it is among the labels, relative to the votes: what a network
    learns from them is how the emotions look, not how frequent raters think they are.

    Source: the weights are the correction of prior probabilities of Saerens and others (2002),
    https://doi.org/10.1162/089976602753284446.

    Args:
        labels: int, shape (n,), indices into `emotions.EMOTIONS`.
        votes: the FER+ votes, one row per label.

    Returns:
        float32, shape (n, 7); each row sums to 1. It is the label where nobody voted for one of the
        seven.

    >>> votes = pd.DataFrame([[5, 5] + 8 * [0], [10] + 9 * [0]], columns=ferplus.VOTES)
    >>> consensus(np.array([3, 6]), votes)[:, [3, 6]].round(2).tolist()  # happy and neutral
    [[0.75, 0.25], [0.0, 1.0]]
    """
    labelled = np.eye(len(EMOTIONS), dtype=np.float32)[labels]
    counts = votes[list(ferplus.NAMES)].to_numpy(np.float32)
    counts = np.where(counts.sum(axis=1, keepdims=True) > 0, counts, labelled)
    shares = counts / counts.sum(axis=1, keepdims=True)
    weighted = shares * labelled.mean(axis=0) / np.maximum(shares.mean(axis=0), 1e-6)
    total = weighted.sum(axis=1, keepdims=True)
    return np.where(total > 0, weighted / np.maximum(total, 1e-6), labelled).astype(np.float32)


def outvoted(labels: np.ndarray, votes: pd.DataFrame, share: float) -> np.ndarray:
    """Return which labels of FER-2013 the raters of FER+ contradict.

    Args:
        labels: int, shape (n,), indices into `emotions.EMOTIONS`.
        votes: the FER+ votes, one row per label.
        share: more than this share of the raters must agree on another answer, from 0 to 1;
            contempt and "no face" are answers, too.

    Returns:
        bool, shape (n,): whether no rater chose the label, and enough agreed on another answer.

    >>> votes = pd.DataFrame([[8, 2] + 8 * [0], [6, 4] + 8 * [0]], columns=ferplus.VOTES)
    >>> outvoted(np.array([0, 0]), votes, 0.7).tolist()  # both are labelled "angry"
    [True, False]
    """
    shares = vote_shares(votes)
    columns = np.array([ferplus.VOTES.index(name) for name in ferplus.NAMES])
    own = shares[np.arange(len(labels)), columns[labels]]
    return np.asarray((own == 0) & (shares.max(axis=1) > share))
