"""Make a face: a slider for each action unit, the drawn face, and what each model sees."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from apps.api import classical_guess
from apps.dashboard_pages import shared
from facevalue.drawing import appearance, expressions, faces, facs
from facevalue.emotions import EMOTIONS
from facevalue.recognition import recogniser

GROUPS = {
    "Brows and eyes": (1, 2, 4, 5, 6, 7, 43),
    "Nose and lips": (9, 10, 12, 14, 15, 16, 17, 18, 20, 23, 24),
    "Jaw and tongue": (19, 25, 26, 27),
}
"""The action units of the drawn face, by region."""

GAZE = {"Eyes, right to left": (62, 61), "Eyes, down to up": (64, 63)}
"""Two opposite gaze units share a slider, from -1 to 1."""

STICKY_STYLE = """<style>
[data-testid=stColumn]:has(.st-key-drawn) {{
  position: sticky; top: 3.5rem; z-index: 1; align-self: flex-start; background: {background};
}}
@media (max-width: 640px) {{ .st-key-drawn img {{ width: 160px !important; }} }}
</style>"""
"""Keeps the face in view while the sliders are scrolled; on a phone it is smaller."""


def show() -> None:
    """Show the page."""
    st.title("Make a face")
    shared.prose(
        "Muscles move a face, and the Facial Action Coding System (FACS) numbers the movements: "
        "its action units. Choose an emotion or a neutral face, and change the units one by one."
    )
    _show_presets()
    left, middle, right = st.columns([3, 3, 4], gap="medium")
    with right:
        units = _sliders()
    person = appearance.Person()
    if "person" in st.session_state:
        person = appearance.Person.random(np.random.default_rng(st.session_state.person))
    face = faces.draw(units, person)
    answers = {name: shared.recogniser(name)(face) for name in recogniser.NAMES}
    with left:
        st.html(STICKY_STYLE.format(background=shared.page_colour()))
        with st.container(key="drawn"):
            large = faces.draw(units, person, size=shared.LARGE)
            st.image(large, alt=f"A drawn face: {described(units)}", width=shared.LARGE)
            _show_verdict(answers)
        caption = described(units)
        st.caption(f"{caption[0].upper()}{caption[1:]}.")
        st.button("Another person", on_click=_next_person)
    with middle:
        for name, probabilities in answers.items():
            st.markdown(f"The **{name}** network")
            shared.show_bars(probabilities)
        _show_classical(face)
        st.caption("Each model gets the face with 48 x 48 pixels, as in training.")


def described(units: Mapping[int, float]) -> str:
    """Return the names of the active action units."""
    return " + ".join(f"AU {unit}" for unit in units) or "all muscles at rest"


def preset(emotion: str) -> dict[int, float]:
    """Return the action units with which the course draws an emotion, each from 0 to 1."""
    ranges = next(iter(expressions.VARIANTS[emotion].values())).units
    return {unit: round(20 * (low + high) / 2) / 20 for unit, (low, high) in ranges.items()}


def _show_presets() -> None:
    with st.container(horizontal=True, key="presets"):
        for emotion in EMOTIONS:
            st.button(emotion, key=f"preset_{emotion}", on_click=_set, args=(preset(emotion),))


def _set(units: Mapping[int, float]) -> None:
    for unit in appearance.ACTION_UNITS:
        st.session_state[f"au_{unit}"] = units.get(unit, 0.0)
    for name, (negative, positive) in GAZE.items():
        st.session_state[name] = units.get(positive, 0.0) - units.get(negative, 0.0)


def _next_person() -> None:
    st.session_state.person = st.session_state.get("person", 0) + 1


def _sliders() -> dict[int, float]:
    """Show the sliders, and return the active action units."""
    names = facs.action_units().set_index("action_unit")["description"].to_dict()
    names[19] = "Tongue Show"  # FACS lists it apart, as an action descriptor
    *tabs, gaze = st.tabs([*GROUPS, "Gaze"])
    units = {}
    for tab, group in zip(tabs, GROUPS.values(), strict=True):
        for unit in group:
            label = f"AU {unit}: {names[unit]}"
            units[unit] = tab.slider(label, 0.0, 1.0, step=0.05, key=f"au_{unit}")
    for name, (negative, positive) in GAZE.items():
        st.session_state.setdefault(name, 0.0)
        value = gaze.slider(name, -1.0, 1.0, step=0.05, key=name)
        units |= {negative: max(0.0, -value), positive: max(0.0, value)}
    return {unit: units[unit] for unit in sorted(units) if units[unit]}


def _show_verdict(answers: Mapping[str, Mapping[str, float]]) -> None:
    """Show in one line what each network sees; it stays in view with the face."""
    best = {name: max(shares, key=shares.__getitem__) for name, shares in answers.items()}
    st.markdown(", ".join(f"{name}: **{emotion}**" for name, emotion in best.items()))


def _show_classical(face: np.ndarray) -> None:
    try:
        st.markdown(f"The classical model of notebook 06: **{classical_guess.predict(face)}**")
        st.caption("It predicts one emotion, without probabilities.")
    except FileNotFoundError:
        st.caption(
            "Notebook 06 saves a classical model, whose prediction this page also shows: run "
            "`make run NOTEBOOK=06`."
        )
    except ValueError as error:
        st.caption(f"The classical model cannot be used. {error}")
