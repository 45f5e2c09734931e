"""Showing a camera, a stream or a video in a window, with the emotions drawn on it."""

from __future__ import annotations

import contextlib
import os
import sys
import time

import cv2

from facevalue.recognition import overlay
from facevalue.recognition.recogniser import Recogniser
from facevalue.recognition.tracking import Smoother, recognise_frame
from facevalue.recognition.video import Clip, Source, open_clip

TITLE = "Face Value: press Q to quit"

QUIT_KEYS = (ord("q"), ord("Q"), 27)
"""Q and Escape."""

MAX_DELAY = 0.2
"""How many seconds the window may lag behind a video file; beyond that, frames are skipped."""


def check() -> None:
    """Raise an error unless this OpenCV can open a window here.

    Raises:
        RuntimeError: OpenCV is built without windows (as opencv-python-headless is), or there is
            no screen.
    """
    built = cv2.getBuildInformation()
    headless = "NONE" in built.partition("GUI:")[2].partition("\n")[0]
    # without a screen, OpenCV's windows end the whole process
    screenless = sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if headless or screenless:
        why = "This OpenCV is built without windows" if headless else "There is no screen here"
        raise RuntimeError(
            f"{why}: write a video with --out annotated.mp4 (a camera is recorded until Ctrl+C), "
            "or, in a checkout of the repository, open the live page with `make live`."
        )


def show(source: Source, recogniser: Recogniser) -> None:
    """Show a source with a box, the emotion and bars for each face.

    The window stays open until the source ends or the user presses Q, Escape or Ctrl+C.

    Args:
        source: a video file, the number of a camera, or an address; see `video.open_clip`.
        recogniser: recognises the emotions.
    Raises:
        RuntimeError: no window can be opened here; see `check`.
        FileNotFoundError, ConnectionError: as in `video.open_clip`.
        ValueError: as in `video.open_clip` and `Clip.sampled`.
    """
    with contextlib.closing(open_clip(source)) as clip:  # a wrong path is the nearer reason
        check()
        try:
            _show(clip, recogniser)
        finally:
            cv2.destroyAllWindows()


def _show(clip: Clip, recogniser: Recogniser) -> None:
    smooth, start = Smoother(), time.monotonic()
    for _, seconds, frame in clip.sampled():
        ahead = 0.0 if clip.live else start + seconds - time.monotonic()
        if ahead < -MAX_DELAY:
            continue
        shown = smooth(recognise_frame(frame, recogniser), seconds)
        cv2.imshow(TITLE, cv2.cvtColor(overlay.draw(frame, shown), cv2.COLOR_RGB2BGR))
        wait = 0.0 if clip.live else start + seconds - time.monotonic()
        key = cv2.waitKey(max(1, round(1000 * wait))) & 255
        if key in QUIT_KEYS or cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
            return
