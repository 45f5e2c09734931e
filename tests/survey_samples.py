"""Small survey tables for tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facevalue.exploration import survey_bootstrap

WORDS = list(survey_bootstrap.WORDS)


def small(rows: list[tuple[int, int, int, str]]) -> pd.DataFrame:
    """Return reports from (id, hour, day, the emotions felt)."""
    table = pd.DataFrame([row[:3] for row in rows], columns=["id", "Hours", "Day"])
    for word in WORDS:
        table[word] = [int(word in row[3].split()) for row in rows]
    return table


def random(people: int, each: int, seed: int = 0) -> pd.DataFrame:
    """Return reports in which everything is independent of everything; 0.3 felt."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"id": np.repeat(np.arange(people), each)})
    table["Hours"] = rng.integers(5, 23, len(table))
    table["Day"] = rng.integers(1, 8, len(table))
    table[WORDS] = (rng.random((len(table), 18)) < 0.3).astype(int)
    return table


FIVE = small(
    [
        (1, 8, 1, "Joy"),
        (1, 9, 2, "Joy Fear"),
        (2, 8, 1, ""),
        (2, 9, 2, "Fear"),
        (3, 9, 2, "Joy Love Hope"),
    ]
)
