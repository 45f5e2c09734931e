"""The published tables of five earlier projects."""

from __future__ import annotations

import pandas as pd

from facevalue import paths


def published(table: str) -> pd.DataFrame:
    """Return one of the tables in data/reference, which five earlier projects published.

    Args:
        table: a file name without .csv: headline, dense_sweep, cnn_models, cnn6_epochs,
            classical_reports, transfer_f1, image_funnel or fer2013_counts.

    Raises:
        FileNotFoundError: there is no such table.
    """
    path = paths.root() / "data" / "reference" / f"{table}.csv"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.csv")))
        raise FileNotFoundError(f"no published table {table!r}: choose one of {known}.")
    return pd.read_csv(path)
