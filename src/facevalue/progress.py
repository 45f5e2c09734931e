"""A progress bar for the command line and the notebooks."""

from __future__ import annotations

import sys
import time
from typing import Any


class ProgressBar:
    """A progress bar on stderr: tqdm's if that is installed, otherwise a counter.

        with ProgressBar("scoring", total=len(files), unit="file") as bar:
            for file in files:
                ...
                bar.update()

    Args:
        label: what is being done.
        total: the number of steps; None if it is unknown.
        unit: the name of a step; its plural ends in s.
        show: whether to show anything.
    """

    def __init__(
        self, label: str, total: int | None = None, *, unit: str = "it", show: bool = True
    ) -> None:
        self._label, self._show = label, show
        self._done, self._total, self._next = 0, total, 0.0
        self._tqdm = _tqdm(label, total, unit) if show else None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(self, steps: int = 1) -> None:
        """Advance the bar by some steps."""
        self._done += steps
        if self._tqdm is not None:
            self._tqdm.update(steps)
        elif self._show and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.2
            self._print("")

    def set_total(self, total: int, skipped: int = 0) -> None:
        """Change the number of steps; `skipped` of them were done before, so they took no time."""
        is_first = not self._total
        self._total = total
        if self._tqdm is not None:
            self._tqdm.total, self._tqdm.initial = total, skipped
            if is_first:
                self._tqdm.delay = 0  # else a bar that ends at once is never shown whole
                self._tqdm.refresh()

    def close(self) -> None:
        """Show the final state."""
        if self._tqdm is not None:
            self._tqdm.close()
        elif self._show:
            self._print("\n")
        self._show = False

    def _print(self, end: str) -> None:
        total = "" if self._total is None else f"/{self._total:,}"
        print(f"\r{self._label}: {self._done:,}{total}", end=end, file=sys.stderr, flush=True)


def _tqdm(label: str, total: int | None, unit: str) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:  # not needed to recognise faces, so not a base dependency
        return None
    # with a delay, nothing is shown before the number of steps is known
    return tqdm(desc=label, total=total, unit=f" {unit}s", delay=0 if total else 1e-3)
