"""The tables that five earlier projects published, in data/reference of the repository."""

from __future__ import annotations

import pandas as pd

from facevalue import paths


def published(table: str) -> pd.DataFrame:
    """Return one of the tables in data/reference; data/README.md describes them.

    Args:
        table: a file name without .csv, such as "headline", "dense_sweep" or "image_funnel".

    Raises:
        FileNotFoundError: there is no such table, or no checkout of the repository.

    >>> published("fer2013_counts").set_index("split").loc["Training", "happy"].item()
    7215
    """
    path = paths.root() / "data" / "reference" / f"{table}.csv"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.csv")))
        raise FileNotFoundError(f"There is no published table {table!r}: choose one of {known}.")
    return pd.read_csv(path)
