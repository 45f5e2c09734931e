"""FER+: the votes of ten people on each image of FER-2013, and labels made from them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from facevalue.data.dataset import Dataset

VOTES_FILE = "fer2013new.csv"
"""The name of FER+'s file."""

VOTES = (
    *("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"),
    *("unknown", "NF"),
)
"""The columns of FER+: eight emotions, "unknown", and NF, which means "not a face"."""

NAMES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""FER+'s names of the seven emotions of FER-2013, in the order of `emotions.EMOTIONS`."""


def votes(path: Path, data: Dataset | None = None) -> pd.DataFrame:
    """Return the FER+ votes: how many of ten people chose each of `VOTES`, one row per image.

    FER+ is joined to FER-2013 by row position, not by its column "Image name", which holds the
    number of another row.
    Source: Barsoum et al. (2016), https://github.com/microsoft/FERPlus (fer2013new.csv).

    Args:
        path: fer2013new.csv.
        data: all of FER-2013 or a part of it, read from a CSV file, to get the votes for its
            images only, in its order.

    Returns:
        The columns Usage and `VOTES`; the index is the row position in fer2013.csv, from 0.

    Raises:
        FileNotFoundError: `path` does not exist.
        ValueError: the file is not that of FER+, or `data` was not read from a CSV file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: download fer2013new.csv from https://github.com/microsoft/FERPlus."
        )
    try:
        table = pd.read_csv(path)
        if missing := [name for name in ("Usage", *VOTES) if name not in table]:
            raise ValueError(f"it lacks the columns {', '.join(missing)}")
        table = table[["Usage", *VOTES]].astype(dict.fromkeys(VOTES, "int64"))
        if (table[list(VOTES)] < 0).any(axis=None):
            raise ValueError("it has negative numbers of votes")
    except ValueError as error:
        raise ValueError(f"{path.name} is not FER+'s table of votes: {error}.") from error
    if data is None:
        return table
    kinds = "csv|xz|gz|bz2|zip|tar|tgz"
    lines = [re.fullmatch(rf"(?i).*\.(?:{kinds}):(\d+)", origin) for origin in data.origins]
    rows = np.array([int(line[1]) - 2 for line in lines if line])
    if len(rows) != len(data) or (len(rows) and rows.max() >= len(table)):
        raise ValueError("FER+ is joined by row: it needs FER-2013 read from its CSV file.")
    table = table.iloc[rows]
    if (table["Usage"].to_numpy() != data.splits).any():
        raise ValueError(f"The rows of {path.name} are not in the order of this data set.")
    return table


def targets(
    votes: pd.DataFrame, mode: Literal["majority", "probability"] = "majority"
) -> pd.DataFrame:
    """Return the training targets of FER+, by the rules of its authors' code.

    Choices with a single vote are dropped first. "majority" keeps an image if one choice has more
    than half of the remaining votes. "probability" keeps an image's top choices, up to three,
    until they hold three quarters of the votes, unless "unknown" or "NF" is among the top ones.
    Images on which "unknown" or "NF" wins are left out. The authors always test on "majority".

    Args:
        votes: from `votes`.
        mode: "majority" or "probability".

    Returns:
        One row per image kept, indexed as in `votes`, with a column for each of the eight
        emotions: probabilities that sum to 1 (with "majority", one of them is 1).

    Raises:
        ValueError: `mode` is neither of the two.

    >>> row = ["Training", 1, 6, 3, 0, 0, 0, 0, 0, 0, 0]
    >>> ballots = pd.DataFrame([row], columns=["Usage", *VOTES])
    >>> targets(ballots, "probability")[["happiness", "surprise"]].round(2).values.tolist()
    [[0.67, 0.33]]
    """
    if mode not in ("majority", "probability"):
        raise ValueError(f"There is no mode {mode!r}: choose majority or probability.")
    choose = _majority if mode == "majority" else _probability
    counts = votes[list(VOTES)].to_numpy()
    kept = np.array([choose(row) for row in np.where(counts <= 1, 0, counts)]).reshape(-1, 10)
    rows = (kept.sum(axis=1) > 0) & (kept.argmax(axis=1) < 8)
    shares = kept[rows, :8]
    return pd.DataFrame(
        shares / shares.sum(axis=1, keepdims=True), index=votes.index[rows], columns=VOTES[:8]
    )


def _majority(row: np.ndarray) -> np.ndarray:
    """Return 1 for the choice with more than half of the votes; all zero if there is none."""
    kept = np.zeros(len(row))
    if row.max() > 0.5 * row.sum():
        kept[row.argmax()] = 1
    return kept


def _probability(row: np.ndarray) -> np.ndarray:
    """Return the votes that count; all zero if the image is discarded (FERPlus, src/ferplus.py)."""
    left, kept, total = row.copy(), np.zeros(len(row)), row.sum()
    votes_taken, choices, valid = 0.0, 0, True
    while votes_taken < 0.75 * total and choices < 3 and valid:
        top = left.max()
        for choice in np.flatnonzero(left == top):
            kept[choice], left[choice] = top, 0
            votes_taken += top
            choices += 1
            if choice >= 8:
                valid = False
                if kept.sum() > top:  # emotions come before "unknown" or "NF"
                    kept[choice] = 0
                    choices -= 1
                break
    enough = kept.sum() > 0.5 * total and choices <= 3
    return kept if enough else np.zeros(len(row))
