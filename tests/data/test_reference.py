"""The tables that earlier projects published."""

from __future__ import annotations

import pytest

from facevalue.data import fer2013_facts, reference
from facevalue.emotions import EMOTIONS


def test_the_survey_of_data_sets_has_what_project_5_surveyed() -> None:
    survey = reference.published("datasets")
    assert list(survey.columns) == ["name", "size", "kind", "labels", "access", "source"]
    assert {"AffectNet", "ASCERTAIN", "DREAMER", "CK+", "EMOTIC", "FER-2013"} <= set(survey["name"])
    assert survey.notna().all(axis=None)


def test_the_counts_in_the_code_are_those_of_the_table() -> None:
    table = reference.published("fer2013_counts").set_index("split")
    assert list(table.columns[:-1]) == list(EMOTIONS)
    assert table.equals(fer2013_facts.published_counts())
    assert table["total"].sum() == fer2013_facts.ROWS


def test_a_missing_table_is_named_with_the_known_ones() -> None:
    with pytest.raises(FileNotFoundError, match="'nothing': choose one of .*, headline, "):
        reference.published("nothing")
