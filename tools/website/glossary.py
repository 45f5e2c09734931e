"""The glossary: the bold terms of the lessons, what they mean, and where they are first used."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from website.links import in_prose

ENTRY = re.compile(r"^\*\*(.+?)\*\*(?: \((.+?)\))?: (.+?)(?=\n\s*\n|\Z)", re.M | re.S)
"""An entry of docs/glossary.md: **term** (other forms): what it means."""

BOLD = re.compile(r"(?<!\*)\*\*(?=[^\s*])([^*`\n]+?)(?<=[^\s*])\*\*(?!\*)")
LABEL = re.compile(r"^\s*(?:[-*]|\d+\.)\s+$")
"""What stands before a bold label of a list, which is no term."""

PROMPT = "Predict"
"""What asks a reader to stop and think, which is no term."""


@dataclass
class Use:
    """Where a term is first bold: the lesson's name and its title."""

    lesson: str
    title: str


@dataclass
class Glossary:
    """Terms, by their name in small letters.

    Attributes:
        meanings: what each term means, from docs/glossary.md.
        names: the term that each name or other form of a term stands for.
        uses: where each term is first used.
    """

    meanings: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    uses: dict[str, Use] = field(default_factory=dict)
    _marked: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path) -> Glossary:
        """Read the meanings of terms from docs/glossary.md."""
        glossary = cls()
        for name, forms, meaning in ENTRY.findall(path.read_text(encoding="utf-8")):
            glossary.meanings[name] = " ".join(meaning.split())
            for form in (name, *filter(None, forms.split(", "))):
                glossary.names[form.casefold()] = name
        return glossary

    def collect(self, notebook: Any, lesson: str) -> None:
        """Note the terms that a lesson uses for the first time."""
        title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
        for cell in notebook.cells[1:]:
            if cell.cell_type == "markdown":
                in_prose(cell.source, lambda text: self._note(text, lesson, title))

    def _note(self, text: str, lesson: str, title: str) -> str:
        for match in BOLD.finditer(text):
            if self._is_term(match):
                name = self.names.setdefault(match[1].casefold(), match[1])
                self.uses.setdefault(name, Use(lesson, title))
        return text

    def _is_term(self, match: re.Match[str]) -> bool:
        words = match[1]
        if words.casefold() in self.names:
            return True
        start = match.string.rfind("\n", 0, match.start()) + 1
        label = LABEL.match(match.string[start : match.start()]) and match.string[match.end() :][:1]
        is_name = words[0].isalpha() and words[-1] not in ".:?!," and len(words.split()) <= 4
        return is_name and label not in (":", ".") and words != PROMPT

    def linked(self, text: str, lesson: str) -> str:
        """Return the text of a lesson with each bold term linked to the glossary.

        The place where a term is first used becomes the target of the glossary's link.
        """

        def link(match: re.Match[str]) -> str:
            name = self.names.get(match[1].casefold())
            if name is None or name not in self.uses:
                return match[0]
            first = self.uses[name].lesson == lesson and name not in self._marked
            if first:
                self._marked.add(name)
            target = f'<span id="{anchor(name)}"></span>' if first else ""
            return f"{target}**{{term}}`{match[1]} <{name}>`**"

        return in_prose(text, lambda prose: BOLD.sub(link, prose))

    def page(self, introduction: str) -> str:
        """Return the source of the glossary's page.

        Raises:
            ValueError: a lesson uses a term that has no entry.
        """
        for name, first in self.uses.items():
            if name not in self.meanings:
                raise ValueError(
                    f"docs/glossary.md has no entry for {name}, which is bold in {first.lesson}: "
                    "write one, or write the word plainly."
                )
        entries = []
        for name, meaning in sorted(self.meanings.items(), key=lambda entry: entry[0].casefold()):
            if use := self.uses.get(name):
                where = f"lessons/{use.lesson}.html#{anchor(name)}"
                link = f'<a class="first-use" href="{where}">First used in {use.title}</a>'
                meaning = f"{meaning} {link}"
            entries.append(f"{name}\n  {meaning}\n")
        return f"{introduction}\n\n:::{{glossary}}\n{chr(10).join(entries)}\n:::\n"


def anchor(name: str) -> str:
    """Return the id of the place where a term is first used.

    >>> anchor("95 % interval")
    'first-95-interval'
    """
    return "first-" + "-".join(re.findall(r"\w+", name.casefold()))
