"""The routes of the live page, and what scripts its pages may run."""

import re

import onnx
import pytest
from fastapi.testclient import TestClient

from apps.api import live_app
from apps.api.app import create_app
from apps.api.live_app import create_live_app
from facevalue.collection import database
from facevalue.drawing import facs
from facevalue.emotions import EMOTIONS
from facevalue.recognition import cropping, detection, tracking, yunet


def test_only_the_live_page_may_run_scripts_and_only_its_own(client):
    for path in ("/", "/live/static/worker.js", "/live/settings.json", "/live/yunet.onnx"):
        (policy,) = client.get(path).headers.get_list("content-security-policy")
        assert "script-src 'self' 'wasm-unsafe-eval'" in policy
        assert "unsafe-inline" not in policy and "http" not in policy
    for path in ("/database", "/gallery", "/nowhere", "/images/"):
        (policy,) = client.get(path).headers.get_list("content-security-policy")
        assert policy.startswith("default-src 'none'") and "script" not in policy
    page = client.get("/").text
    assert re.findall(r"<script(?![^>]*src=)", page) == []
    assert re.findall(r"\son\w+=|\sstyle=", page) == []
    assert client.get("/").headers["x-content-type-options"] == "nosniff"


def test_the_page_links_each_emotion_to_its_images_and_names_its_units(client):
    page = client.get("/").text
    for emotion, units in facs.emotion_units().items():
        assert client.get(f"/gallery?emotion={emotion}").status_code == 200
        assert f'href="/gallery?emotion={emotion}"' in page
        for unit in units:
            assert f"AU {unit}<" in page
    assert "Cheek Raiser" in page


def test_the_pages_of_the_database_lead_back_to_the_live_page(client):
    page = client.get("/database").text
    assert "20 images" in page
    assert '<a href="/" >Live</a>' in page


def test_the_api_alone_has_no_live_page(engine):
    client = TestClient(create_app(engine))
    assert "20 images" in client.get("/").text
    assert ">Live<" not in client.get("/").text
    assert client.get("/live/fast.onnx").status_code == 404


def test_the_page_works_with_an_empty_database(models, tmp_path):
    empty = database.create(f"sqlite:///{tmp_path / 'none.db'}")
    client = TestClient(create_live_app(models, empty, note="No database."))
    page = client.get("/").text
    assert "No database." in page and "sample images" not in page
    assert "AU 12" in page
    empty.dispose()


def test_without_onnx_runtime_web_the_page_says_so(client, monkeypatch, tmp_path):
    monkeypatch.setattr(live_app, "STATIC", tmp_path)
    page = client.get("/").text
    assert 'data-browser-mode="no"' in page
    assert re.search(r'value="browser" disabled', page)


def test_the_browser_gets_the_models_and_the_numbers_of_the_server(client, models):
    assert client.get("/live/fast.onnx").content == models["fast"].file.read_bytes()
    settings = client.get("/live/settings.json").json()
    assert settings["emotions"] == list(EMOTIONS)
    assert settings["search"]["frameSide"] == tracking.SEARCH_SIDE
    assert settings["search"]["side"] == detection.SIDE
    assert settings["search"]["leastScore"] == yunet.MIN_SCORE
    assert settings["face"]["leastRoll"] == cropping.MIN_ROLL


def test_the_browser_gets_a_detector_for_pictures_of_any_size(client):
    content = client.get("/live/yunet.onnx").content
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model)
    assert [dim.dim_param for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]] == [
        "h", "w",
    ]  # fmt: skip
    original = onnx.load_from_string(yunet.file_content())
    assert list(model.graph.node) == list(original.graph.node)
    assert list(model.graph.initializer) == list(original.graph.initializer)


def test_without_the_detectors_package_the_browser_gets_a_sentence(client, monkeypatch):
    yunet.file_content.cache_clear()
    monkeypatch.setattr(yunet, "find_spec", lambda name: None)
    answer = client.get("/live/yunet.onnx")
    monkeypatch.undo()
    yunet.file_content.cache_clear()
    assert answer.status_code == 404
    assert "pip install" in answer.text


@pytest.mark.parametrize(
    "path",
    ["..%2flive.py", "%2e%2e/live.py", "vendor/../../live.py", "nowhere.js", "%00"],
)
def test_nothing_but_the_static_files_is_served(client, path):
    assert client.get(f"/live/static/{path}").status_code == 404
