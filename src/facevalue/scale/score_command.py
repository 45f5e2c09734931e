"""The command `facevalue score`: what it prints."""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from facevalue.emotions import EMOTIONS
from facevalue.recognition.detection import MIN_FACE
from facevalue.scale import face_table, no_face, score_folder
from facevalue.scale.face_table import BOX, Row
from facevalue.scale.score_batch import kind
from facevalue.scale.score_folder import Scored

MOST_ROWS = 20
"""How many faces of a single file are printed."""

MOST_NAMES = 3
"""How many files without a face, and that failed, are named."""


def main(options: argparse.Namespace) -> int:
    """Run `facevalue score`.

    Args:
        options: source, out (None writes no file), csv and json (print the whole table), and the
            arguments of `score_folder.score` that its command line has.
    Returns:
        1 if the only file failed, else 0.
    """
    if options.out is not None:
        return _run(options, options.out)
    options.interrupted = "Nothing was written."
    with tempfile.TemporaryDirectory() as folder:
        return _run(options, Path(folder, "scores.csv"))


def _run(options: argparse.Namespace, out: Path) -> int:
    single = Path(options.source).is_file()
    done = score_folder.score(
        options.source,
        out,
        model=options.model,
        detector=options.detector,
        min_face=MIN_FACE if options.min_face is None else options.min_face,
        every=options.every,
        cropped=options.cropped,
        annotate=options.annotate,
        keep_parts=options.keep_parts,
        progress=not (single and kind(options.source) == "photo"),
    )
    if options.csv:
        with out.open(encoding="utf-8", newline="") as table:
            shutil.copyfileobj(table, sys.stdout)
    elif options.json:
        print_json(face_table.read_csv(out))
    # what programs read stays free of remarks
    told = sys.stderr if options.csv or options.json else sys.stdout
    if not single:
        print("\n".join(folder_lines(done, out, kept=options.out is not None)), file=told)
    else:
        if done.faces and told is sys.stdout:
            print("\n".join(file_lines(Path(options.source).name, _rows(out), done.faces)))
        for name, reason in _listed(out, "no_face"):
            details = "" if reason == no_face.NONE_FOUND else f" ({reason})"
            print(f"{name}: no face found{details}.", file=told)
        for name, reason in _listed(out, "failed"):
            subject = "" if reason.startswith(name) else f"{name}: "
            print(f"{subject}{reason.removesuffix('.')}.", file=sys.stderr)
        if options.out is not None:
            print(f"{out}: {_count(done.faces, 'face')}.")
    if options.annotate is not None:
        print(f"{options.annotate}: the photos with boxes and bars.", file=told)
    return int(single and done.failed > 0)


def _rows(out: Path) -> Iterable[Row]:
    """Return the first rows of a table."""
    if out.suffix.lower() == ".csv":
        return islice(face_table.read_csv(out), MOST_ROWS)
    from pyarrow import parquet

    return next(parquet.ParquetFile(out).iter_batches(MOST_ROWS)).to_pylist()


def _listed(out: Path, kind: str) -> list[list[str]]:
    """Return the file and the reason of each entry of one of the two lists."""
    file = out.with_suffix(f".{kind}.csv")
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.reader(opened))[1:]


def print_json(rows: Iterable[Row]) -> None:
    """Print rows as a JSON array of objects, one a line."""
    before = "["
    for row in rows:
        print(f"{before}\n{json.dumps(row, ensure_ascii=False)}", end="")
        before = ","
    print("[]" if before == "[" else "\n]")


def file_lines(name: str, rows: Iterable[Row], faces: int) -> list[str]:
    """Return the lines of the table of a single file.

    Args:
        name: the file's.
        rows: its first faces, as in the table.
        faces: how many there are in all.

    >>> happy = {emotion: float(emotion == "happy") for emotion in EMOTIONS}
    >>> row = {"seconds": None, "x": 5, "y": 6, "width": 70, "height": 80, **happy}
    >>> print(*file_lines("me.jpg", [row], 1), sep="\\n")
    me.jpg: 1 face
    face  box (x, y, width, height)  emotions
       1  5, 6, 70, 80               happy 100 %
    """
    shown = list(rows)
    film = any(row["seconds"] is not None for row in shown)
    head = ("seconds", "person") if film else ("face",)
    title = f"{'  '.join(head)}  box (x, y, width, height)  emotions"
    lines = [f"{name}: {_count(faces, 'face')}", title]
    for number, row in enumerate(shown, 1):
        first = f"{row['seconds']:7.2f}  {row['person']:6}" if film else f"{number:4}"
        box = ", ".join(str(row[side]) for side in BOX)
        lines.append(f"{first}  {box:25}  {_top_emotions(row)}")
    if faces > len(shown):
        left = faces - len(shown)
        lines.append(
            f"... and {left:,} more: --csv prints all of them, --out writes them to a file."
        )
    return lines


def _top_emotions(row: Row) -> str:
    """Return the three most probable emotions, without those of less than half a per cent."""
    best = sorted(EMOTIONS, key=lambda name: -row[name])[:3]
    return ", ".join(f"{name} {100 * row[name]:.0f} %" for name in best if row[name] >= 0.005)


def folder_lines(done: Scored, out: Path, *, kept: bool) -> list[str]:
    """Return the lines on what was found in a folder.

    Args:
        done: what `score_folder.score` has returned.
        out: the table, beside which the lists of files without a face and of failed ones are.
        kept: whether these files stay.
    """
    start = f"{out}: " if kept else ""
    lines = [f"{start}{_count(done.faces, 'face')} in {done.files:,} photos and videos."]
    if done.faces:
        counts = Counter(done.emotions).most_common()
        shares = (f"{name} {n:,} ({100 * n / done.faces:.0f} %)" for name, n in counts)
        lines.append(f"Emotions: {', '.join(shares)}.")
    if done.no_face:
        number = sum(done.no_face.values())
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in done.no_face.items())
        lines.append(f"No face in {number:,} of them ({reasons}){_names(out, 'no_face', kept)}")
    if done.failed:
        lines.append(f"{_count(done.failed, 'file')} failed{_names(out, 'failed', kept)}")
    if done.passed_over:
        number = sum(done.passed_over.values())
        common = Counter(done.passed_over).most_common(5)
        kinds = ", ".join(f"{suffix or 'no suffix'} {n:,}" for suffix, n in common)
        lines.append(f"Passed over {_count(number, 'file')} of other kinds ({kinds}).")
    if not kept:
        lines.append("No table was kept: --out scores.csv writes it, --csv prints it.")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _names(out: Path, kind: str, kept: bool) -> str:
    """Return the end of a line: the first files of a list, and where all are."""
    listed = _listed(out, kind)
    some = ", ".join(name for name, _ in listed[:MOST_NAMES])
    more = f" and {len(listed) - MOST_NAMES:,} more" if len(listed) > MOST_NAMES else ""
    place = f". {out.with_suffix(f'.{kind}.csv')} has the reasons" if kept else ""
    return f": {some}{more}{place}." if listed else "."
