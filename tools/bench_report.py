"""The form of the reports of the benchmarks of servers: rows of figure, result and target."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple


class Row(NamedTuple):
    """One line of a table: what was measured, the result, and the target."""

    figure: str
    reached: str
    bar: str


HEAD = Row("figure", "reached", "to reach")
"""The usual head of a table."""


def aligned(rows: Sequence[Row], head: Row = HEAD) -> list[str]:
    """Return the lines of a table, with its columns aligned."""
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(3)]
    return [
        f"{row.figure:<{widths[0]}}  {row.reached:>{widths[1]}}   {row.bar}".rstrip()
        for row in (head, *rows)
    ]


def page(title: str, command: str, prose: Sequence[str], table: Sequence[str]) -> str:
    """Return a report: its title, when and how it was printed, lines of prose, and a table."""
    printed = f"Printed on {datetime.now(UTC):%Y-%m-%d} by `{command}`"
    return "\n".join([f"# {title}", "", printed, *prose, "", "```text", *table, "```", ""])
