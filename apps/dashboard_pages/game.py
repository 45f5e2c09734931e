"""You against the model: both guess the emotions of the same faces."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from apps.dashboard_pages import game_comparison, game_faces, shared
from apps.dashboard_pages.game_faces import GameFaces
from apps.dashboard_pages.game_statistics import Answer
from facevalue.emotions import EMOTIONS
from facevalue.recognition.recogniser import Recogniser

ROUND = 20
"""Faces until the results are compared."""


@dataclass
class Game:
    """One visitor's game.

    Attributes:
        rows: the indices of the faces, in the order of the game.
        goal: the number of faces after which the results are compared.
        revealed: whether the page shows the last answer, and not yet the next face.
        over: whether the page shows the comparison.
    """

    rows: list[int]
    goal: int = ROUND
    answers: list[Answer] = field(default_factory=list)
    revealed: bool = False
    over: bool = False

    @property
    def row(self) -> int:
        """The index of the face that is shown."""
        return self.rows[len(self.answers) - self.revealed]

    def guess(self, row: int, emotion: str, faces: GameFaces, model: Recogniser) -> None:
        """Record a guess and the model's prediction for the face that is shown.

        Args:
            row: the face that the visitor saw; a click on an outdated page changes nothing.
        """
        if self.revealed or self.row != row:
            return
        probabilities = model.probabilities(faces.data.images[row])[0]
        best = int(probabilities.argmax())
        label = EMOTIONS[faces.data.labels[row]]
        answer = Answer(row, label, emotion, EMOTIONS[best], float(probabilities[best]))
        self.answers.append(answer)
        self.revealed = True

    def advance(self, after: Answer, over: bool) -> None:
        """Go to the next face or to the comparison.

        Args:
            after: the answer that the visitor saw; a click on an outdated page changes nothing.
        """
        if self.answers[-1] is after:
            self.revealed, self.over = False, over

    def extend(self) -> None:
        """Play another round."""
        self.goal, self.over = len(self.answers) + ROUND, False


def show() -> None:
    """Show the page."""
    st.title("You against the model")
    faces = game_faces.load_faces()
    model = shared.recogniser()
    if "game" not in st.session_state:
        order = game_faces.balanced_order(faces.data.labels, np.random.default_rng())
        st.session_state.game = Game(order)
    game: Game = st.session_state.game
    if game.over:
        game_comparison.show(game.answers, faces)
        _show_buttons(game)
        return
    kind = "drawings" if faces.data.truth is not None else "photos from FER-2013"
    shared.prose(
        f"The faces are {kind} in PrivateTest, which the model was not trained on. Each emotion "
        "is equally likely. You and the model see the same 48 x 48 pixels."
    )
    # next to each other, or one below the other on a narrow screen
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
            _show_question(game, faces, model)
        st.subheader("Score", anchor=False)
        game_comparison.show_score(game.answers)


def _show_question(game: Game, faces: GameFaces, model: Recogniser) -> None:
    st.subheader("Which emotion does this face show?", anchor=False)
    with st.container(horizontal=True, key="guesses"):
        for number, emotion in enumerate(EMOTIONS, 1):
            st.button(
                emotion,
                key=f"guess_{emotion}",
                shortcut=str(number),
                on_click=game.guess,
                args=(game.row, emotion, faces, model),
            )
    st.caption("Click, or press the number. You cannot change an answer.")


def _show_answer(game: Game, faces: GameFaces) -> None:
    answer = game.answers[-1]
    st.subheader(f"The label is {answer.label}", anchor=False)
    st.write(f"You said **{answer.you}**: {_mark(answer.you, answer)}.")
    st.write(
        f"The model said **{answer.model}**: {_mark(answer.model, answer)}. "
        f"It was {shared.percent(answer.confidence)} sure."
    )
    st.write(game_faces.description(faces, answer.row))
    with st.container(horizontal=True):
        last = len(game.answers) >= min(game.goal, len(game.rows))
        label = "Compare the scores" if last else "Next face"
        st.button(label, type="primary", shortcut="N", on_click=game.advance, args=(answer, last))
        if not last:
            st.button("End here", on_click=game.advance, args=(answer, True))


def _mark(guess: str, answer: Answer) -> str:
    return "right" if guess == answer.label else "wrong"


def _show_buttons(game: Game) -> None:
    with st.container(horizontal=True):
        if len(game.answers) < len(game.rows):
            st.button(f"{ROUND} more faces", type="primary", on_click=game.extend)
        st.button("Start again", on_click=_restart)


def _restart() -> None:
    del st.session_state["game"]
