"""Survey statistics: counted by hand, published, and simulated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from survey_samples import FIVE, WORDS, random, small

from facevalue.data import survey_format
from facevalue.exploration import survey_statistics


def test_kinds_counted_by_hand() -> None:
    table = survey_statistics.valence_shares(FIVE, 50)
    assert table["reports"].to_dict() == {
        "at least one": 4,
        "only positive": 2,
        "only negative": 1,
        "both": 1,
        "none": 1,
    }
    assert table["share"].tolist() == [0.8, 0.4, 0.2, 0.2, 0.2]


def test_ratios_counted_by_hand() -> None:
    table = survey_statistics.positivity_ratios(FIVE, 50)
    assert table.loc["reports", ["positive", "negative", "ratio"]].tolist() == [2, 1, 2]
    assert table.loc["emotions", ["positive", "negative", "ratio"]].tolist() == [5, 2, 2.5]


def test_positive_share_counted_by_hand() -> None:
    table = survey_statistics.positive_share(FIVE, "Hours", 50)
    assert table["reports"].to_dict() == {8: 2, 9: 3}
    assert table["share"].tolist() == [1, 4 / 6]


def test_simulated_frequencies_are_the_published_ones(reports: pd.DataFrame) -> None:
    table = survey_statistics.frequencies(reports, 100)
    assert list(table.index[:4]) == ["Joy", "Anxiety", "Satisfaction", "Love"]
    assert table["reports"].iloc[[0, 1, -1]].tolist() == [23_215, 19_108, 682]
    assert table["share"].loc["Joy"] == pytest.approx(0.3398, abs=5e-5)
    assert table["valence"].value_counts().tolist() == [9, 9]
    assert (table["low"] < table["share"]).all()
    assert (table["share"] < table["high"]).all()


def test_both_published_ratios_come_out(reports: pd.DataFrame) -> None:
    table = survey_statistics.positivity_ratios(reports, 100)
    assert table.loc["emotions", ["positive", "negative"]].tolist() == [125_637, 60_151]
    assert table["ratio"].round(1).tolist() == [2.5, 2.1]
    assert survey_statistics.valence_shares(reports, 100)["share"]["at least one"] == pytest.approx(
        0.9, abs=0.005
    )


@pytest.mark.slow
def test_phi_is_the_correlation_that_pandas_computes(reports: pd.DataFrame) -> None:
    table = survey_statistics.co_occurrence(reports, 20)
    matrix = reports[WORDS].corr()
    places = zip(table["first"], table["second"], strict=True)
    expected = [matrix.loc[first, second] for first, second in places]
    assert len(table) == 153
    np.testing.assert_allclose(table["phi"], expected, atol=1e-12)
    joy_love = table[(table["first"] == "Love") & (table["second"] == "Joy")].iloc[0]
    assert joy_love["together"] == (reports["Joy"] * reports["Love"]).sum()
    assert joy_love["expected"] == pytest.approx(23_215 * 18_398 / 68_311)


@pytest.mark.slow
def test_independent_emotions_are_within_the_threshold() -> None:
    beyond = 0
    for seed in range(20):
        table = survey_statistics.co_occurrence(random(people=300, each=3, seed=seed), 200)
        beyond += int((table["phi"].abs() > table.attrs["threshold"]).any())
    assert beyond <= 4


@pytest.mark.slow
def test_simulated_emotions_of_one_kind_come_together(reports: pd.DataFrame) -> None:
    table = survey_statistics.co_occurrence(reports, 100)
    same = table["first"].isin(survey_format.POSITIVE) == table["second"].isin(
        survey_format.POSITIVE
    )
    assert same.sum() == 72
    assert (table["phi"][same] > table.attrs["threshold"]).all()
    assert (table["phi"][~same] < 0).all()


def test_an_emotion_that_nobody_or_everybody_feels_is_named() -> None:
    with pytest.raises(ValueError, match="^No report names Awe"):
        survey_statistics.co_occurrence(random(20, 2).assign(Awe=0), 10)
    with pytest.raises(ValueError, match="^Every report names Awe"):
        survey_statistics.co_occurrence(random(20, 2).assign(Awe=1), 10)
    assert survey_statistics.frequencies(random(20, 2).assign(Awe=0), 10)["share"]["Awe"] == 0


def test_a_time_without_emotions_is_named() -> None:
    table = pd.concat([FIVE, small([(3, 5, 7, "")])])
    with pytest.raises(ValueError, match="column Hours, value 5, nobody names an emotion"):
        survey_statistics.positive_share(table, "Hours", 10)


def test_a_ratio_without_negative_reports_is_refused() -> None:
    with pytest.raises(ValueError, match="No report is only negative"):
        survey_statistics.positivity_ratios(FIVE.assign(Fear=0), 10)
