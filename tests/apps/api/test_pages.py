"""The API's pages for people."""

import re

from databases import postgresql, url  # noqa: F401 - fixtures: both kinds of database

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
