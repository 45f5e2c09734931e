"""The Facial Action Coding System: action units, and the emotions that they make up."""

from __future__ import annotations

import re

import pandas as pd

from facevalue import emotions, paths

SCALE = {"A": 0.1, "B": 0.3, "C": 0.5, "D": 0.75, "E": 1.0}
"""The FACS intensity letters, trace to maximum, as marks on the scale from 0 to 1."""


def action_units() -> pd.DataFrame:
    """Return one row per action unit: action_unit, qualifier, description, facial_muscle.

    A qualifier describes the page's film of the unit, as "with AU25", not the unit itself.
    """
    return pd.read_csv(paths.root() / "data" / "facs" / "facs_action_units.csv")


def emotion_units() -> dict[str, tuple[int, ...]]:
    """Return the action units of each of the seven emotions; neutral has none.

    Source: `PAGE` (its table is data/facs/facs_emotions.csv). Contempt, which FER-2013 does not
    label, is left out.
    """
    table = pd.read_csv(paths.root() / "data" / "facs" / "facs_emotions.csv")
    units: dict[str, tuple[int, ...]] = dict.fromkeys(emotions.EMOTIONS, ())
    for name, cell in zip(table["emotion"], table["action_units"], strict=True):
        if name != "Contempt":
            units[_label(name)] = _numbers(cell)
    return units


def _label(name: str) -> str:
    """Return the course's name of an emotion; contempt, which it does not have, stays."""
    name = name.strip().lower()
    return name if name == "contempt" else emotions.EMOTIONS[emotions.number(name)]


def _numbers(cell: str) -> tuple[int, ...]:
    """Return the units in a cell like "12 + 14 (on one side of the face)"."""
    return tuple(int(unit) for unit in re.findall(r"\d+", cell.split("(")[0]))
