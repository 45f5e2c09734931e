"""You against the model: the same test faces, your guess and the model's, and both scores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from apps.dashboard_pages import score, shared
from apps.dashboard_pages.score import Answer
from facevalue import settings
from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces
from facevalue.emotions import EMOTIONS

ROUND = 20
"""Faces until the scores are compared."""


@dataclass(frozen=True)
class TestFaces:
    """The faces of the game: those of PrivateTest, with what ten people said of each, if known."""

    data: Dataset
    votes: pd.DataFrame | None

    __test__ = False  # no test, whatever pytest makes of the name


@dataclass
class Game:
    """One visitor's game.

    Attributes:
        rows: the faces, in the order in which they are shown.
        goal: the number of faces after which the scores are compared.
        revealed: whether the last answer is being shown, and not yet the next face.
        over: whether the comparison is being shown.
    """

    rows: list[int]
    goal: int = ROUND
    answers: list[Answer] = field(default_factory=list)
    revealed: bool = False
    over: bool = False

    @property
    def row(self) -> int:
        """The face that is being shown."""
        return self.rows[len(self.answers) - self.revealed]


def show() -> None:
    """Draw the page."""
    st.title("You against the model")
    faces = test_faces()
    model = shared.recogniser()
    if "game" not in st.session_state:
        st.session_state.game = Game(shuffled(faces.data.labels, np.random.default_rng()))
    game: Game = st.session_state.game
    if game.over:
        _show_comparison(game, faces)
        return
    kind = "drawings" if faces.data.truth is not None else "photos of FER-2013"
    shared.prose(
        f"The faces are {kind} from PrivateTest, which the model was not trained on. Each emotion "
        "is equally likely. You and the model see the same 48 x 48 pixels."
    )
    # side by side, or one below the other where the screen is narrow
    left, right = st.columns([1, 2], gap="large")
    with left:
        number = len(game.answers) + 1 - game.revealed
        face = shared.enlarged(faces.data.images[game.row])
        st.image(face, width=shared.LARGE, alt="The face whose emotion you guess")
        st.caption(f"Face {number} of {game.goal}")
    with right:
        if game.revealed:
            _show_answer(game, faces)
        else:
            _ask(game, faces, model)
        _show_score(game)


# ------------------------------------------------------------------------------ the faces


def test_faces() -> TestFaces:
    """Return the test faces of this run's data set, or say what is missing and end the page."""
    try:
        run = settings.profile()
        with st.spinner("Loading the faces; the first time, they are drawn ..."):
            return _test_faces(run.dataset, run.train_images)
    except (FileNotFoundError, ValueError) as error:
        shared.stop(error)


@st.cache_resource(show_spinner=False)
def _test_faces(name: str, train_images: int | None) -> TestFaces:
    # all of FER-2013: a copy of any Training image would be known to the model
    data = course_faces.load(name, None if name == "fer2013" else train_images)
    known = {image.tobytes() for image in data.split("Training").images}
    new = np.array([image.tobytes() not in known for image in data.images])
    test = data.take(new & (data.splits == "PrivateTest"))
    return TestFaces(test, _votes(test))


def _votes(test: Dataset) -> pd.DataFrame | None:
    from facevalue.exploration import second_opinion

    return second_opinion.second_opinion(test).votes


def shuffled(labels: np.ndarray, rng: np.random.Generator) -> list[int]:
    """Return all rows in an order in which each emotion is equally likely while it lasts."""
    left = {label: rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)}
    piles = {label: rows.tolist() for label, rows in left.items()}
    order = []
    while piles:
        label = list(piles)[rng.integers(len(piles))]
        order.append(piles[label].pop())
        if not piles[label]:
            del piles[label]
    return order


# ------------------------------------------------------------------------------ a guess


def _ask(game: Game, faces: TestFaces, model: shared.Recogniser) -> None:
    st.subheader("What does this face show?", anchor=False)
    with st.container(horizontal=True, key="guesses"):
        for number, emotion in enumerate(EMOTIONS, 1):
            st.button(
                emotion,
                key=f"guess_{emotion}",
                shortcut=str(number),
                on_click=_guess,
                args=(game, game.row, faces, model, emotion),
            )
    st.caption("Click, or press the number. An answer cannot be taken back.")


def _guess(game: Game, row: int, faces: TestFaces, model: shared.Recogniser, emotion: str) -> None:
    if game.revealed or game.row != row:  # a second click, before the page had changed
        return
    probabilities = model.probabilities(faces.data.images[row])[0]
    best = int(probabilities.argmax())
    label = EMOTIONS[faces.data.labels[row]]
    answer = Answer(row, label, emotion, EMOTIONS[best], float(probabilities[best]))
    game.answers.append(answer)
    game.revealed = True


def _show_answer(game: Game, faces: TestFaces) -> None:
    answer = game.answers[-1]
    st.subheader(f"The label is {answer.label}", anchor=False)
    st.write(f"You said **{answer.you}**: {_mark(answer.you, answer)}.")
    st.write(
        f"The model said **{answer.model}**: {_mark(answer.model, answer)}. "
        f"It was {shared.percent(answer.confidence)} sure."
    )
    st.write(_known(faces, answer.row))
    with st.container(horizontal=True):
        last = len(game.answers) >= min(game.goal, len(game.rows))
        label = "Compare the scores" if last else "Next face"
        st.button(label, type="primary", shortcut="N", on_click=_go_on, args=(game, answer, last))
        if not last:
            st.button("End here", on_click=_go_on, args=(game, answer, True))


def _mark(guess: str, answer: Answer) -> str:
    return "right" if guess == answer.label else "wrong"


def _known(faces: TestFaces, row: int) -> str:
    """Return what is known about a face beside its label."""
    if faces.votes is not None:
        return votes_sentence(faces.votes.iloc[row])
    if faces.data.truth is None:
        return "FER+, the votes of ten people on each face, is not on this machine."
    truth = faces.data.truth.iloc[row]
    if truth["emotion"] == "neutral" and truth["blend"] == "none":
        return "It was drawn with every muscle at rest."
    shown = f"It was drawn as {truth['emotion']}"
    if truth["emotion"] != "neutral":
        shown += f" at {shared.percent(truth['intensity'])} of its full strength"
    return shown + ("." if truth["blend"] == "none" else f", with a little of {truth['blend']}.")


VOTED = {"NF": "no face", "unknown": "cannot tell"}


def votes_sentence(votes: pd.Series) -> str:
    """Return what FER+'s people said, the most frequent answer first."""
    counts = {str(name): int(votes[name]) for name in votes.index if name != "Usage"}
    given = sorted(((n, name) for name, n in counts.items() if n), key=lambda vote: -vote[0])
    (most, first), *others = [(n, VOTED.get(name, name)) for n, name in given]
    said = ", ".join([f"{most} said {first}", *(f"{n} {name}" for n, name in others)])
    return f"Of {sum(counts.values())} people asked for FER+, {said}."


def _go_on(game: Game, after: Answer, over: bool) -> None:
    if game.answers[-1] is after:  # else a second click, before the page had changed
        game.revealed, game.over = False, over


# ------------------------------------------------------------------------------ the score


def _show_score(game: Game) -> None:
    n = len(game.answers)
    st.subheader("Score", anchor=False)
    if not n:
        st.caption("No answer yet.")
        return
    _show_metrics(game.answers)
    with st.expander("By emotion"):
        st.table(_by_emotion(game.answers), width="content")


WHO = (("You", "you"), ("The model", "model"))


def _show_metrics(answers: list[Answer]) -> None:
    with st.container(horizontal=True, gap="large"):
        for name, who in WHO:
            st.metric(name, f"{score.right(answers, who)} of {len(answers)}", width="content")


def _by_emotion(answers: list[Answer]) -> pd.DataFrame:
    names = {"you": "you were right", "model": "the model was right"}
    return score.by_emotion(answers).rename(columns=names)


def _show_comparison(game: Game, faces: TestFaces) -> None:
    answers = game.answers
    _show_metrics(answers)
    _show_intervals(answers)
    shared.prose(score.verdict(answers))
    st.subheader("By emotion", anchor=False)
    st.table(_by_emotion(answers), width="content")
    st.caption("Of one emotion there are only a few faces: take these as examples, not as rates.")
    st.subheader("What you both got wrong", anchor=False)
    _show_wrong(score.both_wrong(answers), faces)
    with st.container(horizontal=True):
        if len(answers) < len(game.rows):
            more = f"{ROUND} more faces"
            st.button(more, type="primary", on_click=_more, args=(game,))
        st.button("Start again", on_click=_restart)


def _show_intervals(answers: list[Answer]) -> None:
    """Draw both accuracies with their 95 % intervals, and chance."""
    rows = []
    for name, who in WHO:
        hits = score.right(answers, who)
        low, high = score.interval(hits, len(answers))
        rows.append((name, hits / len(answers), low, high))
    table = pd.DataFrame(rows, columns=["who", "accuracy", "low", "high"])
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(table).encode(y=alt.Y("who", sort=None, title=None, axis=shared.names_axis()))
    axis = shared.share_axis()
    bars = base.mark_rule(strokeWidth=3, color=shared.BLUE).encode(
        x=alt.X("low", scale=scale, axis=axis, title="accuracy, with its 95 % interval"), x2="high"
    )
    points = base.mark_point(filled=True, size=140, opacity=1, color=shared.BLUE).encode(
        x="accuracy", tooltip=["who", alt.Tooltip("accuracy", format=".0%")]
    )
    chance = pd.DataFrame({"chance": [1 / len(EMOTIONS)]})
    line = alt.Chart(chance).mark_rule(strokeDash=[4, 4], color=shared.ORANGE).encode(x="chance")
    said = "; ".join(f"{n}: {p:.0%}, between {low:.0%} and {high:.0%}" for n, p, low, high in rows)
    st.altair_chart(
        (line + bars + points).properties(height=alt.Step(36)), alt=f"Accuracies. {said}."
    )
    st.caption("The dashed line is what blind guessing reaches: one in seven.")


def _show_wrong(wrong: Iterable[Answer], faces: TestFaces) -> None:
    wrong = list(wrong)
    if not wrong:
        st.write("Nothing: at least one of you was right on every face.")
        return
    with st.container(horizontal=True):
        for answer in wrong:
            with st.container(width=150):
                face = shared.enlarged(faces.data.images[answer.row], 144)
                st.image(face, alt=f"A face labelled {answer.label}")
                said = (
                    f"you {answer.you}, model {answer.model} ({shared.percent(answer.confidence)})"
                )
                st.caption(f"**{answer.label}**: {said}")


def _more(game: Game) -> None:
    game.goal, game.over = len(game.answers) + ROUND, False


def _restart() -> None:
    del st.session_state["game"]
