"""The results: the measured models of the course, with published numbers for comparison."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from apps.dashboard_pages import explanations, shared
from facevalue.data import reference
from facevalue.evaluation import metrics, results

DATA = {"fer2013": "FER-2013, real photos", "rendered": "drawn faces"}
"""The name of each data set on the page. Their numbers are never in the same figure."""

OURS, EASIER, THEIRS = "measured here", "an easier task", "published"

RUNS = {"best": "the most complete"}
"""The names of the runs on the page; the others are called as in the table."""

SCALE = alt.Scale(domain=[0, 1])
"""The horizontal scale of the chart: all measures are shares."""

MEASURES = {"accuracy": "accuracy", "macro_f1": "macro F1", "top3_accuracy": "top-3 accuracy"}

SHOWN = {
    "model": "model",
    "explanation": "what it is",
    "accuracy": "accuracy",
    "published": "published",
    "macro_f1": "macro F1",
    "top3_accuracy": "top-3 accuracy",
    "profile": "run",
    "images": "test images",
    "seconds": "training, s",
    "megabytes": "size, MB",
    "faces_per_second": "faces per second",
    "published_source": "published by",
    "date": "date",
    "machine": "machine",
    "command": "command",
}
"""The columns of the table, and their headings."""


def show() -> None:
    """Show the page."""
    st.title("The results")
    shared.prose(
        "How often is each model of the course right, on faces that it did not learn from? A guess "
        "is right on one face in seven. The published numbers are those of five earlier student "
        "projects."
    )
    table = results.read()
    if table.empty:
        st.info(
            "There are no results yet: `make run RECORD=1` runs the notebooks and writes "
            "reports/results.csv."
        )
    else:
        _show_measured(table)
    _show_published()


def _show_measured(table: pd.DataFrame) -> None:
    data = _choose("Data", [d for d in DATA if d in set(table["data"])], DATA)
    table = table[table["data"] == data]
    split = _choose("Test images", sorted(table["split"].unique(), key=_split_order))
    st.caption(_sentence(explanations.SPLITS.get(split, "")))
    table = table[table["split"] == split]
    left, right = st.columns([2, 1])
    with left:
        profiles = sorted(table["profile"].unique(), reverse=True)
        run = _choose("Run", ["best", *profiles] if len(profiles) > 1 else profiles, RUNS)
        st.caption(_sentence(explanations.PROFILES.get(run, "")))
    with right:
        available = [m for m in MEASURES if table[m].notna().any()]
        measure = _choose("Sort by", available, MEASURES)
    shown = results.fullest(table) if run == "best" else table[table["profile"] == run]
    table = ranked(shown, measure)
    if data == "rendered":  # the published numbers are on real photos
        table = table.drop(columns=["published", "published_source"])
    _show_chart(table, measure)
    headings = {name: heading for name, heading in SHOWN.items() if name in table}
    three_decimals = st.column_config.NumberColumn(format="%.3f")
    config = dict.fromkeys((*MEASURES.values(), "published"), three_decimals)
    st.dataframe(
        table[list(headings)].rename(columns=headings),
        hide_index=True,
        column_config=config,
        placeholder="",
    )


def ranked(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return results from the best to the worst, and after them those of easier tasks.

    Returns:
        The table with the columns easier (bool) and explanation (str) in addition.
    """
    names = table["model"]
    table = table.assign(
        easier=names.map(explanations.is_easier), explanation=names.map(explanations.model)
    )
    return table.sort_values(["easier", measure], ascending=[True, False])


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _choose(label: str, options: list[str], names: dict[str, str] | None = None) -> str:
    """Show a choice of a few values, and return the chosen one; the first is the default."""
    chosen = st.segmented_control(
        label,
        options,
        default=options[0],
        required=True,
        wrap=True,
        format_func=lambda option: (names or {}).get(option, option),
        # each data set keeps its own choice: they have different splits and profiles
        key=f"{label}: {', '.join(options)}",
    )
    return str(chosen)


def _split_order(split: str) -> tuple[int, str]:
    order = list(explanations.SPLITS)
    return (order.index(split) if split in order else len(order), split)


def _show_chart(table: pd.DataFrame, measure: str) -> None:
    """Draw each model's result, its 95 % confidence interval, and the published number if any."""
    shown = table[table[measure].notna()]
    models = shown["model"].tolist()
    name = MEASURES[measure]
    y = alt.Y("model", sort=models, title=None, axis=shared.names_axis())
    layers = [_points(_values(shown, measure), name, y)]
    if measure == "accuracy":
        layers.insert(0, _intervals(shown, y))
    chart = alt.layer(*layers).properties(height=alt.Step(28))
    text = ", ".join(f"{m} {v:.1%}" for m, v in zip(models, shown[measure], strict=True))
    st.altair_chart(chart, alt=f"{name} by model: {text}.")
    if shown["easier"].any():
        names = " and ".join(shown.loc[shown["easier"], "model"])
        st.caption(
            f"The grey square, {names}, is not comparable: it chose among fewer emotions, and its "
            "test images show only these."
        )
    if measure == "accuracy":
        st.caption(
            "The line through a point is the 95 % confidence interval from the number of test "
            "images. It does not include the variation between training runs."
        )


def _values(shown: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return a row for each point of the chart: model, value, who measured it, and its source."""
    ours = shown[["model", "explanation"]].assign(
        value=shown[measure],
        who=shown["easier"].map({True: EASIER, False: OURS}),
        source="reports/results.csv",
    )
    if measure != "accuracy" or "published" not in shown:
        return ours
    given = shown[shown["published"].notna()]
    theirs = given[["model", "explanation"]].assign(
        value=given["published"], who=THEIRS, source=given["published_source"]
    )
    return pd.concat([ours, theirs])


def _intervals(shown: pd.DataFrame, y: alt.Y) -> alt.Chart:
    """Draw the 95 % confidence intervals of the accuracies."""
    hits = (shown["accuracy"] * shown["images"]).round().astype(int)
    pairs = zip(hits, shown["images"], strict=True)
    limits = [metrics.confidence_interval(int(k), int(n)) for k, n in pairs]
    low, high = zip(*limits, strict=True)
    x = alt.X("low", scale=SCALE, title="")
    chart = alt.Chart(shown.assign(low=low, high=high))
    return chart.mark_rule(strokeWidth=3, color=shared.BLUE).encode(x=x, x2="high", y=y)


def _points(values: pd.DataFrame, name: str, y: alt.Y) -> alt.Chart:
    """Draw the values, those measured here and those published in different shapes."""
    legend = alt.Legend(
        orient="top",
        direction="vertical",
        title=None,
        values=list(values["who"].unique()),
        labelColor=shared.text_colour(),
        labelFontSize=14,
        labelLimit=300,
    )
    kinds = [OURS, EASIER, THEIRS]
    colour = alt.Scale(domain=kinds, range=[shared.BLUE, shared.GREY, shared.ORANGE])
    shape = alt.Scale(domain=kinds, range=["circle", "square", "diamond"])
    return (
        alt.Chart(values)
        .mark_point(filled=True, size=110, opacity=1)
        .encode(
            x=alt.X("value", scale=SCALE, title=name, axis=shared.share_axis()),
            y=y,
            color=alt.Color("who", scale=colour, legend=legend),
            shape=alt.Shape("who", scale=shape, legend=legend),
            tooltip=[
                "model",
                alt.Tooltip("explanation", title="what it is"),
                alt.Tooltip("value", format=".1%", title=name),
                "who",
                "source",
            ],
        )
    )


def _show_published() -> None:
    with st.expander("What five earlier projects published"):
        table = reference.published("headline")
        table["source"] = "project " + (table["source"].str[:3].astype(int) + 1).astype(str)
        table = table.rename(columns=lambda name: name.replace("_", " "))
        st.dataframe(table, hide_index=True, placeholder="")
        st.caption("Their test images differ, and some are not from FER-2013: compare with care.")
