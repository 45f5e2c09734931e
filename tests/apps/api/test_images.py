"""The API for programs: lists, files, and what it says about mistakes."""

import time

import cv2
import numpy as np
import pandas as pd
import pytest
import schemathesis
from api_helpers import SOURCES, get, ids, picture, rows
from databases import postgresql, url  # noqa: F401 - fixtures: both kinds of database
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from apps.api.app import create_app
from facevalue.collection import database, database_import


def test_next_leads_through_all_images_once_and_previous_leads_back(client):
    met, path = [], "/images/?page_size=9"
    while path:
        page = get(client, path)
        met += ids(page)
        last, path = page, page["next"]
    assert met == list(range(1, 33))
    assert (last["total"], last["page"], last["pages"]) == (32, 4, 4)
    assert ids(get(client, last["previous"])) == list(range(19, 28))


def test_an_image_has_the_fields_of_project_1s_api_and_its_origin(client):
    image = get(client, "/images/31")
    # the document's own answer: /images/emotions?emotion=5
    assert image["emotion"] == "surprise"
    assert image["source"] == "Pixabay"
    assert image["url link"] == "https://pixabay.com/api/docs"
    assert image["color space"] == "RGB"
    assert image["image format"] == "PNG"
    assert (image["height"], image["width"]) == (40, 60)
    assert image["aspect ratio"] == 1.5
    assert 0 < image["file size MB"] < 0.01
    assert (image["licence"], image["author"]) == ("CC0", "Ada")
    assert "pixels" not in image


def test_an_image_without_a_licence_has_its_sources(client):
    assert get(client, "/images/1")["licence"] == "not to be passed on"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/images/sources?source_id=1", [31, 32]),
        ("/images/emotions?emotion=5", [6, 13, 20, 27, 31]),
        ("/images/emotions?emotion=surprise", [6, 13, 20, 27, 31]),
        ("/images/colors?colors=1", [31, 32]),
        ("/images/aspect_ratio?aspect_ratio=1.5", [31]),
        ("/images/aspect_ratio?aspect_ratio=1.503", [31]),
        ("/images/aspect_ratio?min_aspect_ratio=1.01", [31]),
        ("/images/aspect_ratio?min_aspect_ratio=1.5&max_aspect_ratio=1.5", [31]),
        ("/images/aspect_ratio?aspect_ratio=1&min_aspect_ratio=1.2", []),
        ("/images/?min_aspect_ratio=0.9&max_aspect_ratio=1.1&source_id=1", [32]),
        ("/images/?source_id=1&emotion=happy", [32]),
        ("/images/?colors=1&aspect_ratio=1&emotion=3&source_id=1", [32]),
        ("/images/?colors=0&source_id=1", []),
        ("/images/?colors=&source_id=1", [31, 32]),
    ],
)
def test_filters_alone_and_combined(client, path, expected):
    assert ids(get(client, path)) == expected


def test_a_filter_stays_in_the_link_to_the_next_page(client):
    page = get(client, "/images/emotions?emotion=surprise&page_size=2")
    assert ids(get(client, page["next"])) == [20, 27]


def test_the_action_units_of_an_emotion(client):
    happy = get(client, "/images/emotions/faces?face=happy")
    assert [unit["action_unit"] for unit in happy["action_units"]] == [6, 12]
    assert get(client, "/images/emotions/faces?face=3") == happy
    contempt = get(client, "/images/emotions/faces?face=contempt")
    assert [unit["one_side"] for unit in contempt["action_units"]] == [True, True]
    assert get(client, "/images/emotions/faces?face=neutral")["action_units"] == []


def test_pixel_values_are_included_only_on_request(client):
    assert get(client, "/images/6?pixels=true")["pixels"] == [[5] * 48] * 48
    colour = get(client, "/images/?source_id=1&pixels=true")["images"][0]["pixels"]
    assert np.shape(colour) == (40, 60, 3)


def test_too_many_pixel_values_at_once_are_refused(client, monkeypatch):
    monkeypatch.setattr("apps.api.queries.MAX_VALUES", 3 * 48 * 48)
    assert len(get(client, "/images/?page_size=3&pixels=true")["images"]) == 3
    message = get(client, "/images/?page_size=4&pixels=true", 422)["detail"]
    assert "9,216 pixel values" in message
    assert "page_size" in message


def read(png):
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)


def test_the_file_is_the_stored_png_and_is_not_sent_twice(client):
    first = client.get("/images/31/file")
    assert first.headers["content-type"] == "image/png"
    assert first.content == rows()["png"][30]
    tag = first.headers["etag"]
    assert tag == f'"{get(client, "/images/31")["sha256"]}"'
    for header in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get("/images/31/file", headers={"If-None-Match": header})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert "max-age" in again.headers["cache-control"]
    changed = client.get("/images/31/file", headers={"If-None-Match": '"other"'})
    assert changed.status_code == 200


def test_a_smaller_file_keeps_shape_and_colour_and_has_its_own_tag(client):
    small = client.get("/images/31/file?size=30")
    assert read(small.content).shape == (20, 30, 3)
    assert np.all(read(small.content) == 200)
    assert small.headers["etag"] != client.get("/images/31/file").headers["etag"]
    assert read(client.get("/images/31/file?size=500").content).shape == (40, 60, 3)


def test_a_broken_file_is_a_404_and_no_server_error(tmp_path):
    broken = database.create(f"sqlite:///{tmp_path / 'broken.db'}")
    database_import.add_sources(broken, SOURCES)
    content = picture(1)["png"][:40]
    database_import.add_images(broken, pd.DataFrame([picture(1) | {"png": content}]))
    client = TestClient(create_app(broken))
    for path in ("/images/1?pixels=true", "/images/1/file?size=99"):
        assert "The file of image 1 is a broken PNG image" in get(client, path, 404)["detail"]
    assert client.get("/images/1/file").content == content


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/images/33", 404, "There is no image 33; the last one is 32."),
        ("/images/33/file", 404, "There is no image 33"),
        ("/images/0", 422, "image_id must be the id of an image"),
        ("/images/first", 422, "not 'first'"),
        (f"/images/{10**30}", 422, "image_id must be"),
        ("/images/?page=5&page_size=9", 404, "There is no page 5: the last one is page 4."),
        ("/images/?page=0", 422, "page must be a whole number from 1, not '0'."),
        ("/images/?page=two", 422, "page must be"),
        ("/images/?page_size=201", 422, "page_size must be a whole number from 1 to 200"),
        ("/images/?pixels=maybe", 422, "pixels must be true or false"),
        ("/images/?emotions=3", 422, "There is no parameter 'emotions'"),
        ("/images/sources", 422, "source_id is missing"),
        (
            "/images/sources?source_id=9",
            404,
            "There are no images of source 9: the sources are 1, 2.",
        ),
        ("/images/emotions?emotion=bored", 422, "one of angry, disgust, fear"),
        ("/images/emotions?emotion=7", 422, "a number from 0 to 6"),
        ("/images/emotions/faces?face=love", 422, "contempt, not 'love'."),
        ("/images/colors?colors=2", 422, "0 (grayscale) or 1 (RGB)"),
        ("/images/aspect_ratio?aspect_ratio=-1", 422, "a number above 0"),
        ("/images/aspect_ratio?aspect_ratio=nan", 422, "a number above 0"),
        ("/images/aspect_ratio", 422, "aspect_ratio is missing: give it, or min_aspect_ratio"),
        ("/images/?min_aspect_ratio=2&max_aspect_ratio=1", 422, "must not be above"),
        ("/images/?max_aspect_ratio=wide", 422, "max_aspect_ratio must be the highest width"),
        ("/images/1/file?size=9", 422, "from 16 to 512"),
        ("/images/1/files", 404, "There is no page /images/1/files"),
    ],
)
def test_an_invalid_request_gets_a_sentence(client, path, status, says):
    answer = get(client, path, status)
    assert list(answer) == ["detail"]
    assert says in answer["detail"]
    assert answer["detail"].endswith(".")


def test_nothing_can_be_written(client):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = client.request(method, "/images/1")
        assert answer.status_code == 405
        assert "read-only" in answer.json()["detail"]


def test_a_database_without_action_units_says_so(tmp_path):
    empty = database.create(f"sqlite:///{tmp_path / 'empty.db'}")
    client = TestClient(create_app(empty))
    assert "notebook 01" in get(client, "/images/emotions/faces?face=happy", 404)["detail"]
    assert get(client, "/images/")["images"] == []
    assert "There are no images yet" in client.get("/").text
    assert client.get("/gallery").status_code == 200


@pytest.mark.slow
def test_a_database_that_does_not_answer_is_a_503(tmp_path):
    client = TestClient(create_app(database.create(f"sqlite:///{tmp_path / 'gone.db'}")))
    (tmp_path / "gone.db").unlink()
    time.sleep(0.2)
    assert "does not answer" in get(client, "/images/1", 503)["detail"]
    assert "does not answer" in client.get("/gallery").text


PROMISES = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


@settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def check_responses(operation, data):
    modes = list(GenerationMode)
    case = data.draw(st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes]))
    case.call_and_validate(checks=PROMISES)


@pytest.mark.slow
def test_every_response_conforms_to_the_openapi_document(client):
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 14
    for operation in operations:
        check_responses(operation)
