from __future__ import annotations

from pathlib import Path

import pytest

from facevalue.collection import fetch_data
from facevalue.data import fer2013, survey
from facevalue.data.http_retry import DownloadError


def test_the_command_fetches_the_rest_when_one_fails_and_only_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FACEVALUE_DATA", str(tmp_path))
    calls: list[str] = []

    def fail() -> Path:
        calls.append("FER-2013")
        raise DownloadError("huggingface.co answered 404.")

    def write_survey() -> Path:
        calls.append("survey")
        path = tmp_path / survey.FILE
        path.touch()
        return path

    monkeypatch.setattr(fetch_data, "fetch_fer2013", fail)
    monkeypatch.setattr(survey, "fetch", write_survey)
    assert fetch_data.main() == 1
    printed = capsys.readouterr()
    assert "404" in printed.err
    assert f"Emotions in Everyday Life: {tmp_path / survey.FILE}" in printed.out
    monkeypatch.setattr(fer2013, "find", lambda: tmp_path / "fer2013")
    assert fetch_data.main() == 0
    assert f"FER-2013: {tmp_path / 'fer2013'}" in capsys.readouterr().out
    assert calls == ["FER-2013", "survey"]


def test_an_interrupt_ends_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> Path:
        raise KeyboardInterrupt

    assert fetch_data.fetch_all({"one": interrupt, "two": lambda: Path("two")}) == 130
    printed = capsys.readouterr()
    assert "resumes" in printed.err and printed.out == ""
