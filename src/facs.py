"""FACS, the Facial Action Coding System: action units, and the units that make each emotion."""

from __future__ import annotations

import re

import pandas as pd

from facevalue import emotions, paths

SCALE = {"A": 0.1, "B": 0.3, "C": 0.5, "D": 0.75, "E": 1.0}
"""The FACS intensity letters, trace to maximum, as marks on the scale from 0 to 1."""


def action_units() -> pd.DataFrame:
    """Return one row per action unit: action_unit, qualifier, description, facial_muscle."""
    return pd.read_csv(paths.root() / "data" / "facs" / "facs_action_units.csv")


def emotion_units() -> dict[str, tuple[int, ...]]:
    """Return the action units of each of the seven emotions; neutral has none.

    Source: the iMotions guide to FACS, https://imotions.com/blog/learning/research-fundamentals/
    facial-action-coding-system/ (its table is data/facs/facs_emotions.csv). Contempt, which
    FER-2013 does not label, is left out.
    """
    table = pd.read_csv(paths.root() / "data" / "facs" / "facs_emotions.csv")
    units: dict[str, tuple[int, ...]] = dict.fromkeys(emotions.EMOTIONS, ())
    for name, cell in zip(table["emotion"], table["action_units"], strict=True):
        if name != "Contempt":
            label = emotions.EMOTIONS[emotions.number(name)]
            units[label] = tuple(int(unit) for unit in re.findall(r"\d+", cell))
    return units
