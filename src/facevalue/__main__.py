"""The package's command line: python -m facevalue live --source video.mp4 --out annotated.mp4.

python -m facevalue score photos --out scores.parquet
python -m facevalue tune models/first.toml --trials 40
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

KEPT = "what is done is kept, and the same command goes on"


def live(options: argparse.Namespace) -> None:
    """Write a video again with the emotion of each face drawn on it."""
    from facevalue.recognition import video
    from facevalue.recognition.recogniser import Recogniser

    written = video.annotate(options.source, options.out, Recogniser(options.model))
    print(f"{options.out}: {written:,} frames")


def score(options: argparse.Namespace) -> None:
    """Find the faces in a folder of photos and videos, and write their emotions to a table."""
    from facevalue.scale import score_folder

    score_folder.main(options)


def tune(options: argparse.Namespace) -> None:
    """Search for better settings of a recipe, by short trainings that PublicTest judges."""
    from facevalue.scale import tuning

    tuning.main(options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m facevalue", description=__doc__.split(":")[0])
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    command = commands.add_parser("live", help=(live.__doc__ or "").rstrip("."))
    command.add_argument("--source", type=Path, required=True, help="a video file")
    command.add_argument("--out", type=Path, required=True, help="the video to write, as .mp4")
    command.add_argument("--model", default="accurate", help="accurate (default) or fast")
    command.set_defaults(run=live, kept="nothing was written")
    command = commands.add_parser("score", help=(score.__doc__ or "").rstrip("."))
    command.add_argument("folder", help="a folder, or an address as s3://bucket/photos")
    command.add_argument("--out", type=Path, required=True, help="the table to write, as .parquet")
    command.add_argument("--model", default="fast", help="fast (default) or accurate")
    command.add_argument(
        "--every", type=float, default=1.0, metavar="SECONDS", help="of a video; default: 1"
    )
    command.set_defaults(run=score, kept=KEPT)
    command = commands.add_parser("tune", help=(tune.__doc__ or "").rstrip("."))
    command.add_argument("recipe", type=Path, help="a TOML file, as models/accurate.toml")
    command.add_argument("--trials", type=int, default=40, help="in all (40)")
    command.add_argument("--epochs", type=int, default=5, help="of each trial (5)")
    command.add_argument("--storage", help="postgresql://..., when several clients search")
    command.add_argument("--data", default="fer2013", help="fer2013 (default) or rendered")
    command.set_defaults(run=tune, kept=KEPT)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        text = str(error)
        print(text[:1].upper() + text[1:], file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"Stopped; {options.kept}.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
