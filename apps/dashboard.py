"""The dashboard: streamlit run apps/dashboard.py --server.port 8502 --server.address 127.0.0.1.

Is AI good at recognising emotions? Guess against the model, show it a face, or draw one.
"""

from __future__ import annotations

import sys

import streamlit as st

from facevalue import paths

if str(paths.root()) not in sys.path:  # Streamlit adds only the folder of this file
    sys.path.insert(0, str(paths.root()))

from apps.dashboard_pages import data, drawing, game, photo, results  # noqa: E402

# title, address and function; Streamlit would show a docstring here on the page
PAGES = (
    ("You against the model", "game", game.show),
    ("Try a face", "photo", photo.show),
    ("Make a face", "drawing", drawing.show),
    ("The data", "data", data.show),
    ("The results", "results", results.show),
)

st.set_page_config(page_title="Face Value", layout="wide")
st.navigation(
    [
        st.Page(show, title=title, url_path=address, default=show is game.show)
        for title, address, show in PAGES
    ],
    position="top",
).run()
