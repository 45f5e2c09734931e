"""What the website makes of a notebook and of the repository's pages, on small examples."""

import nbformat
import pytest
from website import lessons
from website.glossary import Glossary
from website.links import Links


def cell(text, *tags):
    made = nbformat.v4.new_code_cell if "code" in tags else nbformat.v4.new_markdown_cell
    found = made(text)
    found.metadata["tags"] = [tag for tag in tags if tag != "code"]
    return found


def notebook(*cells):
    return nbformat.v4.new_notebook(cells=list(cells))


@pytest.fixture
def glossary(tmp_path):
    file = tmp_path / "glossary.md"
    file.write_text("# Glossary\n\n**kernel** (kernels): A small table.\n")
    return Glossary.read(file)


def test_a_term_is_linked_and_its_first_use_marked(glossary):
    first = notebook(cell("# 01 - A\n\n**Time** long"), cell("Two **kernels**, `x **y** z`."))
    second = notebook(cell("# 02 - B"), cell("A **Kernel** again."))
    for name, one in (("01", first), ("02", second)):
        glossary.collect(one, name)
    text = glossary.linked(first.cells[1].source, "01")
    assert text == ('Two <span id="first-kernel"></span>**{term}`kernels <kernel>`**, `x **y** z`.')
    assert glossary.linked("A **Kernel**", "02") == "A **{term}`Kernel <kernel>`**"
    page = glossary.page("# Glossary")
    assert "kernel\n  A small table." in page and "lessons/01.html#first-kernel" in page
    assert "Time" not in page
    glossary.collect(notebook(cell("# 03 - C"), cell("With **padding** around.")), "03")
    with pytest.raises(ValueError, match="no entry for padding, which is bold in 03: write one"):
        glossary.page("# Glossary")


def test_labels_and_numbers_are_no_terms(glossary):
    glossary.collect(
        notebook(
            cell("# 01 - A"),
            cell("**2. Now you.** **Predict** how.\n\n- **Grey**: one\n- a **channel** of it"),
        ),
        "01",
    )
    assert list(glossary.uses) == ["channel"]


def test_links_lead_to_pages_to_the_repository_or_nowhere(tmp_path):
    root, source = tmp_path / "root", tmp_path / "source"
    (root / "src").mkdir(parents=True)
    (root / "src" / "utils.py").touch()
    (root / "face.png").write_bytes(b"png")
    text = (
        "[lesson](04_cnn.ipynb#measure) [code](../src/utils.py) [gone](x.py) ![A face](../face.png)"
        " [out](https://example.org)\n```\n[code](04_cnn.ipynb)\n```\n"
    )
    known = Links(root, source, "https://github.com/face/value.git")
    assert known.rewrite(text, "notebooks/03.ipynb") == (
        "[lesson](/lessons/04_cnn.ipynb#measure)"
        " [code](https://github.com/face/value/blob/HEAD/src/utils.py) gone"
        " ![A face](/pictures/face.png)"
        " [out](https://example.org)\n```\n[code](04_cnn.ipynb)\n```\n"
    )
    assert (source / "pictures" / "face.png").read_bytes() == b"png"
    assert " code gone " in Links(root, source, "").rewrite(text, "notebooks/03.ipynb")


def test_solutions_follow_their_exercises():
    lesson = notebook(
        cell("# 01 - A"),
        cell("## Exercises\n\n**1. One.** How?"),
        cell("# Your code here", "code", "exercise"),
        cell("**2. Two.** Why?"),
        cell("# Your code here", "code", "exercise"),
        cell("## Takeaways"),
    )
    solutions = notebook(
        cell("# 01 - A: solutions"),
        cell("import numpy", "code"),
        cell("**1. One.** How?\n\nSo:"),
        cell("print(1)", "code", "solution"),
        cell("That was one.\n\n**2. Two.** Why?\n\nHere is two:"),
        cell("print(2)", "code", "solution"),
    )
    made = lessons.with_solutions(lesson, solutions).cells
    click = '<details class="solution"><summary>Solution</summary>'
    assert [one.source for one in made[3:]] == [
        click,
        "So:",
        "print(1)",
        "That was one.\n\n",
        "</details>",
        "**2. Two.** Why?",
        "# Your code here",
        click,
        "Here is two:",
        "print(2)",
        "</details>",
        "## Takeaways",
    ]
    assert len({one.id for one in made}) == len(made)


def test_a_figure_is_described_by_what_it_stored_or_by_the_words_around_it():
    figure = {"data": {"image/png": ""}, "metadata": {}}
    told = nbformat.v4.new_output("display_data", **figure)
    plain = cell("plot(x)", "code")
    plain.outputs = [told]
    lessons.describe(plain, "Losses fall. The **loss** by epoch:")
    assert plain.metadata.mystnb.image.alt == "Figure: The loss by epoch"
    told.metadata["image/png"] = {"alt": "Loss falls to 0.3"}
    lessons.describe(plain, "")
    assert plain.metadata.mystnb.image.alt == "Loss falls to 0.3"
