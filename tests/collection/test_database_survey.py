"""The survey goes into the database and comes back, and SQL answers as pandas does."""

import pandas as pd
import pytest
from survey_samples import FIVE

from facevalue.collection import database, database_survey
from facevalue.data import survey
from facevalue.emotions import EMOTIONS


@pytest.fixture
def reports():
    table = FIVE.copy()
    table.attrs["simulated"] = True
    return table


def test_it_comes_back_as_it_went_in_and_a_second_time_replaces_the_first(engine, reports):
    assert database_survey.add_survey(engine, reports) == len(reports)
    assert database_survey.add_survey(engine, reports) == len(reports)
    back = database_survey.read_survey(engine)
    pd.testing.assert_frame_equal(back[reports.columns], reports, check_flags=False)
    assert back.attrs["simulated"] == reports.attrs["simulated"]


def test_sql_counts_a_word_as_pandas_does(engine, reports):
    database_survey.add_survey(engine, reports)
    counted = pd.read_sql("SELECT word, COUNT(*) AS n FROM everyday_felt GROUP BY word", engine)
    expected = reports[list(database_survey.WORDS)].sum()
    assert counted.set_index("word")["n"].to_dict() == expected[expected > 0].to_dict()


def test_words_lead_to_the_faces_that_show_them(engine, reports):
    database_survey.add_survey(engine, reports)
    words = pd.read_sql("SELECT * FROM everyday_words", engine).set_index("word")
    assert words.loc["Joy", "emotion_id"] == EMOTIONS.index("happy")
    assert words["emotion_id"].notna().sum() == 5
    assert words["positive"].sum() == 9


def test_no_survey_and_a_wrong_table_are_named(engine, reports):
    with pytest.raises(LookupError, match="holds no survey: run notebook 01"):
        database_survey.read_survey(engine)
    with pytest.raises(ValueError, match="lacks the column Joy"):
        database_survey.add_survey(engine, reports.drop(columns="Joy"))
    unmarked = reports.copy()
    unmarked.attrs = {}
    with pytest.raises(ValueError, match="lacks attrs"):
        database_survey.add_survey(engine, unmarked)


def test_the_stored_survey_is_opened(tmp_path, reports):
    address = f"sqlite:///{tmp_path / 'faces.db'}"
    first = database.create(address)
    database_survey.add_survey(first, reports)
    first.dispose()
    engine, note = database_survey.open_survey(address)
    assert "notebook 01 stored" in note
    assert len(database_survey.read_survey(engine)) == len(reports)
    engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("empty", [True, False])
def test_without_a_stored_survey_one_is_made_in_memory(tmp_path, empty):
    path = tmp_path / "faces.db"
    if empty:
        database.create(f"sqlite:///{path}").dispose()
    engine, note = database_survey.open_survey(f"sqlite:///{path}")
    assert "has not stored" in note
    assert len(database_survey.read_survey(engine)) == 68_311
    engine.dispose()
    assert path.exists() == empty, "no file is made"


@pytest.mark.slow
def test_the_whole_survey_fits(engine):
    reports = survey.clean(survey.load())
    assert database_survey.add_survey(engine, reports) == 68_311
    pd.testing.assert_frame_equal(
        database_survey.read_survey(engine)[reports.columns], reports, check_flags=False
    )
