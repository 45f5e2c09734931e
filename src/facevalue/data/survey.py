"""The survey Emotions in Everyday Life: what 12,211 people felt, in 69,544 reports by phone.

Source: Trampe, Quoidbach and Taquet (2015), https://doi.org/10.1371/journal.pone.0145450, CC BY;
the data are at https://osf.io/e7uab/. Without the file, `load` returns simulated reports.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facevalue import paths
from facevalue.data.survey_format import BLANK, COLUMNS, MISSPELT, ROWS
from facevalue.data.survey_simulation import simulate
from facevalue.files import file_lock

ADDRESS = "https://osf.io/e7uab/download"
FILE = "Emotion_in_everyday_life_open.csv"
LARGEST = 20_000_000
"""The size limit of the file, in bytes; the published one has about 3 million."""


def find() -> Path | None:
    """Return the path of the real file in the folder of `paths.raw`, or None if it is missing."""
    path = paths.raw_file(FILE)
    return path if path.is_file() else None


def load(path: Path | None = None) -> pd.DataFrame:
    """Return the raw reports: the real ones if their file is available, else simulated ones.

    Args:
        path: the CSV file; by default what `find` returns.

    Returns:
        One row per report, with the 21 columns of `survey_format.COLUMNS` as text; a missing
        value is one space. attrs["simulated"] says whether the reports are simulated.

    Raises:
        FileNotFoundError: `path` does not exist.
        ValueError: the file is too large, is not a CSV file, or lacks a column.
    """
    path = Path(path) if path else find()
    if path is None:
        return simulate()
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: download the file from {ADDRESS}.")
    if path.stat().st_size > LARGEST:
        raise ValueError(
            f"{path} has more than {LARGEST:,} bytes, so it is not the survey: download the file "
            f"from {ADDRESS}."
        )
    try:
        raw = pd.read_csv(path, dtype="str", keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise ValueError(f"{path} is not a readable CSV file: {error}.") from error
    raw = _select_columns(raw)
    raw.attrs["simulated"] = False
    return raw


def fetch(folder: str | Path | None = None, url: str = ADDRESS) -> Path:
    """Download the file into `folder` (default: data/raw), check it, and return its path.

    Raises:
        DownloadError: the download failed, or is not the published table of 69,544 x 21.
    """
    from facevalue.data.download import DownloadError, download

    path = Path(folder) / FILE if folder else paths.raw_file(FILE)
    arriving = path.with_name("." + FILE)
    existed = path.is_file()
    with file_lock(path):
        if path.is_file() and not existed:  # another process downloaded it meanwhile
            return path
        download(url, arriving, max_bytes=LARGEST)
        try:
            raw = pd.read_csv(arriving, dtype="str", keep_default_na=False)
        except ValueError:
            raw = pd.DataFrame()
        if tuple(raw.columns) != COLUMNS or len(raw) != ROWS:
            arriving.unlink()
            raise DownloadError(
                f"The download is not {FILE}: it has {len(raw):,} rows and {len(raw.columns)} "
                f"columns instead of {ROWS:,} and {len(COLUMNS)}, or other column names."
            )
        return arriving.replace(path)


def title_note(frame: pd.DataFrame) -> str:
    """Return " (simulated)" if a table comes from simulated reports, else "": for titles.

    Raises:
        ValueError: the table has lost attrs["simulated"], for example in a merge.
    """
    if "simulated" not in frame.attrs:
        raise ValueError(
            "This table does not say whether its reports are simulated: call title_note with the "
            "table that load or clean returned."
        )
    return " (simulated)" if frame.attrs["simulated"] else ""


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Turn text into numbers, drop incomplete reports, and correct two column names.

    Args:
        raw: from `load`, text or numbers; a missing value is one space.

    Returns:
        Whole numbers: id, Hours (0 to 23), Day (1 to 7), and 0 or 1 for each emotion. Of the
        published 69,544 rows and 12,211 people, 68,311 and 12,108 are left. attrs holds the attrs
        of `raw`, and blanks (the number of missing values in each column), rows and people (the
        numbers before and after cleaning), and dropped (the number of dropped rows).

    Raises:
        ValueError: a column is missing, a value is not allowed in its column (the message names
            the row), or fewer than two people have complete reports.
    """
    table = _select_columns(raw)
    blank = table == BLANK
    numbers = table.apply(pd.to_numeric, errors="coerce")
    for column in COLUMNS:
        _check_values(table[column], numbers[column], blank[column])
    kept = numbers[~blank.any(axis=1)].astype("int64").reset_index(drop=True)
    people = int(kept["id"].nunique())
    if people < 2:
        raise ValueError(
            f"Only {people} of the people in column id {'has' if people == 1 else 'have'} complete "
            "reports: a comparison needs two."
        )
    kept = kept.rename(columns=MISSPELT)
    kept.attrs = raw.attrs | {
        "blanks": {column: int(count) for column, count in blank.sum().items()},
        "rows": (len(raw), len(kept)),
        "people": (int(numbers["id"].nunique()), people),
        "dropped": len(raw) - len(kept),
    }
    return kept


def _select_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of the survey, in the order of the file."""
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise ValueError(
            f"The table lacks the column{'s' if missing[1:] else ''} {', '.join(missing)}: "
            f"it needs the 21 columns of {FILE}."
        )
    return table[list(COLUMNS)]


def _check_values(text: pd.Series, numbers: pd.Series, blank: pd.Series) -> None:
    """Raise ValueError for the first value that is not allowed in its column."""
    low, high = {"id": (1, 10**9), "Hours": (0, 23), "Day": (1, 7)}.get(str(text.name), (0, 1))
    wrong = ~blank & ~(numbers.between(low, high) & (numbers % 1 == 0))
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        expected = f"a whole number from {low} to {high}" if high < 10**9 else "a whole number"
        raise ValueError(
            f"Column {text.name}, row {row + 1}: {text.iloc[row]!r} is neither {expected} nor "
            "the single space that marks a missing value."
        )
