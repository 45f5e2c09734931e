"""Showing a camera, a stream or a video in a window, with the emotions drawn on it."""

from __future__ import annotations

import os
import sys
import time

import cv2

from facevalue.recognition import overlay
from facevalue.recognition.recogniser import Recogniser
from facevalue.recognition.tracking import Smoother, recognise_frame
from facevalue.recognition.video import Source, open_clip

TITLE = "Face Value: press Q to quit"

QUIT_KEYS = (ord("q"), ord("Q"), 27)
"""Q and Escape."""

MOST_DELAY = 0.2
"""Seconds that a video may be late; then frames are left out."""


def check() -> None:
    """Raise an error unless this OpenCV can open a window here.

    Raises:
        RuntimeError: it is opencv-python-headless, or there is no screen.
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
            f"{why}: write a video with --out annotated.mp4 (of a camera until Ctrl+C), or open "
            "the live page in a browser with `make live`."
        )


def show(source: Source, recogniser: Recogniser) -> None:
    """Show a source with the faces, their emotions and bars, until its end, Q, Escape or Ctrl+C.

    Args:
        source: a camera's number, a video file, or an address; see `video.open_clip`.
        recogniser: recognises the emotions.
    Raises:
        RuntimeError: no window can be opened here; see `check`.
        FileNotFoundError, ConnectionError, ValueError: as in `video.open_clip`, and at the end
            of a damaged video.
    """
    check()
    clip = open_clip(source)
    smooth, start = Smoother(), time.monotonic()
    try:
        for _, seconds, frame in clip.sampled():
            ahead = 0.0 if clip.live else start + seconds - time.monotonic()
            if ahead < -MOST_DELAY:
                continue
            shown = smooth(recognise_frame(frame, recogniser), seconds)
            cv2.imshow(TITLE, cv2.cvtColor(overlay.draw(frame, shown), cv2.COLOR_RGB2BGR))
            left = 0.0 if clip.live else start + seconds - time.monotonic()
            key = cv2.waitKey(max(1, round(1000 * left))) & 255
            if key in QUIT_KEYS or cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
                return
    finally:
        clip.close()
        cv2.destroyAllWindows()
