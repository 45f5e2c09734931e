"""The dashboard: streamlit run apps/dashboard.py --server.port 8502 --server.address 127.0.0.1.

Is AI good at recognising emotions? Guess against the model, show it a face, or draw one.
"""

from __future__ import annotations

import sys

import streamlit as st

from facevalue import paths

if str(paths.root()) not in sys.path:  # Streamlit adds only the folder of this file
    sys.path.insert(0, str(paths.root()))

from apps.dashboard_pages import data, drawing, game, photo, results, start  # noqa: E402

# title, address, function, and what one does there; Streamlit would show a docstring here
PAGES = (
    ("You against the model", "game", game.show, "who guesses the emotions of 20 faces better?"),
    ("Try a face", "photo", photo.show, "see what the model sees in your photo or a sample."),
    ("Make a face", "drawing", drawing.show, "move the muscles of a drawn face."),
    ("The data", "data", data.show, "look through the images of notebook 01."),
    ("The results", "results", results.show, "compare all models of the course."),
)

st.set_page_config(page_title="Face Value", layout="wide")
pages = [
    (st.Page(show, title=title, url_path=address), text) for title, address, show, text in PAGES
]
first = st.Page(lambda: start.show(pages), title="Face Value", url_path="start", default=True)
st.navigation([first, *(page for page, _ in pages)], position="top").run()
