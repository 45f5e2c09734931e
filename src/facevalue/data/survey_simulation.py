"""Reports like those of the survey, simulated from its published numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facevalue.data import reference
from facevalue.data.survey_format import BLANK, COLUMNS, NIGHT, PEOPLE, POSITIVE, ROWS

MOOD_POSITIVE, MOOD_NEGATIVE, INTENSITY, PREFERENCE = 65, 75, 28, 60
"""Weights, in percent, of the components of an emotion's score: see `_emotions`."""

MOOD_OF_PERSON, MOOD_OF_REPORT = 60, 70
"""Weights, in percent, of the components of a mood."""

WEEK = (-20, -60, -100, -70, 20, 130, 100)
"""How much each day improves the mood, Monday first."""

CLOCK = (
    *(0, 0, 0, 0, 0, -40, -60, -60, -40, -20, 0, 10),
    *(20, 10, -10, -20, -10, 10, 40, 60, 70, 60, 40, 20),
)
"""How much each hour, 0 to 23, improves the mood."""


def simulate(seed: int = 0) -> pd.DataFrame:
    """Return simulated raw reports in the layout of the published file.

    The following are exactly as published: the 69,544 rows, the columns, the 12,211 people with 1
    to 263 reports each, the hours, the missing values, the number of reports after cleaning, and
    how often each emotion occurs in these. The following are invented, but plausible: how the mood
    changes over the week and the day, how similar the reports of one person are, and which
    emotions occur together (all pairs of positive emotions equally often, and all pairs of
    negative ones). 90 % of the reports name an emotion: 41 % only positive ones, 16 % only
    negative ones and 33 % both; these last three numbers are quoted from memory, not checked in
    the paper. All steps are sums and ranks of whole numbers, so the result is the same on every
    machine.

    Returns:
        As `survey.load`; attrs["simulated"] is True.

    Raises:
        FileNotFoundError: there is no checkout of the repository, which has the published counts.
    """
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(PEOPLE), _reports_per_person(rng))
    incomplete = _incomplete_rows(person, rng)
    no_time, no_positive, no_negative = incomplete[:31], incomplete[31:36], incomplete[34:]
    hour, day = _hours(incomplete, rng), rng.permutation(np.arange(ROWS) % 7)
    felt = _emotions(person, hour, day, incomplete, rng)
    values = np.column_stack([person + 1, hour, day + 1, felt]).astype("str").astype("object")
    first_negative = COLUMNS.index("Anxiety")
    values[no_time, 1:3] = BLANK
    # in the published file, Pride is present where the other positive emotions are missing
    values[no_positive, COLUMNS.index("Love") : first_negative] = BLANK
    values[no_negative, first_negative:] = BLANK
    raw = pd.DataFrame(values[np.lexsort((day, hour, person))], columns=list(COLUMNS)).astype("str")
    raw.attrs["simulated"] = True
    return raw


def _reports_per_person(rng: np.random.Generator) -> np.ndarray:
    """Return 12,211 counts from 1 to 263 with the sum 69,544: many small ones and a few large."""
    most = 263
    draws = rng.integers(0, PEOPLE, size=(3, ROWS - PEOPLE - (most - 1)))
    who = draws[0] * draws[1] // PEOPLE * draws[2] // PEOPLE
    who = np.where(who == 0, rng.integers(1, PEOPLE, size=len(who)), who)
    counts = 1 + np.bincount(who, minlength=PEOPLE)
    counts[0] = most
    return rng.permutation(counts)


def _incomplete_rows(person: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return 1,233 random rows for missing values; they are all the rows of 103 people."""
    reports = np.bincount(person)[person]
    first = np.diff(person, prepend=-1) > 0
    gone = rng.permutation(np.flatnonzero(reports == 1))[:103]
    others = rng.permutation(np.flatnonzero(~first))[: 1_233 - len(gone)]
    return rng.permutation(np.concatenate([gone, others]))


def _hours(incomplete: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the hour of each row, as often as published; 1,614 complete reports are at night."""
    published = reference.published("everyday_hours")
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
    """Return 0 or 1, shape (69544, 18): 1 for the reports with the highest scores of an emotion.

    This is a liability threshold model. A report's mood raises the scores of positive emotions and
    lowers those of negative ones, its intensity raises all, and each person prefers some emotions.
    """
    counts = reference.published("everyday_counts")
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
