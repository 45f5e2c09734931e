"""What a model answers for every pair of two numbers, drawn as areas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import BaseEstimator

from facevalue.evaluation.plots import TITLE_STYLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#D55E00", "#0072B2")
STEPS = 150


def plot_areas(
    models: Sequence[BaseEstimator],
    points: np.ndarray,
    labels: np.ndarray,
    titles: Sequence[str],
    *,
    title: str,
    names: Sequence[str],
    margins: bool = False,
) -> Figure:
    """Draw the areas of two classes for each model, and the points that it has learnt from.

    Args:
        models: trained classifiers of points with two coordinates.
        points: float, shape (n, 2).
        labels: bool or int, shape (n,): 0 or 1.
        titles: a text above each model's panel.
        title: the title of the figure.
        names: the names of class 0 and of class 1.
        margins: whether to draw the border and the margins of support vector machines.
    """
    columns = min(len(models), 3)
    rows = -(-len(models) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(6, 0.7 + 2.1 * rows), squeeze=False, sharex=True, sharey=True
    )
    low, high = points.min(axis=0) - 0.3, points.max(axis=0) + 0.3
    across, up = np.meshgrid(*(np.linspace(a, b, STEPS) for a, b in zip(low, high, strict=True)))
    grid = np.column_stack([across.ravel(), up.ravel()])
    for axis, model, text in zip(axes.flat, models, titles, strict=True):
        areas = model.predict(grid).reshape(across.shape).astype(float)
        axis.contourf(across, up, areas, [-0.5, 0.5, 1.5], colors=COLOURS, alpha=0.25)
        for label, (colour, marker) in enumerate(zip(COLOURS, "os", strict=True)):
            own = points[labels == label]
            axis.plot(*own.T, marker, color=colour, ms=2.5, label=names[label])
        if margins:
            scores = model.decision_function(grid).reshape(across.shape)
            axis.contour(
                across, up, scores, [-1, 0, 1], colors="black", linestyles=["--", "-", "--"]
            )
        axis.set_title(text, fontsize=8, fontweight="normal")
    for axis in axes[-1]:
        axis.set_xlabel("first number")
    for axis in axes[:, 0]:
        axis.set_ylabel("second number")
    handles, texts = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower right", ncols=2)
    figure.suptitle(title, **TITLE_STYLE)
    return figure
