"""A notebook as a page: launch buttons, linked terms, and each solution below its exercise."""

from __future__ import annotations

import ast
import copy
import re
from typing import Any

import nbformat

from website.glossary import Glossary
from website.links import Links

BADGE = re.compile(r"\n*\[!\[Open in Colab\].*")
NUMBER = re.compile(r"^\*\*(\d+)\.", re.M)
"""How an exercise and its solution begin: **2. Its title.**"""


def page(notebook: Any, name: str, links: Links, buttons: str, glossary: Glossary) -> Any:
    """Return a copy of a notebook with everything that its page adds.

    Args:
        notebook: as nbformat reads it.
        name: the name of its file below notebooks/, without the extension.
        links: rewrites links to files of the repository.
        buttons: HTML that follows the title.
        glossary: its terms are linked.
    """
    made = copy.deepcopy(notebook)
    made.cells = [cell for cell in made.cells if "setup" not in tags(cell)]
    before = ""
    for cell in made.cells:
        if cell.cell_type == "markdown":
            before = cell.source
            text = links.rewrite(BADGE.sub("", before), f"notebooks/{name}.ipynb")
            cell.source = text if "/" in name else glossary.linked(text, name)
        elif cell.cell_type == "code":
            describe(cell, before)
            for output in cell.outputs:
                if text := output.get("data", {}).get("text/markdown"):
                    # browsers draw Mermaid only with a script of three megabytes
                    output["data"]["text/markdown"] = text.replace("```mermaid", "```text")
    title, _, rest = made.cells[0].source.partition("\n")
    made.cells[0].source = f"{title}\n\n{buttons}\n\n{rest}"
    return made


def tags(cell: Any) -> list[str]:
    """Return the tags of a cell."""
    return list(cell.metadata.get("tags", []))


def with_solutions(lesson: Any, solutions: Any) -> Any:
    """Return the page of a lesson with each solution below its exercise, opened by a click.

    Args:
        lesson: as `page` returns it.
        solutions: the page of the lesson's solutions.
    """
    answers = by_number(solutions)
    cells: list[Any] = []
    question = ""
    for cell in lesson.cells:
        cells.append(cell)
        if cell.cell_type == "markdown":
            question = cell.source
        numbers = NUMBER.findall(question)
        if "exercise" in tags(cell) and numbers and answers.get(numbers[-1]):
            cells.append(markdown('<details class="solution"><summary>Solution</summary>'))
            cells += answers[numbers[-1]]
            cells.append(markdown("</details>"))
            question = ""
    made = copy.copy(lesson)
    made.cells = cells
    return made


def markdown(text: str) -> Any:
    """Return a cell with a text."""
    return nbformat.v4.new_markdown_cell(text)


def by_number(solutions: Any) -> dict[str, list[Any]]:
    """Return the cells of each solution, by its number; without what repeats the question."""
    found: dict[str, list[Any]] = {}
    number = ""
    for cell in solutions.cells[1:]:
        starts = list(NUMBER.finditer(cell.source)) if cell.cell_type == "markdown" else []
        for text, start in pieces(cell.source, starts):
            if start is not None:
                number = start
                text = text.partition("\n\n")[2]
            if number and text.strip():
                part = copy.deepcopy(cell)
                if starts:  # each piece needs an id of its own
                    part.id = f"{cell.id}-{number}"
                part.source = re.sub(r"^#+ (.+)$", r"**\1**", text, flags=re.M) if starts else text
                found.setdefault(number, []).append(part)
    return found


def pieces(text: str, starts: list[re.Match[str]]) -> list[tuple[str, str | None]]:
    """Split a text where solutions start; each piece with the number that it starts with.

    >>> text = "That was why.\\n\\n**2. Next.** How?"
    >>> pieces(text, list(NUMBER.finditer(text)))
    [('That was why.\\n\\n', None), ('**2. Next.** How?', '2')]
    """
    places = [0, *(match.start() for match in starts), len(text)]
    numbers = [None, *(match[1] for match in starts)]
    found = [
        (text[start:end], number)
        for start, end, number in zip(places, places[1:], numbers, strict=False)
    ]
    return [piece for piece in found if piece[0]]


def describe(cell: Any, before: str) -> None:
    """Give the figures of a code cell an alternative text.

    Args:
        cell: a code cell with its outputs.
        before: the text above it.
    """
    figures = [out for out in cell.outputs if "image/png" in out.get("data", {})]
    if not figures:
        return
    told = [out.get("metadata", {}).get("image/png", {}).get("alt", "") for out in figures]
    words = " ".join(filter(None, told)) or f"Figure: {caption(cell.source, before)}"
    cell.metadata["mystnb"] = {"image": {"alt": words.replace("\n", " ")}}


def caption(source: str, before: str) -> str:
    """Return the title that a cell gives its figure, or the sentence before the cell.

    >>> caption("show(faces, title='Ten faces')", "We draw.")
    'Ten faces'
    >>> caption("show(faces)", "We draw **ten faces**. Look at them:")
    'Look at them'
    """
    try:
        tree = ast.parse(re.sub(r"^[%!].*$", "", source, flags=re.M))
    except SyntaxError:
        return last_sentence(before)
    titles = [
        word.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for word in [*node.args, *(part.value for part in node.keywords if part.arg == "title")]
        if isinstance(word, ast.Constant) and isinstance(word.value, str) and " " in word.value
    ]
    return max(titles, key=len) if titles else last_sentence(before)


def last_sentence(text: str) -> str:
    """Return the last sentence of a text, without its marks."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    sentences = re.split(r"(?<=[.!?:])\s+", plain.strip())
    return re.sub(r"[*`#]", "", sentences[-1]).strip(" .:")
