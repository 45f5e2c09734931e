"""The statistics of the guessing game: hits, confidence intervals, and a test for chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from scipy.stats import binomtest

from facevalue.emotions import EMOTIONS
from facevalue.evaluation.metrics import confidence_interval


@dataclass(frozen=True)
class Answer:
    """The answers to one face.

    Attributes:
        row: the index of the face in the game's data set.
        label: the emotion of its label.
        you: the visitor's guess.
        model: the model's prediction.
        confidence: the model's probability of its prediction, 0 to 1.
    """

    row: int
    label: str
    you: str
    model: str
    confidence: float


def hits(answers: Sequence[Answer], who: str) -> int:
    """Return how often "you" or the "model" gave the label.

    >>> hits([Answer(0, "sad", you="sad", model="fear", confidence=0.5)], "you")
    1
    """
    return sum(getattr(answer, who) == answer.label for answer in answers)


def by_emotion(answers: Sequence[Answer]) -> pd.DataFrame:
    """Return one row per emotion that occurred: the number of faces, and the hits of both."""
    rows = []
    for emotion in EMOTIONS:
        own = [answer for answer in answers if answer.label == emotion]
        if own:
            rows.append((emotion, len(own), hits(own, "you"), hits(own, "model")))
    return pd.DataFrame(rows, columns=["emotion", "faces", "you", "model"]).set_index("emotion")


def both_wrong(answers: Sequence[Answer]) -> list[Answer]:
    """Return the answers in which both were wrong."""
    return [a for a in answers if a.you != a.label and a.model != a.label]


def mcnemar(answers: Sequence[Answer]) -> tuple[int, int, float]:
    """Return how often only you were right, how often only the model, and the p-value.

    The p-value is the probability of a difference at least this large if both are equally good,
    by the exact test of McNemar (1947), https://doi.org/10.1007/BF02295996
    """
    you = sum(a.you == a.label != a.model for a in answers)
    model = sum(a.model == a.label != a.you for a in answers)
    p_value = float(binomtest(you, you + model).pvalue) if you + model else 1.0
    return you, model, p_value


def verdict(answers: Sequence[Answer]) -> str:
    """Return who was better, and whether the difference may be chance."""
    n = len(answers)
    low, high = confidence_interval(hits(answers, "you"), n)
    you, model, p_value = mcnemar(answers)
    return (
        f"{_winner(you, model)} On {you} of the {n} faces only you were right, on {model} only the "
        f"model. {_chance(you, model, p_value)} After {n} faces, the 95 % confidence interval of "
        f"your accuracy is {100 * low:.0f} to {100 * high:.0f} %: more faces would narrow it."
    )


def _winner(you: int, model: int) -> str:
    if you == model:
        return "You and the model did equally well."
    return "You were right more often." if you > model else "The model was right more often."


def _chance(you: int, model: int, p_value: float) -> str:
    if you == model:
        return "That does not prove that you are equally good."
    games = f"{max(1, round(100 * p_value))} of 100 such games"
    games += " or fewer" if p_value < 0.01 else ""
    conclusion = "it is probably not chance" if p_value < 0.05 else "this may be chance"
    return f"Two equally good players would differ as much in {games}, so {conclusion}."
