"""Intervals by participant: against a formula, a loop, and repeated reports."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from survey_samples import FIVE, random

from facevalue.data import survey, survey_simulation
from facevalue.exploration import survey_statistics


@pytest.mark.slow
def test_intervals_are_as_wide_as_the_cluster_robust_formula_says(reports: pd.DataFrame) -> None:
    table = survey_statistics.frequencies(reports, 1_000)
    people = reports.groupby("id")
    size, total = people.size(), people.ngroups
    for word in ("Joy", "Anxiety", "Disdain"):
        residual = people[word].sum() - table["share"][word] * size
        error = np.sqrt(total / (total - 1) * (residual**2).sum()) / len(reports)
        width = table["high"][word] - table["low"][word]
        assert width == pytest.approx(2 * 1.96 * error, rel=0.12)


@pytest.mark.slow
def test_intervals_are_those_of_a_loop_over_people() -> None:
    table = random(people=30, each=4)
    rng = np.random.default_rng(7)
    by_person = [rows for _, rows in table.groupby("id")]
    shares = [
        pd.concat([by_person[i] for i in rng.integers(0, 30, 30)])["Joy"].mean() for _ in range(500)
    ]
    joy = survey_statistics.frequencies(table, 2_000).loc["Joy"]
    assert [joy["low"], joy["high"]] == pytest.approx(np.percentile(shares, [2.5, 97.5]), abs=0.02)


def test_asking_the_same_people_again_makes_no_interval_narrower() -> None:
    once = random(people=200, each=2)
    again = pd.concat([once] * 10)
    pd.testing.assert_frame_equal(
        survey_statistics.frequencies(again, 300)[["share", "low", "high"]],
        survey_statistics.frequencies(once, 300)[["share", "low", "high"]],
    )
    apart = again.assign(id=np.arange(len(again)))
    wide, narrow = (survey_statistics.frequencies(table, 300) for table in (again, apart))
    assert ((wide["high"] - wide["low"]) > 2 * (narrow["high"] - narrow["low"])).all()


@pytest.mark.parametrize("replicates", [1, 99, 100, 250])
def test_any_number_of_replicates(replicates: int) -> None:
    table = random(people=40, each=3)
    assert survey_statistics.frequencies(table, replicates).notna().all(axis=None)


def test_results_depend_on_the_seed_alone(awake: pd.DataFrame) -> None:
    first, second, other = (
        survey_statistics.positive_share(awake, "Day", 60, seed) for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first, second)
    assert (first["low"] != other["low"]).any()
    shuffled = awake.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(first, survey_statistics.positive_share(shuffled, "Day", 60, 1))


def test_tables_of_simulated_reports_stay_marked(reports: pd.DataFrame) -> None:
    for table in (
        survey_statistics.valence_shares(reports, 10),
        survey_statistics.positivity_ratios(reports, 10),
        survey_statistics.frequencies(reports, 10),
    ):
        assert survey.title_note(table) == " (simulated)"


@pytest.mark.parametrize(
    "function",
    [
        survey_statistics.valence_shares,
        survey_statistics.positivity_ratios,
        survey_statistics.frequencies,
        survey_statistics.co_occurrence,
    ],
)
def test_one_participant_is_named(function) -> None:
    with pytest.raises(ValueError, match="reports of 1 person, but an interval .* at least two"):
        function(FIVE[FIVE["id"] == 1], 10)


@pytest.mark.slow
def test_other_tables_and_arguments_are_named(reports: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="lack Offense, Embarrassment: use what survey.clean"):
        survey_statistics.valence_shares(survey_simulation.simulate(), 10)
    with pytest.raises(ValueError, match="neither 0 nor 1: use what survey.clean returns"):
        survey_statistics.valence_shares(FIVE.assign(Joy=" "), 10)
    with pytest.raises(ValueError, match="by='hour' is unknown: choose Day or Hours"):
        survey_statistics.positive_share(reports, "hour")
    with pytest.raises(ValueError, match="replicates=0 is too small"):
        survey_statistics.frequencies(FIVE, 0)
