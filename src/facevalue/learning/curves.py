"""The paths of the stored learning curves."""

from __future__ import annotations

import re
from pathlib import Path

from facevalue import paths

CURVES = Path("reports") / "curves"
"""The folder of the curves: MODEL_DATA_PROFILE.csv for each training run, with a row per epoch."""


def curve_file(model: str, data: str, profile: str) -> Path:
    """Return the path of the learning curve of a model; the file may not exist yet.

    Args:
        model: the name of the model; characters other than letters and digits become hyphens.
        data: "rendered" or "fer2013".
        profile: "fast" or "full".

    Raises:
        FileNotFoundError: there is no checkout of the repository.

    >>> curve_file("CNN of project 3", "fer2013", "full").name
    'cnn-of-project-3_fer2013_full.csv'
    """
    slug = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")
    return paths.root() / CURVES / f"{slug}_{data}_{profile}.csv"
