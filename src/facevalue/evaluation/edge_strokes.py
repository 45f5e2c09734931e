"""Drawing the edges of a face, cell by cell, as histograms of oriented gradients describe them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(axis: Axes, cells: np.ndarray) -> None:
    """Draw a stroke for each cell and direction, along the edge; a strong edge is dark.

    Args:
        axis: where to draw; it gets neither ticks nor a frame.
        cells: float, shape (rows, columns, directions): the strength of the brightness gradient in
            equal steps from 0 to 180 degrees (0: brighter to the right, 90: brighter downwards).
            Negative strengths are drawn as 0.
    """
    rows, columns, directions = cells.shape
    darkest = max(float(cells.max()), 1e-9)
    for row, column, step in np.ndindex(rows, columns, directions):
        strength = max(float(cells[row, column, step]), 0) / darkest
        along = np.radians((step + 0.5) * 180 / directions + 90)  # an edge crosses its gradient
        right, down = 0.45 * np.cos(along), 0.45 * np.sin(along)
        axis.plot(
            [column - right, column + right],
            [row - down, row + down],
            color="black",
            alpha=strength,
            lw=1.5,
        )
    axis.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), aspect="equal")
    axis.axis("off")
