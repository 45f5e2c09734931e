"""Write the repository's address, from `git remote get-url origin`, wherever readers need it.

It stands in pyproject.toml; from there it goes into each notebook's first code cell and, for
GitHub, which alone Colab can open, into the Colab badges. Without a remote, both are left out.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINE = re.compile(r'^REPOSITORY, TAG = ".*", ".*"', re.M)
BADGE = re.compile(r"\n*\[!\[Open in Colab\].*")
IMAGE = "https://colab.research.google.com/assets/colab-badge.svg"


def remote(folder: Path) -> str:
    """Return the address of `origin` as a reader can clone it, without a user's name or key."""
    command = ["git", "-C", str(folder), "remote", "get-url", "origin"]
    result = subprocess.run(command, capture_output=True, text=True)
    address = result.stdout.strip()
    address = re.sub(r"^(?:ssh://)?git@([^:/]+)[:/]", r"https://\1/", address)
    return re.sub(r"^(https?://)[^/@]*@", r"\1", address)


def settings(folder: Path) -> dict:
    """Return what pyproject.toml holds."""
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def address(folder: Path) -> str:
    """Return the address that pyproject.toml names, or "" for none."""
    return settings(folder)["tool"]["facevalue"]["repository"]


def tag(folder: Path) -> str:
    """Return the git tag of this version of the course."""
    return f"v{settings(folder)['project']['version']}"


def setup_line(folder: Path) -> str:
    """Return the line of a notebook's first code cell that says what to clone."""
    return f'REPOSITORY, TAG = "{address(folder)}", "{tag(folder)}"'


def badge(folder: Path, path: Path) -> str:
    """Return the Colab badge of one notebook, or "" where Colab cannot open the repository."""
    where = re.match(r"https://github\.com/([^/]+/[^/]+?)(?:\.git)?/?$", address(folder))
    if not where:
        return ""
    target = f"https://colab.research.google.com/github/{where[1]}/blob/{tag(folder)}"
    return f"\n\n[![Open in Colab]({IMAGE})]({target}/{path.relative_to(folder).as_posix()})"


def write_pyproject(folder: Path, url: str) -> None:
    """Put `url` into pyproject.toml."""
    path = folder / "pyproject.toml"
    line = re.compile(r'^repository = ".*"$', re.M)
    replace(path, line.sub(lambda _: f'repository = "{url}"', path.read_text(encoding="utf-8")))


def write_notebook(folder: Path, path: Path) -> None:
    """Put the address into a notebook's first code cell and the badge below its title."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell is notebook["cells"][0]:
            title, _, rest = BADGE.sub("", source).partition("\n")
            source = f"{title}{badge(folder, path)}\n{rest}"
        elif "setup" in cell["metadata"].get("tags", []):
            source = LINE.sub(lambda _: setup_line(folder), source)
        cell["source"] = source.splitlines(keepends=True)
    replace(path, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


def replace(path: Path, text: str) -> None:
    """Write beside, then rename."""
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def main(folder: Path = ROOT) -> int:
    """Write the address of `folder`'s remote into its pyproject.toml and notebooks."""
    url = remote(folder)
    write_pyproject(folder, url)
    for path in sorted((folder / "notebooks").rglob("*.ipynb")):
        if ".ipynb_checkpoints" not in path.parts:
            write_notebook(folder, path)
    print(f"Repository: {url or 'no remote named origin; badges are left out'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
