"""The score of the game: who was right how often, and how much of that may be luck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from scipy.stats import binomtest

from facevalue.emotions import EMOTIONS


@dataclass(frozen=True)
class Answer:
    """What was said about one face.

    Attributes:
        row: which of the test faces it was.
        label: the emotion that its label names.
        you: the emotion that the visitor named.
        model: the emotion that the model named.
        confidence: the probability that the model gave it, 0 to 1.
    """

    row: int
    label: str
    you: str
    model: str
    confidence: float


def right(answers: Sequence[Answer], who: str) -> int:
    """Return how often "you" or the "model" named the emotion of the label."""
    return sum(getattr(answer, who) == answer.label for answer in answers)


def interval(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share that was `hits` of `n`.

    Source: Wilson (1927), https://doi.org/10.1080/01621459.1927.10502953
    """
    found = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def by_emotion(answers: Sequence[Answer]) -> pd.DataFrame:
    """Return one row per emotion seen: how many faces, and how many each of the two had right."""
    rows = []
    for emotion in EMOTIONS:
        own = [answer for answer in answers if answer.label == emotion]
        if own:
            rows.append((emotion, len(own), right(own, "you"), right(own, "model")))
    return pd.DataFrame(rows, columns=["emotion", "faces", "you", "model"]).set_index("emotion")


def both_wrong(answers: Sequence[Answer]) -> list[Answer]:
    """Return the faces that neither got right."""
    return [a for a in answers if a.you != a.label and a.model != a.label]


def luck(answers: Sequence[Answer]) -> tuple[int, int, float]:
    """Return how often only you were right, how often only the model, and the chance of that.

    The chance is that of a difference at least as large between two who are equally good: the
    exact form of McNemar's test (1947), https://doi.org/10.1007/BF02295996
    """
    you = sum(a.you == a.label != a.model for a in answers)
    model = sum(a.model == a.label != a.you for a in answers)
    chance = float(binomtest(you, you + model).pvalue) if you + model else 1.0
    return you, model, chance


def verdict(answers: Sequence[Answer]) -> str:
    """Return who was better, and an honest word on whether the numbers say so."""
    n = len(answers)
    low, high = interval(right(answers, "you"), n)
    you, model, chance = luck(answers)
    lead = "You and the model did equally well."
    if you != model:
        lead = "You were right more often." if you > model else "The model was right more often."
    times = f"{max(1, round(100 * chance))} of 100 such games"
    times += " or fewer" if chance < 0.01 else ""
    word = f"Two who are equally good would differ as much in {times}, so "
    word += "it is probably not luck." if chance < 0.05 else "this may well be luck."
    if you == model:
        word = "That does not show that you are equally good, only that nothing speaks against it."
    return (
        f"{lead} On {you} of the {n} faces only you were right, on {model} only the model. {word} "
        f"With {n} faces, your own accuracy is known to lie between {100 * low:.0f} and "
        f"{100 * high:.0f} %, and no closer: few faces leave much room."
    )
