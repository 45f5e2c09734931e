"""Run the notebooks, write them to build/notebooks and their pages to build/pages.

With --store, their outputs are stored in place.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import os
import re
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import build_site
import nbformat
import update_readme
from library_log import LIBRARY_LOG
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from PIL import Image, ImageChops
from tqdm import tqdm

from facevalue import settings
from facevalue.evaluation import results
from facevalue.files import error_sentence, write_text

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "build" / "notebooks"
PAGES = ROOT / "build" / "pages"
TIMEOUT = {"fast": 600, "full": None}
"""Seconds that one cell may take, by profile."""


@dataclass
class Run:
    """A notebook that was run: its name, its duration, and its headline numbers."""

    name: str
    seconds: float = 0.0
    headlines: list[dict[str, Any]] = field(default_factory=list)


class NotebookError(Exception):
    """A cell failed; the message names the notebook and shows the cell and its error."""


def choose(names: list[str]) -> list[Path]:
    """Return the notebooks whose file names start with one of `names`; all if there are none.

    Raises:
        FileNotFoundError: no notebook starts with one of the names.
    """
    every = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
    for name in names:
        if not any(path.name.startswith(name) for path in every):
            known = ", ".join(path.stem for path in every)
            raise FileNotFoundError(f"No notebook starts with {name!r}: choose from {known}.")
    return [path for path in every if not names or path.name.startswith(tuple(names))]


def execute(path: Path, notebook: Any, timeout: int | None) -> Run:
    """Run a notebook in its folder, showing which cell is running.

    Raises:
        NotebookError: a cell raised an error or ran longer than `timeout` seconds.
    """
    run = Run(str(path.relative_to(NOTEBOOKS).with_suffix("")))
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    bar = tqdm(total=len(code), desc=run.name, unit="cell", leave=False, file=sys.stderr)

    def at(cell: Any, **_: Any) -> None:
        if cell in code:
            bar.set_postfix_str(cell.source.strip().splitlines()[0][:50])

    def done(cell: Any, **_: Any) -> None:
        bar.update(cell in code)

    with tempfile.TemporaryDirectory() as folder:
        headlines = Path(folder) / "headlines.jsonl"
        os.environ["FACEVALUE_HEADLINES"] = str(headlines)
        client = NotebookClient(
            notebook,
            timeout=timeout,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": str(path.parent)}},
            on_cell_start=at,
            on_cell_executed=done,
        )
        start = time.perf_counter()
        try:
            client.execute()
        except (CellExecutionError, CellTimeoutError) as error:
            raise NotebookError(f"{path.name} stopped at this cell:\n\n{error}") from None
        finally:
            bar.close()
            os.environ.pop("FACEVALUE_HEADLINES")
        run.seconds = time.perf_counter() - start
        if headlines.exists():
            lines = headlines.read_text(encoding="utf-8").splitlines()
            run.headlines = [json.loads(line) for line in lines]
    return run


PROGRESS_BAR = re.compile(r"[^\r\n]*\d+%\|[^\r\n]*\]")
"""A bar of tqdm, which a page would show once for each step."""

WIDGET = "application/vnd.jupyter.widget-view+json"


def clean(notebook: Any) -> None:
    """Remove stderr, live widgets and kernel metadata, and shrink the figures."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [
                out
                for out in cell.outputs
                if out.get("name") != "stderr" and WIDGET not in out.get("data", {})
            ]
            cell.metadata = {key: cell.metadata[key] for key in cell.metadata if key == "tags"}
            for out in cell.outputs:
                if figure := out.get("data", {}).get("image/png"):
                    small = shrink(base64.b64decode(figure))
                    out["data"]["image/png"] = base64.b64encode(small).decode()
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}


def shrink(png: bytes) -> bytes:
    """Return a figure in about half the bytes: as grey levels, or with a palette of 256 colours.

    A grey figure loses nothing; in a coloured one some pixels change by a shade. A figure with
    transparency is returned unchanged.
    """
    with Image.open(io.BytesIO(png)) as image:
        rgba = image.convert("RGBA")
    if rgba.getchannel("A").getextrema() != (255, 255):
        return png
    colours = rgba.convert("RGB")
    red, green, blue = colours.split()
    grey = not (
        ImageChops.difference(red, green).getbbox() or ImageChops.difference(red, blue).getbbox()
    )
    small = (
        red
        if grey
        else colours.quantize(256, Image.Quantize.MAXCOVERAGE, 3, dither=Image.Dither.NONE)
    )
    file = io.BytesIO()
    small.save(file, "PNG", optimize=True)
    return min(png, file.getvalue(), key=len)


def remove_noise(notebook: Any) -> None:
    """Remove TensorFlow's start-up log and progress bars, but keep warnings."""
    for cell in notebook.cells:
        for output in list(cell.get("outputs", [])):
            if WIDGET in output.get("data", {}):
                cell.outputs.remove(output)
            if output.get("name") == "stderr":
                output.text = PROGRESS_BAR.sub("", LIBRARY_LOG.sub("", output.text))
                if not output.text.strip():
                    cell.outputs.remove(output)


def build(path: Path, timeout: int | None) -> Run:
    """Run one notebook and write the executed copy to build/notebooks."""
    notebook = nbformat.read(path, as_version=4)
    run = execute(path, notebook, timeout)
    remove_noise(notebook)
    write_text(BUILD / path.name, nbformat.writes(notebook) + "\n")
    return run


def build_all(chosen: list[Path], resume: bool) -> list[Run]:
    """Run notebooks and build their pages, also those of an interrupted run.

    Args:
        chosen: the notebooks.
        resume: whether to skip those that the last run finished, with the same settings.
    """
    profile = settings.profile()
    finished = read_finished() if resume else {}
    runs: list[Run] = []
    try:
        for path in chosen:
            key = finished_key(path, profile)
            run = finished.get(key) or build(path, TIMEOUT[profile.name])
            runs.append(run)
            finished[key] = run
            texts = {name: asdict(one) for name, one in finished.items()}
            write_text(BUILD / FINISHED, json.dumps(texts, indent=1))
    finally:
        if runs:
            warnings = build_site.build(PAGES, BUILD)
            print(warnings, end="", file=sys.stderr)
            page = PAGES / "lessons" / f"{runs[0].name}.html"
            print(f"Open {page if len(runs) == 1 else PAGES / 'index.html'}")
    return runs


FINISHED = "finished.json"
"""Which notebooks the last run has finished, in build/notebooks."""


def finished_key(path: Path, profile: settings.Profile) -> str:
    """Return what a notebook's result depends on: its cells, the data set and the profile."""
    content = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return f"{path.stem} {content} {profile.dataset} {profile.name}"


def read_finished() -> dict[str, Run]:
    """Return the notebooks that the last run has finished, by `finished_key`."""
    file = BUILD / FINISHED
    if not file.is_file():
        return {}
    texts = json.loads(file.read_text(encoding="utf-8"))
    return {key: Run(**text) for key, text in texts.items()}


def store(path: Path) -> Run:
    """Run one notebook with the defaults and store its outputs in place."""
    notebook = nbformat.read(path, as_version=4)
    run = execute(path, notebook, TIMEOUT["fast"])
    clean(notebook)
    write_text(path, nbformat.writes(notebook) + "\n")
    return run


def set_defaults(chosen: list[Path]) -> None:
    """Clear the settings of this machine, so that stored outputs are those of the defaults.

    The image database is a separate one, which notebook 01 starts from scratch: the usual one may
    hold FER-2013 too.
    """
    for variable in list(os.environ):
        if variable.startswith("FACEVALUE_") or variable == "DASK_SCHEDULER_ADDRESS":
            del os.environ[variable]
    file = BUILD.parent / "stored.db"
    file.parent.mkdir(parents=True, exist_ok=True)
    if any(path.name.startswith("01") for path in chosen):
        file.unlink(missing_ok=True)
    os.environ["DATABASE_URL"] = f"sqlite:///{file}"


def closing_table(runs: list[Run]) -> str:
    """Return a table of notebook, seconds and headline numbers."""
    lines = [f"{'notebook':<22}{'seconds':>8}  headline numbers"]
    for run in runs:
        texts = [f"{line['label']}: {line['value']}" for line in run.headlines] or ["none"]
        lines.append(f"{run.name:<22}{run.seconds:>8.1f}  {texts[0]}")
        lines += [f"{'':<32}{text}" for text in texts[1:]]
    lines.append(f"{'all':<22}{sum(run.seconds for run in runs):>8.1f}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="how the file names start, for example 04")
    parser.add_argument("--store", action="store_true", help="store outputs in place")
    parser.add_argument("--solutions", action="store_true", help="with --store: the solutions too")
    parser.add_argument(
        "--record", action="store_true", help="write numbers and times to reports/ and README"
    )
    parser.add_argument("--resume", action="store_true", help="go on after an interrupted run")
    options = parser.parse_args(arguments)
    try:
        chosen = choose(options.names)
        if options.store:
            set_defaults(chosen)
            if options.solutions:
                chosen += [NOTEBOOKS / "solutions" / path.name for path in chosen]
            runs = [store(path) for path in chosen]
        else:
            runs = build_all(chosen, options.resume)
    except (NotebookError, OSError, ValueError, build_site.SiteError) as error:
        print(error_sentence(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Go on with the next notebook: make run RESUME=1", file=sys.stderr)
        return 130
    print(closing_table(runs))
    if options.record:
        keep(runs)
    return 0


def keep(runs: list[Run]) -> None:
    """Write the numbers and times of the runs to reports/, and update README's tables."""
    lines = [line for run in runs for line in run.headlines if "model" in line]
    print(f"{results.add_scores(lines)} rows written to {results.PATH}")
    profile = settings.profile()
    times = {run.name: run.seconds for run in runs if not run.name.startswith("solutions/")}
    results.add_times(times, profile.dataset, profile.name)
    update_readme.main([])


if __name__ == "__main__":
    raise SystemExit(main())
