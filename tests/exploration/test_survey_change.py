"""The permutation test: no effect, planted effects, and who reports when."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from survey_samples import FIVE, random, small

from facevalue.data import survey_format
from facevalue.exploration import survey_change, survey_statistics


@pytest.mark.slow
def test_the_simulated_week_and_day_change_more_than_chance(awake: pd.DataFrame) -> None:
    for by in ("Day", "Hours"):
        found = survey_change.temporal_change(awake, by, 199)
        assert found.p_value == 1 / 200
        assert found.size > found.null_distribution.max()
    share = survey_statistics.positive_share(awake, "Day", 100)["share"]
    assert share[[2, 3, 4]].max() < share[[6, 7]].min()


@pytest.mark.slow
def test_no_change_is_found_where_there_is_none() -> None:
    tables = [random(people=300, each=6, seed=seed) for seed in range(20)]
    for by in ("Day", "Hours"):
        p = [survey_change.temporal_change(table, by, 99).p_value for table in tables]
        assert sum(value <= 0.05 for value in p) <= 4
        assert 0.2 < np.median(p) < 0.8


def test_who_reports_when_is_no_change() -> None:
    """Cheerful people report on days 1 to 3, others on days 4 to 7; nobody changes."""
    table = random(people=400, each=6)
    cheerful = (table["id"] % 2 == 0).to_numpy()
    rng = np.random.default_rng(0)
    table["Day"] = np.where(cheerful, rng.integers(1, 4, 2_400), rng.integers(4, 8, 2_400))
    table.loc[cheerful, list(survey_format.NEGATIVE)] = 0
    share = survey_statistics.positive_share(table, "Day", 50)["share"]
    assert share[1] > share[7] + 0.3
    assert survey_change.temporal_change(table, "Day", 99).p_value > 0.05


def test_a_planted_change_has_its_size() -> None:
    """On day 1 everybody feels joy alone, on day 2 fear alone: each is half from the usual."""
    table = small(
        [(who, 8, day, word) for who in range(20) for day, word in ((1, "Joy"), (2, "Fear"))]
    )
    found = survey_change.temporal_change(table, "Day", 99)
    assert found.size == pytest.approx(0.5)
    assert found.p_value == 0.01


@pytest.mark.parametrize("replicates", [1, 99, 100, 250])
def test_any_number_of_replicates(replicates: int) -> None:
    table = random(people=40, each=3)
    assert (
        len(survey_change.temporal_change(table, "Day", replicates).null_distribution) == replicates
    )


def test_no_reports_are_named() -> None:
    with pytest.raises(ValueError, match="reports of 0 people"):
        survey_change.temporal_change(FIVE[:0], "Day", 10)


def test_what_cannot_be_compared_is_said() -> None:
    with pytest.raises(ValueError, match="two values of Day, so nothing can be compared"):
        survey_change.temporal_change(FIVE.assign(Day=1), "Day", 10)
