"""The score during the guessing game, and the comparison at its end."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from apps.dashboard_pages import game_statistics, shared
from apps.dashboard_pages.game_faces import GameFaces
from apps.dashboard_pages.game_statistics import Answer
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import metrics

PLAYERS = (("You", "you"), ("The model", "model"))
"""The name of each player on the page, and as in `game_statistics.hits`."""


def show_score(answers: list[Answer]) -> None:
    """Show the score so far."""
    if not answers:
        st.caption("No answer yet.")
        return
    _show_hits(answers)
    with st.expander("By emotion"):
        st.table(_by_emotion(answers), width="content")


def show(answers: list[Answer], faces: GameFaces) -> None:
    """Show the comparison at the end."""
    _show_hits(answers)
    _show_intervals(answers)
    shared.prose(game_statistics.verdict(answers))
    st.subheader("By emotion", anchor=False)
    st.table(_by_emotion(answers), width="content")
    st.caption("There are only a few faces of each emotion: these are examples, not rates.")
    st.subheader("What you both got wrong", anchor=False)
    _show_wrong(game_statistics.both_wrong(answers), faces)


def _show_hits(answers: list[Answer]) -> None:
    with st.container(horizontal=True, gap="large"):
        for name, who in PLAYERS:
            score = f"{game_statistics.hits(answers, who)} of {len(answers)}"
            st.metric(name, score, width="content")


def _by_emotion(answers: list[Answer]) -> pd.DataFrame:
    names = {"you": "you were right", "model": "the model was right"}
    return game_statistics.by_emotion(answers).rename(columns=names)


def _show_intervals(answers: list[Answer]) -> None:
    """Draw both accuracies with their 95 % confidence intervals, and the chance level."""
    rows = []
    for name, who in PLAYERS:
        hits = game_statistics.hits(answers, who)
        low, high = metrics.confidence_interval(hits, len(answers))
        rows.append((name, hits / len(answers), low, high))
    table = pd.DataFrame(rows, columns=["who", "accuracy", "low", "high"])
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(table).encode(y=alt.Y("who", sort=None, title=None, axis=shared.names_axis()))
    title = "accuracy with 95 % confidence interval"
    bars = base.mark_rule(strokeWidth=3, color=shared.BLUE).encode(
        x=alt.X("low", scale=scale, axis=shared.share_axis(), title=title), x2="high"
    )
    points = base.mark_point(filled=True, size=140, opacity=1, color=shared.BLUE).encode(
        x="accuracy", tooltip=["who", alt.Tooltip("accuracy", format=".0%")]
    )
    chance = pd.DataFrame({"chance": [1 / len(EMOTIONS)]})
    line = alt.Chart(chance).mark_rule(strokeDash=[4, 4], color=shared.ORANGE).encode(x="chance")
    text = "; ".join(f"{n}: {p:.0%}, between {low:.0%} and {high:.0%}" for n, p, low, high in rows)
    st.altair_chart(
        (line + bars + points).properties(height=alt.Step(36)), alt=f"Accuracies. {text}."
    )
    st.caption("The dashed line is the chance level of random guesses: one in seven.")


def _show_wrong(wrong: list[Answer], faces: GameFaces) -> None:
    if not wrong:
        st.write("Nothing: at least one of you was right on every face.")
        return
    with st.container(horizontal=True):
        for answer in wrong:
            with st.container(width=150):
                face = shared.enlarged(faces.data.images[answer.row], 144)
                st.image(face, alt=f"A face labelled {answer.label}")
                confidence = shared.percent(answer.confidence)
                st.caption(
                    f"**{answer.label}**: you {answer.you}, model {answer.model} ({confidence})"
                )
