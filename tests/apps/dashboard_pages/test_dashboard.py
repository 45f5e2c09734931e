"""The dashboard as a whole."""

import tomllib
from pathlib import Path

import pytest
from dashboard_helpers import (
    checked,
    flat,
    page,
    png,
    upload,
)
from streamlit.testing.v1 import AppTest

from apps.dashboard_pages import (
    photo,
)

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
def test_the_app_opens_with_the_game(known_faces):
    app = checked(AppTest.from_file(ROOT / "apps" / "dashboard.py", default_timeout=60).run())
    assert [title.value for title in app.title] == ["You against the model"]


def test_the_app_is_local_and_sends_no_statistics():
    config = tomllib.loads((ROOT / "apps" / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
    assert config["browser"]["gatherUsageStats"] is False
    assert config["server"]["maxUploadSize"] == photo.MAX_MEGABYTES


@pytest.mark.parametrize("name", ["game", "photo", "drawing"])
@pytest.mark.slow
def test_without_a_model_a_page_says_what_is_missing(name, known_faces, tmp_path, monkeypatch):
    (tmp_path / "accurate.onnx").unlink()
    app = page(name)
    if name == "photo":
        upload(app, "face.png", png(flat(9)))
    assert "accurate.onnx is not in" in app.error[0].value
