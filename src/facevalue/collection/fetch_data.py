"""Downloading the data sets of the course: the work behind `facevalue data`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from facevalue.data import fer2013, survey
from facevalue.data.fer2013_download import fetch_fer2013


def main() -> int:
    """Download FER-2013 and the everyday survey, unless they exist; return an exit status."""
    return fetch_all(
        {"FER-2013": _fer2013, "Emotions in Everyday Life": lambda: survey.find() or survey.fetch()}
    )


def fetch_all(data_sets: Mapping[str, Callable[[], Path]]) -> int:
    """Download one data set after another, even if one of them fails.

    Args:
        data_sets: by name, a function that downloads the data set and returns its path.
    Returns:
        The exit status of a command: 0, 1 if a data set failed, 130 after Ctrl+C.
    """
    status = 0
    for name, fetch in data_sets.items():
        try:
            print(f"{name}: {fetch()}")
        except (OSError, ValueError) as error:
            print(error, file=sys.stderr)
            status = 1
        except KeyboardInterrupt:
            print("\nStopped. The same command resumes the download.", file=sys.stderr)
            return 130
    return status


def _fer2013() -> Path:
    try:
        return fer2013.find()
    except FileNotFoundError:
        return fetch_fer2013()
