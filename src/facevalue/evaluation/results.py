"""The files of measured results in reports/: results.csv, times.csv and the learning curves."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path
from typing import Any

import pandas as pd

from facevalue import paths
from facevalue.files import write_text
from facevalue.learning.curves import curve_file

PATH = Path("reports") / "results.csv"
"""The table of results, relative to the project's folder."""

COLUMNS = (
    "model",
    "data",
    "split",
    "images",
    "profile",
    "accuracy",
    "top3_accuracy",
    "macro_f1",
    "seconds",
    "megabytes",
    "faces_per_second",
    "published",
    "published_source",
    "machine",
    "date",
    "command",
)
"""The columns of the table of results."""

TIMES = Path("reports") / "times.csv"
"""The table of how long each notebook took, relative to the project's folder."""

TIME_COLUMNS = ("notebook", "seconds", "data", "profile", "machine", "date")
"""The columns of the table of times."""

KEY = ["model", "data", "split", "profile"]
"""A new measurement with the same values in these columns replaces the old one."""


def read() -> pd.DataFrame:
    """Return the measured results: a row per model, data set, split and profile.

    The table has the columns `COLUMNS`; it is empty if there is no file yet.
    """
    path = paths.root() / PATH
    return pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=list(COLUMNS))


def fullest(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of each model's fullest run, of rows of `read` about one data set.

    >>> rows = [("cnn", "fast", 0.5), ("cnn", "full", 0.6), ("tree", "fast", 0.2)]
    >>> fullest(pd.DataFrame(rows, columns=["model", "profile", "accuracy"]))["accuracy"].tolist()
    [0.6, 0.2]
    """
    profiles = table.groupby("model")["profile"].transform("max")  # "full" comes after "fast"
    return table[table["profile"] == profiles]


def add_scores(scores: list[dict[str, Any]]) -> int:
    """Add scores to the table of results, save their curves, and return the number of scores.

    Scores replace older ones with the same `KEY`.

    Args:
        scores: the keyword arguments that `records.record` passes to `records.headline`, and the
            "command" that measures them, if it is not the one that `command` returns.
    """
    if not scores:
        return 0
    rows = pd.DataFrame(scores).assign(
        machine=machine(),
        date=datetime.date.today().isoformat(),
        command=[row.get("command") or command(row["data"], row["profile"]) for row in scores],
    )
    table = pd.concat(
        [
            read().reindex(columns=list(COLUMNS)).astype(object),
            rows.reindex(columns=list(COLUMNS)).astype(object),
        ]
    )
    table = table.drop_duplicates(KEY, keep="last").sort_values(["data", "profile", "model"])
    table["faces_per_second"] = pd.to_numeric(table["faces_per_second"]).astype("Int64")
    write_text(paths.root() / PATH, table.to_csv(index=False))
    for row in scores:
        if row.get("curve"):
            write_text(curve_file(row["model"], row["data"], row["profile"]), row["curve"])
    return len(rows)


def command(data: str, profile: str) -> str:
    """Return the shell command that measures all results of a data set and profile again.

    >>> command("rendered", "fast")
    'make run DATASET=rendered PROFILE=fast RECORD=1'
    """
    return f"make run DATASET={data} PROFILE={profile} RECORD=1"


def machine() -> str:
    """Return a text with the operating system, cores, memory and Python version of this machine."""
    memory = ""
    if hasattr(os, "sysconf"):
        memory = f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB"
    system = f"{platform.system()} {platform.machine()}"
    return f"{system}, {os.cpu_count()} cores{memory}, Python {platform.python_version()}"


def add_times(seconds: dict[str, float], data: str, profile: str) -> None:
    """Add to reports/times.csv how long each notebook took, and replace older rows.

    Args:
        seconds: the duration of each notebook, by its name.
        data: "rendered" or "fer2013".
        profile: "fast" or "full".
    """
    path = paths.root() / TIMES
    old = pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=list(TIME_COLUMNS))
    facts = [data, profile, machine(), datetime.date.today().isoformat()]
    rows = [[name, round(value, 1), *facts] for name, value in seconds.items()]
    new = pd.DataFrame(rows, columns=list(TIME_COLUMNS))
    table = pd.concat([old.astype(object), new.astype(object)])
    table = table.drop_duplicates(["notebook", "data", "profile"], keep="last")
    table = table.sort_values(["data", "profile", "notebook"])
    write_text(path, table.to_csv(index=False))
