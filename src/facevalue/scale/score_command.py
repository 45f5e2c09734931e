"""The command `facevalue score`, and what it prints."""

from __future__ import annotations

import argparse
import csv
import json
import shlex
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import TextIO

from facevalue.emotions import EMOTIONS
from facevalue.file_kinds import in_words
from facevalue.files import escaped
from facevalue.recognition.detection import DETECTORS, MIN_FACE
from facevalue.recognition.overlay import MAX_BARS
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

OTHER_IMAGES = (
    *("HEIC image", "JPEG XL image", "JPEG 2000 image", "Photoshop image"),
    *("SVG drawing", "raw photo"),
)
"""Images that are not scored, as `file_kinds.content_kind` calls them."""


def main(options: argparse.Namespace) -> int:
    """Run `facevalue score`.

    Args:
        options: source (a list); out (None to write no file); csv and json (whether to print the
            whole table); model, detector, min_face (None for the default), every, cropped,
            annotate and keep_parts, as in `score_folder.score`.
    Returns:
        1 if a file failed, or if one of several named files is of another type; otherwise 0.
    Raises:
        ValueError: an option has no effect with this source or without another option.
    """
    _check_options(options)
    if options.out is not None:
        return _run(options, options.out)
    options.interrupted = "Nothing was written."
    with tempfile.TemporaryDirectory() as folder:
        return _run(options, Path(folder, "scores.csv"))


def _check_options(options: argparse.Namespace) -> None:
    if options.keep_parts and options.out is None:
        raise ValueError("--keep-parts needs --out FILE: the parts are kept beside that file.")
    if options.cropped and (options.min_face is not None or options.detector != DETECTORS[0]):
        raise ValueError(
            "--detector and --min-face have no effect with --cropped, which uses no detector: "
            "leave them out."
        )
    if options.annotate is not None and all(kind(source) == "video" for source in options.source):
        raise ValueError(
            "--annotate draws on photos only: facevalue live --source "
            f"{shlex.quote(options.source[0])} --out drawn.mp4 draws on the video."
        )
    if options.annotate is not None and options.annotate.is_file():
        raise ValueError(f"{options.annotate} is a file: name a folder for the annotated photos.")


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
        _print_file(options, out, done, remarks)
    else:
        if several and remarks is sys.stdout and done.faces <= MAX_ROWS:
            _print_tables(out)
        print("\n".join(folder_lines(done, out, kept=options.out is not None)), file=remarks)
        if options.out is None and remarks is sys.stdout and done.faces:
            print("The table was not kept: --out scores.csv writes it, --csv prints it.")
    if options.annotate is not None:
        print(_annotate_line(options.annotate, done.videos), file=remarks)
    # a file that somebody named must not be skipped in silence
    unread = several and not all(kind(source) for source in options.source)
    return int(done.failed > 0 or unread)


def _print_tables(out: Path) -> None:
    """Print the faces of each of a few files."""
    for name, rows in groupby(_rows(out), key=itemgetter("file")):
        faces = list(rows)
        people = len({face["person"] for face in faces} - {None})
        print("\n".join(file_lines(escaped(name), faces, len(faces), people)))


def _print_file(options: argparse.Namespace, out: Path, done: Scored, remarks: TextIO) -> None:
    """Print what was found in a single file."""
    if done.faces and remarks is sys.stdout:
        name = escaped(Path(options.source[0]).name)
        print("\n".join(file_lines(name, _rows(out), done.faces, done.people)))
    for name, reason in _listed(out, "no_face"):
        details = "" if reason == no_face.NONE_FOUND else f" ({reason})"
        print(f"{name}: no face found{details}.", file=remarks)
    for name, reason in _listed(out, "failed"):
        print(_failure(name, reason), file=sys.stderr)
    if options.out is not None:
        print(f"{out}: {_count(done.faces, 'face')}{_of_people(done.people)}.")


def _failure(name: str, reason: str) -> str:
    """Return a sentence on a failed file, which has its name once.

    >>> _failure("a/b.jpg", "b.jpg is an empty file."), _failure("b.jpg", "Permission denied")
    ('a/b.jpg is an empty file.', 'b.jpg: Permission denied.')
    """
    base = PurePosixPath(name).name
    rest = reason.removesuffix(".")
    return f"{name}{rest[len(base) :]}." if rest.startswith(f"{base} ") else f"{name}: {rest}."


def _of_people(people: int) -> str:
    """Return the people of a video's faces in words, "" for photos."""
    return f" of {people:,} {'person' if people == 1 else 'people'}" if people else ""


def _annotate_line(folder: Path, videos: int) -> str:
    """Return the line on the folder for annotated photos."""
    line = f"The annotated photos are in {folder}; those with over {MAX_BARS} faces have no bars."
    if not folder.is_dir():
        line = "No photo was annotated, because none has a face."
    return f"{line} Videos are annotated by facevalue live --out." if videos else line


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
    return [[escaped(face_table.plain_text(cell)) for cell in row] for row in rows]


def print_json(rows: Iterable[Row]) -> None:
    """Print rows as a JSON array of objects, one per line."""
    before = "["
    for row in rows:
        print(f"{before}\n{json.dumps(row, ensure_ascii=False)}", end="")
        before = ","
    print("[]" if before == "[" else "\n]")


def file_lines(name: str, rows: Iterable[Row], faces: int, people: int = 0) -> list[str]:
    """Return the lines of the table of a single file.

    Args:
        name: the name of the file.
        rows: its first faces, as in the table.
        faces: the number of all its faces.
        people: the number of people in a video; 0 for a photo.

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
    lines = [f"{name}: {_count(faces, 'face')}{_of_people(people)}", title]
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
    lines = [f"{start}{_count(done.faces, 'face')} in {_read_files(done)}."]
    if done.faces:
        counts = Counter(done.emotions).most_common()
        shares = (f"{name} {n:,} ({100 * n / done.faces:.0f} %)" for name, n in counts)
        lines.append(f"Emotions: {', '.join(shares)}.")
    if done.no_face:
        files = _count(sum(done.no_face.values()), "file") + _no_face_reasons(done.no_face)
        lines.append(f"No face was found in {files}{_names(out, 'no_face', kept)}")
    if done.failed:
        lines += _failed_lines(done.failed, out, kept)
    if done.skipped:
        number = sum(done.skipped.values())
        common = Counter(done.skipped).most_common(MAX_TYPES)
        types = ", ".join(f"{suffix or 'no suffix'} {n:,}" for suffix, n in common)
        types += ", ..." if len(done.skipped) > MAX_TYPES else ""
        lines.append(f"Skipped {_count(number, 'file')} of other types ({types}).")
    if done.kinds:
        common = Counter(done.kinds).most_common()
        kinds = in_words([_count(n, name) for name, n in common])
        lines.append(f"Among them: {kinds}. {_advice([name for name, _ in common])}")
    return lines


def _advice(kinds: list[str]) -> str:
    """Return what to do with skipped files that are, by their content, of these kinds.

    >>> _advice(["HEIC image"])
    'To score them, convert the images to JPEG.'
    """
    steps = {
        "convert the images to JPEG": any(name in OTHER_IMAGES for name in kinds),
        "unpack archives": any(name.endswith("archive") for name in kinds),
        "end the name of each photo and video in its suffix, such as .jpg or .mp4": any(
            name.endswith(("image", "video")) and name not in OTHER_IMAGES for name in kinds
        ),
    }
    told = ", and ".join(step for step, is_due in steps.items() if is_due)
    return f"To score them, {told}." if told else "They are neither photos nor videos."


def _read_files(done: Scored) -> str:
    """Return the numbers of photos and videos that could be read, and of people, in words."""
    counts = [(done.photos, "photo"), (done.videos, "video")]
    files = " and ".join(_count(n, noun) for n, noun in counts if n) or "0 photos and videos"
    if not done.people:
        return files
    people = _of_people(done.people).removeprefix(" of ")
    return f"{files}, with {people} in the video{'' if done.videos == 1 else 's'}"


def _no_face_reasons(reasons: dict[str, int]) -> str:
    """Return the special reasons why no face was found, with their numbers, in parentheses.

    >>> _no_face_reasons({"none found": 3}), _no_face_reasons({"none found": 3, "too dark": 2})
    ('', ' (2 too dark)')
    >>> _no_face_reasons({"too dark": 2})
    ' (too dark)'
    """
    special = {reason: n for reason, n in reasons.items() if reason != no_face.NONE_FOUND}
    if not special:
        return ""
    if len(reasons) == 1:
        return f" ({next(iter(special))})"
    return f" ({', '.join(f'{n:,} {reason}' for reason, n in special.items())})"


def _failed_lines(number: int, out: Path, kept: bool) -> list[str]:
    """Return a line with the number of failed files, and some of them with their reasons."""
    listed = _listed(out, "failed")
    place = f" (listed in {out.with_suffix('.failed.csv')})" if kept else ""
    lines = [f"{_count(number, 'file')} failed{place}:"]
    lines += [f"  {_failure(*each)}" for each in listed[:MAX_NAMES]]
    return lines + ([f"  and {number - MAX_NAMES:,} more"] if number > MAX_NAMES else [])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _names(out: Path, which: str, kept: bool) -> str:
    """Return the end of a line: the first files of a list, and the path of the whole list."""
    listed = _listed(out, which)
    some = ", ".join(name for name, _ in listed[:MAX_NAMES])
    more = f" and {len(listed) - MAX_NAMES:,} more" if len(listed) > MAX_NAMES else ""
    place = f". {out.with_suffix(f'.{which}.csv')} has the reasons" if kept else ""
    return f": {some}{more}{place}." if listed else "."
