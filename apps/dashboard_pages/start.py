"""The first page: what the dashboard is, what its pages do, and where the rest of the course is."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from apps.api.links import source_link, web_link
from apps.dashboard_pages import shared

LIVE = "http://localhost:5000/"
"""The live page, where `make live` starts it."""

LESSONS = (
    ("01_data_collection", "Data collection"),
    ("02_eda", "Exploring the data"),
    ("03_dense_nets", "Dense networks"),
    ("04_cnn", "Convolutional networks"),
    ("05_transfer", "Transfer learning"),
    ("06_classical_ml", "Classical machine learning"),
)
"""The notebooks of the course: file and title."""


def show(pages: Sequence[tuple[StreamlitPage, str]]) -> None:
    """Show the page.

    Args:
        pages: the other pages, and what one does there.
    """
    st.title("Face Value")
    shared.prose(
        "Is a computer good at recognising emotions in faces? This dashboard lets you find out. It "
        "belongs to an open course in six lessons, which builds and measures the models that you "
        "meet here. Everything runs on your own machine."
    )
    for page, text in pages:
        label = f"**{page.title}**: {text}"
        st.page_link(page, label=label, icon=":material/arrow_forward:")
    st.subheader("Your camera, live", anchor=False)
    shared.prose(
        f"[The live page]({LIVE}) names the emotions in your camera's picture while you watch. "
        "Start it with `make live`."
    )
    st.subheader("The lessons", anchor=False)
    shared.prose("\n".join(lesson_line(file, title) for file, title in LESSONS))
    shared.prose("`make lab` opens them in JupyterLab, and `make run` runs them all.")


def lesson_line(file: str, title: str) -> str:
    """Return a line of Markdown for one lesson, with a link if this copy has an address."""
    path = f"notebooks/{file}.ipynb"
    address = web_link(source_link(path))
    return f"- [{file[:2]} {title}]({address})" if address else f"- {file[:2]} {title}: `{path}`"
