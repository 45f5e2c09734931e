from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facevalue import emotions
from facevalue.data import download, survey, survey_format, survey_simulation

PUBLISHED = {"Joy": 23215, "Anxiety": 19108, "Love": 18398, "Offense": 3157, "Disdain": 682}
"""How often some emotions occur in the 68,311 complete reports of the published file."""


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    return survey_simulation.simulate()


@pytest.fixture(scope="module")
def reports(raw: pd.DataFrame) -> pd.DataFrame:
    return survey.clean(raw)


def small(**changes: object) -> pd.DataFrame:
    """Return three complete reports of two people, with some cells set as "Joy=(row, text)"."""
    table = pd.DataFrame("0", index=range(3), columns=list(survey_format.COLUMNS), dtype="object")
    table["id"], table["Day"] = ["1", "1", "2"], ["1", "2", "7"]
    for column, (row, text) in changes.items():
        table.loc[row, column] = text
    return table


# --------------------------------------------------------------------------- simulated


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


def test_simulation_depends_on_its_seed_alone(raw: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(raw, survey_simulation.simulate(0))
    assert not raw.equals(survey_simulation.simulate(1))
    # notebooks store tables of it, so it must be the same on every machine
    content = raw.to_csv(index=False, lineterminator="\n").encode()
    assert hashlib.sha256(content).hexdigest().startswith("da951e0d220f50d1")
    assert survey.clean(survey_simulation.simulate(1)).shape == (68_311, 21)


# ---------------------------------------------------------------------- reading, marks


def test_without_the_file_reports_are_simulated_and_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEVALUE_DATA", str(tmp_path))
    raw = survey.load()
    assert survey.title_note(raw) == " (simulated)"
    assert survey.title_note(survey.clean(raw)) == " (simulated)"


def test_the_file_is_found_read_as_it_is_and_not_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(Joy=(1, " "), Fear=(0, "1")).to_csv(tmp_path / survey.FILE, index=False)
    monkeypatch.setenv("FACEVALUE_DATA", str(tmp_path))
    raw = survey.load()
    assert raw.loc[1, "Joy"] == " "
    reports = survey.clean(raw)
    assert reports["Fear"].tolist() == [1, 0]
    assert survey.title_note(reports) == ""


def test_the_file_is_found_beside_a_csv_that_facevalue_data_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small().to_csv(tmp_path / survey.FILE, index=False)
    (tmp_path / "fer2013.csv").write_text("")
    monkeypatch.setenv("FACEVALUE_DATA", str(tmp_path / "fer2013.csv"))
    assert survey.find() == tmp_path / survey.FILE


def test_a_table_that_lost_its_mark_is_not_taken_for_real() -> None:
    with pytest.raises(ValueError, match="does not say whether"):
        survey.title_note(pd.DataFrame())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a readable CSV"),
        (b"\xff\xfe\x00", "not a readable CSV"),
        (b'id,"Hours\n1,2', "not a readable CSV"),
        (b"id;Hours;Day\n1;2;3\n", "lacks the columns id, Hours, Day"),
        (b"x" * (survey.LARGEST + 1), "more than 20,000,000 bytes"),
    ],
)
def test_another_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "other.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        survey.load(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.csv does not exist"):
        survey.load(tmp_path / "none.csv")


# ---------------------------------------------------------------------------- cleaning


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="lacks the column Joy:"):
        survey.clean(small().drop(columns="Joy"))


@pytest.mark.parametrize(
    ("column", "text"),
    [
        *(("Joy", text) for text in ("", "NA", "  ", "nan", "2", "-1", "0.5", "yes", "inf")),
        *(("Hours", text) for text in ("25", "24", "-1", "7:30", "12.5")),
        *(("Day", text) for text in ("0", "8", "Mon")),
        *(("id", text) for text in ("0", "x", "1.5")),
    ],
)
def test_a_value_that_a_column_cannot_have_names_column_and_row(column: str, text: str) -> None:
    with pytest.raises(ValueError, match=rf"column {column}, row 2: '{text}' is neither"):
        survey.clean(small(**{column: (1, text)}))


def test_missing_values_of_pandas_are_named_too() -> None:
    with pytest.raises(ValueError, match="column Love, row 3: nan is neither"):
        survey.clean(small(Love=(2, float("nan"))))


def test_one_row_is_named() -> None:
    with pytest.raises(
        ValueError, match="column id, row 1: there are complete reports of 1 person"
    ):
        survey.clean(small().iloc[:1])


def test_numbers_are_cleaned_like_text() -> None:
    as_text, as_numbers = survey.clean(small()), survey.clean(small().astype("float64"))
    pd.testing.assert_frame_equal(as_text, as_numbers)
    assert {"Offense", "Embarrassment"} <= set(as_text.columns)


def test_every_word_has_a_face_or_none() -> None:
    assert set(survey_format.FACES) == {*survey_format.POSITIVE, *survey_format.NEGATIVE}
    assert len(survey_format.FACES) == 18
    named = {face for face in survey_format.FACES.values() if face}
    assert named == set(emotions.EMOTIONS) - {"surprise", "neutral"}


# ------------------------------------------------------------------------- downloading


@pytest.fixture
def server() -> Iterator[tuple[str, dict[str, bytes]]]:
    files: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files[self.path]
            self.send_response(200)
            self.send_header("Content-Type", "text/csv")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # refused for its size
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}", files
    httpd.shutdown()
    httpd.server_close()


def test_the_file_is_downloaded_checked_and_loaded(
    tmp_path: Path, server: tuple[str, dict[str, bytes]], raw: pd.DataFrame
) -> None:
    address, files = server
    files["/e7uab"] = raw.to_csv(index=False).encode()
    path = survey.fetch(tmp_path, f"{address}/e7uab")
    assert [file.name for file in tmp_path.iterdir()] == [survey.FILE]
    assert survey.clean(survey.load(path)).shape == (68_311, 21)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", small().to_csv(index=False)])
def test_what_is_not_the_published_table_is_not_kept(
    tmp_path: Path, server: tuple[str, dict[str, bytes]], content: str
) -> None:
    address, files = server
    files["/e7uab"] = content.encode()
    with pytest.raises(download.DownloadError, match="instead of 69,544 and 21"):
        survey.fetch(tmp_path, f"{address}/e7uab")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, server: tuple[str, dict[str, bytes]]
) -> None:
    address, files = server
    files["/e7uab"] = b"x" * (survey.LARGEST + 1)
    with pytest.raises(download.DownloadError, match="more than 20,000,000"):
        survey.fetch(tmp_path, f"{address}/e7uab")
    assert not list(tmp_path.iterdir())
