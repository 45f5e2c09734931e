"""What the everyday reports say, with 95 % intervals and tests by participant.

Reports of one person are alike, so that 68,311 reports know less than 68,311 people would. All
intervals here come from the cluster bootstrap: people are drawn with replacement, each with all
their reports (Cameron, Gelbach and Miller 2008, Review of Economics and Statistics 90:414-427).
As all results are made of sums, one matrix product of how often each person was drawn and each
person's sums replaces the loop over reports.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from tqdm import tqdm

from facevalue.exploration.survey_network import WORDS

if TYPE_CHECKING:
    pass

REPLICATES = 1_000
"""How often people are drawn, or turned, if the caller does not say."""

BLOCK = 100
"""Replicates that are computed at once: they take about 10 MB."""


class Change(NamedTuple):
    """Whether the week or the day changes what people feel; see `change`.

    Attributes:
        size: how far a day or hour is from what its writers usually report: the root of the mean
            square of the differences, as a share of the emotions felt.
        by_chance: the same from each set of turned reports, shape (replicates,).
        p: how probable so large a size is by chance, 1 / (replicates + 1) to 1.
    """

    size: float
    by_chance: np.ndarray
    p: float


def kinds(reports: pd.DataFrame, replicates: int = REPLICATES, seed: int = 0) -> pd.DataFrame:
    """Return which share of the reports names no, one or both kinds of emotion.

    Args:
        reports: from `everyday.clean`.
        replicates: how often people are drawn.
        seed: of the draws.

    Returns:
        One row each for "at least one", "only positive", "only negative", "both" and "none";
        columns reports (how many), share (0 to 1), low and high (95 % interval).

    Raises:
        ValueError: the table is not as `everyday.clean` returns it, or has less than two people.
    """
    felt = _felt(reports)
    positive, negative = felt[:, :9].any(axis=1), felt[:, 9:].any(axis=1)
    flags = {
        "at least one": positive | negative,
        "only positive": positive & ~negative,
        "only negative": negative & ~positive,
        "both": positive & negative,
        "none": ~positive & ~negative,
    }
    columns = np.column_stack([*flags.values(), np.ones(len(felt), bool)])
    sums = _by_person(reports, columns)
    table = _with_interval(_share_of_reports, "share", sums, replicates, seed, reports)
    table.insert(0, "reports", sums[:, :-1].sum(axis=0).astype("int64"))
    return table.set_axis(pd.Index(flags, name="a report names"))


def ratios(reports: pd.DataFrame, replicates: int = REPLICATES, seed: int = 0) -> pd.DataFrame:
    """Return how many times as often positive is felt as negative, by two definitions.

    Args, Raises: as `kinds`; also ValueError where no report is only negative.

    Returns:
        Row "reports": those that name only positive emotions, over those that name only negative
        ones (the 2.5 of Trampe et al. 2015). Row "emotions": positive over negative emotions.
        Columns positive and negative (counts), ratio, low and high (95 % interval).
    """
    felt = _felt(reports)
    positive, negative = felt[:, :9].sum(axis=1), felt[:, 9:].sum(axis=1)
    columns = [(positive > 0) & (negative == 0), positive, (negative > 0) & (positive == 0)]
    sums = _by_person(reports, np.column_stack([*columns, negative]))
    counts = sums.sum(axis=0).astype("int64")
    if not counts[2]:
        raise ValueError("no report is only negative: the ratio needs some, so use more reports.")
    table = _with_interval(
        lambda s: s[..., :2] / s[..., 2:], "ratio", sums, replicates, seed, reports
    )
    table.insert(0, "positive", counts[:2])
    table.insert(1, "negative", counts[2:])
    return table.set_axis(pd.Index(["reports", "emotions"], name="counted are"))


def frequencies(reports: pd.DataFrame, replicates: int = REPLICATES, seed: int = 0) -> pd.DataFrame:
    """Return how often each of the 18 emotions is felt, the most frequent first.

    Args, Raises: as `kinds`.

    Returns:
        Index emotion; columns kind ("positive" or "negative"), reports (how many name it), share
        of all reports (0 to 1), low and high (95 % interval).
    """
    felt = _felt(reports)
    sums = _by_person(reports, np.column_stack([felt, np.ones(len(felt), felt.dtype)]))
    table = _with_interval(_share_of_reports, "share", sums, replicates, seed, reports)
    table.insert(0, "kind", ["positive"] * 9 + ["negative"] * 9)
    table.insert(1, "reports", sums[:, :-1].sum(axis=0).astype("int64"))
    table = table.set_axis(pd.Index(WORDS, name="emotion"))
    return table.sort_values("reports", ascending=False, kind="stable")


def positive_share(
    reports: pd.DataFrame, by: str, replicates: int = REPLICATES, seed: int = 0
) -> pd.DataFrame:
    """Return the share of positive ones among the emotions felt, for each day or hour.

    Args:
        reports: from `everyday.clean`, perhaps without some hours.
        by: "Day" or "Hours".
        replicates: how often people are drawn.
        seed: of the draws.

    Returns:
        Index the days or hours that have reports; columns reports (how many), share (0 to 1), low
        and high (95 % interval of this share alone, not of all at once).

    Raises:
        ValueError: as `kinds`; `by` is another column; at a time nobody names any emotion.
    """
    times, positive, felt = _by_time(reports, by)
    sums = np.column_stack([positive, felt])
    empty = felt.sum(axis=0) == 0
    if empty.any():
        raise ValueError(
            f"column {by}, value {times[empty.argmax()]}: nobody names an emotion then, so that "
            "there is no share; leave it out."
        )
    half = len(times)
    table = _with_interval(
        lambda s: s[..., :half] / s[..., half:], "share", sums, replicates, seed, reports
    )
    table = table.set_axis(pd.Index(times, name=by))
    table.insert(0, "reports", reports[by].value_counts().sort_index())
    return table


def change(reports: pd.DataFrame, by: str, replicates: int = REPLICATES, seed: int = 0) -> Change:
    """Return how much the days or hours differ, and whether chance alone does as much.

    Each report is compared with what its own writer usually reports, so that it does not matter
    who reports when. Then each person's week (or day) is turned by a random number of steps, as a
    dial is: what belongs together stays together, but Monday becomes, say, Thursday. If days do
    not matter, turned reports look like the real ones. It is a permutation test by participant;
    p is (b + 1) / (n + 1), as Phipson and Smyth advise (2010, Statistical Applications in Genetics
    and Molecular Biology 9:39): of n sets of turned reports, b differ as much as the real ones.
    People whose reports are all of one day (or hour) say nothing about change and are left out.

    Args:
        reports, by: as `positive_share`; the steps of the dial are the days or hours in it.
        replicates: how often everybody is turned.
        seed: of the turns.

    Raises:
        ValueError: as `kinds`; `by` is another column; nobody reports at two different times.
    """
    times, positive, felt = _by_time(reports, by)
    several = (felt > 0).sum(axis=1) > 1
    if not several.any():
        raise ValueError(f"nobody names emotions at two values of {by}: nothing can be compared.")
    positive, felt = positive[several], felt[several]
    usual = positive.sum(axis=1, keepdims=True) / felt.sum(axis=1, keepdims=True)
    both = np.column_stack([positive - felt * usual, felt])
    size = _size(both.sum(axis=0)[None], len(times))[0]
    by_chance = _size(_turned(both, len(times), replicates, seed), len(times))
    # a turn that changes nothing must count as equal, whatever the rounding
    exceeding = int((by_chance >= size * (1 - 1e-9)).sum())
    return Change(float(size), by_chance, (exceeding + 1) / (replicates + 1))


def _by_time(reports: pd.DataFrame, by: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the times, and each person's positive and all emotions at each, (people, times)."""
    if by not in ("Day", "Hours"):
        raise ValueError(f"by={by!r} is unknown: choose Day or Hours.")
    felt = _felt(reports)
    times, time = np.unique(reports[by].to_numpy(), return_inverse=True)
    at = time[:, None] == np.arange(len(times))
    positive = _by_person(reports, at * felt[:, :9].sum(axis=1, keepdims=True))
    return times, positive, _by_person(reports, at * felt.sum(axis=1, keepdims=True))


def _turned(both: np.ndarray, times: int, replicates: int, seed: int) -> np.ndarray:
    """Return the totals after each person's times were turned, shape (replicates, 2 * times)."""
    rng = np.random.default_rng(seed)
    totals = np.zeros((replicates, 2, times))
    steps = np.arange(times)
    for start in _blocks(replicates, "turning"):
        stop = min(start + BLOCK, replicates)
        turns = rng.integers(0, times, size=(stop - start, 1, len(both)), dtype="int8")
        chosen = (turns == steps[:, None]).reshape(-1, len(both)).astype("float64")
        sums = (chosen @ both).reshape(-1, times, 2, times)
        for step in steps:
            totals[start:stop] += np.roll(sums[:, step], step, axis=-1)
    return totals.reshape(replicates, 2 * times)


def _size(totals: np.ndarray, times: int) -> np.ndarray:
    """Return the root mean square of the differences, weighted by the emotions felt."""
    difference, felt = totals[:, :times], totals[:, times:]
    squares = np.divide(difference**2, felt, out=np.zeros_like(felt), where=felt > 0)
    return np.sqrt(squares.sum(axis=1) / felt.sum(axis=1))


def pairs(reports: pd.DataFrame, replicates: int = REPLICATES, seed: int = 0) -> pd.DataFrame:
    """Return for each of the 153 pairs of emotions how much they come together.

    The measure is phi, the correlation of two columns of 0 and 1 (the same number as
    `reports.corr()` gives): 0 where they are independent, above 0 where they come together, below
    where one keeps the other away, and no larger because both are frequent.

    Args:
        reports: from `everyday.clean`.
        replicates: how often people are drawn.
        seed: of the draws.

    Returns:
        Columns first, second, together (reports that name both), expected (the same if they were
        independent), phi, low and high (95 % interval of this pair). attrs["threshold"] is the
        distance from 0 that chance alone exceeds for none of the 153 pairs in 95 of 100 samples:
        the largest distance between the phi of the drawn people and that of all.

    Raises:
        ValueError: as `kinds`; no report, or each report, names an emotion.
    """
    felt = _felt(reports)
    for word, share in zip(WORDS, felt.mean(axis=0), strict=True):
        if share in (0, 1):
            raise ValueError(
                f"{'no' if share == 0 else 'each'} report names {word}: what comes together with "
                "it cannot be told, so use more reports."
            )
    first, second = np.array(list(combinations(range(len(WORDS)), 2))).T
    one = np.ones((len(felt), 1), felt.dtype)
    sums = _by_person(reports, np.hstack([felt[:, first] * felt[:, second], felt, one]))

    def phi(totals: np.ndarray) -> np.ndarray:
        share = totals[..., :-1] / totals[..., -1:]
        single = share[..., len(first) :]
        spread = np.sqrt(single * (1 - single))
        expected = single[..., first] * single[..., second]
        return (share[..., : len(first)] - expected) / (spread[..., first] * spread[..., second])

    table = _with_interval(phi, "phi", sums, replicates, seed, reports)
    total = sums.sum(axis=0)
    alone = total[len(first) : -1]
    words = np.array(WORDS)
    table.insert(0, "first", words[first])
    table.insert(1, "second", words[second])
    table.insert(2, "together", total[: len(first)].astype("int64"))
    table.insert(3, "expected", alone[first] * alone[second] / total[-1])
    return table


def _felt(reports: pd.DataFrame) -> np.ndarray:
    """Return 0 or 1, int64, shape (reports, 18), the nine positive emotions first."""
    missing = [name for name in ("id", "Hours", "Day", *WORDS) if name not in reports.columns]
    if missing:
        raise ValueError(f"the reports lack {', '.join(missing)}: use what everyday.clean returns.")
    felt = reports[list(WORDS)].to_numpy()
    if not np.isin(felt, (0, 1)).all():
        raise ValueError("an emotion is neither 0 nor 1: use what everyday.clean returns.")
    people = reports["id"].nunique()
    if people < 2:
        raise ValueError(
            f"there are reports of {people} {'person' if people == 1 else 'people'}, but an "
            "interval by participant takes at least two."
        )
    return felt.astype("int64")


def _by_person(reports: pd.DataFrame, values: np.ndarray) -> np.ndarray:
    """Return the sum of `values`, (reports, columns), for each person: (people, columns)."""
    order = np.argsort(reports["id"].to_numpy(), kind="stable")
    first = np.unique(reports["id"].to_numpy()[order], return_index=True)[1]
    return np.add.reduceat(values[order].astype("int64"), first, axis=0).astype("float64")


def _blocks(replicates: int, what: str) -> tqdm:
    if replicates < 1:
        raise ValueError(f"replicates={replicates} is too small: it takes at least 1.")
    return tqdm(range(0, replicates, BLOCK), desc=what, unit="block", disable=None, delay=3)


def _drawn(sums: np.ndarray, replicates: int, seed: int) -> np.ndarray:
    """Return the column sums of people drawn with replacement, shape (replicates, columns).

    `sums` are whole numbers, and so is each total: the order of summing does not matter, and
    every machine gets the same.
    """
    rng, people = np.random.default_rng(seed), len(sums)
    totals = np.empty((replicates, sums.shape[1]))
    for start in _blocks(replicates, "drawing people"):
        stop = min(start + BLOCK, replicates)
        draws = rng.integers(0, people, size=(stop - start, people))
        draws += people * np.arange(stop - start)[:, None]  # each replicate counts on its own
        times = np.bincount(draws.ravel(), minlength=people * (stop - start))
        totals[start:stop] = times.reshape(-1, people).astype("float64") @ sums
    return totals


def _with_interval(
    statistic: Callable[[np.ndarray], np.ndarray],
    name: str,
    sums: np.ndarray,
    replicates: int,
    seed: int,
    reports: pd.DataFrame,
) -> pd.DataFrame:
    """Return the statistic of the column sums and its 95 % percentile interval.

    A sample of a few people may lack what the statistic divides by; it is then left out.
    attrs["threshold"] is the largest distance that 95 of 100 samples keep, of all rows at once.
    """
    value = statistic(sums.sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        samples = statistic(_drawn(sums, replicates, seed))
    samples[~np.isfinite(samples)] = np.nan
    low, high = np.nanpercentile(samples, (2.5, 97.5), axis=0)
    table = pd.DataFrame({name: value, "low": low, "high": high})
    furthest = np.nan_to_num(abs(samples - value)).max(axis=1)
    table.attrs["threshold"] = float(np.percentile(furthest, 95))
    if "simulated" in reports.attrs:
        table.attrs["simulated"] = reports.attrs["simulated"]
    return table


def _share_of_reports(totals: np.ndarray) -> np.ndarray:
    return totals[..., :-1] / totals[..., -1:]
