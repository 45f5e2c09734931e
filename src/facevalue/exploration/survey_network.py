"""The network of emotions that come together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from facevalue.data.survey_format import NEGATIVE, POSITIVE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WORDS = (*POSITIVE, *NEGATIVE)
"""The 18 emotions, the nine positive ones first."""

COLOURS = {"positive": "#0072B2", "negative": "#D55E00"}
MARKERS = {"positive": "o", "negative": "s"}
HATCHES = {"positive": "", "negative": "////"}
"""How figures tell positive from negative: never by colour alone."""


def draw_network(axis: Axes, table: pd.DataFrame, shares: pd.Series, most: int = 30) -> None:
    """Draw emotions as points, and a line for each of the largest phi beyond chance.

    Positive emotions are round and on the left, negative ones square and on the right; a point's
    area shows how often it is felt. A solid line joins what comes together, a dashed one what
    keeps apart; the wider, the larger phi. The places depend on the order of `shares` alone.

    Args:
        axis: an empty one, 6 by 4 in or larger.
        table: from `pairs`.
        shares: how often each emotion is felt, from `frequencies`; its index gives the order.
        most: lines of each of the two sorts; more of them cannot be told apart.
    """
    place = _places(list(shares.index))
    size = table["phi"].abs()
    beyond = table[size > table.attrs["threshold"]].sort_values("phi", kind="stable")
    sorts = {
        "together": (beyond[beyond["phi"] > 0].tail(most), "-", "#404040"),
        "apart": (beyond[beyond["phi"] < 0].head(most), (0, (2, 1.5)), "#CC79A7"),
    }
    for label, (rows, style, colour) in sorts.items():
        for first, second, phi in zip(rows["first"], rows["second"], rows["phi"], strict=True):
            ends = zip(place[first], place[second], strict=True)
            width = 0.3 + 2.2 * abs(phi) / size.max()
            axis.plot(*ends, linestyle=style, color=colour, linewidth=width, zorder=1)
        axis.plot([], [], linestyle=style, color=colour, label=label)
    for word, (x, y) in place.items():
        kind = "positive" if word in POSITIVE else "negative"
        area, look = 20 + 400 * shares[word], (MARKERS[kind], COLOURS[kind])
        axis.scatter(x, y, s=area, marker=look[0], color=look[1], edgecolor="white", zorder=2)
        axis.text(1.12 * x, 1.1 * y, word, ha="right" if x < 0 else "left", va="center")
    axis.set(xlim=(-2, 2), ylim=(-1.15, 1.15))
    axis.axis("off")
    axis.legend(loc="lower left", bbox_to_anchor=(-0.02, -0.04))


def _places(words: list[str]) -> dict[str, tuple[float, float]]:
    """Return a place on the unit circle for each word, positive ones left, the first on top."""
    place = {}
    for side, kind in ((-1, POSITIVE), (1, NEGATIVE)):
        members = [word for word in words if word in kind]
        for angle, word in zip(np.linspace(0.1, np.pi - 0.1, len(members)), members, strict=True):
            place[word] = (side * float(np.sin(angle)), float(np.cos(angle)))
    return place
