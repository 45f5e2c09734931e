"""The data: the content of the image database, with filters and samples."""

from __future__ import annotations

import os

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from fastapi import HTTPException
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from apps.api.catalogue import COLOURS, Catalogue, Filter, Snapshot
from apps.api.queries import decode_png
from apps.dashboard_pages import shared
from apps.dashboard_pages.photo import shrunk
from facevalue import paths
from facevalue.collection import database
from facevalue.collection.database_schema import Image
from facevalue.emotions import EMOTIONS

SAMPLES = 24
"""How many images are shown at a time."""


def show() -> None:
    """Show the page."""
    st.title("The data")
    if not (os.environ.get("DATABASE_URL") or (paths.processed() / "faces.db").is_file()):
        st.info(
            "There is no database yet. Notebook 01 collects images and creates it: run "
            "`make run NOTEBOOK=01`, or open the notebook. Then reload this page."
        )
        return
    try:
        _show_database(*_open(database.url()))
    except (SQLAlchemyError, OSError):  # OSError: the file of an SQLite database
        shared.stop("The database does not answer at the moment: try again later.")
    except (ValueError, ModuleNotFoundError) as error:
        shared.stop(error)


@st.cache_resource(show_spinner="Opening the database ...")
def _open(url: str) -> tuple[Engine, Catalogue]:
    engine = database.create(url)
    return engine, Catalogue(engine)


def _show_database(engine: Engine, catalogue: Catalogue) -> None:
    snapshot = catalogue.newest()
    if not len(snapshot.ids):
        st.info("The database is empty. Notebook 01 fills it: run `make run NOTEBOOK=01`.")
        return
    st.write(f"{len(snapshot.ids):,} images, which notebook 01 collected or drew.")
    table = counts(snapshot)
    number = st.column_config.NumberColumn(format="localized")
    st.dataframe(table, column_config=dict.fromkeys([*EMOTIONS, "total"], number))
    st.subheader("One source", anchor=False)
    wanted = _filters(snapshot)
    found = snapshot.find(wanted)
    st.write(f"**{len(found):,} images** match.")
    _show_emotions(snapshot, wanted)
    _show_samples(engine, found)


def counts(snapshot: Snapshot) -> pd.DataFrame:
    """Return the number of images of each source and emotion, with totals and licences."""
    names = [source.name for source in snapshot.sources.values()]
    table = pd.DataFrame(snapshot.counts(), index=pd.Index(names, name="source"), columns=EMOTIONS)
    table["total"] = table.sum(axis=1)
    table["licence"] = [source.licence for source in snapshot.sources.values()]
    return table[table["total"] > 0]


def _filters(snapshot: Snapshot) -> Filter:
    """Show the filters. One source at a time: drawn and real faces are not mixed."""
    present = [n for n in snapshot.sources if np.any(snapshot.source_ids == n)]
    columns = st.columns(4)
    source = columns[0].selectbox(
        "Source", present, format_func=lambda n: snapshot.sources[n].name, key="source"
    )
    emotion = columns[1].selectbox("Emotion", [None, *EMOTIONS], format_func=_any, key="emotion")
    colour = columns[2].selectbox("Colours", [None, *COLOURS], format_func=_any, key="colour")
    with columns[3]:
        ratios = _ratio_range(snapshot)
    return Filter(
        source_id=source,
        emotion=None if emotion is None else EMOTIONS.index(emotion),
        colour=None if colour is None else COLOURS.index(colour),
        aspect_ratio=ratios,
    )


def _ratio_range(snapshot: Snapshot) -> tuple[float, float] | None:
    """Show the range of width / height, and return the chosen part of it; None for all."""
    low, high = np.round([snapshot.aspect_ratios.min(), snapshot.aspect_ratios.max()], 2).tolist()
    if low == high:
        st.markdown(f"Width / height  \n{low:g} for all images")
        return None
    chosen = st.slider("Width / height", low, high, (low, high), step=0.01, key="ratio")
    return None if chosen == (low, high) else chosen


def _any(value: str | None) -> str:
    return value or "any"


def _show_emotions(snapshot: Snapshot, wanted: Filter) -> None:
    """Draw the number of images of each emotion, with the other filters applied."""
    numbers = [len(snapshot.find(wanted._replace(emotion=k))) for k in range(len(EMOTIONS))]
    if wanted.emotion is not None or not sum(numbers):
        return
    names = [f"{name} {n:,}" for name, n in zip(EMOTIONS, numbers, strict=True)]
    table = pd.DataFrame({"emotion": EMOTIONS, "name": names, "images": numbers})
    chart = (
        alt.Chart(table)
        .mark_bar()
        .encode(
            x=alt.X("images", axis=None),
            y=alt.Y("name", sort=names, title=None, axis=shared.names_axis()),
            color=shared.emotion_colour(),
            tooltip=["emotion", "images"],
        )
        .properties(height=7 * 26)
    )
    st.altair_chart(chart, alt=f"Images of each emotion: {', '.join(names)}.")


def _show_samples(engine: Engine, found: np.ndarray) -> None:
    if not len(found):
        return
    st.subheader("Samples", anchor=False)
    rng = np.random.default_rng(st.session_state.setdefault("samples", 0))
    chosen = np.sort(rng.permutation(found)[:SAMPLES])
    with st.container(horizontal=True):
        for image, name in _samples(engine, chosen.tolist()):
            st.image(image, name, width=96, alt=name)
    if len(found) > SAMPLES:
        st.button("Show others", on_click=_next_samples)


def _next_samples() -> None:
    st.session_state.samples += 1


def _samples(engine: Engine, ids: list[int]) -> list[tuple[np.ndarray, str]]:
    """Return some images, shrunk to 192 pixels, and their captions."""
    query = select(Image.id, Image.emotion_id, Image.png).where(Image.id.in_(ids))
    found = []
    with engine.connect() as connection:
        for number, emotion, png in connection.execute(query.order_by(Image.id)):
            try:
                image = shrunk(decode_png(number, png), 192)
            except HTTPException:
                continue
            found.append((image, f"{EMOTIONS[emotion]}, {number}"))
    return found
