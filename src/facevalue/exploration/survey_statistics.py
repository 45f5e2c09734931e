"""Statistics of the survey Emotions in Everyday Life, with 95 % intervals by participant."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from facevalue.exploration.survey_bootstrap import (
    REPLICATES,
    WORDS,
    emotion_indicators,
    sums_by_person,
    sums_by_time,
    with_interval,
)


def valence_shares(
    reports: pd.DataFrame, replicates: int = REPLICATES, seed: int = 0
) -> pd.DataFrame:
    """Return the share of reports that name positive emotions, negative ones, both or none.

    Args:
        reports: from `survey.clean`.
        replicates: number of bootstrap samples.
        seed: for the samples.

    Returns:
        One row each for "at least one", "only positive", "only negative", "both" and "none";
        columns reports (count), share (0 to 1), low and high (95 % interval).

    Raises:
        ValueError: the table is not from `survey.clean`, or has reports of fewer than two people.
    """
    named = emotion_indicators(reports)
    positive, negative = named[:, :9].any(axis=1), named[:, 9:].any(axis=1)
    flags = {
        "at least one": positive | negative,
        "only positive": positive & ~negative,
        "only negative": negative & ~positive,
        "both": positive & negative,
        "none": ~positive & ~negative,
    }
    sums = sums_by_person(reports, np.column_stack([*flags.values(), np.ones(len(named), bool)]))
    table = with_interval(_share_of_reports, "share", sums, replicates, seed, reports)
    table.insert(0, "reports", sums[:, :-1].sum(axis=0).astype("int64"))
    return table.set_axis(pd.Index(flags, name="a report names"))


def positivity_ratios(
    reports: pd.DataFrame, replicates: int = REPLICATES, seed: int = 0
) -> pd.DataFrame:
    """Return how many times as often positive emotions are named as negative ones, in two ways.

    Args, Raises: as in `valence_shares`; also ValueError if no report is only negative.

    Returns:
        Row "reports": those with only positive emotions, over those with only negative ones (the
        2.5 of Trampe et al. 2015). Row "emotions": positive over negative emotions. Columns
        positive and negative (counts), ratio, low and high (95 % interval).
    """
    named = emotion_indicators(reports)
    positive, negative = named[:, :9].sum(axis=1), named[:, 9:].sum(axis=1)
    columns = [(positive > 0) & (negative == 0), positive, (negative > 0) & (positive == 0)]
    sums = sums_by_person(reports, np.column_stack([*columns, negative]))
    counts = sums.sum(axis=0).astype("int64")
    if not counts[2]:
        raise ValueError("No report is only negative, so the ratio is undefined: use more reports.")
    table = with_interval(
        lambda totals: totals[..., :2] / totals[..., 2:], "ratio", sums, replicates, seed, reports
    )
    table.insert(0, "positive", counts[:2])
    table.insert(1, "negative", counts[2:])
    return table.set_axis(pd.Index(["reports", "emotions"], name="counted are"))


def frequencies(reports: pd.DataFrame, replicates: int = REPLICATES, seed: int = 0) -> pd.DataFrame:
    """Return how often each of the 18 emotions is named, the most frequent first.

    Args, Raises: as in `valence_shares`.

    Returns:
        Index emotion; columns valence ("positive" or "negative"), reports (count), share of all
        reports (0 to 1), low and high (95 % interval).
    """
    named = emotion_indicators(reports)
    sums = sums_by_person(reports, np.column_stack([named, np.ones(len(named), named.dtype)]))
    table = with_interval(_share_of_reports, "share", sums, replicates, seed, reports)
    table.insert(0, "valence", ["positive"] * 9 + ["negative"] * 9)
    table.insert(1, "reports", sums[:, :-1].sum(axis=0).astype("int64"))
    table = table.set_axis(pd.Index(WORDS, name="emotion"))
    return table.sort_values("reports", ascending=False, kind="stable")


def positive_share(
    reports: pd.DataFrame, by: str, replicates: int = REPLICATES, seed: int = 0
) -> pd.DataFrame:
    """Return the share of positive emotions among all the named ones, for each day or hour.

    Args:
        reports: from `survey.clean`, possibly without some hours.
        by: "Day" or "Hours".
        replicates: number of bootstrap samples.
        seed: for the samples.

    Returns:
        Index the days or hours that have reports; columns reports (count), share (0 to 1), low
        and high (95 % interval of this share alone, not simultaneous).

    Raises:
        ValueError: as in `valence_shares`; `by` is another column; nobody names any emotion at
            some time.
    """
    times, positive, named = sums_by_time(reports, by)
    sums = np.column_stack([positive, named])
    empty = named.sum(axis=0) == 0
    if empty.any():
        raise ValueError(
            f"In column {by}, value {times[empty.argmax()]}, nobody names an emotion, so the share "
            "is undefined: leave these reports out."
        )
    half = len(times)
    table = with_interval(
        lambda totals: totals[..., :half] / totals[..., half:],
        "share",
        sums,
        replicates,
        seed,
        reports,
    )
    table = table.set_axis(pd.Index(times, name=by))
    table.insert(0, "reports", reports[by].value_counts().sort_index())
    return table


def co_occurrence(
    reports: pd.DataFrame, replicates: int = REPLICATES, seed: int = 0
) -> pd.DataFrame:
    """Return how strongly each of the 153 pairs of emotions co-occurs.

    The measure is phi, the correlation of two columns of 0 and 1 (equal to `reports.corr()`): 0 if
    they are independent, positive if they co-occur, negative if they exclude each other. It does
    not grow merely because both emotions are frequent.

    Args:
        reports: from `survey.clean`.
        replicates: number of bootstrap samples.
        seed: for the samples.

    Returns:
        Columns first, second, together (reports that name both), expected (the same if they were
        independent), phi, low and high (95 % interval of this pair). attrs["threshold"] is a
        simultaneous margin: in 95 of 100 samples, no phi is further from its value than this.

    Raises:
        ValueError: as in `valence_shares`; no report, or every report, names some emotion.
    """
    named = emotion_indicators(reports)
    for word, share in zip(WORDS, named.mean(axis=0), strict=True):
        if share in (0, 1):
            raise ValueError(
                f"{'No' if share == 0 else 'Every'} report names {word}, so its co-occurrence is "
                "undefined: use more reports."
            )
    first, second = np.array(list(combinations(range(len(WORDS)), 2))).T
    ones = np.ones((len(named), 1), named.dtype)
    sums = sums_by_person(reports, np.hstack([named[:, first] * named[:, second], named, ones]))

    def phi(totals: np.ndarray) -> np.ndarray:
        share = totals[..., :-1] / totals[..., -1:]
        single = share[..., len(first) :]
        spread = np.sqrt(single * (1 - single))
        expected = single[..., first] * single[..., second]
        return (share[..., : len(first)] - expected) / (spread[..., first] * spread[..., second])

    table = with_interval(phi, "phi", sums, replicates, seed, reports)
    total = sums.sum(axis=0)
    alone = total[len(first) : -1]
    words = np.array(WORDS)
    table.insert(0, "first", words[first])
    table.insert(1, "second", words[second])
    table.insert(2, "together", total[: len(first)].astype("int64"))
    table.insert(3, "expected", alone[first] * alone[second] / total[-1])
    return table


def _share_of_reports(totals: np.ndarray) -> np.ndarray:
    return totals[..., :-1] / totals[..., -1:]
