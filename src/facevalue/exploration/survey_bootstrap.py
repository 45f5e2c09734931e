"""Cluster-bootstrap intervals for statistics of the survey.

Reports of one person are correlated, so 68,311 reports carry less information than 68,311 people
would. The cluster bootstrap therefore draws people with replacement, each with all their reports
(Cameron, Gelbach and Miller 2008, Review of Economics and Statistics 90:414-427). All statistics
here are functions of sums over people. So one matrix product replaces the loop over reports: how
often each person was drawn, times the person's sums.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from tqdm import tqdm

from facevalue.data import survey_format

WORDS = (*survey_format.POSITIVE, *survey_format.NEGATIVE)
"""The 18 emotion words, the nine positive ones first."""

REPLICATES = 1_000
"""The default number of bootstrap samples or permutations."""

BLOCK = 100
"""The number of replicates that are computed at once, which needs about 10 MB."""


def emotion_indicators(reports: pd.DataFrame) -> np.ndarray:
    """Return 1 for each emotion that a report names, else 0: int64, shape (reports, 18).

    Args:
        reports: from `survey.clean`.

    Raises:
        ValueError: a column is missing, a value is not 0 or 1, or there are fewer than two people.
    """
    missing = [name for name in ("id", "Hours", "Day", *WORDS) if name not in reports.columns]
    if missing:
        raise ValueError(f"The reports lack {', '.join(missing)}: use what survey.clean returns.")
    named = reports[list(WORDS)].to_numpy()
    if not np.isin(named, (0, 1)).all():
        raise ValueError("An emotion is neither 0 nor 1: use what survey.clean returns.")
    people = reports["id"].nunique()
    if people < 2:
        raise ValueError(
            f"There are reports of {people} {'person' if people == 1 else 'people'}, but an "
            "interval by participant needs at least two: use more reports."
        )
    return named.astype("int64")


def sums_by_person(reports: pd.DataFrame, values: np.ndarray) -> np.ndarray:
    """Return each person's column sums.

    Args:
        reports: from `survey.clean`.
        values: integers, shape (reports, columns).

    Returns:
        float64, shape (people, columns).
    """
    order = np.argsort(reports["id"].to_numpy(), kind="stable")
    first = np.unique(reports["id"].to_numpy()[order], return_index=True)[1]
    return np.add.reduceat(values[order].astype("int64"), first, axis=0).astype("float64")


def sums_by_time(reports: pd.DataFrame, by: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how many positive emotions, and how many in all, each person names at each time.

    Args:
        reports: from `survey.clean`.
        by: "Day" or "Hours".

    Returns:
        the times, shape (times,); and the two sums, float64, shape (people, times).

    Raises:
        ValueError: as in `emotion_indicators`, or `by` is another column.
    """
    if by not in ("Day", "Hours"):
        raise ValueError(f"by={by!r} is unknown: choose Day or Hours.")
    named = emotion_indicators(reports)
    times, time = np.unique(reports[by].to_numpy(), return_inverse=True)
    at = time[:, None] == np.arange(len(times))
    positive = sums_by_person(reports, at * named[:, :9].sum(axis=1, keepdims=True))
    return times, positive, sums_by_person(reports, at * named.sum(axis=1, keepdims=True))


def blocks(replicates: int, description: str) -> tqdm:
    """Return the first replicate of each block, with a progress bar if it takes long.

    Raises:
        ValueError: `replicates` is under 1.
    """
    if replicates < 1:
        raise ValueError(f"replicates={replicates} is too small: it must be at least 1.")
    return tqdm(range(0, replicates, BLOCK), desc=description, unit="block", disable=None, delay=3)


def with_interval(
    statistic: Callable[[np.ndarray], np.ndarray],
    name: str,
    sums: np.ndarray,
    replicates: int,
    seed: int,
    reports: pd.DataFrame,
) -> pd.DataFrame:
    """Return a statistic and its 95 % percentile interval.

    Samples for which the statistic is undefined (a division by 0) are left out.

    Args:
        statistic: maps column sums, shape (..., columns), to values, shape (..., rows).
        name: of the statistic's column.
        sums: from `sums_by_person`.
        replicates: number of bootstrap samples.
        seed: for the samples.
        reports: the table that the sums are from; its attrs["simulated"] is copied.

    Returns:
        Columns `name`, low and high. attrs["threshold"] is the 95th percentile, over the samples,
        of the largest distance of any row from its value: a simultaneous margin for all rows.
    """
    value = statistic(sums.sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        samples = statistic(_resample(sums, replicates, seed))
    samples[~np.isfinite(samples)] = np.nan
    low, high = np.nanpercentile(samples, (2.5, 97.5), axis=0)
    table = pd.DataFrame({name: value, "low": low, "high": high})
    furthest = np.nan_to_num(abs(samples - value)).max(axis=1)
    table.attrs["threshold"] = float(np.percentile(furthest, 95))
    if "simulated" in reports.attrs:
        table.attrs["simulated"] = reports.attrs["simulated"]
    return table


def _resample(sums: np.ndarray, replicates: int, seed: int) -> np.ndarray:
    """Return the column sums of people drawn with replacement, shape (replicates, columns).

    `sums` are integers, and so is each total: the order of summation does not matter, and all
    machines get the same result.
    """
    rng, people = np.random.default_rng(seed), len(sums)
    totals = np.empty((replicates, sums.shape[1]))
    for start in blocks(replicates, "drawing people"):
        stop = min(start + BLOCK, replicates)
        draws = rng.integers(0, people, size=(stop - start, people))
        draws += people * np.arange(stop - start)[:, None]  # so that bincount keeps them apart
        times = np.bincount(draws.ravel(), minlength=people * (stop - start))
        totals[start:stop] = times.reshape(-1, people).astype("float64") @ sums
    return totals
