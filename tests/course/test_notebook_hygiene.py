"""Fast checks on the stored notebooks: run top to bottom, readable, nothing private inside."""

import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import set_repository

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))
TAGS = {"exercise", "solution", "setup", "nbval-ignore-output", "nbval-skip", "raises-exception"}
NAMES = (
    "01_data_collection",
    "02_eda",
    "03_dense_nets",
    "04_cnn",
    "05_transfer",
    "06_classical_ml",
)

every = pytest.mark.parametrize(
    "path", LESSONS + SOLUTIONS, ids=lambda p: str(p.relative_to(ROOT / "notebooks"))
)
lessons = pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.name)


def code_cells(path):
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]


def text_cells(path):
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown"]


def test_six_notebooks_and_their_solutions():
    assert tuple(path.stem for path in LESSONS) == NAMES
    assert tuple(path.stem for path in SOLUTIONS) == NAMES


@every
def test_ran_top_to_bottom(path):
    cells = code_cells(path)
    counts = [cell.execution_count for cell in cells]
    assert counts == list(range(1, len(cells) + 1)), "run tools/run_notebooks.py --store"


@every
def test_stored_outputs_are_readable(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr"
    assert path.stat().st_size < 1_000_000, "too large: use smaller or fewer figures"


@every
def test_no_absolute_path_is_stored(path):
    outputs = json.dumps([cell.outputs for cell in code_cells(path)])
    # base64 pictures may hold any letters
    outputs = re.sub(r'"image/png": "[^"]*"', "", outputs)
    places = ["/home/", "/root/", "/Users/", "/tmp/", re.escape(f"{ROOT}/"), r"[A-Z]:\\\\"]
    private = re.search(rf"({'|'.join(places)}|ipykernel_\d)\S*", outputs)
    assert private is None, private


@every
def test_cells_are_short_and_tags_known(path):
    for cell in code_cells(path):
        assert set(cell.metadata.get("tags", [])) <= TAGS, "unknown tag (typo?)"
        assert not cell.source.rstrip().endswith(";"), "nbval ignores a cell that ends in ';'"
        if "setup" not in cell.metadata.get("tags", []):
            assert "sys.path" not in cell.source
    lengths = [len(cell.source.splitlines()) for cell in code_cells(path)]
    assert np.mean(np.array(lengths) <= 20) >= 0.9, "split long cells, or move a part to src/"


@every
def test_title_then_set_up_then_imports(path):
    first = nbformat.read(path, as_version=4).cells[0]
    assert first.cell_type == "markdown" and re.match(r"# \d\d - \S", first.source)
    cells = code_cells(path)
    assert "setup" in cells[0].metadata.get("tags", [])
    for cell in cells[2:]:
        late = re.search(r"^\s*(import|from \S+ import)\b", cell.source, re.M)
        assert late is None, f"imported after the import cell: {cell.source}"


@every
def test_the_set_up_cell_is_the_same_everywhere(path):
    assert code_cells(path)[0].source == set_repository.setup_cell(ROOT)


@lessons
def test_anatomy(path):
    text = [cell.source for cell in text_cells(path)]
    for part in ("**You will learn**", "**You need**", "**Time**"):
        assert part in text[0]
    headings = re.findall(r"^## (.+)$", "\n".join(text), re.M)
    assert "Takeaways" in headings and "Exercises" in headings
    exercises = [c for c in code_cells(path) if "exercise" in c.metadata.get("tags", [])]
    assert 3 <= len(exercises) <= 5
    assert all("# Your code here" in cell.source for cell in exercises)


@lessons
def test_text_explains_the_code(path):
    code, text = code_cells(path), text_cells(path)
    assert len(text) >= len(code) * 0.9, "a text cell before or after each code cell"


@lessons
def test_what_is_optional_comes_last(path):
    headings = re.findall(r"^## (.+)$", "\n".join(c.source for c in text_cells(path)), re.M)
    optional = [heading for heading in headings if "ppendix" in heading]
    assert all("(optional)" in heading for heading in optional)
    assert headings[len(headings) - len(optional) :] == optional


@lessons
def test_links_lead_somewhere(path):
    for cell in text_cells(path):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", cell.source):
            assert (path.parent / target).exists(), target
