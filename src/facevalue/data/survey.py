"""Emotions in Everyday Life: what 12,211 people felt, in 69,544 reports from their phones.

Source: Trampe, Quoidbach and Taquet (2015), https://doi.org/10.1371/journal.pone.0145450, CC BY;
the data are at https://osf.io/e7uab/. Where the file is missing, `simulate` makes a table of the
same layout and frequencies; its other structure is made up, and `title_note` marks it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from facevalue import paths
from facevalue.data.survey_format import (
    BLANK,
    COLUMNS,
    MISSPELT,
    ROWS,
)
from facevalue.data.survey_simulation import simulate

ADDRESS = "https://osf.io/e7uab/download"
FILE = "Emotion_in_everyday_life_open.csv"
LARGEST = 20_000_000
"""Most bytes that the file may have; the published one has about 3 million."""


def find() -> Path | None:
    """Return where the real file is, in data/raw or where FACEVALUE_DATA points, else None."""
    path = paths.raw_file(FILE)
    return path if path.is_file() else None


def load(path: Path | None = None) -> pd.DataFrame:
    """Return the raw reports: the real ones where their file is, else simulated ones.

    Args:
        path: the CSV file; by default what `find` finds, and `simulate` if that is nothing.

    Returns:
        One row per report, the 21 `COLUMNS`, all text as in the file (a missing value is one
        blank). attrs["simulated"] says which it is.

    Raises:
        FileNotFoundError: there is no file at `path`.
        ValueError: the file is too large, no CSV, or lacks a column; the message names it.
    """
    path = Path(path) if path else find()
    if path is None:
        return simulate()
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: get the file from {ADDRESS}.")
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path.name} has more than {LARGEST:,} bytes: it is another file.")
    try:
        raw = pd.read_csv(path, dtype="str", keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise ValueError(f"{path.name} is not a readable CSV file: {error}") from None
    raw = _columns(raw)
    raw.attrs["simulated"] = False
    return raw


def fetch(folder: Path | None = None, url: str = ADDRESS) -> Path:
    """Download the file into `folder` (default: data/raw), check it, and return its path.

    Raises:
        DownloadError: it did not arrive, or is not the published table of 69,544 x 21.
    """
    from facevalue.data.download import DownloadError, download

    path = folder / FILE if folder else paths.raw_file(FILE)
    arriving = download(url, path.with_name("." + FILE), largest=LARGEST)
    try:
        raw = pd.read_csv(arriving, dtype="str", keep_default_na=False)
    except ValueError:
        raw = pd.DataFrame()
    if tuple(raw.columns) != COLUMNS or len(raw) != ROWS:
        arriving.unlink()
        raise DownloadError(
            f"what arrived is not {FILE}: it has {len(raw):,} rows and {len(raw.columns)} columns "
            f"instead of {ROWS:,} and {len(COLUMNS)}, or other column names."
        )
    return arriving.replace(path)


def title_note(frame: pd.DataFrame) -> str:
    """Return " (simulated)" for the titles of what is made from simulated reports, else "".

    Raises:
        ValueError: the table has lost its mark, as after a merge; ask the one it was made from.
    """
    if "simulated" not in frame.attrs:
        raise ValueError(
            "this table does not say whether its reports are simulated: ask title_note about "
            "the table that load or clean returned."
        )
    return " (simulated)" if frame.attrs["simulated"] else ""


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Turn text into numbers, drop incomplete reports, and correct two column names.

    Args:
        raw: from `load`, text or numbers; a missing value is one blank.

    Returns:
        Whole numbers: id, Hours (0 to 23), Day (1 to 7), and 0 or 1 for each emotion. Of the
        published 69,544 rows and 12,211 people, 68,311 and 12,108 are left. attrs holds
        blanks (how many by column of the file), rows and people (before and after), dropped,
        and what attrs of `raw` holds.

    Raises:
        ValueError: a column is missing, a value is none that the column can have, or there are
            complete reports of less than two people; the message names column and row.
    """
    table = _columns(raw)
    blank = table == BLANK
    numbers = table.apply(pd.to_numeric, errors="coerce")
    for column in COLUMNS:
        _check(table[column], numbers[column], blank[column])
    kept = numbers[~blank.any(axis=1)].astype("int64").reset_index(drop=True)
    people = int(kept["id"].nunique())
    if people < 2:
        raise ValueError(
            f"column id, row{'s 1 to' if len(raw) > 1 else ''} {len(raw)}: there are complete "
            f"reports of {people} {'person' if people == 1 else 'people'}, but comparing takes two."
        )
    kept = kept.rename(columns=MISSPELT)
    kept.attrs = raw.attrs | {
        "blanks": {column: int(count) for column, count in blank.sum().items()},
        "rows": (len(raw), len(kept)),
        "people": (int(numbers["id"].nunique()), people),
        "dropped": len(raw) - len(kept),
    }
    return kept


def _columns(table: pd.DataFrame) -> pd.DataFrame:
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise ValueError(
            f"the table lacks the column{'s' if missing[1:] else ''} {', '.join(missing)}: "
            f"it needs the 21 columns of {FILE}."
        )
    return table[list(COLUMNS)]


def _check(text: pd.Series, numbers: pd.Series, blank: pd.Series) -> None:
    """Raise ValueError at the first value that a column cannot have."""
    low, high = {"id": (1, 10**9), "Hours": (0, 23), "Day": (1, 7)}.get(str(text.name), (0, 1))
    wrong = ~blank & ~(numbers.between(low, high) & (numbers % 1 == 0))
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        expected = f"a whole number from {low} to {high}" if high < 10**9 else "a whole number"
        raise ValueError(
            f"column {text.name}, row {row + 1}: {text.iloc[row]!r} is neither {expected} nor "
            "the one blank that marks a missing value."
        )


def main() -> int:
    """Bring the real file to data/raw, unless it is there; return an exit status."""
    from facevalue.data.download import bring

    return bring({"Emotions in Everyday Life": lambda: find() or fetch()})


if __name__ == "__main__":
    sys.exit(main())
