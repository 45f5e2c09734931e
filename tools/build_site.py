"""Build the course's website into build/site: what the notebooks store, and nothing is run.

`make site` and `python tools/build_site.py` are the same. `make run` builds the same pages from the
notebooks that it ran, into build/pages.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import set_repository
import update_readme
from website import curves, lessons, reference, tables
from website.glossary import Glossary
from website.links import PAGES, Links

from facevalue.evaluation import results
from facevalue.files import error_sentence, write_text

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "build" / "site"
MARK = re.compile(r"<!-- site: ([a-z]+)(?: (\w+) (.+?))? -->")
"""A mark in a page of docs/, which becomes a generated part: its name and up to two words."""


class SiteError(Exception):
    """Sphinx could not build the site; the message says why."""


class Site:
    """The sources of the site's pages.

    Args:
        source: the folder to write them to.
        ran: a folder with executed notebooks, which are shown in place of the stored ones.
    """

    def __init__(self, source: Path, ran: Path | None = None) -> None:
        self.source, self.ran = source, ran
        self.repository = set_repository.address(ROOT)
        self.links = Links(ROOT, source, self.repository)
        self.glossary = Glossary.read(ROOT / "docs" / "glossary.md")
        self.names = [path.stem for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))]

    def write(self) -> None:
        """Write the source of each page."""
        notebooks = {name: nbformat.read(self.notebook(name), 4) for name in self.names}
        for name, notebook in notebooks.items():
            self.glossary.collect(notebook, name)
        for name, notebook in notebooks.items():
            self.lesson(name, notebook)
        for name in ("index", "results", "people", "more"):
            self.page(ROOT / "docs" / f"{name}.md", f"{name}.md")
        self.page(ROOT / "docs" / "lessons.md", "lessons/index.md")
        for path, page in PAGES.items():
            if path.endswith(".md"):
                self.page(ROOT / path, page[1:])
        for file in sorted((ROOT / "reports").glob("*.md")):
            self.page(file, f"reports/{file.name}")
        for file in sorted((ROOT / "reports").glob("*.csv")):
            write_text(self.source / "reports" / file.name, file.read_text(encoding="utf-8"))
        terms = self.glossary.page(introduction(ROOT / "docs" / "glossary.md"))
        write_text(self.source / "glossary.md", terms)
        for page, text in reference.pages(ROOT / "src" / "facevalue").items():
            write_text(self.source / page, text)

    def notebook(self, name: str) -> Path:
        """Return the file of a notebook: of this run, if it ran, or the stored one."""
        executed = self.ran / f"{name}.ipynb" if self.ran else None
        return executed if executed and executed.is_file() else ROOT / "notebooks" / f"{name}.ipynb"

    def lesson(self, name: str, notebook: Any) -> None:
        """Write the page of a lesson, and that of its solutions."""
        solved = nbformat.read(self.notebook(f"solutions/{name}"), 4)
        made = {
            at: lessons.page(one, at, self.links, self.buttons(at), self.glossary)
            for at, one in ((name, notebook), (f"solutions/{name}", solved))
        }
        pages = {
            name: lessons.with_solutions(made[name], made[f"solutions/{name}"]),
            # the lesson shows them too: the page is for those who want to run them
            f"solutions/{name}": made[f"solutions/{name}"],
        }
        pages[f"solutions/{name}"].metadata |= {"orphan": True, "nosearch": True}
        for at, one in pages.items():
            write_text(self.source / "lessons" / f"{at}.ipynb", nbformat.writes(one))

    def buttons(self, name: str) -> str:
        """Return links that open a notebook elsewhere, where the repository is known."""
        up = "../" * (name.count("/") + 1)
        found = {}
        if where := set_repository.github(self.repository):
            file = f"notebooks/{name}.ipynb"
            found["Open in Colab"] = set_repository.colab(where, file)
            found["Open in Binder"] = set_repository.binder(where, file)
        links = [f'<a href="{target}">{words}</a>' for words, target in found.items()]
        links.append(f'<a href="{up}notebooks/{name}.ipynb" download>Download the notebook</a>')
        return f'<p class="launch">{" ".join(links)}</p>'

    def page(self, file: Path, page: str) -> None:
        """Write a page from a file of the repository, with its marks replaced."""
        text = self.links.rewrite(file.read_text(encoding="utf-8"), str(file.relative_to(ROOT)))
        text = MARK.sub(lambda mark: self.part(*mark.groups()), text)
        write_text(self.source / page, text)

    def part(self, name: str, first: str | None, second: str | None) -> str:
        """Return the generated part that a mark asks for.

        Raises:
            ValueError: there is no such part.
        """
        if name == "models" and first and second:
            return scroll(tables.models(first, second))
        parts = {
            "lessons": self.cards,
            "names": lambda: "\n".join(self.names),
            "start": lambda: START.format(first=self.names[0]),
            "headline": lambda: tables.headline(ROOT),
            "recogniser": update_readme.recogniser_table,
            "machines": update_readme.machines,
            "curves": lambda: curves.figures(ROOT, self.source / "curves"),
            "ablations": lambda: scroll(tables.ablations(ROOT)),
        }
        if name not in parts:
            raise ValueError(
                f"A page in docs/ has the mark <!-- site: {name} -->, which is unknown."
            )
        return parts[name]()

    def cards(self) -> str:
        """Return a card for each lesson: a picture, what one learns, and how long it takes."""
        found = []
        times = pd.read_csv(ROOT / results.TIMES)
        for name in self.names:
            title, verbs = update_readme.heading(ROOT / "notebooks" / f"{name}.ipynb")
            time = update_readme.seconds(times, name)
            picture = self.thumbnail(name)
            found.append(
                CARD.format(title=title, name=name, verbs=verbs, time=time, picture=picture)
            )
        return f"::::{{grid}} 1 2 2 3\n:gutter: 3\n\n{''.join(found)}\n::::"

    def thumbnail(self, name: str) -> str:
        """Write a lesson's first figure, and return the option of its card that shows it."""
        for cell in nbformat.read(self.notebook(name), 4).cells:
            for output in cell.get("outputs", []):
                if figure := output.get("data", {}).get("image/png"):
                    file = self.source / "pictures" / f"{name}.png"
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(base64.b64decode(figure))
                    return f":img-top: /pictures/{name}.png\n:img-alt: A figure of this lesson\n"
        return ""


START = """\
```{{button-ref}} /lessons/{first}
:ref-type: doc
:color: primary

Start with lesson 1
```
"""

CARD = """\
:::{{grid-item-card}} {title}
:link: /lessons/{name}
:link-type: doc
{picture}
Learn to {verbs}.

*{time} on drawn faces*
:::

"""


def scroll(table: str) -> str:
    """Return a table that scrolls within the page, also by the keyboard."""
    return f'<div class="table-scroll" tabindex="0">\n{table}\n</div>'


def introduction(file: Path) -> str:
    """Return what stands before the first entry of docs/glossary.md."""
    return file.read_text(encoding="utf-8").partition("\n\n**")[0]


def build(out: Path = SITE, ran: Path | None = None) -> str:
    """Build the site, and return Sphinx's warnings.

    Args:
        out: the folder to write to; a site that is there is replaced.
        ran: a folder with executed notebooks, which are shown in place of the stored ones.

    Raises:
        SiteError: Sphinx failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        Site(source, ran).write()
        if (out / ".buildinfo").is_file():
            shutil.rmtree(out)
        told = Path(folder) / "warnings.txt"
        command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-c", str(ROOT / "docs")]
        command += ["-d", f"{folder}/doctrees", "-w", str(told), str(source), str(out)]
        # TensorFlow's log is no warning of Sphinx
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise SiteError(f"The site could not be built:\n{result.stderr}")
        warnings = told.read_text(encoding="utf-8").replace(f"{source}{os.sep}", "")
    copy_notebooks(out, ran)
    return warnings


def copy_notebooks(out: Path, ran: Path | None) -> None:
    """Copy the notebooks beside the pages, for those who download them."""
    for file in (ROOT / "notebooks").rglob("*.ipynb"):
        if ".ipynb_checkpoints" not in file.parts:
            name = file.relative_to(ROOT / "notebooks")
            executed = ran / name if ran else file
            copy = out / "notebooks" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(executed if executed.is_file() else file, copy)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SITE, help="the folder; default build/site")
    options = parser.parse_args(arguments)
    try:
        warnings = build(options.out)
    except (SiteError, OSError) as error:
        print(error_sentence(error), file=sys.stderr)
        return 1
    print(warnings, end="", file=sys.stderr)
    print(f"The website is built. Open {options.out / 'index.html'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
