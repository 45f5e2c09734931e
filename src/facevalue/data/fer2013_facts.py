"""FER-2013's published numbers of images."""

from __future__ import annotations

import pandas as pd

from facevalue.emotions import EMOTIONS

COUNTS = {
    "Training": (3995, 436, 4097, 7215, 4830, 3171, 4965),
    "PublicTest": (467, 56, 496, 895, 653, 415, 607),
    "PrivateTest": (491, 55, 528, 879, 594, 416, 626),
}
"""Images of each emotion, in the order of `EMOTIONS`. Source: Goodfellow et al. (2013),
https://arxiv.org/abs/1307.0414, and Kaggle's fer2013.csv."""

ROWS = 35_887
"""The total number of images."""

MAX_ROWS = 2 * ROWS
"""How many images are read at most: a small compressed file can hold any number."""


def published_counts() -> pd.DataFrame:
    """Return FER-2013's published counts by split and emotion, laid out as `Dataset.counts`.

    >>> published_counts().loc["PrivateTest", "disgust"].item()
    55
    """
    table = pd.DataFrame.from_dict(COUNTS, orient="index", columns=list(EMOTIONS))
    table.index.name = "split"
    table["total"] = table.sum(axis=1)
    return table
