"""All models of the course beside each other: one row per model, on drawn faces and on photos."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from facevalue.evaluation.metrics import confidence_interval
from facevalue.evaluation.plots import TITLE_STYLE
from facevalue.evaluation.results import KEY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SERIES = {
    "rendered": ("drawn faces", "#D55E00", "s"),
    "fer2013": ("photos, FER-2013", "#0072B2", "o"),
}
"""The name, colour and marker of each data set."""


def by_model(
    measured: pd.DataFrame,
    images: Mapping[str, int],
    elsewhere: Mapping[str, tuple[float, str]] | None = None,
) -> pd.DataFrame:
    """Return one row per model, from its fullest run on each data set.

    Args:
        measured: rows as in `results.COLUMNS`; of two rows with the same `results.KEY`, the later
            one counts.
        images: the number of PrivateTest images of "rendered" and of "fer2013". Rows of another
            number are left out: they are about another task, or about faces that have been drawn
            anew since.
        elsewhere: a published accuracy and its source, by model, of models that nobody measured
            here.

    Returns:
        Indexed by model, the best first (on photos, else as published): rendered and fer2013 (the
        accuracy on PrivateTest; NaN if unknown), rendered_profile and fer2013_profile ("fast" or
        "full"), published and published_source, faces_per_second and megabytes.

    >>> row = {"model": "cnn", "data": "fer2013", "split": "PrivateTest", "images": 3589}
    >>> row |= {"profile": "full", "accuracy": 0.6, "published": 0.5, "published_source": "a paper"}
    >>> row |= {"faces_per_second": 900, "megabytes": 1.5}
    >>> table = by_model(pd.DataFrame([row]), {"rendered": 1250, "fer2013": 3589})
    >>> float(table.loc["cnn", "fer2013"])
    0.6
    """
    rows = measured.drop_duplicates(KEY, keep="last").sort_values("profile", ascending=False)
    columns = {}
    for data, size in images.items():
        part = rows[(rows["data"] == data) & (rows["images"] == size)]
        part = part[part["split"] == "PrivateTest"].drop_duplicates("model").set_index("model")
        columns[data] = part["accuracy"]
        columns[f"{data}_profile"] = part["profile"]
    # published numbers stand in the rows of both test splits together
    for column in ("published", "published_source", "faces_per_second", "megabytes"):
        known = rows.dropna(subset=column).drop_duplicates("model").set_index("model")
        columns[column] = known[column]
    table = pd.DataFrame(columns).rename_axis("model")
    table = table[table[list(images)].notna().any(axis=1)]
    for name, facts in (elsewhere or {}).items():
        table.loc[name, ["published", "published_source"]] = facts
    place = table["fer2013"].fillna(table["published"]).fillna(table["rendered"])
    return table.loc[place.astype(float).sort_values(ascending=False, kind="stable").index]


def plot_models(
    table: pd.DataFrame,
    images: Mapping[str, int],
    title: str,
    note: str,
    bold: Collection[str] = (),
) -> Figure:
    """Draw a dumbbell for each model, with 95 % intervals, and beside it its speed and size.

    Args:
        table: as `by_model` returns it; rows with a published number only are drawn too.
        images: as in `by_model`.
        title: the title of the figure.
        note: a line below the figure: which data, which runs.
        bold: the models whose names are bold.
    """
    height = 1.2 + 0.2 * len(table)
    figure, (axis, costs) = plt.subplots(
        1, 2, figsize=(6.4, height), sharey=True, width_ratios=(5, 1.9)
    )
    places = np.arange(len(table))
    ends = table[list(images)].astype(float)
    axis.hlines(places, ends.min(axis=1), ends.max(axis=1), color="0.8", lw=3, zorder=1)
    for data, size in images.items():
        _plot_accuracy(axis, ends[data].to_numpy(), size, data)
    published = table["published"].astype(float)
    axis.plot(published, places, "D", color="#009E73", ms=4, label="published", zorder=4)
    axis.set(xlim=(0.1, 1), xlabel="accuracy, with its 95 % interval", yticks=places)
    for text, name in zip(axis.set_yticklabels(table.index, fontsize=8), table.index, strict=True):
        text.set_fontweight("bold" if name in bold else "normal")
    axis.invert_yaxis()
    axis.grid(axis="x", lw=0.4)
    _write_costs(costs, table)
    axis.legend(loc="upper left", fontsize=8)  # the best models leave room there
    figure.suptitle(title, **TITLE_STYLE)
    figure.supxlabel(note, x=0.01, ha="left", fontsize=7, color="0.35")
    return figure


def _plot_accuracy(axis: Axes, shares: np.ndarray, size: int, data: str) -> None:
    """Draw the accuracies of one data set with their intervals."""
    name, colour, marker = SERIES[data]
    known = np.flatnonzero(np.isfinite(shares))
    shares = shares[known]
    limits = [confidence_interval(round(share * size), size) for share in shares]
    reach = np.abs(np.array(limits).reshape(-1, 2).T - shares)
    style: dict[str, Any] = {"fmt": marker, "color": colour, "ms": 4, "lw": 1.2, "zorder": 3}
    axis.errorbar(shares, known, xerr=reach, label=name, **style)


def _write_costs(axis: Axes, table: pd.DataFrame) -> None:
    """Write the speed and the size of each model into a panel without axes."""
    columns = {"faces_per_second": ("faces/s", "{:,.0f}"), "megabytes": ("MB", "{:.3g}")}
    for x, (column, (name, form)) in zip((0.55, 1.0), columns.items(), strict=True):
        axis.text(x, -0.9, name, ha="right", va="center", fontsize=8, fontweight="bold")
        for place, value in enumerate(table[column].astype(float)):
            if np.isfinite(value):
                axis.text(x, place, form.format(value), ha="right", va="center", fontsize=8)
    axis.set(xlim=(0, 1.05))
    axis.axis("off")
