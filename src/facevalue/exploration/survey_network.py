"""Drawing the co-occurrence of emotions as a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from facevalue.data.survey_format import NEGATIVE, POSITIVE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"positive": "#0072B2", "negative": "#D55E00"}
MARKERS = {"positive": "o", "negative": "s"}
HATCHES = {"positive": "", "negative": "////"}
"""How figures distinguish positive from negative emotions: never by colour alone."""


def draw_network(axis: Axes, table: pd.DataFrame, shares: pd.Series, most: int = 30) -> None:
    """Draw emotions as points, and lines for the largest significant phi.

    Positive emotions are circles on the left, negative ones squares on the right; the area shows
    how often they are named. A solid line connects emotions that co-occur, a dashed one emotions
    that exclude each other; its width shows phi. The layout depends on the order of `shares` only.

    Args:
        axis: empty, at least 6 by 4 inches.
        table: from `survey_statistics.co_occurrence`.
        shares: how often each emotion is named, from `frequencies`; its index gives the order.
        most: the largest number of lines of each kind; more would overlap.
    """
    positions = _positions(list(shares.index))
    size = table["phi"].abs()
    significant = table[size > table.attrs["threshold"]].sort_values("phi", kind="stable")
    kinds = {
        "together": (significant[significant["phi"] > 0].tail(most), "-", "#404040"),
        "apart": (significant[significant["phi"] < 0].head(most), (0, (2, 1.5)), "#CC79A7"),
    }
    for label, (rows, style, colour) in kinds.items():
        for first, second, phi in zip(rows["first"], rows["second"], rows["phi"], strict=True):
            ends = zip(positions[first], positions[second], strict=True)
            width = 0.3 + 2.2 * abs(phi) / size.max()
            axis.plot(*ends, linestyle=style, color=colour, linewidth=width, zorder=1)
        axis.plot([], [], linestyle=style, color=colour, label=label)
    for word, (x, y) in positions.items():
        valence = "positive" if word in POSITIVE else "negative"
        area, marker, colour = 20 + 400 * shares[word], MARKERS[valence], COLOURS[valence]
        axis.scatter(x, y, s=area, marker=marker, color=colour, edgecolor="white", zorder=2)
        axis.text(1.12 * x, 1.1 * y, word, ha="right" if x < 0 else "left", va="center")
    axis.set(xlim=(-2, 2), ylim=(-1.15, 1.15))
    axis.axis("off")
    axis.legend(loc="lower left", bbox_to_anchor=(-0.02, -0.04))


def _positions(words: list[str]) -> dict[str, tuple[float, float]]:
    """Return a point on the unit circle for each word: positive ones left, the first on top."""
    positions = {}
    for side, kind in ((-1, POSITIVE), (1, NEGATIVE)):
        members = [word for word in words if word in kind]
        for angle, word in zip(np.linspace(0.1, np.pi - 0.1, len(members)), members, strict=True):
            positions[word] = (side * float(np.sin(angle)), float(np.cos(angle)))
    return positions
