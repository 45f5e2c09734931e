"""What several pages of the dashboard need: the models, and how a face and its emotions look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import altair as alt
import cv2
import numpy as np
import pandas as pd
import streamlit as st

from facevalue.emotions import COLOURS, EMOTIONS
from facevalue.recognition.recogniser import Recogniser

LARGE = 288
"""The width in pixels of a face that is looked at: six times what the model sees."""


@st.cache_resource(show_spinner="Loading the model ...")
def _loaded(name: str) -> Recogniser:
    return Recogniser(name)


def recogniser(name: str = "accurate") -> Recogniser:
    """Return one of the trained models, or say why there is none and end the page."""
    try:
        return _loaded(name)
    except (FileNotFoundError, ValueError) as error:
        stop(error)


def stop(error: Exception | str) -> NoReturn:
    """Say in one sentence what is missing, and end the page."""
    st.error(str(error))
    st.stop()


def prose(text: str) -> None:
    """Write a paragraph in lines that are short enough to be read."""
    st.markdown(text, width=720)


def enlarged(image: np.ndarray, size: int = LARGE) -> np.ndarray:
    """Return a small face, uint8 grey or RGB, with `size` x `size` pixels to look at."""
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC))


def percent(share: float) -> str:
    """Return a share from 0 to 1 as people write it."""
    return f"{100 * share:.0f} %"


def show_bars(probabilities: Mapping[str, float]) -> None:
    """Draw one bar for the probability of each emotion; its number stands beside its name."""
    names = [f"{emotion} {percent(probabilities[emotion])}" for emotion in EMOTIONS]
    table = pd.DataFrame(
        {
            "emotion": EMOTIONS,
            "name": names,
            "probability": [probabilities[emotion] for emotion in EMOTIONS],
        }
    )
    chart = (
        alt.Chart(table)
        .mark_bar()
        .encode(
            x=alt.X("probability", scale=alt.Scale(domain=[0, 1]), axis=None),
            y=alt.Y("name", sort=names, title=None, axis=names_axis()),
            color=emotion_colour(),
            tooltip=["emotion", alt.Tooltip("probability", format=".1%")],
        )
        .properties(height=7 * 26)
    )
    st.altair_chart(chart, alt=f"Probabilities: {', '.join(names)}.")


def names_axis() -> alt.Axis:
    """Return an axis that is a list of names, all of them, each beside its row."""
    return alt.Axis(
        ticks=False,
        domain=False,
        labelColor=ink(),
        labelFontSize=14,
        labelLimit=240,
        labelFlush=False,
        labelBound=False,
        labelOverlap=False,
    )


def share_axis() -> alt.Axis:
    """Return an axis from 0 to 100 %."""
    return alt.Axis(
        format=".0%", values=[0, 0.25, 0.5, 0.75, 1], labelColor=ink(), titleColor=ink()
    )


def paper() -> str:
    """Return the colour of the page on the visitor's theme."""
    return "#0E1117" if st.context.theme.type == "dark" else "#FFFFFF"


def ink() -> str:
    """Return the colour of text that is read well on the visitor's theme."""
    return "#FAFAFA" if st.context.theme.type == "dark" else "#111111"


def emotion_colour() -> alt.Color:
    """Return the encoding of an emotion by the project's colours; its name always stands by."""
    scale = alt.Scale(domain=list(EMOTIONS), range=[COLOURS[name] for name in EMOTIONS])
    return alt.Color("emotion", scale=scale, legend=None)


BLUE, ORANGE = "#0072B2", "#D55E00"
"""Two colours that are told apart by everybody, on a light and on a dark page."""
