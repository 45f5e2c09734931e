"""Open copies of the notebooks in JupyterLab, so that your changes stay apart from the course.

The copies are in my_notebooks/. A copy that you have not changed follows the course; one that you
have changed is yours, and is left alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import update_readme

from facevalue.files import error_sentence, write_text

ROOT = Path(__file__).resolve().parents[1]
MINE = ROOT / "my_notebooks"
COPIED = ".copied.json"
"""The hash of each copy when it was made, in my_notebooks."""

START = """\
# Face Value

Six lessons, each on its own. Double-click one on the left, or here:

{lessons}

Run a cell with Shift+Enter, all of them with *Run > Run All Cells*. Each lesson ends with
exercises; their solutions are in the folder solutions.

These are your copies, in my_notebooks/: change what you like. Delete one, then start `make lab`
again, to get the original back.
"""


def copy_notebooks(notebooks: Path, mine: Path) -> list[str]:
    """Copy the notebooks that are new or unchanged; return the names of those that were kept.

    Args:
        notebooks: the course's folder.
        mine: the learner's folder.
    """
    record = mine / COPIED
    known = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    kept = []
    for file in sorted(notebooks.rglob("[0-9]*.ipynb")):
        if ".ipynb_checkpoints" in file.parts:
            continue
        name = file.relative_to(notebooks).as_posix()
        copy, now = mine / name, digest(file)
        if copy.is_file() and digest(copy) != known.get(name):
            if known.get(name) != now:
                kept.append(name)
            continue
        write_text(copy, file.read_text(encoding="utf-8"))
        known[name] = now
    write_text(record, json.dumps(known, indent=1))
    return kept


def digest(file: Path) -> str:
    """Return the SHA-256 hash of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def start_page(notebooks: Path, mine: Path) -> None:
    """Write the page that JupyterLab opens with."""
    lessons = []
    for file in sorted(notebooks.glob("[0-9]*.ipynb")):
        title, verbs = update_readme.heading(file)
        lessons.append(f"- [{title}]({file.name}): learn to {verbs}")
    write_text(mine / "START.md", START.format(lessons="\n".join(lessons)))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--originals", action="store_true", help="open notebooks/ itself")
    parser.add_argument("--allow-root", action="store_true", help="start although you are root")
    parser.add_argument("--ip", default="localhost", help="0.0.0.0 in a container")
    options = parser.parse_args(arguments)
    if hasattr(os, "geteuid") and os.geteuid() == 0 and not options.allow_root:
        print(
            "You are root, and JupyterLab lets whoever reaches its page run any command as you. "
            "Start it as another user, or, if nobody else reaches this machine: make lab ROOT=1",
            file=sys.stderr,
        )
        return 1
    folder = ROOT / "notebooks"
    command = [sys.executable, "-m", "jupyterlab", f"--ip={options.ip}"]
    if not options.originals:
        try:
            for name in copy_notebooks(folder, MINE):
                print(f"{name} has a newer version in notebooks/; yours in my_notebooks/ is kept.")
            start_page(folder, MINE)
        except OSError as error:
            print(error_sentence(error), file=sys.stderr)
            return 1
        folder = MINE
        command.append("--LabApp.default_url=/lab/tree/START.md")
    if options.allow_root:
        command.append("--allow-root")
    # Markdown files, such as the start page, open as pages
    settings = [str(ROOT / "tools" / "jupyter"), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    environment = os.environ | {"JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, settings))}
    environment.setdefault("PYTHONSTARTUP", str(ROOT / "tools" / "library_log.py"))
    return subprocess.run([*command, str(folder)], cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    raise SystemExit(main())
