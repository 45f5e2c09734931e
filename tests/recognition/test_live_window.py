"""The window of `facevalue live`, without a screen."""

import cv2
import numpy as np
import pytest
import video_files
from live_helpers import small_model

from facevalue.recognition import live_window


def test_without_windows_it_says_what_to_do(monkeypatch):
    for build, display, message in [
        ("  GUI:                           NONE\n", ":0", "built without windows: write a video"),
        ("  GUI:                           QT5\n", "", "There is no screen here: write a video"),
    ]:
        monkeypatch.setattr(cv2, "getBuildInformation", lambda text=build: text)
        monkeypatch.setattr("sys.platform", "linux")
        monkeypatch.setenv("DISPLAY", display)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        with pytest.raises(RuntimeError, match=message):
            live_window.check()


@pytest.mark.parametrize(("quit_at", "shown"), [(None, 4), (2, 2)])
def test_frames_are_shown_until_the_end_or_q(tmp_path, monkeypatch, quit_at, shown):
    images = [np.full((48, 64, 3), 50, np.uint8)] * 4
    source = video_files.write(tmp_path / "v.mp4", images, [0, 0.1, 0.2, 0.3])
    seen = []
    monkeypatch.setattr(live_window, "check", lambda: None)
    monkeypatch.setattr(live_window, "MAX_DELAY", 60)
    monkeypatch.setattr(cv2, "imshow", lambda title, image: seen.append(image))
    monkeypatch.setattr(cv2, "waitKey", lambda wait: ord("q") if len(seen) == quit_at else -1)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda title, what: 1.0)
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)
    live_window.show(source, small_model(tmp_path)["fast"])
    assert len(seen) == shown and seen[0].shape == (48, 64, 3)


def test_without_windows_show_says_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(
        cv2, "getBuildInformation", lambda: "  GUI:                           NONE\n"
    )
    source = video_files.write(
        tmp_path / "v.mp4", [np.full((48, 64, 3), 50, np.uint8)] * 2, [0, 0.1]
    )
    with pytest.raises(RuntimeError, match="built without windows") as raised:
        live_window.show(source, small_model(tmp_path)["fast"])
    assert raised.value.__context__ is None  # no second error, which would hide the sentence
