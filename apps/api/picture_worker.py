"""A process that looks at the pictures of visitors: python -m apps.api.picture_worker MODEL FOLDER.

Decoders are where hostile files do harm. This process holds nothing that visitors may not see, and
the server ends it if a picture takes too long (workers.py). It reads pictures from its input, each
after a `HEAD`, and writes for each a `LENGTH` and the answer, JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import struct
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import cv2

from facevalue import image_files
from facevalue.recognition import tracking
from facevalue.recognition.recogniser import Recogniser

HEAD = struct.Struct(">?I")
"""Whether the picture is a photo, and how many bytes follow."""

LENGTH = struct.Struct(">Id")
"""How many bytes of the answer follow, and how many seconds of a CPU it took."""

FORMATS = ("JPEG", "PNG", "WEBP")
"""The kinds of pictures that visitors may send: those that browsers can make."""

FRAME_PIXELS = 1_000_000
"""Pixels of a frame of a video. The page sends 640 x 480."""

PHOTO_PIXELS = 4_000_000
"""Pixels of a photo."""


def look(content: bytes, photo: bool, recogniser: Recogniser) -> dict[str, Any]:
    """Return the answer to one picture.

    Args:
        content: a JPEG, PNG or WebP file.
        photo: search the picture as carefully as a photo, and not as a frame of a video.
        recogniser: recognises the emotions.
    Returns:
        Either faces (box, probabilities in the order of `emotions.EMOTIONS`), width, height and
        ms; or error, a sentence.
    """
    start = time.perf_counter()
    most = PHOTO_PIXELS if photo else FRAME_PIXELS
    try:
        image = image_files.decode_photo(content, "The picture", formats=FORMATS, most_pixels=most)
        found = recogniser.photo(image) if photo else tracking.recognise_frame(image, recogniser)
    except ValueError as error:
        return {"error": str(error)}
    faces = [
        {"box": face.box, "probabilities": [round(p, 4) for p in face.probabilities.values()]}
        for face in found
    ]
    height, width = image.shape[:2]
    milliseconds = round(1000 * (time.perf_counter() - start), 1)
    return {"faces": faces, "width": width, "height": height, "ms": milliseconds}


def answer_all(pictures: BinaryIO, answers: BinaryIO, recogniser: Recogniser) -> None:
    """Answer one picture after another, until there are no more."""
    while len(head := pictures.read(HEAD.size)) == HEAD.size:
        photo, length = HEAD.unpack(head)
        content = pictures.read(length)
        start = time.process_time()
        answer = look(content, photo, recogniser)
        _write(answers, answer, time.process_time() - start)


def _write(answers: BinaryIO, answer: dict[str, Any], seconds: float) -> None:
    text = json.dumps(answer).encode()
    answers.write(LENGTH.pack(len(text), seconds) + text)
    answers.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    """Answer pictures until the input ends."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", help="the name of the recogniser")
    parser.add_argument("folder", type=Path, help="where its file is")
    parser.add_argument("--nice", type=int, default=0, help="how far to step back for others")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C ends the server, and so the input
    if options.nice and hasattr(os, "nice"):
        os.nice(options.nice)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else may come among the answers
    # such as one about damaged metadata: visitors could fill the server's log
    warnings.simplefilter("ignore")
    cv2.setNumThreads(1)
    recogniser = Recogniser(options.model, options.folder, threads=1)
    _write(answers, {"ready": True}, 0.0)
    answer_all(sys.stdin.buffer, answers, recogniser)


if __name__ == "__main__":
    main()
