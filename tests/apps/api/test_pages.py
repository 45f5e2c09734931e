"""The API's pages for people."""

import re

import pandas as pd
from api_helpers import SOURCES, picture
from databases import postgresql, url  # noqa: F401 - fixtures: both kinds of database
from fastapi.testclient import TestClient

from apps.api import demo, links
from apps.api.app import create_app
from facevalue.collection import database, database_import
from facevalue.emotions import COLOURS


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
    assert "No image matches" in client.get("/gallery?colors=0&source_id=1").text


def test_the_page_of_an_image_escapes_foreign_text(client):
    page = client.get("/gallery/31").text
    assert "&lt;b&gt;no 200&lt;/b&gt;" in page
    assert "<b>no" not in page
    assert 'href="javascript' not in page
    assert 'href="/gallery/30"' in page
    assert 'href="/gallery/32"' in page
    assert "AU 26" in page


def test_an_invalid_request_of_a_person_gets_a_page(client):
    for path, status in (("/gallery/99", 404), ("/gallery?page=x", 422), ("/nowhere", 404)):
        answer = client.get(path)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert 'class="note"' in answer.text


def test_the_address_of_a_source_can_be_followed_and_no_other_text_can(client):
    page = client.get("/gallery/31").text
    assert '<a href="https://pixabay.com/api/docs">Pixabay</a>' in page
    assert "<td>javascript:alert(1)</td>" in page


def test_an_address_in_the_repository_leads_to_it(monkeypatch):
    monkeypatch.setattr(links, "_repository", lambda: "https://github.com/a/b")
    links.source_link.cache_clear()
    address = links.source_link(demo.SOURCE["address"])
    assert address == "https://github.com/a/b/tree/HEAD/src/facevalue/drawing"
    assert links.source_link("src/of_an_earlier_version.py") == "src/of_an_earlier_version.py"
    links.source_link.cache_clear()


def test_a_source_without_images_is_not_counted(tmp_path):
    made = database.create(f"sqlite:///{tmp_path / 'faces.db'}")
    database_import.add_sources(made, SOURCES)
    database_import.add_images(made, pd.DataFrame([picture(1)]))
    client = TestClient(create_app(made))
    page = client.get("/").text
    assert "<strong>1 source</strong>" in page and "Pixabay" not in page
    assert "Pixabay" not in client.get("/gallery").text
    assert client.get("/images/sources?source_id=2").json()["total"] == 1
    assert client.get("/images/sources?source_id=1").status_code == 404
    made.dispose()


def test_the_gallery_keeps_the_range_of_aspect_ratios_in_its_form(client):
    page = client.get("/gallery?min_aspect_ratio=1.2&max_aspect_ratio=2").text
    assert "1 image<" in page
    assert re.search(r'name="min_aspect_ratio"[^>]* value="1.2"', page)
    assert re.search(r'name="max_aspect_ratio"[^>]* value="2"', page)
    assert re.search(r'name="max_aspect_ratio"[^>]* value=""', client.get("/gallery").text)


def test_the_style_has_the_colours_of_the_emotions(client):
    style = client.get("/style.css").text
    for name, colour in COLOURS.items():
        assert f".dot.{name} {{ background: {colour}; }}" in style
