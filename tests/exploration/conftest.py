"""Data sets for the tests of this folder."""

from __future__ import annotations

import os

import pandas as pd
import pytest
from sample_images import SHARED

from facevalue.data import survey, survey_format, survey_simulation
from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces, drawn_set


@pytest.fixture(scope="session")
def drawn() -> Dataset:
    return drawn_set.sample(600, seed=3, progress=False)


@pytest.fixture(scope="session")
def fer2013() -> Dataset:
    kept = os.environ.get("FACEVALUE_DATA")
    os.environ["FACEVALUE_DATA"] = str(SHARED / "fer2013.csv.xz")
    try:
        with pytest.warns(UserWarning, match="not Kaggle's file"):
            return course_faces.load("fer2013")
    finally:
        os.environ.pop("FACEVALUE_DATA")
        if kept:
            os.environ["FACEVALUE_DATA"] = kept


@pytest.fixture(scope="session")
def reports() -> pd.DataFrame:
    return survey.clean(survey_simulation.simulate())


@pytest.fixture(scope="session")
def awake(reports: pd.DataFrame) -> pd.DataFrame:
    return reports[~reports["Hours"].isin(survey_format.NIGHT)]
