"""Bring the data sets to where they are looked for."""

from __future__ import annotations

import sys
from pathlib import Path

from facevalue import paths
from facevalue.data import download, fer2013
from facevalue.data.download import DownloadError
from facevalue.data.fer2013_download import fetch_fer2013

YUNET = "face_detection_yunet_2023mar.onnx"
YUNET_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
YUNET_ADDRESSES = (
    "https://huggingface.co/opencv/face_detection_yunet/resolve/main/",
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/face_detection_yunet/",
)
"""Where OpenCV publishes it, under the MIT licence; 233 kB. The second is for the first's sake."""


def fetch_yunet(folder: Path | None = None) -> Path:
    """Download the face detector YuNet, for OpenCV 4, and return its file.

    Args:
        folder: by default data/raw, or the folder that FACEVALUE_DATA names.
    Raises:
        DownloadError: no address delivered the file with the right checksum.
    """
    problems = []
    for address in YUNET_ADDRESSES:
        try:
            file = folder / YUNET if folder else paths.raw_file(YUNET)
            return download.download(address + YUNET, file, YUNET_SHA256, largest=5_000_000)
        except DownloadError as error:
            problems.append(str(error))
    raise DownloadError(" ".join(problems))


def main() -> int:
    """Bring FER-2013 and YuNet to where they are looked for; return an exit status."""
    return download.bring({"FER-2013": _fer2013, "YuNet": fetch_yunet})


def _fer2013() -> Path:
    try:
        return fer2013.find()
    except FileNotFoundError:
        return fetch_fer2013()


if __name__ == "__main__":
    sys.exit(main())
