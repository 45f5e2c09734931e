"""The Facial Action Coding System (FACS): action units, and the emotions that they express."""

from __future__ import annotations

import re

import pandas as pd

from facevalue import emotions, paths


def action_units() -> pd.DataFrame:
    """Return one row per action unit: action_unit, qualifier, description, facial_muscle.

    A qualifier such as "with AU25" describes iMotions' video of the unit, not the unit itself.

    Raises:
        FileNotFoundError: there is no checkout of the repository.
    """
    return pd.read_csv(paths.root() / "data" / "facs" / "facs_action_units.csv")


def emotion_units() -> dict[str, tuple[int, ...]]:
    """Return the action units of each of the seven emotions; neutral has none.

    Source: data/facs/facs_emotions.csv, from the iMotions page that `collection.facs_page` reads.
    Contempt is left out, since FER-2013 has no such label.

    Raises:
        FileNotFoundError: there is no checkout of the repository.

    >>> emotion_units()["happy"]
    (6, 12)
    """
    table = pd.read_csv(paths.root() / "data" / "facs" / "facs_emotions.csv")
    units: dict[str, tuple[int, ...]] = dict.fromkeys(emotions.EMOTIONS, ())
    for name, cell in zip(table["emotion"], table["action_units"], strict=True):
        if name != "Contempt":
            units[emotion_name(name)] = unit_numbers(cell)
    return units


def emotion_name(name: str) -> str:
    """Return the course's name for an emotion in FACS; contempt, an eighth one, keeps its name.

    >>> emotion_name("Happiness / Joy"), emotion_name("Contempt")
    ('happy', 'contempt')
    """
    name = name.strip().lower()
    return name if name == "contempt" else emotions.EMOTIONS[emotions.number(name)]


def unit_numbers(cell: str) -> tuple[int, ...]:
    """Return the action units in a cell of the iMotions page's table.

    >>> unit_numbers("12 + 14 (on one side of the face)")
    (12, 14)
    """
    return tuple(int(unit) for unit in re.findall(r"\d+", cell.split("(")[0]))
