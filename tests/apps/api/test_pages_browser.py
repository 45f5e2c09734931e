"""A person with a browser: from the welcome page over a form and the gallery to an image."""

import numpy as np
import pandas as pd
import pytest
from browsers import chromium, running

from apps.api import sample
from apps.api.app import create_app
from facevalue.collection import database, database_import
from facevalue.emotions import EMOTIONS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Run the API on a free port."""
    engine = database.create(f"sqlite:///{tmp_path_factory.mktemp('browser') / 'faces.db'}")
    names = ["a source with a long name, as they often have", "FER-2013"]
    database_import.add_sources(
        engine, pd.DataFrame({"name": names, "address": "a", "licence": "CC0"})
    )
    database_import.add_facs(engine)
    rows = [
        database_import.image_row(
            np.full((48, 48), k, np.uint8), "FER-2013", EMOTIONS[k % 7], f"no {k}"
        )
        for k in range(140)
    ]
    colour = np.full((300, 200, 3), 99, np.uint8)
    page = "https://example.org/" + "a-very-long-name-without-a-blank" * 3
    rows.append(database_import.image_row(colour, names[0], "sad", "a photo", address=page))
    database_import.add_images(engine, pd.DataFrame(rows))
    with running(create_app(engine)) as where:
        yield where
    engine.dispose()


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser, address):
    """Open a page; afterwards, nothing may have been blocked or missing."""
    complaints = []
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    made = context.new_page()
    made.on("console", lambda message: complaints.append(message.text))
    made.on("response", lambda answer: answer.status >= 400 and complaints.append(answer.url))
    yield made
    context.close()
    assert complaints == []


def is_drawn(image):
    image.scroll_into_view_if_needed()
    image.page.wait_for_function("image => image.complete", arg=image.element_handle())
    return image.evaluate("image => image.naturalWidth") > 0


@pytest.mark.slow
def test_from_the_welcome_page_to_one_image(page):
    page.goto("/")
    assert "141 images" in page.inner_text("main")
    page.get_by_label("Source").select_option("2: FER-2013")
    page.locator("form", has_text="By source").get_by_role("button", name="Pictures").click()
    page.wait_for_url("**/gallery?source_id=2")
    assert page.inner_text(".total") == "140 images"
    page.get_by_label("Emotion").select_option("fear")
    page.get_by_role("button", name="Show").click()
    assert page.inner_text(".total") == "20 images"
    pictures = page.locator(".grid img")
    assert pictures.count() == 20
    assert is_drawn(pictures.first)
    pictures.nth(1).click()
    page.wait_for_url("**/gallery/10")
    assert page.inner_text("h1") == "Image 10: fear"
    assert is_drawn(page.locator("img.large"))
    assert "AU 26" in page.inner_text("main")
    page.get_by_role("link", name="Next").click()
    assert page.inner_text("h1") == "Image 11: happy"


def test_the_gallery_is_leafed_through_with_the_keyboard_alone(page):
    page.goto("/gallery?page_size=50")
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Next":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**page=2")
    assert "Page 2 of 3" in page.inner_text(".pager >> nth=0")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.slow
def test_each_form_of_the_welcome_page_leads_to_json_too(page):
    page.goto("/")
    forms = page.locator("form").count()
    assert forms == 5
    for number in range(forms):
        page.goto("/")
        page.locator("form").nth(number).get_by_role("button", name="JSON").click()
        page.wait_for_url("**/images/**")
        assert page.inner_text("body").startswith('{"')


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.slow
def test_pages_fit_the_screen_and_can_be_read(page, width, scheme):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for path in ("/", "/gallery", "/gallery/141", "/faces?face=fear", "/docs"):
        page.goto(path)
        if path == "/docs":
            page.locator(".opblock-post .opblock-summary-control").click()
            page.get_by_role("button", name="Execute").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        for colours in page.evaluate(COLOURS):
            assert contrast(*colours) >= 4.5, (path, colours)


@pytest.mark.slow
def test_the_documentation_has_a_form_to_try_each_route(page):
    page.goto("/docs")
    page.locator(".opblock").first.wait_for()
    paths = page.locator(".opblock-summary-path").all_inner_texts()
    listed = page.request.get("/openapi.json").json()["paths"]
    assert [path.replace("\u200b", "") for path in paths] == list(listed)
    file_route = page.locator("[id*=file_of_image]")
    file_route.locator(".opblock-summary-control").click()
    file_route.locator("input").first.fill("141")
    file_route.get_by_role("button", name="Execute").click()
    assert is_drawn(file_route.locator(".response-col_description img"))
    post = page.locator(".opblock-post")
    post.locator(".opblock-summary-control").click()
    photo = {"name": "one.png", "mimeType": "image/png", "buffer": sample.picture()}
    post.locator("input[type=file]").set_input_files(photo)
    post.locator("select").first.select_option("image/png")
    post.get_by_role("button", name="Execute").click()
    answer = post.locator(".live-responses-table .microlight").first
    answer.wait_for()
    assert answer.inner_text().count('"box"') == len(sample.SHOWN)


COLOURS = """() => [...document.querySelectorAll("main *, header *, footer *")]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())
               && e.offsetParent && !e.closest(".off"))
  .map(e => {
    let behind = e;
    while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)")
      behind = behind.parentElement;
    return [getComputedStyle(e).color, getComputedStyle(behind).backgroundColor];
  })"""


def contrast(text, behind):
    """Return the contrast of two CSS colours, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((luminance(text), luminance(behind)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = colour[colour.index("(") + 1 : -1].split(",")[:3]
    values = np.array([float(part) / 255 for part in parts])
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]
