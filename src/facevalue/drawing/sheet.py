"""A contact sheet of drawn faces: every emotion, and every action unit.

`python -m facevalue.drawing.sheet out.png` writes it to a file, and
`python -m facevalue.drawing.sheet --knobs FOLDER` a contact print of every knob of `Variety`.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from facevalue.drawing.appearance import ACTION_UNITS, Person, View
from facevalue.drawing.expressions import expression, random_expression
from facevalue.drawing.faces import draw
from facevalue.drawing.variety import (
    DEFAULT,
    LIMITS,
    MILD,
    ExpressionKnobs,
    PeopleKnobs,
    ViewKnobs,
)
from facevalue.emotions import EMOTIONS
from facevalue.files import atomic_write, check_parent, error_sentence
from facevalue.image_files import encode_png


def contact_sheet(people: int = 9, size: int = 96) -> np.ndarray:
    """Return the sheet: each emotion of several people, then each unit at 0, 0.5 and 1.

    Args:
        people: the number of faces in a row, at least 3.
        size: height and width of a face in pixels.

    Returns:
        uint8, shape (height, width), grey levels.
    """

    def with_name(image: np.ndarray, name: str) -> np.ndarray:
        place = (3, size - 4)
        for colour, width in ((0, 3), (255, 1)):  # a dark edge around white letters
            cv2.putText(
                image, name, place, cv2.FONT_HERSHEY_SIMPLEX, size / 240, colour, width, cv2.LINE_AA
            )
        return image

    rows = []
    for emotion in EMOTIONS:
        row = []
        for k in range(people):
            rng = np.random.default_rng([7, k])
            person, view = Person.random(rng, MILD), View.random(rng, MILD)
            row.append(draw(expression(emotion, rng), person, view, size))
        rows.append(np.hstack([with_name(row[0], emotion), *row[1:]]))
    cells = [
        with_name(draw({unit: x}, size=size), f"{unit}: {x:g}")
        for unit in ACTION_UNITS
        for x in (0.0, 0.5, 1.0)
    ]
    across = max(1, people // 3) * 3
    cells += [np.full((size, size), 255, np.uint8)] * (-len(cells) % across)
    units = [np.hstack(cells[k : k + across]) for k in range(0, len(cells), across)]
    blank = np.full((size, size * (people - across)), 255, np.uint8)
    return np.vstack(rows + [np.hstack([row, blank]) for row in units])


LEVELS = ("0", "default", "strong")
"""The rows of a knob's contact print."""


def meanings() -> dict[str, str]:
    """Return what each knob of `Variety` says about itself, on one line."""
    found, name = {}, ""
    for group in (PeopleKnobs, ExpressionKnobs, ViewKnobs):
        for statement in ast.parse(inspect.getsource(group)).body[0].body:  # type: ignore[attr-defined]
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                name = statement.target.id
            elif isinstance(statement, ast.Expr) and name:
                found[name] = " ".join(ast.literal_eval(statement.value).split())
        name = ""
    return found


def strong(knob: str, default: float, meaning: str) -> float:
    """Return a strong value of a knob: 1 for a share, otherwise two and a half times as much."""
    limit = LIMITS.get(knob, 1)
    if limit == 1 and (meaning.startswith("Share") or knob == "metering"):
        return 1.0
    return min(2.5 * default, limit)


def contact_print(knob: str, people: int = 8, size: int = 48) -> np.ndarray:
    """Return the same people with a knob at 0, at its default, and strong; all else is mild.

    Args:
        knob: a field of `Variety`.
        people: the number of columns.
        size: height and width of a face in pixels, drawn twice as large.

    Returns:
        uint8, shape (height, width), 32 grey levels, so that PNG files are small.
    """
    default = getattr(DEFAULT, knob)
    values = (0.0, default, strong(knob, default, meanings()[knob]))
    rows = []
    for level, value in zip(LEVELS, values, strict=True):
        variety = replace(MILD, **{knob: value})
        row = []
        for k in range(people):
            rngs = [np.random.default_rng([11, k, part]) for part in range(3)]
            shown = random_expression(EMOTIONS[k % len(EMOTIONS)], rngs[0], variety)
            person = shown.on(Person.random(rngs[1], variety))
            row.append(draw(shown.units, person, View.random(rngs[2], variety), size))
        faces = cv2.resize(np.hstack(row), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
        rows += [_title(f"{knob} = {value:g} ({level})", faces.shape[1]), faces]
    return np.vstack(rows) // 8 * 8


def _title(text: str, width: int) -> np.ndarray:
    strip = np.full((20, width), 255, np.uint8)
    cv2.putText(strip, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, 0, 1, cv2.LINE_AA)
    return strip


def write_prints(folder: Path) -> None:
    """Write a contact print of every knob, and a README that explains them, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "# What the knobs of the drawn faces do",
        "",
        "Each print shows the same eight people with one knob at 0, at its default and strong,",
        "while all else is as in a clean set (`variety.MILD`). A share says in what part of the",
        "faces something is seen, a spread how far a value strays. What is rare by default, such",
        "as a microphone, need not be seen among eight people: then the second row equals the",
        "first. The columns show anger, disgust, fear, happiness, sadness, surprise, a neutral",
        "face and anger again. The knobs are the fields of `facevalue.drawing.variety.Variety`.",
        "To write the prints again:",
        "`python -m facevalue.drawing.sheet --knobs reports/drawing`",
        "",
        "| knob | default | clean set | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for knob, meaning in meanings().items():
        with atomic_write(folder / f"{knob}.png") as part:
            Image.fromarray(contact_print(knob)).save(part, "PNG", optimize=True)
        default, mild = getattr(DEFAULT, knob), getattr(MILD, knob)
        lines.append(f"| [{knob}]({knob}.png) | {default:g} | {mild:g} | {meaning} |")
    with atomic_write(folder / "README.md") as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Write the contact sheet, or a contact print of every knob; return an exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m facevalue.drawing.sheet",
        description="Write a sheet of drawn faces.",
    )
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("file", type=Path, nargs="?", help="the PNG file to write")
    wanted.add_argument(
        "--knobs", type=Path, metavar="FOLDER", help="write a PNG file for every knob of variety"
    )
    options = parser.parse_args(arguments)
    try:
        if options.knobs:
            write_prints(options.knobs)
        else:
            check_parent(options.file)
            with atomic_write(options.file) as part:
                part.write_bytes(encode_png(contact_sheet()))
    except OSError as error:
        print(error_sentence(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
