"""Precision and recall of searches for the faults that were planted in drawn faces."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from facevalue.data.dataset import Dataset


def precision_and_recall(found: np.ndarray, planted: np.ndarray | None) -> pd.Series:
    """Compare the results of a search with what it should have found.

    Args:
        found: bool, shape (n,), the results of the search.
        planted: bool, shape (n,), the truth; None if it is unknown.

    Returns:
        found and planted (counts), precision and recall; NaN where they are unknown.

    >>> found, planted = np.array([True, True, False]), np.array([True, False, False])
    >>> precision_and_recall(found, planted).to_dict()
    {'found': 2.0, 'planted': 1.0, 'precision': 0.5, 'recall': 1.0}
    """
    result = pd.Series({"found": float(found.sum()), "planted": np.nan})
    result["precision"] = result["recall"] = np.nan
    if planted is not None:
        hits, positives = float((found & planted).sum()), float(planted.sum())
        result["planted"] = positives
        result["precision"] = hits / found.sum() if found.any() else np.nan
        result["recall"] = hits / positives if positives else np.nan
    return result


def compare_searches(data: Dataset, searches: Mapping[str, tuple[np.ndarray, str]]) -> pd.DataFrame:
    """Return `precision_and_recall` of several searches; for photos the truth is unknown.

    Args:
        data: any data set.
        searches: by name: the results (bool, shape (n,)) and what was searched for, "copies" or
            "wrong labels".

    Returns:
        One row per search: found, planted, precision and recall.
    """
    planted: dict[str, np.ndarray] = {}
    if data.truth is not None:
        planted["copies"] = (data.truth["duplicate_of"] >= 0).to_numpy()
        planted["wrong labels"] = data.truth["clean_label"].to_numpy() != data.labels
    rows = {
        name: precision_and_recall(found, planted.get(fault))
        for name, (found, fault) in searches.items()
    }
    return pd.DataFrame(rows).T
