"""A learning curve that is drawn while a network trains."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import keras
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from facevalue.evaluation import plots

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

UNATTENDED = ("FACEVALUE_HEADLINES", "PYTEST_VERSION", "PYTEST_CURRENT_TEST")
"""Environment variables that are set by the commands which run notebooks unattended."""


class LiveCurve(keras.callbacks.Callback):
    """Draws loss and accuracy in a notebook, in one figure that grows with each epoch.

    If a command runs the notebook (tools/run_notebooks.py, pytest), the figure is drawn once, at
    the end. Outside a notebook, nothing is drawn.

    Args:
        title: the title of the figure.
    """

    def __init__(self, title: str = "") -> None:
        super().__init__()
        self.title = title
        self.rows: list[dict[str, float]] = []
        self.drawn_at = 0.0
        self.handle: DisplayHandle | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Start an empty curve."""
        self.rows, self.handle = [], None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Draw the curve so far, at most once a second."""
        self.rows.append({"epoch": epoch + 1, **(logs or {})})
        if not watched() or time.perf_counter() - self.drawn_at < 1:
            return
        self.draw()
        self.drawn_at = time.perf_counter()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Draw the whole curve."""
        if self.rows:
            self.draw()

    def draw(self) -> None:
        """Show the figure in place of the previous one."""
        if not in_notebook():
            return
        from IPython.display import display

        figure = self.figure()
        if self.handle is None:
            self.handle = display(figure, display_id=True)
        else:
            self.handle.update(figure)
        plt.close(figure)

    def figure(self) -> Figure:
        """Return a figure of the curve so far, of training and, if there is one, of validation."""
        curve = pd.DataFrame(self.rows)
        measures = [name for name in ("loss", "accuracy") if name in curve]
        return plots.plot_curves({self.title: curve}, self.title, measures)


def in_notebook() -> bool:
    """Return whether this code runs in a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")


def watched() -> bool:
    """Return whether a person runs the notebook, and not a command."""
    return in_notebook() and not any(os.environ.get(name) for name in UNATTENDED)
