"""The pages of the website: complete, offline, and without a broken link."""

from urllib.parse import unquote, urlsplit

import lxml.html
import pytest

from facevalue import paths

pytestmark = pytest.mark.slow

NAMES = ("01_data_collection", "02_eda", "03_dense_nets", "04_cnn", "05_transfer")
NAMES += ("06_classical_ml",)


@pytest.fixture(scope="module")
def trees(pages):
    """Each page of the website, parsed, by its file."""
    files = [file for file in pages.rglob("*.html") if "_static" not in file.parts]
    return {file: lxml.html.fromstring(file.read_text(encoding="utf-8")) for file in files}


def test_sphinx_has_nothing_to_complain_about(built):
    assert built[1] == ""


def test_every_link_inside_leads_somewhere(trees):
    ids = {file: set(tree.xpath("//@id | //a/@name")) for file, tree in trees.items()}
    broken = []
    for file, tree in trees.items():
        for link in tree.xpath("//@href | //@src"):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            anchor = unquote(parts.fragment)
            found = target.is_file() and (not anchor or anchor in ids.get(target, [anchor]))
            if not found:
                broken.append((file.name, link))
    assert not broken


def test_no_page_tells_where_it_was_built(trees):
    assert [file.name for file in trees if str(paths.root()) in file.read_text("utf-8")] == []


def test_the_pages_load_nothing_from_another_server(trees):
    loaded = "//script/@src | //img/@src | //link[@rel='stylesheet']/@href | //iframe/@src"
    outside = {
        (file.name, source)
        for file, tree in trees.items()
        for source in tree.xpath(loaded)
        if urlsplit(source).netloc
    }
    assert not outside


def test_every_picture_has_an_alternative_text(trees):
    without = [
        (file.name, picture.get("src"))
        for file, tree in trees.items()
        for picture in tree.xpath("//img")
        if len(picture.get("alt", "").split()) < 2
    ]
    assert not without


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_shows_each_solution_below_its_exercise(trees, pages, name):
    tree = trees[pages / "lessons" / f"{name}.html"]
    exercises = tree.xpath("//pre[contains(., 'Your code here')]")
    solutions = tree.xpath("//details[@class='solution']")
    assert len(solutions) == len(exercises) >= 3
    assert all(solution.xpath(".//pre") for solution in solutions)


def test_lessons_lead_to_one_another_and_stand_on_the_front_page(trees, pages):
    front = trees[pages / "index.html"].xpath("//@href")
    for before, after in zip(NAMES, NAMES[1:], strict=False):
        tree = trees[pages / "lessons" / f"{before}.html"]
        assert f"{after}.html" in tree.xpath("//a[contains(@class, 'right-next')]/@href")
        assert f"lessons/{before}.html" in front


def test_the_set_up_cell_is_not_shown(trees, pages):
    text = trees[pages / "lessons" / "04_cnn.html"].text_content()
    assert "google.colab" not in text and "import keras" in text


def test_the_reference_shows_the_functions_of_each_room(trees, pages):
    text = trees[pages / "api" / "recognition.html"].text_content()
    assert "Recogniser" in text and "find_faces" in text
    assert "augment" in trees[pages / "api" / "learning.html"].text_content()


def test_results_are_those_of_reports(trees, pages):
    rows = trees[pages / "results.html"].xpath("//table[contains(@class, 'sortable')][1]//tr")
    texts = [[cell.text_content().strip() for cell in row] for row in rows]
    assert ["cnn6", "full", "0.627"] in [row[:3] for row in texts]
