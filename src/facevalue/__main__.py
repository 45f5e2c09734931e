"""The command line: facevalue score | live | train | tune | data | api."""

from __future__ import annotations

import argparse
import os
import runpy
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import Any

from facevalue.files import check_parent, error_sentence, escaped
from facevalue.interrupts import end_in_time

RESUMES = "Finished work is kept, and the same command continues."
"""What is printed after an interrupted command that can continue."""


def score(options: argparse.Namespace) -> int:
    """Find the faces in photos and videos, and print their emotions or write a table of them."""
    from facevalue.scale import score_command

    return score_command.main(options)


def live(options: argparse.Namespace) -> None:
    """Show a video or a camera with the emotion of each face, in a window or a new file."""
    from facevalue.recognition import live_window, video
    from facevalue.recognition.recogniser import Recogniser

    if options.out is None:
        live_window.show(options.source, Recogniser(options.model))
        return
    written = video.annotate(options.source, options.out, Recogniser(options.model))
    print(f"{options.out}: {written:,} frame{'' if written == 1 else 's'}.")


def train(options: argparse.Namespace) -> None:
    """Train a recogniser, with the settings in a recipe."""
    from facevalue.learning import recipe

    recipe.read(options.recipe)  # a wrong one is reported before TensorFlow is loaded
    if options.out is not None:
        check_parent(options.out)  # now, and not after the training

    from facevalue.learning import train_recogniser

    train_recogniser.main(options)


def tune(options: argparse.Namespace) -> None:
    """Search for better settings of a recipe by short trainings, compared on PublicTest."""
    from facevalue.scale import tuning

    tuning.main(options)


def data(options: argparse.Namespace) -> int:
    """Download the data sets of the course."""
    from facevalue.collection import fetch_data

    return fetch_data.main()


def api(options: argparse.Namespace) -> int:
    """Start the REST API of the image database, in a checkout of the repository."""
    from facevalue import paths

    sys.path.insert(0, str(paths.root()))
    sys.argv = ["facevalue api", *options.rest]
    try:
        runpy.run_module("apps.api", run_name="__main__", alter_sys=True)
    except SystemExit as stopped:
        return stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: 0 after success; 1 after an error, which is printed to stderr as a sentence;
        130 after Ctrl+C.
    """
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.run is not api:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # fewer logs when TensorFlow starts
    try:
        with warnings.catch_warnings(), ExitStack() as stack:
            warnings.showwarning = _print_warning
            if options.run not in (live, api):  # they end in their own ways
                stack.callback(end_in_time(130, lambda: _print_stopped(options)))
            return options.run(options) or 0
    except ModuleNotFoundError as error:
        print(_missing(error, options), file=sys.stderr)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        print(escaped(error_sentence(error)), file=sys.stderr)
    except KeyboardInterrupt:
        _print_stopped(options)
        return 130
    return 1


def _print_stopped(options: argparse.Namespace) -> None:
    print(f"\nStopped. {options.interrupted}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="facevalue", description="Recognise facial emotions in photos and videos."
    )
    parser.add_argument("--version", action="version", version=f"facevalue {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)

    def command(
        run: Callable[[argparse.Namespace], int | None],
        *,
        extra: str = "",
        interrupted: str = RESUMES,
        add_help: bool = True,
    ) -> argparse.ArgumentParser:
        """Add a command.

        Args:
            run: the function that runs it; its name and docstring become those of the command.
            extra: the optional dependencies of the package that it needs.
            interrupted: what is printed after Ctrl+C.
            add_help: whether the command has --help; without, `run` gets it in `options.rest`.
        """
        text = (run.__doc__ or "").splitlines()[0]
        added = commands.add_parser(
            run.__name__, help=text.rstrip("."), description=text, add_help=add_help
        )
        added.set_defaults(run=run, extra=extra, interrupted=interrupted)
        return added

    _add_score_options(command(score, extra="cluster"))
    _add_live_options(command(live, extra="video", interrupted="Nothing was written."))
    _add_train_options(command(train, extra="course"))
    _add_tune_options(command(tune, extra="course,tuning"))
    command(data, extra="course")
    command(api, extra="course,apps", interrupted="", add_help=False)
    return parser


def _add_score_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "source",
        nargs="+",
        help="photos and videos, or a folder, also at an address such as s3://bucket/photos",
    )
    command.epilog = (
        "The exit status is 1 if a file could not be read, also if it is one of many in a folder."
    )
    where = command.add_mutually_exclusive_group()
    where.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the .csv or .parquet file to write, in a folder that exists",
    )
    where.add_argument("--csv", action="store_true", help="print the whole table as CSV")
    where.add_argument("--json", action="store_true", help="print the whole table as JSON")
    command.add_argument(
        "--annotate",
        type=Path,
        metavar="FOLDER",
        help="write copies of the photos that have a face, with boxes, numbers and bars, into this "
        "folder, which is created",
    )
    command.add_argument("--model", default="fast", help="fast (default) or accurate")
    command.add_argument("--detector", default="yunet", help="yunet (default) or haar")
    command.add_argument(
        "--min-face",
        type=int,
        metavar="PIXELS",
        help="the height of the smallest face (default: 24)",
    )
    command.add_argument(
        "--every",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="the interval between two frames of a video (default: 1)",
    )
    command.add_argument(
        "--cropped", action="store_true", help="each image is a cropped face: skip the detector"
    )
    command.add_argument(
        "--keep-parts",
        action="store_true",
        help="keep the finished parts beside --out, so that a later run scores only new photos",
    )


def _add_live_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--source",
        type=_source,
        required=True,
        help="a video file, the number of a camera, such as 0, or an address: rtsp://host/stream",
    )
    command.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the .mp4, .mov, .mkv or .webm file to write (a camera is recorded until Ctrl+C); "
        "default: show a window",
    )
    command.add_argument("--model", default="accurate", help="accurate (default) or fast")


def _source(text: str) -> Path | int | str:
    """Return a video file, the number of a camera, or an address."""
    if text.isdecimal():
        return int(text)
    return text if "://" in text else Path(text)


def _add_train_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("recipe", type=Path, help="a TOML file, such as models/accurate.toml")
    command.add_argument(
        "--seed", type=int, default=0, help="the seed of the random numbers (default: 0)"
    )
    command.add_argument("--data", default="fer2013", help="fer2013 (default) or rendered")
    command.add_argument("--out", type=Path, metavar="FILE", help="the .keras file to write")


def _add_tune_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("recipe", type=Path, help="a TOML file, such as models/first.toml")
    command.add_argument(
        "--trials", type=int, default=40, help="the number of trials in all (default: 40)"
    )
    command.add_argument(
        "--epochs", type=int, default=5, help="the number of epochs of each trial (default: 5)"
    )
    command.add_argument(
        "--storage",
        help="the URL of a database in which several clients search together: postgresql://...",
    )
    command.add_argument("--data", default="fer2013", help="fer2013 (default) or rendered")


def _version() -> str:
    try:
        return metadata.version("facevalue")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _print_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning as a sentence, without a line of code."""
    print(f"Warning: {escaped(str(message))}", file=sys.stderr)


def _missing(error: ModuleNotFoundError, options: argparse.Namespace) -> str:
    """Return a sentence that says how to install a missing package."""
    if error.name is None:  # the package's own sentence
        return str(error)
    told = f"facevalue {options.command} needs the package {error.name}, which is not installed: "
    if not options.extra:
        return f"{told}pip install {error.name}."
    return f'{told}run pip install ".[{options.extra}]" in the folder of the course.'


if __name__ == "__main__":
    raise SystemExit(main())
