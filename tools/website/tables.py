"""The tables of the page of results, from the files in reports/."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facevalue.evaluation import results

COLUMNS = {
    "model": "model",
    "profile": "profile",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "top3_accuracy": "top-3 accuracy",
    "published": "published",
    "published_source": "published by",
    "seconds": "training, s",
    "megabytes": "size, MB",
    "faces_per_second": "faces per second",
    "date": "date",
}
"""The columns of a table of models, and their headings."""

REMEDIES = {
    "change": "change",
    "seed": "seed",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "calibration_error": "calibration error",
    "parameters": "parameters",
    "seconds": "training, s",
}
"""The columns of the table of ablations."""

DECIMALS = {"seconds": 0, "megabytes": 2, "faces_per_second": 0, "parameters": 0, "seed": 0}
"""How many decimals a column has; three in all others."""


def models(data: str, split: str) -> str:
    """Return a table of the models on one split: the fullest run of each, the best one first."""
    table = results.read().query("data == @data and split == @split")
    best_first = results.fullest(table).sort_values("accuracy", ascending=False)
    return html(best_first, COLUMNS)


def headline(root: Path) -> str:
    """Return a sentence with what the better recogniser reaches, and what there is to compare."""
    seeds = pd.read_csv(root / "reports" / "seeds.csv").query(
        "model == 'accurate' and answer == 'one crop' and test == 'PrivateTest'"
    )
    published = results.read().query("data == 'fer2013'")["published"].dropna()
    return (
        f"**Right on {seeds['accuracy'].mean():.0%} of 3,589 photos** that it never saw. People "
        "who tried the same were right on about 65% (Goodfellow and others, 2013), and the models "
        f"of earlier projects on {published.min():.0%} to {published.max():.0%} of the images that "
        "each was tested on."
    )


def ablations(root: Path) -> str:
    """Return the table of what each part of the recipe brings."""
    return html(pd.read_csv(root / "reports" / "ablations.csv"), REMEDIES)


def html(table: pd.DataFrame, columns: dict[str, str]) -> str:
    """Return a table that readers can sort, as HTML; columns without a value are left out."""
    shown = table[[name for name in columns if name in table]].dropna(axis=1, how="all")
    numbers = shown.select_dtypes("number").columns
    formatters = {name: f"{{:,.{DECIMALS.get(name, 3)}f}}".format for name in numbers}
    named = shown.rename(columns=columns)
    return named.to_html(
        index=False,
        border=0,
        na_rep="",
        classes="table sortable",
        formatters={columns[name]: form for name, form in formatters.items()},
    )
