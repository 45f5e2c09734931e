"""Figures of results: learning curves, calibration, confusion matrices, shares."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.font_manager import FontProperties

from facevalue.evaluation.metrics import confidence_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = "osv^DPX"
"""The markers of the curves; each training run has its own."""

TITLE_STYLE: dict[str, Any] = {"fontsize": 10, "fontweight": "bold", "x": 0.01, "ha": "left"}


def plot_result(table: pd.DataFrame, title: str, note: str = "") -> Figure:
    """Draw a stored result in the layout that fits its columns.

    Args:
        table: with the columns row, series, count and of, shares (see `plot_shares`); series, epoch
            and those of a learning curve, curves; confidence, accuracy and images, calibration;
            otherwise a confusion matrix, whose first column names the rows.
        title: the title of the figure.
        note: a line below the figure: which data, which run.
    """
    if "of" in table:
        return plot_shares(table, title, note)
    if "epoch" in table:
        curves = {str(name): rows for name, rows in table.groupby("series", sort=False)}
        measures = [name for name in ("loss", "accuracy") if name in table]
        figure = plot_curves(curves, title, measures)
    elif "confidence" in table:
        figure = plot_calibration(table.set_index("up to"), title)
    else:
        matrix = table.set_index(table.columns[0])
        figure = plot_confusion(matrix.to_numpy(), list(matrix.columns), title)
    _add_note(figure, note)
    return figure


def _add_note(figure: Figure, note: str) -> None:
    """Write a line in small letters below a figure, above its legend if it has one."""
    if note and figure.legends:
        figure.legends[0].set_title(note, prop=FontProperties(size=7))
        figure.legends[0].set_alignment("left")
    elif note:
        figure.supxlabel(note, x=0.01, ha="left", fontsize=7, color="0.35")


def plot_curves(
    curves: Mapping[str, pd.DataFrame],
    title: str,
    measures: Sequence[str] = ("loss", "accuracy"),
) -> Figure:
    """Plot the learning curves of one or more training runs.

    Curves of training images are dashed. Those of validation images, if there are any, are solid.

    Args:
        curves: the curve of each run, as returned by `training.fit`, by the name of the run.
        title: the title of the figure.
        measures: the columns of the curves to plot, each in a panel of its own.
    """
    figure, axes = plt.subplots(1, len(measures), figsize=(6, 2.8), squeeze=False)
    colours = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    for axis, measure in zip(axes[0], measures, strict=True):
        for k, curve in enumerate(curves.values()):
            style: dict[str, Any] = {"color": colours[k % len(colours)], "ms": 3}
            axis.plot(curve["epoch"], curve[measure], "--", **style)
            if f"val_{measure}" in curve:
                mark = MARKERS[k % len(MARKERS)]
                axis.plot(curve["epoch"], curve[f"val_{measure}"], f"{mark}-", **style)
        axis.set(xlabel="epoch", ylabel=measure.replace("_", " "))
        axis.xaxis.get_major_locator().set_params(integer=True)
    entries = []
    if len(curves) > 1:
        kinds = [(colours[k % len(colours)], MARKERS[k % len(MARKERS)]) for k in range(len(curves))]
        entries = [
            plt.Line2D([], [], color=colour, marker=mark, ms=3, label=name)
            for name, (colour, mark) in zip(curves, kinds, strict=True)
        ]
    entries += [plt.Line2D([], [], color="0.3", ls="--", label="training")]
    if any(f"val_{measures[0]}" in curve for curve in curves.values()):
        entries += [plt.Line2D([], [], color="0.3", label="validation")]
    figure.legend(handles=entries, loc="outside lower center", ncols=4)
    figure.suptitle(textwrap.fill(title, 66), **TITLE_STYLE)
    return figure


def plot_calibration(table: pd.DataFrame, title: str) -> Figure:
    """Draw a reliability diagram: a network's accuracy by its confidence.

    Args:
        table: as returned by `metrics.calibration`.
        title: the title of the figure.
    """
    width = 1 / len(table)
    middle = table.index.to_numpy() - width / 2
    figure, (axis, below) = plt.subplots(2, 1, figsize=(4, 4), sharex=True, height_ratios=(3, 1))
    axis.bar(middle, table["accuracy"], 0.9 * width, color="#0072B2", label="this network")
    axis.plot([0, 1], [0, 1], "--", color="#D55E00", label="perfectly calibrated")
    axis.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    axis.legend(loc="upper left")
    below.bar(middle, table["images"], 0.9 * width, color="#808080")
    below.set(xlabel="confidence (largest probability)", ylabel="images")
    figure.suptitle(textwrap.fill(title, 50), **TITLE_STYLE)
    return figure


def plot_confusion(matrix: np.ndarray, names: Sequence[str], title: str) -> Figure:
    """Draw a confusion matrix as shares of each true class (row).

    Args:
        matrix: int, shape (k, k), rows are true classes, columns are predicted classes.
        names: the k class names.
        title: the title of the figure.
    """
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    figure, axis = plt.subplots(figsize=(4.6, 3.8))
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(share.shape):
        dark = share[row, column] > 0.5
        text = f"{share[row, column]:.2f}"
        axis.text(column, row, text, ha="center", va="center", color="white" if dark else "black")
    ticks = range(len(names))
    axis.set_xticks(ticks, names, rotation=45, ha="right")
    axis.set_yticks(ticks, names)
    axis.set(xlabel="predicted emotion", ylabel="true emotion")
    axis.spines[:].set_visible(False)
    figure.suptitle(textwrap.fill(title, 58), **TITLE_STYLE)
    return figure


def plot_shares(table: pd.DataFrame, title: str, note: str = "") -> Figure:
    """Draw shares as horizontal bars, each with its 95 % confidence interval and its counts.

    The axis goes up to 100 % unless all shares are small.

    Args:
        table: the columns row (what a group of bars is about, from top to bottom), series (the
            colour of a bar), count, and of (the number of which `count` is a part, 1 or more).
        title: the title of the figure.
        note: a line below the figure: which data, which run.
    """
    rows, names = list(dict.fromkeys(table["row"])), list(dict.fromkeys(table["series"]))
    colours = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    bars = 1 if table["row"].is_unique else len(names)
    height = 0.8 / bars
    ends = [confidence_interval(*pair) for pair in zip(table["count"], table["of"], strict=True)]
    low, high = 100 * np.array(ends).T
    limit = 118.0 if high.max() > 45 else 1.4 * float(high.max())
    lines = 1 + max(str(row).count("\n") for row in rows)
    figure, axis = plt.subplots(
        figsize=(6, 1.1 + len(rows) * max(0.05 + 0.21 * lines, 0.19 * bars))
    )
    for k, name in enumerate(names):
        own = (table["series"] == name).to_numpy()
        part = table[own]
        share = 100 * part["count"] / part["of"]
        error = np.abs(np.array([low[own], high[own]]) - share.to_numpy())
        place = np.array([rows.index(row) for row in part["row"]]) + (k % bars + 0.5) * height - 0.4
        style: dict[str, Any] = {"height": 0.9 * height, "color": colours[k % len(colours)]}
        axis.barh(place, share, xerr=error, ecolor="0.25", label=name, alpha=0.8, **style)
        for y, end, count, of in zip(place, high[own], part["count"], part["of"], strict=True):
            axis.text(end + limit / 118, y, f"{count:,} of {of:,}", va="center", fontsize=8)
    axis.set_yticks(range(len(rows)), rows)
    axis.set(xlim=(0, limit), xlabel="share (%), with its 95 % interval")
    if limit == 118.0:
        axis.set_xticks(range(0, 101, 20))
    axis.invert_yaxis()
    if len(names) > 1:
        columns = len(names) if len(names) < 5 else 3
        figure.legend(loc="outside lower right", ncols=columns, fontsize=8)
    figure.suptitle(textwrap.fill(title, 66), **TITLE_STYLE)
    _add_note(figure, note)
    return figure
