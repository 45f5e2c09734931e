"""What the pages of the dashboard share: models, text, charts and colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from facevalue.emotions import COLOURS, EMOTIONS
from facevalue.image_files import resize_face
from facevalue.recognition.recogniser import Recogniser

LARGE = 288
"""The width of an enlarged face in pixels: six times what the model sees."""


@st.cache_resource(show_spinner="Loading the model ...")
def _load(name: str) -> Recogniser:
    return Recogniser(name)


def recogniser(name: str = "accurate") -> Recogniser:
    """Return one of the trained models, or show what is missing and end the page."""
    try:
        return _load(name)
    except (FileNotFoundError, ValueError) as error:
        stop(error)


def stop(error: Exception | str) -> NoReturn:
    """Show an error, and end the page."""
    st.error(str(error))
    st.stop()


def prose(text: str) -> None:
    """Show a paragraph with lines of a readable length."""
    st.markdown(text, width=720)


def enlarged(image: np.ndarray, size: int = LARGE) -> np.ndarray:
    """Return a small face, uint8 grey or RGB, enlarged to `size` x `size` pixels."""
    return resize_face(image, size)


def percent(share: float) -> str:
    """Return a share from 0 to 1 in percent.

    >>> percent(0.256)
    '26 %'
    """
    return f"{100 * share:.0f} %"


def show_bars(probabilities: Mapping[str, float]) -> None:
    """Draw a bar for the probability of each emotion, with the number next to the name."""
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
    """Return an axis that lists the names of all rows."""
    return alt.Axis(
        ticks=False,
        domain=False,
        labelColor=text_colour(),
        labelFontSize=14,
        labelLimit=240,
        labelFlush=False,
        labelBound=False,
        labelOverlap=False,
    )


def share_axis() -> alt.Axis:
    """Return an axis from 0 to 100 %."""
    return alt.Axis(
        format=".0%",
        values=[0, 0.25, 0.5, 0.75, 1],
        labelColor=text_colour(),
        titleColor=text_colour(),
    )


def page_colour() -> str:
    """Return the colour of the page in the visitor's theme."""
    return "#0E1117" if st.context.theme.type == "dark" else "#FFFFFF"


def text_colour() -> str:
    """Return the colour of text in the visitor's theme."""
    return "#FAFAFA" if st.context.theme.type == "dark" else "#111111"


def emotion_colour() -> alt.Color:
    """Return the encoding of emotions by the project's colours."""
    scale = alt.Scale(domain=list(EMOTIONS), range=[COLOURS[name] for name in EMOTIONS])
    return alt.Color("emotion", scale=scale, legend=None)


BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#808080"
"""Colours that everybody can distinguish, on a light and on a dark page."""
