"""What the notebooks share: set-up, pictures, tables, checks."""

from __future__ import annotations

import json
import logging
import math
import operator
import os
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython import get_ipython
from matplotlib.figure import Figure

from facevalue import paths
from facevalue.evaluation import plots
from facevalue.files import append_line
from facevalue.settings import Profile, profile

STYLE: Any = {
    # an opaque page: figures stay readable in a dark notebook
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
    "axes.prop_cycle": plt.cycler(
        color=["#0072B2", "#D55E00", "#009E73", "#7B5EA7", "#808080", "#E69F00"]
    ),
    "image.cmap": "gray",
    "legend.frameon": False,
}

TITLE: Any = {"fontsize": 10, "fontweight": "bold", "x": 0.01, "ha": "left"}
"""The style of a figure's title."""


def setup() -> Profile:
    """Fix the random seeds, set the figure style, and return the profile of this run."""
    run = profile()
    random.seed(run.seed)
    np.random.seed(run.seed)  # noqa: NPY002 - scikit-learn's default generator
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(run.seed)
    plt.rcParams.update(STYLE)
    describe_figures()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns about each new network
    pd.options.display.float_format = "{:.3f}".format
    return run


def check(
    label: str, value: object, relation: str = "", bound: Any = None, *, margin: float = 0
) -> None:
    """Print what was compared and ": ok", or stop the notebook with an AssertionError.

    Args:
        label: what must hold, in words.
        value: the value to compare; without `relation`, whether the statement holds.
        relation: one of `RELATIONS`.
        bound: what `value` is compared with.
        margin: by how much `value` must be above or below `bound`.

    >>> check("two and two are four", 2 + 2 == 4)
    two and two are four: ok
    >>> check("a third is more than a fifth", 1 / 3, ">", 1 / 5, margin=0.1)
    a third is more than a fifth: 0.333 > 0.2 + 0.1: ok
    """
    if not relation:
        text, holds = label, bool(value)
    else:
        if relation not in RELATIONS:
            raise ValueError(f"{relation!r} is no relation: use {' '.join(RELATIONS)}.")
        sign = "" if not margin else " + " if relation.startswith(">") else " - "
        limit = bound + margin if sign == " + " else bound - margin if sign else bound
        text = f"{label}: {_short(value)} {relation} {_short(bound)}"
        text += f"{sign}{_short(margin)}" if sign else ""
        holds = bool(RELATIONS[relation](value, limit))
    if claims := os.environ.get("FACEVALUE_CLAIMS"):
        _note(Path(claims), label, value, relation, bound, margin, holds)
    elif not holds:
        raise AssertionError(f"{text}: not true in this run")
    print(f"{text}: {'ok' if holds else 'not true in this run'}")


def _note(path: Path, label: str, value: Any, relation: str, *rest: Any) -> None:
    """Add a line of JSON about a claim to the file of tools/measure_claims.py."""
    names = ("label", "value", "relation", "bound", "margin", "holds")
    values = [v.item() if isinstance(v, np.generic) else v for v in (label, value, relation, *rest)]
    append_line(path, json.dumps(dict(zip(names, values, strict=True)), default=str))


RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
"""The comparisons that `check` knows."""


def _short(value: object) -> str:
    """Return a number with three digits, or a whole one with commas; other values unchanged."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return f"{value:,}"
    return f"{value:.3g}" if isinstance(value, (float, np.floating)) else str(value)


def on_real_photos(lesson: str, name: str) -> Figure:
    """Draw what a full run on real photos gave, as stored in reports/on_real_photos.

    Args:
        lesson: the notebook's number, such as "01".
        name: the name of the result, such as "funnel".

    Raises:
        FileNotFoundError: there is no such result.
    """
    path = paths.root() / "reports" / "on_real_photos" / f"{lesson}_{name}.csv"
    if not path.is_file():
        known = ", ".join(sorted(file.stem[3:] for file in path.parent.glob(f"{lesson}_*.csv")))
        raise FileNotFoundError(f"There is no result {name!r} of {lesson}: choose from {known}.")
    lines = path.read_text("utf-8").splitlines()
    facts = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    table = pd.read_csv(path, comment="#")
    return plots.plot_result(table, f"On real photos: {facts['title']}", facts["note"])


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
        title: the title of the figure.
        columns: images in a row.
        size: width of one image in inches.
        imshow: passed to `matplotlib.axes.Axes.imshow`, for example vmin, vmax, cmap.
    """
    rows = math.ceil(len(images) / columns)
    tallest = min(1, max(image.shape[0] / image.shape[1] for image in images))
    row_height = size * tallest + (0.2 if titles is not None else 0.03)
    height = rows * row_height + (0.35 if title else 0)
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
        figure.suptitle(title, **TITLE)
    return figure


def show_rows(
    images: Sequence[np.ndarray], names: Sequence[str], *, title: str = "", columns: int = 10
) -> Figure:
    """Draw one row of images for each name, and return the figure; a row may be empty.

    Args:
        images: for each row, uint8, shape (k, 48, 48); the first `columns` of them are drawn.
        names: a short text to the left of each row.
        title: the title of the figure.
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
    figure.suptitle(title, **TITLE)
    return figure


def show_heat(
    images: np.ndarray,
    maps: np.ndarray,
    titles: Sequence[str] | None = None,
    *,
    masks: np.ndarray | None = None,
    title: str = "",
    columns: int = 6,
    size: float = 1.0,
) -> Figure:
    """Draw faces in grey under a heat map of the regions that matter to a network.

    Args:
        images: shape (n, 48, 48) or (n, 48, 48, 1), grey levels in any range.
        maps: float, shape (n, 48, 48), from 0 to 1, as returned by `grad_cam.grad_cam`.
        titles: a short text above each face.
        masks: bool, shape (n, 48, 48): regions to outline, such as what moved.
        title: the title of the figure.
        columns: faces in a row.
        size: width of one face in inches.
    """
    grey = images.reshape(images.shape[:3])
    figure = show_images(grey, titles, title=title, columns=columns, size=size)
    for k, heat in enumerate(maps):
        axis = figure.axes[k]
        axis.imshow(heat, cmap="YlOrRd", vmin=0, vmax=1, alpha=0.75 * heat)
        if masks is not None and masks[k].any():
            axis.contour(masks[k], [0.5], colors="#56B4E9", linewidths=1)
    return figure


def describe_figures() -> None:
    """Store an alternative text with each figure of a notebook, for those who cannot see it."""
    shell = get_ipython()
    if shell is None:
        return
    plt.switch_backend(plt.get_backend())  # the notebook's backend registers how it draws figures
    formatter = shell.display_formatter.formatters["image/png"]
    draw = formatter.lookup_by_type(Figure) if Figure in formatter else None
    if draw is None or hasattr(draw, "describes"):
        return

    def described(figure: Figure) -> tuple[str, dict[str, str]]:
        return draw(figure), {"alt": alternative_text(figure)}

    described.describes = True  # type: ignore[attr-defined]
    formatter.for_type(Figure, described)


def alternative_text(figure: Figure) -> str:
    """Return the titles, the names of the axes and the legends of a figure in one text.

    >>> figure, axis = plt.subplots()
    >>> _ = axis.set(title="Loss falls", xlabel="epoch", ylabel="loss")
    >>> alternative_text(figure)
    'Figure: Loss falls; loss by epoch'
    """
    words = [figure.get_suptitle()]
    for axis in figure.axes:
        words += [axis.get_title(place) for place in ("left", "center")]
        words.append(" by ".join(filter(None, (axis.get_ylabel(), axis.get_xlabel()))))
        legend = axis.get_legend()
        words += [text.get_text() for text in legend.get_texts()] if legend else []
    texts = dict.fromkeys(" ".join(word.split()) for word in words if word)
    return f"Figure: {'; '.join(texts)}"[:400]
