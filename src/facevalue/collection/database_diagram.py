"""The entity-relationship diagram of the database, drawn from its SQLAlchemy models."""

from __future__ import annotations

from typing import NamedTuple

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sqlalchemy import Column, LargeBinary, Table
from sqlalchemy.types import Boolean, Float, Integer, String

import utils
from facevalue.collection import database_schema

SIZE = (6.0, 4.0)
LINE, WIDTH = 0.205, 1.72
"""The height of a line of text and the width of a table in inches, at 9 points."""

PLACES = {
    "all_images": (0.06, 3.6),
    "data_sources": (2.14, 3.6),
    "emotions_ids": (2.14, 1.96),
    "facs_single_units": (4.22, 3.6),
    "facs_emotions_units": (4.22, 1.96),
}
"""The upper left corner of each table, in inches from the lower left corner of the figure."""

KINDS = {Boolean: "bool", Integer: "int", Float: "float", String: "text", LargeBinary: "bytes"}
INK, SOFT, KEY, HEAD = "#1F2328", "#59626E", "#0072B2", "#E6EEF5"


LEGEND = "underlined: key of the table\nblue: foreign key\n?: may be empty"


class Line(NamedTuple):
    """One column of a table, as it is written; `place` is where its middle is, in inches."""

    column: Column
    kind: str
    place: float


def lines(table: Table) -> list[Line]:
    """Return what is written about each column of a table; "?" marks those that may be empty."""
    top = PLACES[table.name][1] - 1.12 * LINE
    return [
        Line(
            column,
            next(name for kind, name in KINDS.items() if isinstance(column.type, kind))
            + "?" * bool(column.nullable),
            top - (number + 0.5) * LINE,
        )
        for number, column in enumerate(table.columns)
    ]


def draw() -> Figure:
    """Draw the tables of `database_schema.Base` with their columns, types, keys and views.

    An underlined column is a table's key. An arrow is a foreign key: it leads from the column to
    the one that it refers to.
    """
    with plt.rc_context(utils.STYLE):
        figure = plt.figure(figsize=SIZE, layout="none")
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, SIZE[0]), ylim=(0, SIZE[1]))
        axes.axis("off")
        title = f"The {len(PLACES)} tables of the database: arrows are foreign keys"
        axes.text(0.06, 3.83, title, fontsize=10, fontweight="bold", va="center")
        tables = list(database_schema.Base.metadata.tables.values())
        for table in tables:
            _table(axes, table)
        places = {line.column: line.place for table in tables for line in lines(table)}
        for start in places:
            for key in start.foreign_keys:
                _arrow(axes, start, key.column, places)
        left, right = PLACES["emotions_ids"][0], PLACES["facs_emotions_units"][0]
        views = "Views of all_images:\n  " + "\n  ".join(database_schema.VIEWS)
        axes.text(left, 0.24, views, color=SOFT, va="bottom", linespacing=1.4)
        axes.text(right, 0.24, LEGEND, color=SOFT, va="bottom", linespacing=1.4)
    return figure


def _table(axes: Axes, table: Table) -> None:
    left, top = PLACES[table.name]
    rows = lines(table)
    height = 1.12 * LINE
    bottom = rows[-1].place - 0.62 * LINE
    axes.add_patch(Rectangle((left, top - height), WIDTH, height, color=HEAD, lw=0))
    axes.add_patch(Rectangle((left, bottom), WIDTH, top - bottom, fill=False, ec=SOFT, lw=0.8))
    axes.text(left + 0.07, top - height / 2, table.name, fontweight="bold", va="center", color=INK)
    for column, kind, place in rows:
        colour = KEY if column.foreign_keys else INK
        written = axes.text(left + 0.07, place, column.name, va="center", color=colour)
        axes.text(left + WIDTH - 0.07, place, kind, va="center", ha="right", color=SOFT)
        if column.primary_key:
            box = written.get_window_extent().transformed(axes.transData.inverted())
            axes.plot([box.x0, box.x1], [place - 0.085] * 2, color=colour, lw=0.8)


def _arrow(axes: Axes, start: Column, end: Column, places: dict[Column, float]) -> None:
    """Draw a line with two bends from a column to the one that it refers to."""
    here, there = PLACES[start.table.name][0], PLACES[end.table.name][0]
    if here < there:
        x0, bend, x1 = here + WIDTH, (here + WIDTH + there) / 2, there
    elif here > there:
        x0, bend, x1 = here, 0.6 * (there + WIDTH) + 0.4 * here, there + WIDTH
    else:  # one above the other
        x0, bend, x1 = here, here - 0.1, here
    y0, y1 = places[start], places[end]
    axes.plot([x0, bend, bend, x1], [y0, y0, y1, y1], color=KEY, lw=1.1)
    marker, tip = (">", -0.035) if bend < x1 else ("<", 0.035)
    axes.plot(x1 + tip, y1, marker=marker, color=KEY, ms=5)
