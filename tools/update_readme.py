"""Update README's tables: the notebooks with their times, and the results on FER-2013."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
import pandas as pd

from facevalue import paths
from facevalue.evaluation import results
from facevalue.files import write_text
from facevalue.recognition import recogniser

README = "README.md"
SPLITS = ("PrivateTest", "PublicTest + PrivateTest")
"""They hold 3,589 and 7,178 images."""

SEEN = ("PublicTest", "PrivateTest", "PrivateTest without copies")
"""The test sets of reports/seeds.csv that the table shows."""

FERPLUS = """\
The recipe of `first` on the labels of FER+ (models/ferplus.toml; eight emotions, contempt among
them) is right on {:.3f} of the {:,} PrivateTest images on whose emotion more than half of ten
people agreed. Barsoum and others, who made these labels, report about 0.85, on another choice of
images (https://arxiv.org/abs/1608.01041)."""


def notebooks_table() -> str:
    """Return a row for each notebook: its title, what it teaches, and how long it takes."""
    times = pd.read_csv(paths.root() / results.TIMES)
    lines = [
        "| notebook | you will learn to | it runs for |",
        "| --- | --- | --- |",
    ]
    for path in sorted((paths.root() / "notebooks").glob("[0-9]*.ipynb")):
        title, verbs = heading(path)
        badge, drawn = colab_badge(path), seconds(times, path.stem)
        lines.append(f"| [{title}](notebooks/{path.name}) {badge}| {verbs} | {drawn} |")
    lines.append(f"| all six | | {seconds(times)} |")
    return "\n".join(lines)


def heading(path: Path) -> tuple[str, str]:
    """Return a notebook's title, and what its first cell says you will learn."""
    first = nbformat.read(path, as_version=4).cells[0].source
    title = first.splitlines()[0].lstrip("# ").replace(" - ", " ", 1)
    learn = re.search(r"\*\*You will learn\*\*(?: to)?:?\s*(.+?)(?:\n\s*\n|\n\*\*|\Z)", first, re.S)
    if not learn:
        raise ValueError(
            f"The first cell of {path.name} needs a line that starts with '**You will learn**'."
        )
    return title, " ".join(learn.group(1).split()).rstrip(".").removeprefix("to ")


def seconds(times: pd.DataFrame, notebook: str | None = None) -> str:
    """Return the measured time of one notebook, or of all, on drawn faces in the fast profile."""
    rows = times[(times["data"] == "rendered") & (times["profile"] == "fast")]
    if notebook:
        rows = rows[rows["notebook"] == notebook]
    return f"{rows['seconds'].sum():.0f} s" if len(rows) else "not measured"


def colab_badge(path: Path) -> str:
    """Return the Colab badge of a notebook, or "" if it has none."""
    first = nbformat.read(path, as_version=4).cells[0].source
    badge = re.search(r"\[!\[Open in Colab\].*", first)
    return f"{badge.group(0).strip()} " if badge else ""


def results_table(most: int = 10) -> str:
    """Return a row for each of the best models on FER-2013: its fullest run, and the published one.

    The network of five emotions is left out: its task is easier.
    """
    table = results.read().query("data == 'fer2013' and split in @SPLITS")
    table = table[table["model"] != "baseline of five emotions"]
    table = results.fullest(table)
    best = table.groupby("model")["accuracy"].max().sort_values(ascending=False)
    lines = [
        "| model | profile | PrivateTest | macro F1 | both tests | training | published |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for model in best.index[:most]:
        rows = table[table["model"] == model].set_index("split")
        known = rows.dropna(subset="published")
        published = "none"
        if len(known):
            published = f"{known['published'].iloc[0]:.3g} ({known['published_source'].iloc[0]})"
        alone, f1 = (cell(rows, "PrivateTest", column) for column in ("accuracy", "macro_f1"))
        both = cell(rows, "PublicTest + PrivateTest", "accuracy")
        first = rows.iloc[0]
        lines.append(
            f"| {model} | {first['profile']} | {alone} | {f1} | {both} "
            f"| {first['seconds']:,.0f} s | {published} |"
        )
    return "\n".join(lines)


def recogniser_table() -> str:
    """Return a row for each recogniser: the accuracy of one crop over all its trainings.

    Networks that were trained on the labels of FER+ follow in a separate sentence.
    """
    table = pd.read_csv(paths.root() / "reports" / "seeds.csv").query("answer == 'one crop'")
    agreed = table.query("labels == 'ferplus' and test == 'PrivateTest'")
    table = table[table["labels"] == "fer2013"]
    lines = [
        f"| model | trainings | {' | '.join(SEEN)} | .onnx file |",
        f"| --- | --- | {'--- | ' * len(SEEN)}--- |",
    ]
    for model, rows in table.groupby("model"):
        found = [rows.loc[rows["test"] == test, "accuracy"] for test in SEEN]
        cells = [f"{one.mean():.3f} {spread(one)}" if len(one) else "" for one in found]
        size = onnx_size(str(model))
        lines.append(f"| `{model}` | {rows['seed'].nunique()} | {' | '.join(cells)} | {size} |")
    if len(agreed):
        lines += ["", FERPLUS.format(agreed["accuracy"].mean(), agreed["images"].max())]
    return "\n".join(lines)


def onnx_size(model: str) -> str:
    """Return the size of a model's ONNX file, in the package or in models/."""
    for folder in (recogniser.WEIGHTS, paths.root() / "models"):
        file = folder / f"{model}.onnx"
        if file.is_file():
            return f"{file.stat().st_size / 1e6:.1f} MB"
    return "none"


def spread(found: pd.Series) -> str:
    """Return the standard deviation over several trainings, or "" for a single one."""
    return f"± {found.std():.3f}" if len(found) > 1 else ""


def cell(rows: pd.DataFrame, split: str, column: str) -> str:
    """Return a number of one split, or "" if it was not measured."""
    return f"{float(rows[column][split]):.3f}" if split in rows.index else ""


def machines() -> str:
    """Return a sentence on where and when the times and results were measured."""
    rows = pd.concat([pd.read_csv(paths.root() / results.TIMES), results.read()])
    where = "; ".join(sorted(rows["machine"].dropna().unique()))
    *dates, last = sorted(rows["date"].dropna().unique())
    when = f"{', '.join(dates)} and {last}" if dates else last
    return f"Measured on {where}, on {when}."


def updated(text: str) -> str:
    """Return README's text with each part between two comment marks updated."""
    parts = {
        "notebooks": notebooks_table,
        "recogniser": recogniser_table,
        "results": results_table,
        "machines": machines,
    }
    for name, make in parts.items():
        start, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
        if text.count(start) != 1 or text.count(end) != 1:
            raise ValueError(f"{README} needs the marks <!-- {name} --> and <!-- /{name} --> once.")
        before, _, rest = text.partition(start)
        text = before + start + make() + end + rest.partition(end)[2]
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Update README."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    path = paths.root() / README
    write_text(path, updated(path.read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
