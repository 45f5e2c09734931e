"""The effect of FACS action units on drawn faces, and their role in each emotion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facevalue.drawing import appearance, expressions, faces
from facevalue.emotions import EMOTIONS
from facevalue.image_files import encode_png

if TYPE_CHECKING:
    import ipywidgets

FACE_PIXELS = 192
"""Height and width of the face under the sliders."""


def unit_differences(units: Sequence[int] = appearance.ACTION_UNITS) -> np.ndarray:
    """Return the effect of each action unit: the face with it at full strength, minus without it.

    Returns:
        int64, shape (number of units, 48, 48), grey levels from -255 to 255.
    """
    rest = faces.draw({}).astype("int64")
    return np.stack([faces.draw({unit: 1.0}).astype("int64") - rest for unit in units])


def sliders(units: Sequence[int]) -> ipywidgets.interactive:
    """Return a slider for each action unit and, below them, the face that they produce.

    Returns:
        a widget, which a notebook displays if it is the value of a cell's last line.
    """
    # only notebooks need these two
    import IPython.display
    import ipywidgets

    def face(**strengths: float) -> None:
        units = {int(name.split()[-1]): value for name, value in strengths.items()}
        png = encode_png(faces.draw(units, size=FACE_PIXELS))
        IPython.display.display(IPython.display.Image(png))

    from_0_to_1 = {f"unit {unit}": ipywidgets.FloatSlider(0, max=1, step=0.05) for unit in units}
    return ipywidgets.interactive(face, **from_0_to_1)


def unit_strengths() -> np.ndarray:
    """Return the mean strength of each action unit in the usual variants of each emotion.

    Returns:
        float, shape (7, number of `appearance.ACTION_UNITS`), from 0 to 1.
    """
    table = np.zeros((len(EMOTIONS), len(appearance.ACTION_UNITS)))
    for row, name in enumerate(EMOTIONS):
        variants = [v.units for v in expressions.VARIANTS[name].values() if not v.rare]
        for recipe in variants:
            for unit, (low, high) in recipe.items():
                if unit in appearance.ACTION_UNITS:
                    column = appearance.ACTION_UNITS.index(unit)
                    table[row, column] += (low + high) / 2 / len(variants)
    return table


def separating_units() -> tuple[np.ndarray, np.ndarray]:
    """Return the action unit that best separates each pair of emotions, and by how much.

    Returns:
        int, shape (7, 7), the unit whose mean strength differs most (0 on the diagonal), and
        float, shape (7, 7), that difference: row minus column, from -1 to 1.

    >>> units, difference = separating_units()
    >>> happy, neutral = EMOTIONS.index("happy"), EMOTIONS.index("neutral")
    >>> int(units[happy, neutral])  # lip corner puller
    12
    """
    strengths = unit_strengths()
    gaps = strengths[:, None] - strengths[None, :]
    best = np.abs(gaps).argmax(axis=2)
    difference = np.take_along_axis(gaps, best[..., None], axis=2)[..., 0]
    units = np.array(appearance.ACTION_UNITS)[best]
    np.fill_diagonal(units, 0)
    return units, difference
