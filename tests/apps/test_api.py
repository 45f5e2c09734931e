"""The API over the database: what programs and people get, and what they are told when wrong."""

import re
import socket
import time

import cv2
import numpy as np
import pandas as pd
import pytest
import schemathesis
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
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sqlalchemy import text

from apps.api import create_app, guess
from apps.api.__main__ import app as app_of_worker
from apps.api.__main__ import main
from apps.api.demo import demo
from facevalue.collection import database, database_import
from facevalue.emotions import COLOURS, EMOTIONS
from facevalue.learning import classical_files, image_features

SOURCES = pd.DataFrame(
    [
        ("Pixabay", "https://pixabay.com/api/docs", "Pixabay Content License"),
        ("FER-2013", "https://kaggle.com", "not to be passed on"),
    ],
    columns=["name", "address", "licence"],
)


def picture(value, emotion="happy", source="FER-2013", shape=(48, 48), **known):
    """One row: a grey or colour image of one value."""
    image = np.full(shape, value, np.uint8)
    return database_import.image_row(image, source, emotion, f"<b>no {value}</b>", **known)


def rows():
    """30 grey images of all emotions, and two colour ones from Pixabay."""
    made = [picture(value, EMOTIONS[value % 7]) for value in range(30)]
    known = {"licence": "CC0", "author": "Ada", "address": "javascript:alert(1)"}
    made.append(picture(200, "surprise", "Pixabay", (40, 60, 3), **known))
    made.append(picture(201, "happy", "Pixabay", (60, 60, 3)))
    return pd.DataFrame(made)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = database.create(f"sqlite:///{tmp_path_factory.mktemp('api') / 'faces.db'}")
    database_import.add_sources(made, SOURCES)
    database_import.add_facs(made)
    database_import.add_images(made, rows())
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def client(engine):
    return TestClient(create_app(engine))


def get(client, path, status=200):
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return answer.json()


def ids(answer):
    return [image["id"] for image in answer["images"]]


# ------------------------------------------------------------------------------ lists


def test_following_next_meets_each_image_once_and_previous_leads_back(client):
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


def test_pixels_come_only_when_asked_for_and_are_numbers(client):
    assert get(client, "/images/6?pixels=true")["pixels"] == [[5] * 48] * 48
    colour = get(client, "/images/?source_id=1&pixels=true")["images"][0]["pixels"]
    assert np.shape(colour) == (40, 60, 3)


def test_pixels_of_too_many_images_at_once_are_refused(client, monkeypatch):
    monkeypatch.setattr("apps.api.images.MOST_VALUES", 3 * 48 * 48)
    assert len(get(client, "/images/?page_size=3&pixels=true")["images"]) == 3
    message = get(client, "/images/?page_size=4&pixels=true", 422)["detail"]
    assert "9,216 pixel values" in message
    assert "page_size" in message


# ------------------------------------------------------------------------------ files


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


def test_a_file_that_is_broken_is_told_and_is_no_server_error(tmp_path):
    broken = database.create(f"sqlite:///{tmp_path / 'broken.db'}")
    database_import.add_sources(broken, SOURCES)
    huge = database_import.PNG_SIGNATURE + bytes(8) + b"\x7f\xff\xff\xff" * 2
    database_import.add_images(broken, pd.DataFrame([picture(1) | {"png": huge}]))
    client = TestClient(create_app(broken))
    for path in ("/images/1?pixels=true", "/images/1/file?size=99"):
        assert "image 1 cannot be read" in get(client, path, 404)["detail"]
    assert client.get("/images/1/file").content == huge


# ------------------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/images/33", 404, "There is no image 33; the last one is 32."),
        ("/images/33/file", 404, "There is no image 33"),
        ("/images/0", 422, "image_id must be the number of an image"),
        ("/images/first", 422, "not 'first'"),
        (f"/images/{10**30}", 422, "image_id must be"),
        ("/images/?page=5&page_size=9", 404, "There is no page 5: the last one is page 4."),
        ("/images/?page=0", 422, "page must be a whole number from 1 on, not '0'."),
        ("/images/?page=two", 422, "page must be"),
        ("/images/?page_size=201", 422, "page_size must be a whole number from 1 to 200"),
        ("/images/?pixels=maybe", 422, "pixels must be true or false"),
        ("/images/?emotions=3", 422, "There is no parameter 'emotions' here"),
        ("/images/sources", 422, "source_id is missing"),
        ("/images/sources?source_id=9", 404, "There is no source 9; there are: 1, 2."),
        ("/images/emotions?emotion=bored", 422, "one of angry, disgust, fear"),
        ("/images/emotions?emotion=7", 422, "a number from 0 to 6"),
        ("/images/emotions/faces?face=love", 422, "contempt, not 'love'."),
        ("/images/colors?colors=2", 422, "0 (grayscale) or 1 (RGB)"),
        ("/images/aspect_ratio?aspect_ratio=-1", 422, "a number above 0"),
        ("/images/aspect_ratio?aspect_ratio=nan", 422, "a number above 0"),
        ("/images/1/file?size=9", 422, "from 16 to 512"),
        ("/images/1/files", 404, "There is nothing at /images/1/files"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence(client, path, status, says):
    answer = get(client, path, status)
    assert list(answer) == ["detail"]
    assert says in answer["detail"]
    assert answer["detail"].endswith(".")


def test_nothing_can_be_written(client):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = client.request(method, "/images/1")
        assert answer.status_code == 405
        assert "only read" in answer.json()["detail"]


def test_a_database_without_action_units_says_so(tmp_path):
    empty = database.create(f"sqlite:///{tmp_path / 'empty.db'}")
    client = TestClient(create_app(empty))
    assert "notebook 01" in get(client, "/images/emotions/faces?face=happy", 404)["detail"]
    assert get(client, "/images/")["images"] == []
    assert "There are no images yet" in client.get("/").text
    assert client.get("/gallery").status_code == 200


def test_a_database_that_does_not_answer_is_a_503(tmp_path):
    client = TestClient(create_app(database.create(f"sqlite:///{tmp_path / 'gone.db'}")))
    (tmp_path / "gone.db").unlink()
    time.sleep(0.2)
    assert "does not answer" in get(client, "/images/1", 503)["detail"]
    assert "does not answer" in client.get("/gallery").text


# ------------------------------------------------------------------------------ news


def seen(client, path, wanted):
    """Ask until the answer has `wanted` images: news may take a moment."""
    for _ in range(100):
        if get(client, path)["total"] == wanted:
            return True
        time.sleep(0.05)
    return False


def test_images_that_are_added_moved_and_deleted_are_seen_without_a_restart(url):  # noqa: F811
    made = database.create(url)
    database_import.add_sources(made, SOURCES)
    client = TestClient(create_app(made))
    assert get(client, "/images/")["total"] == 0
    writer = database.create(url)
    database_import.add_images(writer, pd.DataFrame([picture(1), picture(2)]))
    assert seen(client, "/images/?emotion=happy", 2)
    with writer.begin() as connection:
        connection.execute(text("UPDATE all_images SET emotion_id = 4 WHERE id = 1"))
    writer.dispose()  # PostgreSQL counts the changes of an open connection later
    assert seen(client, "/images/?emotion=sad", 1)
    assert ids(get(client, "/images/aspect_ratio?aspect_ratio=1&page_size=1")) == [1]
    assert client.get("/").status_code == 200
    with writer.begin() as connection:
        connection.execute(text("DELETE FROM all_images WHERE id = 2"))
    writer.dispose()
    assert seen(client, "/images/", 1)
    made.dispose()


def test_a_file_that_takes_the_place_of_the_old_one_is_seen(tmp_path):
    # as notebook 01 does it when it is run again
    made = database.create(f"sqlite:///{tmp_path / 'faces.db'}")
    database_import.add_sources(made, SOURCES)
    database_import.add_images(made, pd.DataFrame([picture(1)]))
    client = TestClient(create_app(made))
    assert get(client, "/images/")["total"] == 1
    other = database.create(f"sqlite:///{tmp_path / 'faces.part'}")
    database_import.add_sources(other, SOURCES)
    database_import.add_images(other, rows())
    other.dispose()
    (tmp_path / "faces.part").replace(tmp_path / "faces.db")
    assert seen(client, "/images/", 32)
    assert get(client, "/images/31")["emotion"] == "surprise"


# ------------------------------------------------------------------------------ pages


def test_the_welcome_page_counts_and_leads_everywhere(client):
    page = client.get("/").text
    assert "Welcome to the facial emotion recognition database" in page
    assert "32 images" in page
    assert "2 sources" in page
    surprise = re.search(r"emotion=surprise.*?number\">(\d+)<", page, re.S)
    assert surprise.group(1) == "5"
    for address in re.findall(r'(?:href|src)="([^"]+)"', page):
        address = address.replace("&amp;", "&").split("#")[0] or "/"
        assert client.get(address).status_code == 200, address


def test_the_gallery_pages_through_a_filter(client):
    page = client.get("/gallery?emotion=surprise&page_size=2&page=2").text
    assert re.findall(r'href="/gallery/(\d+)"', page) == ["20", "27"]
    assert "Page <strong>2</strong> of 3" in page
    assert 'rel="next" href="/gallery?emotion=surprise&amp;page_size=2&amp;page=3"' in page
    assert "No image fits" in client.get("/gallery?colors=0&source_id=1").text


def test_the_page_of_an_image_escapes_what_comes_from_elsewhere(client):
    page = client.get("/gallery/31").text
    assert "&lt;b&gt;no 200&lt;/b&gt;" in page
    assert "<b>no" not in page
    assert 'href="javascript' not in page
    assert 'href="/gallery/30"' in page
    assert 'href="/gallery/32"' in page
    assert "AU 26" in page


def test_a_mistake_of_a_person_is_answered_with_a_page(client):
    for path, status in (("/gallery/99", 404), ("/gallery?page=x", 422), ("/nowhere", 404)):
        answer = client.get(path)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert 'class="note"' in answer.text


def test_the_docs_name_each_address_for_programs(client):
    page = client.get("/docs").text
    paths = [path for path in client.get("/openapi.json").json()["paths"] if "images" in path]
    assert len(paths) == 9
    for path in paths:
        assert f"<code>{path}</code>" in page


def test_the_style_has_the_colours_of_the_emotions(client):
    style = client.get("/style.css").text
    for name, colour in COLOURS.items():
        assert f".dot.{name} {{ background: {colour}; }}" in style


# ------------------------------------------------------------------------------ safety


@pytest.mark.parametrize("path", ["/", "/images/1", "/images/1/file", "/images/x", "/nowhere"])
def test_all_answers_carry_the_security_headers(client, path):
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_pages_hold_nothing_from_elsewhere_and_nothing_inline(client):
    for path in ("/", "/gallery", "/gallery/31", "/faces?face=fear", "/docs", "/nowhere"):
        page = client.get(path).text
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page)
        assert not re.search(r"<script|<style|\bstyle=|\bon\w+=", page)


def test_head_is_answered_without_a_body(client):
    answer = client.head("/images/1")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_server_for_this_machine_answers_under_its_names_only(engine, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", str(engine.url))
    client = TestClient(app_of_worker(), base_url="http://127.0.0.1:8080")
    assert client.get("/").status_code == 200
    assert client.get("/", headers={"Host": "attacker.example"}).status_code == 400


def test_without_a_database_a_few_faces_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("apps.api.demo.FACES", 14)
    file = demo(tmp_path / "demo.db")
    made = file.stat().st_mtime_ns
    assert demo(file).stat().st_mtime_ns == made
    client = TestClient(create_app(database.create(f"sqlite:///{file}"), note="Only a demo."))
    assert get(client, "/images/")["total"] == 14
    assert len(get(client, "/images/emotions/faces?face=sad")["action_units"]) == 3
    assert "Only a demo." in client.get("/").text


def test_a_taken_port_is_told(engine, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", str(engine.url))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        monkeypatch.setattr("sys.argv", ["apps.api", "--port", port])
        assert main() == 1
    assert f"Port {port} of 127.0.0.1 cannot be had" in capsys.readouterr().err


def test_what_keeps_it_from_starting_is_said(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["apps.api"])
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'no' / 'folder.db'}")
    assert main() == 1
    assert "The database does not open" in capsys.readouterr().err


# ------------------------------------------------------------------------------ the contract


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
def every_answer_is_named(operation, data):
    modes = list(GenerationMode)
    case = data.draw(st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes]))
    case.call_and_validate(checks=PROMISES)


def test_every_answer_is_one_that_the_openapi_document_names(client):
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 14
    for operation in operations:
        every_answer_is_named(operation)


# ------------------------------------------------------------------ the model of notebook 06


@pytest.fixture
def brightness_model(tmp_path, monkeypatch):
    """A saved model that calls dark images angry and bright ones happy."""
    file = tmp_path / "classical.skops"
    monkeypatch.setattr(guess, "file", lambda: file)
    images = np.repeat(np.arange(0, 250, 25, dtype=np.uint8), 48 * 48).reshape(-1, 48, 48)
    labels = np.where(np.arange(10) < 4, EMOTIONS.index("angry"), EMOTIONS.index("happy"))
    model = make_pipeline(image_features.Pixels(), LogisticRegression(C=100)).fit(images, labels)
    classical_files.save(model, file)
    return file


def test_the_saved_model_names_what_it_sees(client, brightness_model):
    dark, bright = (client.get(f"/images/{number}/guess").json() for number in (1, 31))
    assert dark == {"image_id": 1, "label": "angry", "guess": "angry"}
    assert bright == {"image_id": 31, "label": "surprise", "guess": "happy"}  # in colour, 40 x 60
    assert "notebook 06 names it" in client.get("/gallery/31").text


def test_without_a_model_the_answer_says_which_notebook_makes_one(client, brightness_model):
    brightness_model.unlink()
    answer = client.get("/images/1/guess")
    assert answer.status_code == 404
    assert "run notebook 06" in answer.json()["detail"]
    assert "notebook 06 names it" not in client.get("/gallery/1").text


def test_a_damaged_model_is_no_reason_to_hide_the_image(client, brightness_model):
    brightness_model.write_bytes(b"no model")
    answer = client.get("/images/1/guess")
    assert answer.status_code == 503
    assert "not a model saved with skops" in answer.json()["detail"]
    assert client.get("/gallery/1").status_code == 200
    assert client.get("/images/999/guess").status_code == 404
