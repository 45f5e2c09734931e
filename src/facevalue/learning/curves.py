"""Where the learning curves of the course's trainings are kept."""

from __future__ import annotations

import re
from pathlib import Path

from facevalue import paths

CURVES = Path("reports") / "curves"
"""One file per training: MODEL_DATA_PROFILE.csv, a row per epoch."""


def curve_file(model: str, data: str, profile: str) -> Path:
    """Return where the learning curve of a model is kept.

    >>> curve_file("CNN of project 3", "fer2013", "full").name
    'cnn-of-project-3_fer2013_full.csv'
    """
    slug = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")
    return paths.root() / CURVES / f"{slug}_{data}_{profile}.csv"
