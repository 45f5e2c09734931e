"""The survey Emotions in Everyday Life in the database: reports, words, and who felt what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Engine, delete, make_url

from facevalue import emotions
from facevalue.collection import database
from facevalue.collection.database import explain_errors
from facevalue.collection.database_schema import EverydayFelt, EverydayReport, EverydayWord
from facevalue.data import survey
from facevalue.data.survey_format import FACES, NEGATIVE, POSITIVE

WORDS = (*POSITIVE, *NEGATIVE)
"""The 18 emotion words, spelt correctly."""


def add_survey(engine: Engine, reports: pd.DataFrame) -> int:
    """Store the survey, in one transaction; reports that were stored before are replaced.

    Args:
        engine: from `database.create`.
        reports: from `survey.clean`, whose attrs say whether they are simulated.

    Returns:
        the number of reports.

    Raises:
        ValueError: the table lacks a column, or does not say whether it is simulated.
    """
    missing = [name for name in ("id", "Hours", "Day", *WORDS) if name not in reports]
    if missing or "simulated" not in reports.attrs:
        lacks = f"the column {missing[0]}" if missing else "attrs['simulated']"
        raise ValueError(f"The table lacks {lacks}: pass what survey.clean returned.")
    number = np.arange(1, len(reports) + 1)
    rows = pd.DataFrame(
        {
            "id": number,
            "person": reports["id"].to_numpy(),
            "hour": reports["Hours"].to_numpy(),
            "day": reports["Day"].to_numpy(),
            "simulated": bool(reports.attrs["simulated"]),
        }
    )
    row, column = np.nonzero(reports[list(WORDS)].to_numpy())
    felt = pd.DataFrame({"report_id": number[row], "word": np.array(WORDS)[column]})
    words = pd.DataFrame([_word(name) for name in WORDS]).astype({"emotion_id": "Int64"})
    with explain_errors(engine), engine.begin() as connection:
        for table in (EverydayFelt, EverydayReport, EverydayWord):
            connection.execute(delete(table))
        for table, content in ((EverydayWord, words), (EverydayReport, rows), (EverydayFelt, felt)):
            content.to_sql(table.__tablename__, connection, if_exists="append", index=False)
    return len(rows)


def open_survey(address: str | None = None) -> tuple[Engine, str]:
    """Open the database that notebook 01 filled; without it, make one in memory with the survey.

    Args:
        address: the URL of the database; by default `database.url()`.

    Returns:
        an engine whose database holds the survey, and a sentence that says which one it is.

    Raises:
        ValueError, ModuleNotFoundError, OSError: as in `database.create`.
    """
    target = make_url(database.with_driver(address or database.url()))
    in_a_file = target.get_backend_name() == "sqlite"
    if not in_a_file or (target.database and Path(target.database).is_file()):
        engine = database.create(target.render_as_string(hide_password=False))
        if len(pd.read_sql("SELECT id FROM everyday_reports LIMIT 1", engine)):
            return engine, "The survey is the one that notebook 01 stored in the database."
        engine.dispose()
    engine = database.create("sqlite://")
    add_survey(engine, survey.clean(survey.load()))
    return engine, "Notebook 01 has not stored the survey yet, so it was cleaned and stored here."


def read_survey(engine: Engine) -> pd.DataFrame:
    """Return the stored reports as `survey.clean` returned them: one row per report.

    Returns:
        Whole numbers: id (the person), Hours, Day, and 0 or 1 for each of the 18 words.
        attrs["simulated"] says whether the reports are simulated.

    Raises:
        LookupError: the database holds no survey.
    """
    stored = pd.read_sql("SELECT * FROM everyday_reports ORDER BY id", engine)
    if not len(stored):
        raise LookupError(
            "The database holds no survey: run notebook 01, or add_survey(engine, "
            "survey.clean(survey.load()))."
        )
    felt = pd.read_sql("SELECT report_id, word FROM everyday_felt", engine)
    values = np.zeros((len(stored), len(WORDS)), "int64")
    row = np.searchsorted(stored["id"], felt["report_id"])
    values[row, felt["word"].map({word: k for k, word in enumerate(WORDS)})] = 1
    reports = stored[["person", "hour", "day"]].set_axis(["id", "Hours", "Day"], axis=1)
    reports = reports.join(pd.DataFrame(values, columns=list(WORDS)))
    reports.attrs["simulated"] = bool(stored["simulated"].iloc[0])
    return reports


def _word(name: str) -> dict[str, object]:
    """Return the row of a word in everyday_words."""
    face = FACES[name]
    return {
        "word": name,
        "positive": name in POSITIVE,
        "emotion_id": None if face is None else emotions.number(face),
    }
