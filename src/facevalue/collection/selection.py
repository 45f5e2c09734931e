"""The first selection, by hand: keep or drop each photo, or move it to another emotion.

Decisions are rows of a CSV file, with a time and a reason. The file can be replayed on the results
of a later search, which selects the same photos again automatically.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pandas as pd

from facevalue.emotions import EMOTIONS
from facevalue.files import write_text

if TYPE_CHECKING:
    import ipywidgets

COLUMNS = ("photo", "decision", "emotion", "reason", "time")
DECISIONS = ("keep", "drop", "move")

MAX_BYTES = 50_000_000
"""The size limit of a file of decisions, in bytes."""


def names(hits: pd.DataFrame) -> pd.Series:
    """Return a name for each hit that is the same on every machine and in every search.

    It consists of the source and the path of the photo's page (or of its address, if it has no
    page). The host, port and query are left out: they may change from run to run.

    Args:
        hits: columns source, page and address, as in `image_search.search`.

    >>> hit = {"source": "Pixabay", "page": "http://localhost:8000/photos/7/", "address": ""}
    >>> names(pd.DataFrame([hit]))[0]
    'Pixabay /photos/7'
    """
    addresses = hits["page"].where(hits["page"] != "", hits["address"])
    paths = addresses.map(lambda address: urlsplit(str(address)).path.rstrip("/"))
    return hits["source"] + " " + paths


def read(path: str | Path) -> pd.DataFrame:
    """Return the last decision on each photo from a file; no rows if the file does not exist.

    Returns:
        one row per photo, the columns `COLUMNS`, all str; emotion is "" except for a move.

    Raises:
        ValueError: the file is not CSV, lacks a column, or has an invalid row; the message says
            where.
    """
    path = Path(path)
    if not path.is_file():
        return pd.DataFrame(columns=list(COLUMNS), dtype=str)
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path.name} is larger than {MAX_BYTES:,} bytes: use a smaller file.")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not a CSV file of decisions: {error}") from error
    for column in COLUMNS:
        if column not in table:
            raise ValueError(f"{path.name} has no column {column!r}: it needs {list(COLUMNS)}.")
    for line, row in enumerate(table.to_dict("records"), start=2):
        if problem := _problem(row["decision"], row["emotion"]):
            raise ValueError(f"{path.name}, line {line}: {problem}")
    return table[list(COLUMNS)].drop_duplicates("photo", keep="last", ignore_index=True)


def decide(
    path: str | Path, photo: str, decision: str, emotion: str = "", reason: str = ""
) -> None:
    """Append a decision, with the current time, to a file; the write is atomic.

    Args:
        path: the CSV file; created if it does not exist.
        photo: its name, from `names`.
        decision: "keep", "drop" or "move".
        emotion: the new emotion of a "move".
        reason: why, in the reviewer's words.

    Raises:
        ValueError: the decision is unknown, or a move lacks one of the seven emotions.
    """
    if problem := _problem(decision, emotion):
        raise ValueError(problem)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    new = pd.DataFrame([(photo, decision, emotion, reason, now)], columns=list(COLUMNS))
    table = pd.concat([read(path), new])
    write_text(Path(path), table.to_csv(index=False, lineterminator="\n"))


def replay(hits: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    """Apply decisions to the hits of a search.

    Args:
        hits: from `image_search.search`.
        decisions: from `read`.

    Returns:
        a copy with three more columns: decision ("keep", "drop", "move", or "unseen" if there is
        none), reason, and selected (bool; true for unseen photos). Photos that were moved have
        their new emotion in column emotion.
    """
    known = decisions.drop_duplicates("photo", keep="last").set_index("photo")
    found = known.reindex(names(hits)).set_axis(hits.index)
    moved = found["decision"] == "move"
    return hits.assign(
        decision=found["decision"].fillna("unseen"),
        reason=found["reason"].fillna(""),
        selected=found["decision"] != "drop",
        emotion=hits["emotion"].where(~moved, found["emotion"]),
    )


def grid(
    hits: pd.DataFrame, folder: str | Path, path: str | Path, size: int = 6
) -> ipywidgets.VBox:
    """Return a widget for the selection: pages of photos, each with a choice and a reason.

    Each choice is saved in `path` immediately.

    Args:
        hits: with a column file, as in `fetch_images.fetch_images`.
        folder: where the files are.
        path: the CSV file of decisions.
        size: photos per page.
    """
    import ipywidgets

    shown = hits[hits["file"] != ""]
    last = max(0, (len(shown) - 1) // size)
    page = ipywidgets.BoundedIntText(0, min=0, max=last, description=f"page 0-{last}")
    cards = ipywidgets.GridBox(layout={"grid_template_columns": "repeat(3, 210px)"})

    def show_page(*_: object) -> None:
        part = shown.iloc[page.value * size : (page.value + 1) * size]
        decided = replay(part, read(path))
        cards.children = [
            _card(row, name, Path(folder), Path(path))
            for (_, row), name in zip(decided.iterrows(), names(part), strict=True)
        ]

    page.observe(show_page, "value")
    show_page()
    return ipywidgets.VBox([page, cards])


def _card(row: pd.Series, name: str, folder: Path, path: Path) -> ipywidgets.VBox:
    import ipywidgets

    picture = ipywidgets.Image(value=(folder / row["file"]).read_bytes(), width=200)
    options = ["keep", "drop", *(f"move to {emotion}" for emotion in EMOTIONS)]
    saved = f"move to {row['emotion']}" if row["decision"] == "move" else row["decision"]
    layout = {"width": "200px"}
    choice = ipywidgets.Dropdown(
        options=options, value=saved if saved in options else None, layout=layout
    )
    reason = ipywidgets.Text(row["reason"], placeholder="reason", layout=layout)

    def save(*_: object) -> None:
        if choice.value:
            decision, *rest = choice.value.split(" to ")
            decide(path, name, decision, "".join(rest), reason.value)

    choice.observe(save, "value")
    reason.observe(save, "value")
    text = ipywidgets.Label(f"found as: {row['words']}")
    return ipywidgets.VBox([picture, text, choice, reason])


def _problem(decision: str, emotion: str) -> str:
    """Return what is wrong with a decision, or "" if it is valid."""
    if decision not in DECISIONS:
        return f"{decision!r} is not a decision: write {', '.join(DECISIONS)}."
    if decision == "move" and emotion not in EMOTIONS:
        return f"A move needs one of {', '.join(EMOTIONS)}, not {emotion!r}."
    return ""
