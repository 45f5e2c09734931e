"""The learning curves of the page of results, one figure for a light page and one for a dark."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd

from facevalue.recognition.shipped import SEEDS

FAMILIES = {
    "recogniser": ("The recogniser", rf"accurate-{SEEDS['accurate']}|fast-{SEEDS['fast']}|first-0"),
    "convolutional": (
        "The convolutional networks of notebook 04",
        r"cnn6|four-convolutions|cnn-of-project-3",
    ),
    "dense": ("The dense networks of notebook 03", r"best-dense-net|dense-[ps]\d+"),
    "remedies": ("A small network, and remedies against overfitting", r"small-net-.+"),
}
"""The figures: the name of each, its title, and which networks it shows: those with the same task.

FER+ has other labels, and the baseline of five emotions an easier test.
"""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#808080", "#E69F00", "#56B4E9")
"""Colours that most colour-blind people can tell apart, and that hold on white and on black."""

INK = {"light": "#222222", "dark": "#dddddd"}
"""The colour of text and axes on a light page and on a dark one."""


def read(root: Path) -> dict[str, pd.DataFrame]:
    """Return the curve of each network that was trained on all of FER-2013, by its name."""
    files = sorted((root / "reports" / "curves").glob("*_fer2013_full.csv"))
    return {file.name.removesuffix("_fer2013_full.csv"): pd.read_csv(file) for file in files}


def figures(root: Path, folder: Path) -> str:
    """Draw the figures into a folder; return the Markdown that shows them, with their numbers."""
    curves, parts = read(root), []
    for family, (title, pattern) in FAMILIES.items():
        found = {name: curve for name, curve in curves.items() if re.fullmatch(pattern, name)}
        found = {name: curve for name, curve in found.items() if "val_accuracy" in curve}
        if not found:
            continue
        best = {name: curve["val_accuracy"].max() for name, curve in found.items()}
        top = max(best, key=lambda name: best[name])
        told = (
            f"{title}: accuracy on PublicTest after each epoch. The best, {top}, reaches "
            f"{best[top]:.3f}; the lowest of the {len(best)} curves ends its best epoch at "
            f"{min(best.values()):.3f}."
        )
        for theme, ink in INK.items():
            draw(found, title, ink, folder / f"{family}-{theme}.svg")
            parts.append(
                f"```{{image}} /{folder.name}/{family}-{theme}.svg\n"
                f":class: only-{theme}\n:alt: {told}\n```"
            )
    return "\n\n".join(parts)


def draw(curves: dict[str, pd.DataFrame], title: str, ink: str, path: Path) -> None:
    """Draw the validation accuracy of some networks after each epoch."""
    names = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    style: Any = dict.fromkeys(names, ink) | {"svg.hashsalt": "facevalue", "font.size": 9}
    with plt.rc_context(style):
        figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
        for k, (name, curve) in enumerate(curves.items()):
            colour, line = COLOURS[k % len(COLOURS)], ("-", "--", ":")[k // len(COLOURS) % 3]
            epochs = range(1, len(curve) + 1)
            axis.plot(epochs, curve["val_accuracy"], line, color=colour, label=name)
        axis.set(xlabel="epoch", ylabel="accuracy on PublicTest")
        axis.set_title(title, loc="left", fontsize=10, fontweight="bold")
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
        figure.legend(loc="outside right upper", frameon=False, fontsize=7)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, transparent=True, metadata={"Date": None})
        plt.close(figure)
