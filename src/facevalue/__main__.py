"""The command line: facevalue score | live | train | tune | data | api."""

from __future__ import annotations

import argparse
import os
import runpy
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

RESUMES = "Finished work is kept, and the same command continues."
"""What happens to the work of an interrupted command."""


def score(options: argparse.Namespace) -> int:
    """Find the faces in photos and videos, and print their emotions or write them to a table."""
    from facevalue.scale import score_command

    return score_command.main(options)


def live(options: argparse.Namespace) -> None:
    """Draw the emotion of each face on a video or a camera, in a window or a new file."""
    from facevalue.recognition import live_window, video
    from facevalue.recognition.recogniser import Recogniser

    if options.out is None:
        live_window.check()
        live_window.show(options.source, Recogniser(options.model))
        return
    written = video.annotate(options.source, options.out, Recogniser(options.model))
    print(f"{options.out}: {written:,} frames.")


def train(options: argparse.Namespace) -> None:
    """Train a recogniser by a recipe."""
    from facevalue.learning import train_recogniser

    train_recogniser.main(options)


def tune(options: argparse.Namespace) -> None:
    """Search for better settings of a recipe, by short trainings judged on PublicTest."""
    from facevalue.scale import tuning

    tuning.main(options)


def data(options: argparse.Namespace) -> int:
    """Download the data sets of the course."""
    from facevalue.collection import fetch_data

    return fetch_data.main()


def api(options: argparse.Namespace) -> int:
    """Serve the image database as a REST API; only in a checkout of the repository."""
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
        The exit code: 0; 1 after an error, which is one sentence on stderr; 130 after Ctrl+C.
    """
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.run is not api:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start is not worth a page
    try:
        return options.run(options) or 0
    except ModuleNotFoundError as error:
        print(_missing(error, options), file=sys.stderr)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        print(_message(error), file=sys.stderr)
    except KeyboardInterrupt:
        print(f"\nStopped. {options.interrupted}", file=sys.stderr)
        return 130
    return 1


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
            run: the function behind it.
            extra: the extra of the package that it needs.
            interrupted: what to say after Ctrl+C.
            add_help: whether it has its own --help.
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
    command.add_argument("source", help="a photo, a video, a folder, or s3://bucket/photos")
    where = command.add_mutually_exclusive_group()
    where.add_argument("--out", type=Path, metavar="FILE", help="a .csv or .parquet to write")
    where.add_argument("--csv", action="store_true", help="print the whole table as CSV")
    where.add_argument("--json", action="store_true", help="print the whole table as JSON")
    command.add_argument(
        "--annotate", type=Path, metavar="FOLDER", help="write photos with boxes and bars there"
    )
    command.add_argument("--model", default="fast", help="fast (default) or accurate")
    command.add_argument("--detector", default="yunet", help="yunet (default) or haar")
    command.add_argument(
        "--min-face", type=int, metavar="PIXELS", help="height of the smallest face (24)"
    )
    command.add_argument(
        "--every", type=float, default=1.0, metavar="SECONDS", help="between frames of a video (1)"
    )
    command.add_argument(
        "--cropped", action="store_true", help="the images are faces already: search for none"
    )
    command.add_argument(
        "--keep-parts", action="store_true", help="keep what a run with more photos can use"
    )


def _add_live_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--source",
        type=_source,
        required=True,
        help="a video file, the number of a camera (0), or an address such as rtsp://host/stream",
    )
    command.add_argument(
        "--out",
        type=Path,
        help="the .mp4, .mov, .mkv or .webm to write, of a camera until Ctrl+C; default: a window",
    )
    command.add_argument("--model", default="accurate", help="accurate (default) or fast")


def _source(text: str) -> Path | int | str:
    """Return a video file, the number of a camera, or an address."""
    if text.isdecimal():
        return int(text)
    return text if "://" in text else Path(text)


def _add_train_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("recipe", type=Path, help="a TOML file, such as models/accurate.toml")
    command.add_argument("--seed", type=int, default=0, help="of the random numbers (0)")
    command.add_argument("--data", default="fer2013", help="fer2013 (default) or rendered")
    command.add_argument("--out", type=Path, help="the .keras file to write")


def _add_tune_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("recipe", type=Path, help="a TOML file, such as models/first.toml")
    command.add_argument("--trials", type=int, default=40, help="in total (40)")
    command.add_argument("--epochs", type=int, default=5, help="of each trial (5)")
    command.add_argument("--storage", help="postgresql://..., if several clients search together")
    command.add_argument("--data", default="fer2013", help="fer2013 (default) or rendered")


def _version() -> str:
    try:
        return metadata.version("facevalue")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _missing(error: ModuleNotFoundError, options: argparse.Namespace) -> str:
    """Return a sentence that says how to install what is missing."""
    if error.name is None:  # the package's own sentence
        return str(error)
    extra = f"facevalue[{options.extra}]" if options.extra else error.name
    return (
        f"facevalue {options.command} needs the package {error.name}, which is not installed: "
        f'pip install "{extra}".'
    )


def _message(error: Exception) -> str:
    """Return an error as a sentence: the system's own have a number in front."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror.removesuffix('.')}."
    return str(error)


if __name__ == "__main__":
    raise SystemExit(main())
