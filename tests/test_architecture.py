"""The package's eight rooms: which may import which, and what the recogniser must not load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"

ROOMS = (
    "data",
    "drawing",
    "recognition",
    "collection",
    "exploration",
    "learning",
    "evaluation",
    "scale",
)
"""From the top of the house down: a room may import itself and the rooms before it."""

SHARED = (
    *("emotions", "file_kinds", "files", "image_files", "interrupts", "jpeg_scans", "paths"),
    *("progress", "settings"),
)
"""Modules above the rooms: every room may import them, and they import no room."""

HEAVY = ("pandas", "requests", "sqlalchemy", "pyarrow", "scipy", "keras", "tensorflow", "tqdm")


def modules():
    """Return the file of each module of src/, by its full name."""
    found = {}
    for file in SOURCE.rglob("*.py"):
        parts = file.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imported(name, files):
    """Return the modules of src/ that a module imports, anywhere in its code."""
    found = set()
    for node in ast.walk(ast.parse(files[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in files else node.module)
    return {module for module in found if module in files}


def floor(name):
    """Return how far down the house a module stands: -1 above the rooms, then 0 to 7."""
    parts = name.split(".")
    if parts[0] == "utils" or parts[-1] == "__main__":
        return len(ROOMS)
    if len(parts) > 1 and parts[1] in ROOMS:
        return ROOMS.index(parts[1])
    return -1


FILES = modules()
IMPORTS = {name: imported(name, FILES) for name in FILES}


def test_the_house_has_these_rooms_and_no_others():
    folders = {file.parent.name for file in (SOURCE / "facevalue").glob("*/__init__.py")}
    assert folders == set(ROOMS)
    above = {file.stem for file in (SOURCE / "facevalue").glob("*.py")}
    assert above == {*SHARED, "__init__", "__main__"}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_module_imports_only_from_its_room_and_those_before_it(name):
    if name in ("facevalue", "utils"):
        return  # the front door, and the notebooks' helper: nobody is below them
    wrong = {other for other in IMPORTS[name] if floor(other) > floor(name)}
    assert not wrong


def test_no_room_imports_what_the_notebooks_share():
    assert not [name for name, found in IMPORTS.items() if "utils" in found]


def test_no_module_imports_itself_by_a_circle():
    graph = {name: found - {"facevalue"} for name, found in IMPORTS.items() if name != "facevalue"}
    while True:
        leaves = {name for name, found in graph.items() if not found & set(graph)}
        if not leaves:
            break
        graph = {name: found for name, found in graph.items() if name not in leaves}
    assert not graph, f"circles among {sorted(graph)}"


@pytest.mark.slow
def test_no_private_name_crosses_from_one_module_to_another():
    crossing = []
    for name, file in FILES.items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("facevalue"):
                crossing += [(name, alias.name) for alias in node.names if alias.name[0] == "_"]
    assert not crossing


@pytest.mark.slow
def test_the_recogniser_loads_numpy_opencv_onnx_runtime_and_pillow_only():
    code = (
        "import sys\n"
        "import facevalue.recognition\n"
        "from facevalue import Recogniser\n"
        "Recogniser('fast')\n"
        f"print([name for name in {HEAVY} if name in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
