"""Emotions in Everyday Life: what 12,211 people felt, in 69,544 reports from their phones.

Source: Trampe, Quoidbach and Taquet (2015), https://doi.org/10.1371/journal.pone.0145450, CC BY;
the data are at https://osf.io/e7uab/. Where the file is missing, `simulate` makes a table of the
same layout and frequencies; its other structure is made up, and `title_note` marks it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from facevalue import paths

ADDRESS = "https://osf.io/e7uab/download"
FILE = "Emotion_in_everyday_life_open.csv"
LARGEST = 20_000_000
"""Most bytes that the file may have; the published one has about 3 million."""

POSITIVE = (
    *("Pride", "Love", "Hope", "Gratitude", "Joy", "Satisfaction", "Awe", "Amusement"),
    "Alertness",
)
NEGATIVE = (
    *("Anxiety", "Disdain", "Offense", "Guilt", "Disgust", "Fear", "Embarrassment", "Sadness"),
    "Anger",
)
MISSPELT = {"Ofense": "Offense", "Embarassment": "Embarrassment"}
"""The file's own spelling of two columns, and the right one."""

COLUMNS = (
    *("id", "Hours", "Day", *POSITIVE),
    *("Anxiety", "Disdain", "Ofense", "Guilt", "Disgust", "Fear", "Embarassment", "Sadness"),
    "Anger",
)
"""The 21 columns of the file, in its order and spelling."""

ROWS, PEOPLE = 69_544, 12_211
NIGHT = (23, 0, 1, 2, 3, 4)
"""The hours with so few reports (1,614 of the complete ones) that project 1 left them out."""

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
"""Day 1 to 7. That day 1 is Monday is an assumption: the file does not say so."""

FACES: dict[str, str | None] = dict.fromkeys((*POSITIVE, *NEGATIVE)) | {
    "Joy": "happy",
    "Sadness": "sad",
    "Anger": "angry",
    "Disgust": "disgust",
    "Fear": "fear",
}
"""Which of the seven faces each word names; None where FER-2013 has no such face. Disdain, which
the paper calls contempt, has one in FACS and in FER+. Surprise and neutral have no word."""

BLANK = " "
"""What stands for a missing value in the file."""


# ------------------------------------------------------------------------------- reading


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
    from facevalue.downloads import DownloadError, download

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


# ------------------------------------------------------------------------------ cleaning


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


# ---------------------------------------------------------------------------- simulating

# How much a score depends on each thing, in percent of its range
MOOD_POSITIVE, MOOD_NEGATIVE, INTENSITY, PREFERENCE = 65, 75, 28, 60
MOOD_OF_PERSON, MOOD_OF_REPORT = 60, 70
WEEK = (-20, -60, -100, -70, 20, 130, 100)
"""How much better the mood is on each day, Monday first."""
CLOCK = (
    *(0, 0, 0, 0, 0, -40, -60, -60, -40, -20, 0, 10),
    *(20, 10, -10, -20, -10, 10, 40, 60, 70, 60, 40, 20),
)
"""How much better the mood is at each hour, 0 to 23."""


def simulate(seed: int = 0) -> pd.DataFrame:
    """Return made-up raw reports in the layout of the published file.

    As published, exactly: 69,544 rows, the columns, 12,211 people with 1 to 263 reports, the
    hours, the blanks, what cleaning leaves, and how often each emotion occurs in it.
    Made up, plausibly: the week, the day, the likeness of one person's reports, and which
    emotions come together (any two of one kind alike). It is set so that 90 % of the reports
    name an emotion, 41 % only positive, 16 % only negative and 33 % both; the last three are
    quoted from memory, not checked in the paper. All steps are sums and ranks of whole numbers,
    so every machine gets the same.

    Returns:
        As `load`; attrs["simulated"] is True.
    """
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(PEOPLE), _reports_per_person(rng))
    incomplete = _incomplete(person, rng)
    no_time, no_positive, no_negative = incomplete[:31], incomplete[31:36], incomplete[34:]
    hour, day = _times(incomplete, rng), rng.permutation(np.arange(ROWS) % 7)
    felt = _emotions(person, hour, day, incomplete, rng)
    values = np.column_stack([person + 1, hour, day + 1, felt]).astype("str").astype("object")
    first_negative = COLUMNS.index("Anxiety")
    values[no_time, 1:3] = BLANK
    # in the published file, Pride is there where the other positive ones are missing
    values[no_positive, COLUMNS.index("Love") : first_negative] = BLANK
    values[no_negative, first_negative:] = BLANK
    raw = pd.DataFrame(values[np.lexsort((day, hour, person))], columns=list(COLUMNS)).astype("str")
    raw.attrs["simulated"] = True
    return raw


def _reports_per_person(rng: np.random.Generator) -> np.ndarray:
    """Return 12,211 counts from 1 to 263 whose sum is 69,544: many small ones, few large."""
    most = 263
    draws = rng.integers(0, PEOPLE, size=(3, ROWS - PEOPLE - (most - 1)))
    who = draws[0] * draws[1] // PEOPLE * draws[2] // PEOPLE
    who = np.where(who == 0, rng.integers(1, PEOPLE, size=len(who)), who)
    counts = 1 + np.bincount(who, minlength=PEOPLE)
    counts[0] = most
    return rng.permutation(counts)


def _incomplete(person: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return 1,233 rows to spoil, in random order: with them, just 103 people disappear."""
    reports = np.bincount(person)[person]
    first = np.diff(person, prepend=-1) > 0
    gone = rng.permutation(np.flatnonzero(reports == 1))[:103]
    others = rng.permutation(np.flatnonzero(~first))[: 1_233 - len(gone)]
    return rng.permutation(np.concatenate([gone, others]))


def _times(incomplete: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an hour for each row, as often as published; 1,614 of the complete at night."""
    published = pd.read_csv(paths.root() / "data" / "reference" / "everyday_hours.csv")
    known = published[published["hour"] != "missing"].astype("int64")
    hours = rng.permutation(np.repeat(known["hour"].to_numpy(), known["reports"].to_numpy()))
    night = np.isin(hours, NIGHT)
    kept_at_night = np.cumsum(night) <= 1_614
    spoilt = np.concatenate([hours[night & ~kept_at_night], hours[~night][:1_137]])
    kept = np.concatenate([hours[night & kept_at_night], hours[~night][1_137:]])
    result = np.full(ROWS, 12)
    result[incomplete[31:]] = rng.permutation(spoilt)
    result[np.setdiff1d(np.arange(ROWS), incomplete)] = rng.permutation(kept)
    return result


def _emotions(
    person: np.ndarray,
    hour: np.ndarray,
    day: np.ndarray,
    incomplete: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return 0 or 1, shape (69544, 18): an emotion is felt where its score is among the highest.

    A report's mood raises the scores of the positive emotions and lowers the negative ones', its
    intensity raises all, and each person prefers some emotions: a threshold model of liability.
    """
    counts = pd.read_csv(paths.root() / "data" / "reference" / "everyday_counts.csv")
    felt_by = counts.set_index("csv_column")["count_in_68311_clean_rows"]

    def draw(*shape: int) -> np.ndarray:
        return rng.integers(-1000, 1001, size=(2, *shape)).sum(axis=0)

    mood = (MOOD_OF_PERSON * draw(PEOPLE)[person] + MOOD_OF_REPORT * draw(ROWS)) // 100
    mood += np.array(WEEK)[day] + np.array(CLOCK)[hour]
    intensity = draw(PEOPLE)[person] + draw(ROWS)
    complete = np.setdiff1d(np.arange(ROWS), incomplete)
    felt = np.empty((ROWS, 18), "int64")
    for number, column in enumerate(COLUMNS[3:]):
        weight = MOOD_POSITIVE if column in POSITIVE else -MOOD_NEGATIVE
        score = weight * mood + INTENSITY * intensity + PREFERENCE * draw(PEOPLE)[person]
        score = (score + 100 * draw(ROWS)) * ROWS + np.arange(ROWS)  # no two scores are equal
        rank = -int(felt_by[column])
        felt[:, number] = score >= np.partition(score[complete], rank)[rank]
    return felt


def main() -> int:
    """Bring the real file to data/raw, unless it is there; return an exit status."""
    from facevalue.downloads import bring

    return bring({"Emotions in Everyday Life": lambda: find() or fetch()})


if __name__ == "__main__":
    sys.exit(main())
