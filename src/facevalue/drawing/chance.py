"""Random values of the kinds that people, expressions and views are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")

VALUES = 96
"""How many normal and how many uniform random values a person or a view takes at most."""


class Draws:
    """Random values of a person or a view, taken from the generator at once, which is faster."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._normal = iter(np.clip(rng.standard_normal(VALUES), -2, 2).tolist())
        self._uniform = iter(rng.random(VALUES).tolist())

    def around(self, mean: float, spread: float) -> float:
        """Return a normal value, at most two standard deviations (`spread`) from the mean."""
        return mean + spread * next(self._normal)

    def between(self, low: float = 0.0, high: float = 1.0) -> float:
        """Return a uniform value."""
        return low + (high - low) * next(self._uniform)

    def chance(self, share: float) -> bool:
        """Return True with the probability `share`."""
        return next(self._uniform) < share

    def skewed(self, a: float, b: float) -> float:
        """Return a value from 0 to 1, like a beta distribution (Kumaraswamy's distribution)."""
        return (1 - (1 - next(self._uniform)) ** (1 / b)) ** (1 / a)

    def often(self, share: float, low: float, high: float) -> float:
        """Return 0, or with the probability `share` a uniform value from `low` to `high`."""
        seen, value = self.chance(share), self.between(low, high)
        return value if seen else 0.0

    def choice(self, weights: Mapping[str, float]) -> str:
        """Return one of the names, with probabilities in proportion to their weights."""
        place = next(self._uniform) * sum(weights.values())
        for name, weight in weights.items():
            place -= weight
            if place < 0:
                return name
        return next(iter(weights))

    def tailed(self, spread: float, limit: float) -> float:
        """Return a normal value around 0; one in six is from a distribution twice as wide."""
        wide = 1.75 if self.chance(1 / 6) else 0.82
        return min(max(self.around(0, wide * spread), -limit), limit)

    def sign(self) -> int:
        """Return -1 or 1."""
        return -1 if self.chance(0.5) else 1

    def pick(self, values: Sequence[T]) -> T:
        """Return one of the values, all equally likely."""
        return values[int(next(self._uniform) * len(values))]


def pick(rng: np.random.Generator, values: Sequence[T]) -> T:
    """Return one of the values, all equally likely, several times faster than `rng.choice`."""
    return values[int(rng.random() * len(values))]
