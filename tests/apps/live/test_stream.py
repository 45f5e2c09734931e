"""Cameras and videos of the server as streams."""

import itertools
import re
import time

import cv2
import numpy as np
import pytest
from live_helpers import frame, movie

from apps.api import stream
from facevalue.recognition import video


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    image, _ = frame()
    return movie(tmp_path_factory.mktemp("clip") / "clip.mp4", [image] * 4)


def parts(content):
    """Return the pictures of a multipart answer, decoded as BGR."""
    found = re.findall(rb"Content-Length: (\d+)\r\n\r\n", content)
    starts = [match.end() for match in re.finditer(rb"Content-Length: \d+\r\n\r\n", content)]
    return [
        cv2.imdecode(np.frombuffer(content[at : at + int(n)], np.uint8), cv2.IMREAD_COLOR)
        for at, n in zip(starts, found, strict=True)
    ]


@pytest.mark.slow
def test_a_video_of_the_folder_is_streamed_with_its_faces(client, clip, tmp_path):
    (tmp_path / "a clip.mp4").write_bytes(clip.read_bytes())
    assert "a clip.mp4" in client.get("/").text
    answer = client.get("/video_feed?source=a clip.mp4")
    assert answer.headers["content-type"].startswith("multipart/x-mixed-replace")
    pictures = parts(answer.content)
    assert 2 <= len(pictures) <= 4
    assert pictures[-1].shape == (480, 640, 3)
    _, _, plain = next(video.open_clip(clip).sampled())
    assert (np.abs(pictures[-1].astype(int) - plain[..., ::-1]) > 60).any(axis=2).sum() > 2000


@pytest.mark.parametrize(
    "source",
    ["../clip.mp4", "/etc/passwd", "secret.txt", "rtsp://evil.example/", "clip.mp4", "", "12", "²"],
)
def test_no_other_file_and_no_address_is_streamed(client, tmp_path, clip, source):
    (tmp_path / "secret.txt").write_text("secret")
    answer = client.get("/video_feed", params={"source": source})
    assert answer.status_code == 404
    assert "source must be" in answer.json()["detail"].lower()


def test_a_file_that_is_not_a_video_is_refused(client, tmp_path):
    (tmp_path / "text.mp4").write_text("text" * 999)
    answer = client.get("/video_feed?source=text.mp4")
    assert (answer.status_code, "text.mp4" in answer.text) == (404, True)


@pytest.mark.slow
def test_a_video_that_breaks_off_ends_its_stream_and_the_reason_is_logged(client, tmp_path, caplog):
    noise = np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3), np.uint8)
    whole = movie(tmp_path / "whole.avi", noise)
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    answer = client.get("/video_feed?source=cut.avi")
    assert answer.status_code == 200 and answer.content.endswith(b"--frame--\r\n")
    assert 1 <= len(parts(answer.content)) < 20
    assert "cut.avi breaks off" in caplog.text


def test_a_video_without_a_readable_frame_ends_its_stream(client, tmp_path, monkeypatch, caplog):
    class Unreadable(Camera):
        def sampled(self):
            raise ValueError("clip.mp4 has no readable frame.")
            yield

    monkeypatch.setattr(video, "open_clip", Unreadable)
    answer = client.get("/video_feed?source=0")
    assert answer.status_code == 200 and answer.content == b"--frame--\r\n"
    assert "no readable frame" in caplog.text and Unreadable.opened[-1].closed


def test_a_page_of_another_site_cannot_show_the_servers_camera(client):
    answer = client.get("/video_feed?source=0", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


class Camera:
    """A camera that never ends."""

    opened = []

    def __init__(self, source):
        Camera.opened.append(self)
        self.live, self.closed = True, False

    def sampled(self):
        for number in itertools.count():
            time.sleep(0.01)
            yield number, number / 30, np.full((48, 64, 3), 128, np.uint8)

    def close(self):
        self.closed = True


def test_a_camera_is_opened_once_for_all_and_closed_when_nobody_watches(models, monkeypatch):
    monkeypatch.setattr(video, "open_clip", Camera)
    monkeypatch.setattr(stream, "UNWATCHED_SECONDS", 0.1)
    monkeypatch.setattr(Camera, "opened", [])
    feeds = stream.Feeds(models["fast"])
    feed = feeds.feed("0")
    assert feeds.feed("0") is feed and len(Camera.opened) == 1
    feeds.feed("1")
    with pytest.raises(stream.TooManyFeeds):
        feeds.feed("2")
    for _ in range(300):
        if not feed.running and Camera.opened[0].closed:
            break
        time.sleep(0.01)
    assert Camera.opened[0].closed
    assert feeds.feed("2").running
