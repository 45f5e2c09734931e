"""A permutation test, by participant, of whether emotions change over the week or the day."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from facevalue.exploration.survey_bootstrap import BLOCK, REPLICATES, blocks, sums_by_time


class Change(NamedTuple):
    """The result of `temporal_change`.

    Attributes:
        size: the root mean square of the differences between the share of positive emotions at a
            day or hour and the usual share of the same people, weighted by the emotions named.
        null_distribution: the sizes under random shifts, shape (replicates,).
        p_value: from 1 / (replicates + 1) to 1.
    """

    size: float
    null_distribution: np.ndarray
    p_value: float


def temporal_change(
    reports: pd.DataFrame, by: str, replicates: int = REPLICATES, seed: int = 0
) -> Change:
    """Test whether the share of positive emotions depends on the day or hour.

    Each report is compared with the usual share of the same person, so that it does not matter
    who reports when. For the null distribution, each person's week (or day) is shifted circularly
    by a random number of steps: reports that belong together stay together, but Monday becomes,
    say, Thursday. If days do not matter, shifted reports look like the real ones. The p-value is
    (b + 1) / (n + 1) if b of n shifted sets differ at least as much as the real one (Phipson and
    Smyth 2010, Statistical Applications in Genetics and Molecular Biology 9:39). People
    who report on only one day (or at only one hour) are left out, as they say nothing about
    change.

    Args:
        reports: from `survey.clean`, possibly without some hours.
        by: "Day" or "Hours".
        replicates: number of random shifts of all people.
        seed: for the shifts.

    Raises:
        ValueError: as in `valence_shares`; `by` is another column; nobody reports at two times.
    """
    times, positive, named = sums_by_time(reports, by)
    several = (named > 0).sum(axis=1) > 1
    if not several.any():
        raise ValueError(
            f"Nobody names emotions at two values of {by}, so nothing can be compared: use more "
            "reports."
        )
    positive, named = positive[several], named[several]
    usual = positive.sum(axis=1, keepdims=True) / named.sum(axis=1, keepdims=True)
    both = np.column_stack([positive - named * usual, named])
    size = _size(both.sum(axis=0)[None], len(times))[0]
    null_distribution = _size(_shifted_totals(both, len(times), replicates, seed), len(times))
    # a shift by 0 must count as equal, whatever the rounding
    exceeding = int((null_distribution >= size * (1 - 1e-9)).sum())
    return Change(float(size), null_distribution, (exceeding + 1) / (replicates + 1))


def _shifted_totals(both: np.ndarray, times: int, replicates: int, seed: int) -> np.ndarray:
    """Return the totals after shifting each person's times, shape (replicates, 2 * times)."""
    rng = np.random.default_rng(seed)
    totals = np.zeros((replicates, 2, times))
    steps = np.arange(times)
    for start in blocks(replicates, "shifting"):
        stop = min(start + BLOCK, replicates)
        shifts = rng.integers(0, times, size=(stop - start, 1, len(both)), dtype="int8")
        chosen = (shifts == steps[:, None]).reshape(-1, len(both)).astype("float64")
        sums = (chosen @ both).reshape(-1, times, 2, times)
        for step in steps:
            totals[start:stop] += np.roll(sums[:, step], step, axis=-1)
    return totals.reshape(replicates, 2 * times)


def _size(totals: np.ndarray, times: int) -> np.ndarray:
    """Return the root mean square of the differences, weighted by the emotions named."""
    difference, named = totals[:, :times], totals[:, times:]
    squares = np.divide(difference**2, named, out=np.zeros_like(named), where=named > 0)
    return np.sqrt(squares.sum(axis=1) / named.sum(axis=1))
