"""The pages of the website in Chromium, from the file system: accessible, narrow and wide."""

import browsers
import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.browser

PAGES = ("index", "lessons/04_cnn", "results", "glossary", "model-card", "api/recognition")


@pytest.fixture(scope="module")
def browser():
    with browsers.chromium() as started:
        yield started


def opened(browser, pages, name, width=1440, colours="light"):
    """Open a page of the website from the file system."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=colours)
    page.goto((pages / f"{name}.html").as_uri())
    return page


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_serious_barrier(browser, pages, name, colours):
    with opened(browser, pages, name, colours=colours) as page:
        # until the colours have faded in, a slow machine measures one on its way
        page.evaluate("Promise.allSettled(document.getAnimations().map((one) => one.finished))")
        found = Axe().run(page).response["violations"]
    serious = [
        (rule["id"], rule["nodes"][0]["html"][:200])
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
    assert not serious


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_shows_the_whole_width(browser, pages, name):
    with opened(browser, pages, name, width=390) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_search_works_from_the_file_system(browser, pages):
    with opened(browser, pages, "search") as page:
        page.goto(page.url + "?q=dropout")
        page.wait_for_selector("#search-results li a")
        assert "lessons/04_cnn.html" in " ".join(
            link.get_attribute("href") for link in page.query_selector_all("#search-results li a")
        )


def test_a_click_on_a_heading_sorts_the_table(browser, pages):
    with opened(browser, pages, "results") as page:
        table = page.locator("table.sortable").first

        def column():
            texts = table.locator("tbody tr td:nth-child(3)").all_text_contents()
            return [float(text) for text in texts if text]

        best_first = column()
        table.locator("th:nth-child(3) button").click()
        assert column() == sorted(best_first, reverse=True)
        table.locator("th:nth-child(3) button").click()
        assert column() == sorted(best_first)


def test_a_click_opens_a_solution(browser, pages):
    with opened(browser, pages, "lessons/04_cnn") as page:
        solution = page.locator("details.solution").first
        assert not solution.locator("pre").first.is_visible()
        solution.locator("summary").click()
        assert solution.locator("pre").first.is_visible()
