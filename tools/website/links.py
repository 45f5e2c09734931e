"""Links of the repository's pages and notebooks, and where they lead on the website."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from pathlib import Path

PAGES = {
    "CONTRIBUTING.md": "/contributing.md",
    "CHANGELOG.md": "/changelog.md",
    "data/README.md": "/data.md",
    "docs/beyond-one-machine.md": "/beyond-one-machine.md",
    "docs/recogniser.md": "/recogniser.md",
    "docs/servers.md": "/servers.md",
    "models/MODEL_CARD.md": "/model-card.md",
    "reports/results.csv": "/results.md",
}
"""Files of the repository that have a page of their own, and the page's source."""

CODE = re.compile(r"(^```.*?^```|^~~~.*?^~~~|`[^`\n]+`|\$\$.*?\$\$)", re.M | re.S)
"""What is not prose: fenced code, code in a line, and formulas."""

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")


def in_prose(text: str, change: Callable[[str], str]) -> str:
    """Return a Markdown text with `change` applied to everything but code and formulas.

    >>> in_prose("a `a` a", str.upper)
    'A `a` A'
    """
    parts = CODE.split(text)
    return "".join(part if k % 2 else change(part) for k, part in enumerate(parts))


def page_of(path: str) -> str | None:
    """Return the source of the page that shows a file of the repository, or None.

    >>> page_of("notebooks/04_cnn.ipynb"), page_of("reports/live.md"), page_of("LICENSE")
    ('/lessons/04_cnn.ipynb', '/reports/live.md', None)
    """
    if path in PAGES:
        return PAGES[path]
    if path.startswith("notebooks/") and path.endswith(".ipynb"):
        return path.replace("notebooks", "/lessons", 1)
    return f"/{path}" if re.fullmatch(r"reports/\w+\.md", path) else None


class Links:
    """Rewrites the links of one page.

    Args:
        root: the repository's folder.
        source: the site's source folder; pictures that a page shows are copied into it.
        repository: the repository's address, or "".
    """

    def __init__(self, root: Path, source: Path, repository: str) -> None:
        self.root, self.source = root, source
        self.repository = repository.removesuffix(".git")

    def rewrite(self, text: str, path: str) -> str:
        """Return a Markdown text with the links of the file `path` leading to the site's pages.

        A link to a file without a page leads to the repository on the web; if its address is
        unknown, only the link's text is left.
        """

        def replace(match: re.Match[str]) -> str:
            mark, words, target = match.groups()
            if re.match(r"[a-z]+:|#|/", target):
                return match[0]
            file, _, anchor = target.partition("#")
            place = posixpath.normpath(posixpath.join(posixpath.dirname(path), file))
            if mark:
                return f"![{words}]({self._picture(place)})"
            where = self._target(place, anchor)
            return f"[{words}]({where})" if where else words

        # a link's text may hold code in a line, so only fenced code is left alone
        parts = re.split(r"(^```.*?^```)", text, flags=re.M | re.S)
        return "".join(part if k % 2 else LINK.sub(replace, part) for k, part in enumerate(parts))

    def _target(self, place: str, anchor: str) -> str:
        end = f"#{anchor}" if anchor else ""
        if page := page_of(place):
            return page + end
        exists = (self.root / place).exists()
        return f"{self.repository}/blob/HEAD/{place}{end}" if exists and self.repository else ""

    def _picture(self, place: str) -> str:
        copy = self.source / "pictures" / place.replace("/", "_")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((self.root / place).read_bytes())
        return f"/pictures/{copy.name}"
