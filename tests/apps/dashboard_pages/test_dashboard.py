"""The dashboard as a whole."""

import tomllib
from pathlib import Path

import pytest
from dashboard_helpers import (
    checked,
    flat,
    page,
    png,
    texts,
    upload,
)
from streamlit.testing.v1 import AppTest

from apps.api import links
from apps.dashboard_pages import (
    photo,
    start,
)

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
def test_the_app_opens_with_its_name_and_leads_to_its_pages_the_live_page_and_the_lessons():
    app = checked(AppTest.from_file(ROOT / "apps" / "dashboard.py", default_timeout=60).run())
    assert [title.value for title in app.title] == ["Face Value"]
    pages = [link.proto.label.split("**")[1] for link in app.get("page_link")]
    assert pages == [
        "You against the model",
        "Try a face",
        "Make a face",
        "The data",
        "The results",
    ]
    said = texts(app)
    assert "(http://localhost:5000/)" in said and "make live" in said
    lessons = sorted(path.name for path in (ROOT / "notebooks").glob("0*.ipynb"))
    assert [file for file, _ in start.LESSONS] == [name.removesuffix(".ipynb") for name in lessons]
    for (_, title), name in zip(start.LESSONS, lessons, strict=True):
        assert f"{name[:2]} {title}" in said


def test_a_lesson_is_a_link_where_the_repository_is_known(monkeypatch):
    monkeypatch.setattr(links, "_repository", lambda: "https://github.com/a/b")
    links.source_link.cache_clear()
    assert start.lesson_line("04_cnn", "Networks") == (
        "- [04 Networks](https://github.com/a/b/tree/HEAD/notebooks/04_cnn.ipynb)"
    )
    links.source_link.cache_clear()


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
