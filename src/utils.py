"""What the notebooks share: settings, figures, tables, checks."""

from __future__ import annotations

import json
import logging
import math
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATASETS = ("rendered", "fer2013")


@dataclass(frozen=True)
class Profile:
    """How much work one run does. It sizes a run; it never changes what the run does.

    Attributes:
        name: "fast" or "full".
        dataset: "rendered" or "fer2013".
        train_images: most Training images that are used; None for all.
        epochs: passes over its images for a network of notebooks 04 and 05 other than cnn6.
        sweep_rows: rows of the published dense sweep that are trained.
        dense_epochs: most passes over the training images for one dense network.
        mixed: images of an emotion that notebook 03 mixes from each of two large sources.
        per_class: images of an emotion that the same dense network is trained on; None for all.
        seeds: how often a training is repeated to see how far its result varies.
        photos: drawn photos that notebook 01 searches for faces.
        replicates: how often notebook 02 draws people anew to see how far its numbers vary.
        networks: how many more of the published networks notebook 04 trains beside cnn6.
        cnn_images: Training images that cnn6 of notebook 04 learns from; None for all.
        cnn_epochs: passes of cnn6 over them.
        watched: images of PublicTest on which notebook 04 watches cnn6 learn.
        few_images: images on which notebook 04 shows overfitting.
        large: images of an emotion and source, 224 x 224 pixels, for project 1's six models.
        humans: images from which a network learns to tell faces from other things.
        keep: whether trainings are kept on disk, to be resumed after a kill.
    """

    name: str
    dataset: str
    train_images: int | None
    epochs: int
    sweep_rows: int
    dense_epochs: int
    mixed: int
    per_class: tuple[int | None, ...]
    seeds: int
    photos: int
    replicates: int
    networks: int
    cnn_images: int | None
    cnn_epochs: int
    watched: int | None
    few_images: int
    large: int
    humans: int
    keep: bool


def profile() -> Profile:
    """Return the sizes named by FACEVALUE_PROFILE (fast) and the data of FACEVALUE_DATASET.

    Raises:
        ValueError: one of the two variables holds a name that does not exist.
    """
    dataset = _setting("FACEVALUE_DATASET", DATASETS)
    name = _setting("FACEVALUE_PROFILE", ("fast", "full"))
    if name == "fast":
        drawn = dataset == "rendered"  # photos are harder: cnn6 needs longer to beat chance on them
        return Profile(
            name,
            dataset,
            train_images=4_000,
            epochs=3,
            sweep_rows=3,
            dense_epochs=5,
            mixed=28,
            per_class=(20, 200, None),
            seeds=3,
            photos=40,
            replicates=1_000,
            networks=0,
            cnn_images=3_000 if drawn else 4_000,
            cnn_epochs=3 if drawn else 5,
            watched=500,
            few_images=160,
            large=2,
            humans=500,
            keep=False,
        )
    return Profile(
        name,
        dataset,
        train_images=None,
        epochs=40,
        sweep_rows=19,
        dense_epochs=50,
        mixed=200,
        per_class=(200, 500, 2_000, None),
        seeds=5,
        photos=400,
        replicates=10_000,
        networks=6,
        cnn_images=None,
        cnn_epochs=20,
        watched=None,
        few_images=4_000,
        large=200,
        humans=14_336,
        keep=True,
    )


def _setting(variable: str, allowed: tuple[str, ...]) -> str:
    value = os.environ.get(variable) or allowed[0]
    if value not in allowed:
        raise ValueError(f"{variable}={value!r} is unknown: set it to {' or '.join(allowed)}.")
    return value


def setup(seed: int = 42) -> Profile:
    """Fix the random seeds, set the figure style, and return the profile of this run."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - scikit-learn's default generator
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(seed)
    plt.rcParams.update(STYLE)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of each new network
    pd.options.display.float_format = "{:.3f}".format
    return profile()


STYLE: Any = {
    # an opaque page: the same figure is readable in a light and in a dark notebook
    "figure.facecolor": "white",
    "figure.dpi": 90,
    "figure.figsize": (6, 3.6),
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=["#0072B2", "#D55E00", "#009E73", "#7B5EA7", "#808080"]),
    "image.cmap": "gray",
    "legend.frameon": False,
}


def check(label: str, ok: object) -> None:
    """Print "label: ok", or stop the notebook with an AssertionError if `ok` is false."""
    if not ok:
        raise AssertionError(f"{label}: not so in this run")
    print(f"{label}: ok")


def headline(label: str, value: float | str, **facts: Any) -> None:
    """Hand one number of this notebook to the command that runs it; otherwise do nothing.

    tools/run_notebooks.py names a file in FACEVALUE_HEADLINES; each call adds one line of JSON.
    """
    path = os.environ.get("FACEVALUE_HEADLINES")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"label": label, "value": value, **facts}) + "\n")


def show_images(
    images: Sequence[np.ndarray] | np.ndarray,
    titles: Sequence[str] | None = None,
    *,
    title: str = "",
    columns: int = 7,
    size: float = 0.85,
    **imshow: Any,
) -> Figure:
    """Draw images in a grid, row by row, and return the figure.

    Args:
        images: each of shape (height, width) or (height, width, 3).
        titles: a short text above each image.
        title: what the whole figure shows.
        columns: images in a row.
        size: width of one image in inches.
        imshow: passed to `matplotlib.axes.Axes.imshow`, for example vmin, vmax, cmap.
    """
    rows = math.ceil(len(images) / columns)
    height = rows * (size + (0.2 if titles is not None else 0.03)) + (0.35 if title else 0)
    figure, axes = plt.subplots(
        rows, columns, figsize=(columns * size, height), squeeze=False, layout="constrained"
    )
    if images[0].dtype == np.uint8:
        imshow = {"vmin": 0, "vmax": 255} | imshow
    for position, axis in enumerate(axes.flat):
        axis.axis("off")
        if position < len(images):
            axis.imshow(images[position], **imshow)
            if titles is not None:
                axis.set_title(titles[position], fontsize=9, fontweight="normal", loc="center")
    if title:
        figure.suptitle(title, fontsize=10, fontweight="bold", x=0.01, ha="left")
    return figure


def show_rows(
    images: Sequence[np.ndarray], names: Sequence[str], *, title: str = "", columns: int = 10
) -> Figure:
    """Draw one row of images for each name, and return the figure; a row may be empty.

    Args:
        images: for each row, uint8, shape (k, 48, 48); the first `columns` of them are drawn.
        names: a short text to the left of each row.
        title: what the whole figure shows.
        columns: images in a row.
    """
    step = 48 + 3
    canvas = np.full((step * len(names) - 3, step * columns - 3), 255, np.uint8)
    for row, column in np.ndindex(len(names), columns):
        if column < len(images[row]):
            place = np.s_[row * step : row * step + 48, column * step : column * step + 48]
            canvas[place] = images[row][column]
    figure, axis = plt.subplots(figsize=(6, min(4, 0.5 + 0.47 * len(names))))
    axis.imshow(canvas, vmin=0, vmax=255)
    axis.set_yticks(24 + step * np.arange(len(names)), names)
    axis.set_xticks([])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    figure.suptitle(title, fontsize=10, fontweight="bold", x=0.01, ha="left")
    return figure


def plot_history(history: Any, title: str) -> Figure:
    """Plot loss and accuracy by epoch of a Keras `History`, training against validation."""
    figure, axes = plt.subplots(1, 2, figsize=(6, 2.6))
    epochs = range(1, len(history.epoch) + 1)
    for axis, measure in zip(axes, ("loss", "accuracy"), strict=True):
        axis.plot(epochs, history.history[measure], "o-", ms=3, color="#0072B2", label="training")
        if f"val_{measure}" in history.history:
            validation = history.history[f"val_{measure}"]
            axis.plot(epochs, validation, "s--", ms=3, color="#D55E00", label="validation")
        axis.set(xlabel="epoch", ylabel=measure)
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].legend()
    figure.suptitle(title, fontsize=10, fontweight="bold", x=0.01, ha="left")
    return figure


def history_table(history: Any) -> pd.DataFrame:
    """Return one row per epoch of a Keras `History`, rounded to 3 decimals."""
    table = pd.DataFrame(history.history).round(3)
    return table.set_axis(pd.RangeIndex(1, len(table) + 1, name="epoch"))


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
