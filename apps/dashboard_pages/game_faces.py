"""The faces of the guessing game: test faces that the model was not trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from apps.dashboard_pages import shared
from facevalue import settings
from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces

VOTE_NAMES = {"NF": "no face", "unknown": "cannot tell"}
"""How the page calls two of FER+'s answers."""


@dataclass(frozen=True)
class GameFaces:
    """The faces of PrivateTest, and FER+'s ten votes on each, or None if they are missing."""

    data: Dataset
    votes: pd.DataFrame | None


def load_faces() -> GameFaces:
    """Return the faces of the chosen data set, or show what is missing and end the page."""
    try:
        run = settings.profile()
        with st.spinner("Loading the faces; the first time takes longer ..."):
            return _load(run.dataset, run.train_images)
    except (FileNotFoundError, ValueError) as error:
        shared.stop(error)


@st.cache_resource(show_spinner=False)
def _load(name: str, train_images: int | None) -> GameFaces:
    # all of FER-2013: no face may be a copy of any Training image
    data = course_faces.load(name, None if name == "fer2013" else train_images)
    known = {image.tobytes() for image in data.split("Training").images}
    unknown = np.array([image.tobytes() not in known for image in data.images])
    test = data.take(unknown & (data.splits == "PrivateTest"))
    return GameFaces(test, _votes(test))


def _votes(test: Dataset) -> pd.DataFrame | None:
    from facevalue.exploration import second_opinion  # slow to import

    return second_opinion.second_opinion(test).votes


def balanced_order(labels: np.ndarray, rng: np.random.Generator) -> list[int]:
    """Return all rows in random order, with each emotion equally likely until it runs out.

    Args:
        labels: int, shape (n,).
    """
    left = {
        label: rng.permutation(np.flatnonzero(labels == label)).tolist()
        for label in np.unique(labels)
    }
    order = []
    while left:
        label = list(left)[rng.integers(len(left))]
        order.append(left[label].pop())
        if not left[label]:
            del left[label]
    return order


def description(faces: GameFaces, row: int) -> str:
    """Return what is known about a face besides its label, as a sentence."""
    if faces.votes is not None:
        return votes_sentence(faces.votes.iloc[row])
    if faces.data.truth is None:
        return "FER+, the votes of ten people on each face, is not on this machine."
    truth = faces.data.truth.iloc[row]
    if truth["emotion"] == "neutral" and truth["blend"] == "none":
        return "It was drawn with all muscles at rest."
    text = f"It was drawn as {truth['emotion']}"
    if truth["emotion"] != "neutral":
        text += f" at {shared.percent(truth['intensity'])} intensity"
    return text + ("." if truth["blend"] == "none" else f", with a little {truth['blend']}.")


def votes_sentence(votes: pd.Series) -> str:
    """Return the FER+ votes on one face as a sentence, the most frequent answer first.

    >>> votes_sentence(pd.Series({"neutral": 2, "sadness": 7, "anger": 0, "NF": 1}))
    'Of 10 people asked for FER+, 7 said sadness, 2 neutral, 1 no face.'
    """
    counts = {str(name): int(votes[name]) for name in votes.index if name != "Usage"}
    given = sorted(((n, name) for name, n in counts.items() if n), key=lambda vote: -vote[0])
    (n, first), *others = [(n, VOTE_NAMES.get(name, name)) for n, name in given]
    answers = ", ".join([f"{n} said {first}", *(f"{n} {name}" for n, name in others)])
    return f"Of {sum(counts.values())} people asked for FER+, {answers}."
