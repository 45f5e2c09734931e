"""Simulated reports: what they have in common with the published ones."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

from facevalue.data import survey, survey_format, survey_simulation

PUBLISHED = {"Joy": 23215, "Anxiety": 19108, "Love": 18398, "Offense": 3157, "Disdain": 682}
"""How often some emotions occur in the 68,311 complete reports of the published file."""


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    return survey_simulation.simulate()


@pytest.fixture(scope="module")
def reports(raw: pd.DataFrame) -> pd.DataFrame:
    return survey.clean(raw)


@pytest.mark.slow
def test_simulated_reports_have_the_published_layout(raw: pd.DataFrame) -> None:
    assert raw.shape == (69_544, 21)
    assert list(raw.columns[:5]) == ["id", "Hours", "Day", "Pride", "Love"]
    assert list(raw.columns[-8:]) == [
        *("Disdain", "Ofense", "Guilt", "Disgust", "Fear", "Embarassment", "Sadness", "Anger")
    ]
    per_person = raw["id"].value_counts()
    assert (len(per_person), per_person.min(), per_person.max()) == (12_211, 1, 263)
    assert raw["Hours"].value_counts()[["19", "3", " "]].tolist() == [5180, 135, 31]


def test_simulated_blanks_are_where_the_published_ones_are(raw: pd.DataFrame) -> None:
    blank = raw == " "
    assert blank[["Hours", "Day"]].all(axis=1).sum() == 31
    assert blank.any(axis=1).sum() == 1_233
    assert blank["Pride"].sum() == 0
    assert blank.loc[:, "Love":"Alertness"].all(axis=1).sum() == 5
    assert blank.loc[:, "Anxiety":"Anger"].all(axis=1).sum() == 1_199


@pytest.mark.slow
def test_simulated_reports_are_cleaned_to_the_published_counts(reports: pd.DataFrame) -> None:
    assert reports.shape == (68_311, 21)
    assert reports["id"].nunique() == 12_108
    assert reports[list(PUBLISHED)].sum().to_dict() == PUBLISHED
    assert reports["Hours"].isin([23, 0, 1, 2, 3, 4]).sum() == 1_614
    assert reports.attrs["rows"] == (69_544, 68_311)
    assert reports.attrs["people"] == (12_211, 12_108)
    assert reports.attrs["dropped"] == 1_233
    assert reports.attrs["blanks"]["Ofense"] == 1_199


def test_simulated_positive_and_negative_come_together_as_published(reports: pd.DataFrame) -> None:
    positive = reports[list(survey_format.POSITIVE)].any(axis=1)
    negative = reports[list(survey_format.NEGATIVE)].any(axis=1)
    assert (positive | negative).mean() == pytest.approx(0.90, abs=0.01)
    assert (positive & ~negative).mean() == pytest.approx(0.41, abs=0.01)
    assert (negative & ~positive).mean() == pytest.approx(0.16, abs=0.01)
    assert (positive & negative).mean() == pytest.approx(0.33, abs=0.01)


def test_simulated_week_is_worst_in_the_middle_and_best_at_the_weekend(
    reports: pd.DataFrame,
) -> None:
    share = share_positive(reports, "Day")
    assert share.idxmin() in (2, 3, 4)
    assert share.nlargest(2).index.isin([6, 7]).all()
    assert reports["Day"].value_counts().between(9_400, 10_100).all()


def test_simulated_day_is_mostly_positive_at_every_hour(reports: pd.DataFrame) -> None:
    share = share_positive(reports, "Hours").loc[5:22]
    assert share.min() > 0.6
    assert share.max() - share.min() < 0.1


def share_positive(reports: pd.DataFrame, by: str) -> pd.Series:
    counts = reports.groupby(by)[[*survey_format.POSITIVE, *survey_format.NEGATIVE]].sum()
    return counts[list(survey_format.POSITIVE)].sum(axis=1) / counts.sum(axis=1)


@pytest.mark.slow
def test_simulated_reports_of_one_person_are_alike(reports: pd.DataFrame) -> None:
    two = reports.groupby("id").filter(lambda group: len(group) > 1).groupby("id")
    first, last = two["Joy"].first(), two["Joy"].last()
    assert np.corrcoef(first, last)[0, 1] > 0.1
    strangers = np.roll(last.to_numpy(), 1)
    assert abs(np.corrcoef(first, strangers)[0, 1]) < 0.05


def test_simulated_positive_emotions_come_together(reports: pd.DataFrame) -> None:
    correlation = reports[["Joy", "Love", "Sadness", "Anger"]].corr()
    assert correlation.loc["Joy", "Love"] > 0.05
    assert correlation.loc["Sadness", "Anger"] > 0.05
    assert correlation.loc["Joy", "Sadness"] < -0.05


@pytest.mark.slow
def test_simulation_depends_on_its_seed_alone(raw: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(raw, survey_simulation.simulate(0))
    assert not raw.equals(survey_simulation.simulate(1))
    # notebooks store tables of it, so it must be the same on every machine
    content = raw.to_csv(index=False, lineterminator="\n").encode()
    assert hashlib.sha256(content).hexdigest().startswith("da951e0d220f50d1")
    assert survey.clean(survey_simulation.simulate(1)).shape == (68_311, 21)
