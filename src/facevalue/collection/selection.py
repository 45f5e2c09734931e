"""The first selection: a person looks at each photo and keeps it, drops it or moves it.

Every decision is a row of a CSV file, with its time and its reason. Where nobody sits before the
screen, that file is replayed, so that the same photos are selected again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from facevalue import emotions
from facevalue.emotions import EMOTIONS
from facevalue.files import write_text

COLUMNS = ("photo", "decision", "emotion", "reason", "time")
DECISIONS = ("keep", "drop", "move")

LARGEST = 50_000_000
"""Most bytes that a file of decisions may have."""


def names(hits: pd.DataFrame) -> pd.Series:
    """Return a name for each hit that is the same on every machine and at every search.

    It is the source and the path of the photo's page (or of its address, where it has no page):
    a port or a key in an address changes from run to run.

    Args:
        hits: columns source, page and address, as `sources.search` returns them.
    """
    places = hits["page"].where(hits["page"] != "", hits["address"])
    return hits["source"] + " " + places.map(lambda place: urlsplit(str(place)).path.rstrip("/"))


def read(path: Path) -> pd.DataFrame:
    """Return the decisions in a file, the last one for each photo; empty where there is no file.

    Returns:
        one row per photo, the columns of `COLUMNS`, all str; emotion is "" but for a move.
    Raises:
        ValueError: a column is missing, or a row is no decision; the message names it.
    """
    if not path.is_file():
        return pd.DataFrame(columns=list(COLUMNS), dtype=str)
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path.name} has over {LARGEST:,} bytes: it is no file of decisions.")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise ValueError(f"{path.name} is no CSV file of decisions.") from None
    for column in COLUMNS:
        if column not in table:
            raise ValueError(f"{path.name} has no column {column!r}: it needs {list(COLUMNS)}.")
    for line, row in enumerate(table.to_dict("records"), start=2):
        _check(row["decision"], row["emotion"], f"{path.name}, line {line}: ")
    return table[list(COLUMNS)].drop_duplicates("photo", keep="last", ignore_index=True)


def decide(path: Path, photo: str, decision: str, emotion: str = "", reason: str = "") -> None:
    """Write one decision, with the time, to the end of a file; the file is there whole or not.

    Args:
        path: the CSV file; made if it is missing.
        photo: its name, as `names` gives it.
        decision: "keep", "drop" or "move".
        emotion: where a "move" goes to.
        reason: why, in the reviewer's words.
    Raises:
        ValueError: no such decision, or a move without one of the seven emotions.
    """
    _check(decision, emotion)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    new = pd.DataFrame([(photo, decision, emotion, reason, now)], columns=list(COLUMNS))
    table = pd.concat([read(path), new])
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def replay(hits: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    """Return the hits with what was decided about each.

    Args:
        hits: as `sources.search` returns them.
        decisions: as `read` returns them.
    Returns:
        a copy with three columns more: decision ("keep", "drop" or "move"; "unseen" where nobody
        has decided), reason, and selected (bool; unseen photos are in). In column emotion, moved
        photos have the emotion that they were moved to.
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


def grid(hits: pd.DataFrame, folder: Path, path: Path, size: int = 6) -> Any:
    """Return the review step as a widget: photos, a choice and a reason for each, page by page.

    A choice is written to `path` at once.

    Args:
        hits: with a column file, as `downloads.fetch_images` returns them.
        folder: where the files are.
        path: the CSV file of decisions.
        size: photos on one page.
    """
    import ipywidgets

    shown = hits[hits["file"] != ""]
    last = max(0, (len(shown) - 1) // size)
    page = ipywidgets.BoundedIntText(0, min=0, max=last, description=f"page 0-{last}")
    place = ipywidgets.GridBox(layout={"grid_template_columns": "repeat(3, 210px)"})

    def turn(*_: object) -> None:
        part = shown.iloc[page.value * size : (page.value + 1) * size]
        before = replay(part, read(path))
        place.children = [
            _card(row, name, folder, path)
            for (_, row), name in zip(before.iterrows(), names(part), strict=True)
        ]

    page.observe(turn, "value")
    turn()
    return ipywidgets.VBox([page, place])


def _card(row: pd.Series, name: str, folder: Path, path: Path) -> Any:
    import ipywidgets

    picture = ipywidgets.Image(value=(folder / row["file"]).read_bytes(), width=200)
    options = ["keep", "drop", *(f"move to {emotion}" for emotion in EMOTIONS)]
    before = f"move to {row['emotion']}" if row["decision"] == "move" else row["decision"]
    wide = {"width": "200px"}
    choice = ipywidgets.Dropdown(
        options=options, value=before if before in options else None, layout=wide
    )
    reason = ipywidgets.Text(row["reason"], placeholder="reason", layout=wide)

    def write(*_: object) -> None:
        if choice.value:
            decision, *rest = choice.value.split(" to ")
            decide(path, name, decision, "".join(rest), reason.value)

    choice.observe(write, "value")
    reason.observe(write, "value")
    text = ipywidgets.Label(f"found as: {row['words']}")
    return ipywidgets.VBox([picture, text, choice, reason])


def _check(decision: str, emotion: str, where: str = "") -> None:
    if decision not in DECISIONS:
        raise ValueError(f"{where}{decision!r} is no decision: write {', '.join(DECISIONS)}.")
    if decision == "move" and emotion not in emotions.EMOTIONS:
        raise ValueError(f"{where}a move needs one of {', '.join(EMOTIONS)}, not {emotion!r}.")
