"""Figures about trained networks that the notebooks need more than once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKS = "osv^DPX"
HEADING: Any = {"fontsize": 10, "fontweight": "bold", "x": 0.01, "ha": "left"}


def plot_curves(
    curves: Mapping[str, pd.DataFrame],
    title: str,
    measures: Sequence[str] = ("loss", "accuracy"),
) -> Figure:
    """Plot the learning curves of one or several trainings side by side.

    Args:
        curves: for each training's name, a row per epoch, as `training.fit` returns it.
        title: what the figure shows.
        measures: columns of the curves, one panel each; dashed on the training images, solid on
            the validation images (val_...) where there are any.
    """
    figure, axes = plt.subplots(1, len(measures), figsize=(6, 2.8), squeeze=False)
    colours = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    for axis, measure in zip(axes[0], measures, strict=True):
        for k, curve in enumerate(curves.values()):
            style: Any = {"color": colours[k % len(colours)], "ms": 3}
            axis.plot(curve["epoch"], curve[measure], "--", **style)
            if f"val_{measure}" in curve:
                mark = MARKS[k % len(MARKS)]
                axis.plot(curve["epoch"], curve[f"val_{measure}"], f"{mark}-", **style)
        axis.set(xlabel="epoch", ylabel=measure.replace("_", " "))
        axis.xaxis.get_major_locator().set_params(integer=True)
    entries = []
    if len(curves) > 1:
        kinds = [(colours[k % len(colours)], MARKS[k % len(MARKS)]) for k in range(len(curves))]
        entries = [
            plt.Line2D([], [], color=colour, marker=mark, ms=3, label=name)
            for name, (colour, mark) in zip(curves, kinds, strict=True)
        ]
    entries += [plt.Line2D([], [], color="0.3", ls="--", label="training")]
    if any(f"val_{measures[0]}" in curve for curve in curves.values()):
        entries += [plt.Line2D([], [], color="0.3", label="validation")]
    figure.legend(handles=entries, loc="outside lower center", ncols=4)
    figure.suptitle(title, **HEADING)
    return figure


def plot_calibration(table: pd.DataFrame, title: str) -> Figure:
    """Draw a reliability diagram: how often a network is right, by how sure it says it is.

    Args:
        table: as `evaluation.calibration` returns it.
        title: what the figure shows.
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
    figure.suptitle(title, **HEADING)
    return figure


if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_confusion(matrix: np.ndarray, names: Sequence[str], title: str) -> Figure:
    """Draw a confusion matrix: the share of each true class (row) that got each prediction.

    Args:
        matrix: int, shape (k, k), rows the true classes, columns the predicted ones.
        names: the k class names.
        title: what the figure shows.
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
    axis.set(xlabel="predicted emotion", ylabel="true emotion", title=title)
    axis.spines[:].set_visible(False)
    return figure
