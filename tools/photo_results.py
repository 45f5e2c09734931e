"""Storing what a lesson's full run on real photos gave, for `utils.on_real_photos`."""

from __future__ import annotations

import os
from datetime import date

import pandas as pd

from facevalue import paths
from facevalue.files import write_text

FOLDER = paths.root() / "reports" / "on_real_photos"

Rows = list[tuple[str, str, int, int]]
"""row, series, count and of, as `plots.plot_shares` draws them."""


def run() -> str:
    """Return when and on what a result is measured, for its note."""
    return f"full run of {date.today()}, {os.cpu_count()} cores"


def shares(rows: Rows) -> pd.DataFrame:
    """Return a table of counts, as `plots.plot_shares` takes it."""
    return pd.DataFrame(rows, columns=["row", "series", "count", "of"])


def write(lesson: str, name: str, note: str, title: str, result: Rows | pd.DataFrame) -> None:
    """Write one result, with its title and its source in the first two lines.

    Args:
        lesson: the notebook's number, such as "02".
        name: the name of the result, such as "copies".
        note: which data, which run.
        title: what the result shows, with its number.
        result: the counts, or a table in another layout of `plots.plot_result`.
    """
    table = result if isinstance(result, pd.DataFrame) else shares(result)
    text = table.to_csv(index=False, lineterminator="\n")
    write_text(FOLDER / f"{lesson}_{name}.csv", f"# title: {title}\n# note: {note}\n{text}")
    print(f"{title}\n{table.to_string(index=False)}\n", flush=True)
