"""The survey: reading, cleaning and downloading it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest

from facevalue import emotions
from facevalue.data import download, survey, survey_format, survey_simulation


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    return survey_simulation.simulate()


def small(**changes: object) -> pd.DataFrame:
    """Return three complete reports of two people, with some cells set as "Joy=(row, text)"."""
    table = pd.DataFrame("0", index=range(3), columns=list(survey_format.COLUMNS), dtype="object")
    table["id"], table["Day"] = ["1", "1", "2"], ["1", "2", "7"]
    for column, (row, text) in changes.items():
        table.loc[row, column] = text
    return table


@pytest.mark.slow
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
    with pytest.raises(ValueError, match=rf"Column {column}, row 2: '{text}' is neither"):
        survey.clean(small(**{column: (1, text)}))


def test_missing_values_of_pandas_are_named_too() -> None:
    with pytest.raises(ValueError, match="Column Love, row 3: nan is neither"):
        survey.clean(small(Love=(2, float("nan"))))


def test_one_row_is_named() -> None:
    with pytest.raises(ValueError, match="Only 1 of the people in column id"):
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


@pytest.mark.slow
def test_the_file_is_downloaded_checked_and_loaded(
    tmp_path: Path, server: tuple[str, dict[str, bytes]], raw: pd.DataFrame
) -> None:
    address, files = server
    files["/e7uab"] = raw.to_csv(index=False).encode()
    path = survey.fetch(tmp_path, f"{address}/e7uab")
    assert [file.name for file in tmp_path.iterdir() if file.suffix != ".lock"] == [survey.FILE]
    assert survey.clean(survey.load(path)).shape == (68_311, 21)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", small().to_csv(index=False)])
def test_what_is_not_the_published_table_is_not_kept(
    tmp_path: Path, server: tuple[str, dict[str, bytes]], content: str
) -> None:
    address, files = server
    files["/e7uab"] = content.encode()
    with pytest.raises(download.DownloadError, match="instead of 69,544 and 21"):
        survey.fetch(tmp_path, f"{address}/e7uab")
    assert not [file for file in tmp_path.iterdir() if file.suffix != ".lock"]


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, server: tuple[str, dict[str, bytes]]
) -> None:
    address, files = server
    files["/e7uab"] = b"x" * (survey.LARGEST + 1)
    with pytest.raises(download.DownloadError, match="more than 20,000,000"):
        survey.fetch(tmp_path, f"{address}/e7uab")
    assert not [file for file in tmp_path.iterdir() if file.suffix != ".lock"]
