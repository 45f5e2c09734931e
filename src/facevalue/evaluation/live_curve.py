"""A learning curve that is drawn while the network learns."""

from __future__ import annotations

import time
from typing import Any

import keras
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from facevalue.evaluation import plots
from facevalue.learning.training import _in_notebook, _watched


class LiveCurve(keras.callbacks.Callback):
    """One figure in a notebook that grows with each epoch: loss and accuracy so far.

    Where a command runs the notebook (tools/run_notebooks.py, pytest), it is drawn once, at the
    end; outside a notebook, never.

    Args:
        title: of the figure.
    """

    def __init__(self, title: str = "") -> None:
        super().__init__()
        self.title = title
        self.rows: list[dict[str, float]] = []
        self.drawn = 0.0
        self.place: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Start an empty curve."""
        self.rows, self.place = [], None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Draw the curve so far, at most once a second."""
        self.rows.append({"epoch": epoch + 1, **(logs or {})})
        if not _watched() or time.perf_counter() - self.drawn < 1:
            return
        self.draw()
        self.drawn = time.perf_counter()

    def on_train_end(self, logs: Any = None) -> None:
        """Draw the whole curve."""
        if self.rows:
            self.draw()

    def draw(self) -> None:
        """Show the figure, in the place of the one before."""
        if not _in_notebook():
            return
        from IPython.display import display

        figure = self.figure()
        if self.place is None:
            self.place = display(figure, display_id=True)
        else:
            self.place.update(figure)
        plt.close(figure)

    def figure(self) -> Figure:
        """Return the curve so far, of training and, where there is one, of validation."""
        curve = pd.DataFrame(self.rows)
        measures = [name for name in ("loss", "accuracy") if name in curve]
        return plots.plot_curves({self.title: curve}, self.title, measures)
