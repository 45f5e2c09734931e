"""The command `facevalue score`, and what it prints."""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import TextIO

from facevalue.emotions import EMOTIONS
from facevalue.recognition.detection import MIN_FACE
from facevalue.scale import face_table, no_face, score_folder
from facevalue.scale.face_table import BOX, Row
from facevalue.scale.score_batch import kind
from facevalue.scale.score_folder import Scored

MAX_ROWS = 20
"""How many faces of a single file are printed."""

MAX_NAMES = 3
"""How many files without a face, and how many failed files, are named."""

MAX_TYPES = 8
"""How many types of skipped files are named."""


def main(options: argparse.Namespace) -> int:
    """Run `facevalue score`.

    Args:
        options: source (a list); out (None to write no file); csv and json (whether to print the
            whole table); model, detector, min_face (None for the default), every, cropped,
            annotate and keep_parts, as in `score_folder.score`.
    Returns:
        1 if a file that was named failed, otherwise 0.
    """
    if options.out is not None:
        return _run(options, options.out)
    options.interrupted = "Nothing was written."
    with tempfile.TemporaryDirectory() as folder:
        return _run(options, Path(folder, "scores.csv"))


def _run(options: argparse.Namespace, out: Path) -> int:
    """Score the source, write the table to `out`, and print what was found."""
    several = len(options.source) > 1
    single = not several and Path(options.source[0]).is_file()
    done = score_folder.score(
        options.source if several else options.source[0],
        out,
        model=options.model,
        detector=options.detector,
        min_face=MIN_FACE if options.min_face is None else options.min_face,
        every=options.every,
        cropped=options.cropped,
        annotate=options.annotate,
        keep_parts=options.keep_parts,
        progress=not (single and kind(options.source[0]) == "photo"),
    )
    if options.csv:
        with out.open(encoding="utf-8", newline="") as table:
            shutil.copyfileobj(table, sys.stdout)
    elif options.json:
        print_json(face_table.read_csv(out))
    # programs read stdout if it has the table, so remarks go to stderr
    remarks = sys.stderr if options.csv or options.json else sys.stdout
    if single:
        _print_file(options, out, done.faces, remarks)
    else:
        if several and remarks is sys.stdout and done.faces <= MAX_ROWS:
            _print_tables(out)
        print("\n".join(folder_lines(done, out, kept=options.out is not None)), file=remarks)
    if options.annotate is not None:
        print(_annotate_line(options.source, options.annotate), file=remarks)
    return int((single or several) and done.failed > 0)


def _print_tables(out: Path) -> None:
    """Print the faces of each of a few files."""
    for name, rows in groupby(_rows(out), key=itemgetter("file")):
        faces = list(rows)
        print("\n".join(file_lines(name, faces, len(faces))))


def _print_file(options: argparse.Namespace, out: Path, faces: int, remarks: TextIO) -> None:
    """Print what was found in a single file."""
    if faces and remarks is sys.stdout:
        print("\n".join(file_lines(Path(options.source[0]).name, _rows(out), faces)))
    for name, reason in _listed(out, "no_face"):
        details = "" if reason == no_face.NONE_FOUND else f" ({reason})"
        print(f"{name}: no face found{details}.", file=remarks)
    for name, reason in _listed(out, "failed"):
        subject = "" if reason.startswith(name) else f"{name}: "
        print(f"{subject}{reason.removesuffix('.')}.", file=sys.stderr)
    if options.out is not None:
        print(f"{out}: {_count(faces, 'face')}.")


def _annotate_line(sources: Sequence[str], folder: Path) -> str:
    """Return the line on the folder for annotated photos, which a video does not create."""
    if all(kind(source) == "video" for source in sources) or not folder.is_dir():
        return "No photo was annotated: facevalue live --out annotates a video."
    return f"{folder} has the photos with boxes and bars."


def _rows(out: Path) -> Iterable[Row]:
    """Return the first `MAX_ROWS` rows of a table."""
    if out.suffix.lower() == ".csv":
        return islice(face_table.read_csv(out), MAX_ROWS)
    from pyarrow import parquet

    return next(parquet.ParquetFile(out).iter_batches(MAX_ROWS)).to_pylist()


def _listed(out: Path, which: str) -> list[list[str]]:
    """Return the file and the reason of each entry in a list beside the table.

    Args:
        which: "no_face" or "failed".
    """
    file = out.with_suffix(f".{which}.csv")
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.reader(opened))[1:]
    return [[face_table.plain_text(cell) for cell in row] for row in rows]


def print_json(rows: Iterable[Row]) -> None:
    """Print rows as a JSON array of objects, one per line."""
    before = "["
    for row in rows:
        print(f"{before}\n{json.dumps(row, ensure_ascii=False)}", end="")
        before = ","
    print("[]" if before == "[" else "\n]")


def file_lines(name: str, rows: Iterable[Row], faces: int) -> list[str]:
    """Return the lines of the table of a single file.

    Args:
        name: the name of the file.
        rows: its first faces, as in the table.
        faces: the number of all its faces.

    >>> happy = {emotion: float(emotion == "happy") for emotion in EMOTIONS}
    >>> row = {"seconds": None, "x": 5, "y": 6, "width": 70, "height": 80, **happy}
    >>> print(*file_lines("me.jpg", [row], 1), sep="\\n")
    me.jpg: 1 face
    face  box (x, y, width, height)  emotions
       1  5, 6, 70, 80               happy 100 %
    """
    shown = list(rows)
    is_video = any(row["seconds"] is not None for row in shown)
    head = ("seconds", "person") if is_video else ("face",)
    title = f"{'  '.join(head)}  box (x, y, width, height)  emotions"
    lines = [f"{name}: {_count(faces, 'face')}", title]
    for number, row in enumerate(shown, 1):
        first = f"{row['seconds']:7.2f}  {row['person']:6}" if is_video else f"{number:4}"
        box = ", ".join(str(row[side]) for side in BOX)
        lines.append(f"{first}  {box:25}  {_top_emotions(row)}")
    if faces > len(shown):
        hidden = faces - len(shown)
        lines.append(
            f"... and {hidden:,} more: --csv prints all of them, --out writes them to a file."
        )
    return lines


def _top_emotions(row: Row) -> str:
    """Return the three most probable emotions, without those below half a per cent."""
    best = sorted(EMOTIONS, key=lambda name: -row[name])[:3]
    return ", ".join(f"{name} {100 * row[name]:.0f} %" for name in best if row[name] >= 0.005)


def folder_lines(done: Scored, out: Path, *, kept: bool) -> list[str]:
    """Return the lines on what was found in a folder.

    Args:
        done: what `score_folder.score` returned.
        out: the table; the lists of files without a face and of failed files are beside it.
        kept: whether these files are kept.
    """
    start = f"{out}: " if kept else ""
    files = "1 photo or video" if done.files == 1 else f"{done.files:,} photos and videos"
    lines = [f"{start}{_count(done.faces, 'face')} in {files}."]
    if done.faces:
        counts = Counter(done.emotions).most_common()
        shares = (f"{name} {n:,} ({100 * n / done.faces:.0f} %)" for name, n in counts)
        lines.append(f"Emotions: {', '.join(shares)}.")
    if done.no_face:
        number = sum(done.no_face.values())
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in done.no_face.items())
        lines.append(f"No face in {number:,} of them ({reasons}){_names(out, 'no_face', kept)}")
    if done.failed:
        lines.append(f"{_count(done.failed, 'file')} failed{_names(out, 'failed', kept)}")
    if done.skipped:
        number = sum(done.skipped.values())
        common = Counter(done.skipped).most_common(MAX_TYPES)
        types = ", ".join(f"{suffix or 'no suffix'} {n:,}" for suffix, n in common)
        types += ", ..." if len(done.skipped) > MAX_TYPES else ""
        lines.append(f"Skipped {_count(number, 'file')} of other types ({types}).")
    if done.kinds:
        kinds = ", ".join(f"{name} {n:,}" for name, n in Counter(done.kinds).most_common())
        lines.append(
            f"By their content, these are: {kinds}. Convert other images to JPEG, unpack archives, "
            "and let each name end in the suffix of its kind, so that they are scored."
        )
    if not kept:
        lines.append("The table was not kept: --out scores.csv writes it, --csv prints it.")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _names(out: Path, which: str, kept: bool) -> str:
    """Return the end of a line: the first files of a list, and the path of the whole list."""
    listed = _listed(out, which)
    some = ", ".join(name for name, _ in listed[:MAX_NAMES])
    more = f" and {len(listed) - MAX_NAMES:,} more" if len(listed) > MAX_NAMES else ""
    place = f". {out.with_suffix(f'.{which}.csv')} has the reasons" if kept else ""
    return f": {some}{more}{place}." if listed else "."
