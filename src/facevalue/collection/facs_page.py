"""Scraping the tables of FACS, the action units of the face, from a web page."""

from __future__ import annotations

import io
import re
import sys

import pandas as pd

from facevalue import paths
from facevalue.data import download
from facevalue.drawing.facs import emotion_name, unit_numbers

PAGE = "https://imotions.com/blog/learning/research-fundamentals/facial-action-coding-system/"
"""The iMotions guide to FACS; data/facs has its two tables as CSV files."""

SPELLING = {
    "alaquae": "alaeque",
    "Zygomatic Major": "Zygomaticus major",
    "Zygomatic Minor": "Zygomaticus minor",
    "Masetter": "Masseter",
    "Currugator": "Corrugator",
    "Supercilli": "supercilii",
    "Glabellae": "glabellae",
}
"""Muscles that the page misspells, and their correct spelling."""


def scrape(live: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the two tables of the iMotions page: `single_units` and `units_of_emotions`.

    Args:
        live: whether to read the page from the web; if not, or if that fails, the stored page is
            read.

    Raises:
        ValueError: the page does not contain the expected tables.
    """
    html = page(live)
    return single_units(html), units_of_emotions(html)


def page(live: bool = False) -> str:
    """Return the HTML of the iMotions page: the live one, or a stored one of the same structure.

    The stored page, data/facs/imotions_page.html, was written for this project. It has the facts,
    markup and spelling mistakes of the tables, but none of the page's text or images. It is also
    returned, with a message on stderr, if the live page cannot be downloaded.
    """
    stored = paths.root() / "data" / "facs" / "imotions_page.html"
    if not live:
        return stored.read_text(encoding="utf-8")
    path = paths.processed() / stored.name
    try:
        download.download(PAGE, path, max_bytes=10_000_000, backoff=0.5, allow_html=True)
    except download.DownloadError as error:
        print(f"{error} The stored page is read instead.", file=sys.stderr)
        path = stored
    return path.read_text(encoding="utf-8", errors="replace")


def tables(html: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the page's two tables unchanged, found by their column names.

    An image becomes its URL; pandas alone would leave the cell empty.

    Raises:
        ValueError: the page does not have these two tables.
    """
    # lazy loading puts a placeholder into src, and the URL into data-src
    html = re.sub(r"<img\b[^>]*?\bsrc=[\"'](https?://[^\"']+)[\"'][^>]*>", r" \1 ", html)
    try:
        found = [_add_header(table) for table in pd.read_html(io.StringIO(html), flavor="lxml")]
    except (ValueError, SyntaxError):  # no tables; lxml on an empty page
        found = []
    return (
        _find_table(found, "Action Unit", "Description", "Facial Muscle", "Example"),
        _find_table(found, "Emotion", "Action Units", "Description", "Examples"),
    )


def single_units(html: str) -> pd.DataFrame:
    """Return the page's table of action units, cleaned.

    Returns:
        One row per action unit: action_unit (int), qualifier (a text in brackets after the unit
        or its description, or missing), description, facial_muscle, example (the URL of an
        image).

    Raises:
        ValueError: the page has no such table, or a row does not begin with a number.
    """
    table = tables(html)[0].astype("str")
    cells = table["Action Unit"].str.extract(r"^\s*(?:AU\s*)?(?P<unit>\d+)\s*(?:\((.*)\))?\s*$")
    if cells["unit"].isna().any():
        row = int(cells["unit"].isna().to_numpy().argmax())
        raise ValueError(
            f"Row {row + 1} of the page's table of action units does not begin with a number: "
            f"{table['Action Unit'].iloc[row]!r}."
        )
    descriptions = table["Description"].str.extract(r"^(.*?)\s*(?:\(([^)]*)\))?\s*$")
    return pd.DataFrame(
        {
            "action_unit": cells["unit"].astype("int64"),
            "qualifier": cells[1].where(cells[1].notna(), descriptions[1]),
            "description": descriptions[0],
            "facial_muscle": table["Facial Muscle"].map(_correct_spelling),
            "example": table["Example"].str.extract(r"(https?://\S+)", expand=False),
        }
    )


def units_of_emotions(html: str) -> pd.DataFrame:
    """Return the page's table of emotions, joined with the table of action units.

    Returns:
        One row per emotion and unit: emotion (the course's name, or "contempt"), action_unit
        (int), one_side (bool: on one side of the face only), description and facial_muscle of
        the unit.

    Raises:
        ValueError: the page has no such table, or it has an unknown emotion, an emotion without
            units, or a unit that is not in the table of action units.
    """
    table = tables(html)[1].astype("str")
    exploded = pd.DataFrame(
        {
            "emotion": table["Emotion"].map(emotion_name),
            "action_unit": table["Action Units"].map(unit_numbers),
            "one_side": table["Action Units"].str.contains("one side", regex=False),
        }
    ).explode("action_unit", ignore_index=True)
    without = exploded.loc[exploded["action_unit"].isna(), "emotion"]
    if len(without):
        raise ValueError(
            f"The page names no action unit for {without.iloc[0]}: use the stored page."
        )
    units = single_units(html)[["action_unit", "description", "facial_muscle"]]
    unknown = set(exploded["action_unit"]) - set(units["action_unit"])
    if unknown:
        raise ValueError(
            f"Action unit {min(unknown)} is not in the page's table of single units: use the "
            "stored page."
        )
    return exploded.astype({"action_unit": "int64"}).merge(units, on="action_unit", how="left")


def _add_header(table: pd.DataFrame) -> pd.DataFrame:
    """Use the first row as the header if the page does not mark it as one."""
    if isinstance(table.columns, pd.RangeIndex) or all(isinstance(c, int) for c in table.columns):
        table = table.iloc[1:].set_axis(table.iloc[0].astype("str"), axis=1)
    return table.reset_index(drop=True)


def _find_table(found: list[pd.DataFrame], *columns: str) -> pd.DataFrame:
    for table in found:
        if set(columns) <= set(table.columns):
            return table[list(columns)]
    raise ValueError(
        f"The page has no table with the columns {', '.join(columns)}: it has changed, or is "
        "another page. Use the stored page."
    )


def _correct_spelling(muscles: str) -> str:
    for wrong, right in SPELLING.items():
        muscles = muscles.replace(wrong, right)
    return " ".join(muscles.split())
