"""The reference of the package: a page for each room, from the docstrings of its modules."""

from __future__ import annotations

import ast
from pathlib import Path

ROOMS = (
    "recognition",
    "data",
    "drawing",
    "collection",
    "exploration",
    "learning",
    "evaluation",
    "scale",
)
"""The rooms in the order in which readers look for them: the product first."""


def pages(source: Path) -> dict[str, str]:
    """Return the text of each page of the reference, by its name.

    Args:
        source: src/facevalue.
    """
    above = [file.stem for file in sorted(source.glob("*.py")) if file.stem[0] != "_"]
    listed = "\n".join(f"api/{room}" for room in ROOMS)
    found = {
        "api.md": f"# The package\n\n{doc(source / '__init__.py')}\n\n"
        f"```{{toctree}}\n:maxdepth: 2\n\napi/shared\n{listed}\n```\n",
        "api/shared.md": "# facevalue\n\nWhat all rooms of the package share.\n\n"
        + "\n".join(module(f"facevalue.{name}") for name in above),
    }
    for room in ROOMS:
        names = [file.stem for file in sorted((source / room).glob("[!_]*.py"))]
        head = f"# facevalue.{room}\n\n{doc(source / room / '__init__.py')}\n\n"
        parts = (module(f"facevalue.{room}.{name}") for name in names)
        found[f"api/{room}.md"] = head + "\n".join(parts)
    return found


def doc(file: Path) -> str:
    """Return the first paragraph of a module's docstring, without loading it."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.partition("\n\n")[0]


def module(name: str) -> str:
    """Return the part of a page about one module."""
    heading = name.rpartition(".")[2]
    return f"## {heading}\n\n```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```\n"
