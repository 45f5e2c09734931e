"""Pictures over WebSockets: what is answered, and what bad visitors can do."""

import threading
import time

import numpy as np
import pytest
from live_helpers import bomb, closing, frame, jpeg, visit

from apps.api import frames
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import detectors


@pytest.mark.parametrize("query", ["", "?photo=true"])
def test_a_picture_is_answered_with_its_faces(client, query):
    image, boxes = frame(("happy", "sad"), seed=21)
    with visit(client, query) as socket:
        socket.send_bytes(jpeg(image))
        answer = socket.receive_json()
    found = np.array([face["box"] for face in answer["faces"]])
    assert detectors.matched(found, boxes) == 2
    assert (answer["width"], answer["height"]) == (640, 480)
    for face in answer["faces"]:
        assert sum(face["probabilities"]) == pytest.approx(1, abs=1e-3)
        assert EMOTIONS[int(np.argmax(face["probabilities"]))] == "happy"  # the small model's only


def test_a_picture_without_a_face_is_answered_too(client):
    with visit(client) as socket:
        socket.send_bytes(jpeg(np.full((480, 640, 3), 99, np.uint8)))
        assert socket.receive_json()["faces"] == []


class Slow:
    """Looks at pictures one by one, each when it is told to, and notes which."""

    def __init__(self, app, monkeypatch):
        self.seen, self.go = [], threading.Semaphore(0)
        monkeypatch.setattr(app.state.frames, "look", self)

    def __call__(self, content, careful):
        self.seen.append(content.decode())
        assert self.go.acquire(timeout=10)
        return {"picture": content.decode()}

    def until(self, number):
        for _ in range(500):
            if len(self.seen) >= number:
                return
            time.sleep(0.01)
        raise AssertionError(f"only {self.seen} were looked at")


def test_a_slow_server_drops_all_but_the_newest_frame(app, client, monkeypatch):
    slow = Slow(app, monkeypatch)
    with visit(client) as socket:
        socket.send_bytes(b"first")
        slow.until(1)
        for k in range(20):
            socket.send_bytes(f"frame {k}".encode())
        time.sleep(0.2)
        slow.go.release(2)
        assert socket.receive_json() == {"picture": "first"}
        assert socket.receive_json() == {"picture": "frame 19"}
    assert slow.seen == ["first", "frame 19"]


def test_visitors_take_turns_whoever_sends_more(app, client, monkeypatch):
    slow = Slow(app, monkeypatch)
    with visit(client) as greedy, visit(client) as modest:
        greedy.send_bytes(b"greedy")
        slow.until(1)
        modest.send_bytes(b"modest")
        for _ in range(6):
            greedy.send_bytes(b"greedy")
        time.sleep(0.2)
        slow.go.release(3)
        assert modest.receive_json() == {"picture": "modest"}
        slow.until(3)
    assert slow.seen == ["greedy", "modest", "greedy"]


BAD = {
    "a text file": (b"Dear Sir or Madam\n" * 99, "not a JPEG, PNG or WebP"),
    "nothing": (b"", "not a JPEG, PNG or WebP"),
    "a GIF bomb": (bomb("GIF", (65535, 65535)), "not a JPEG, PNG or WebP"),
    "100 megapixels": (bomb("PNG", (10_000, 10_000)), "more than 4,000,000"),
    "a PNG bomb": (bomb("PNG", (2**31 - 1, 2**31 - 1)), "more than 4,000,000"),
    "a truncated JPEG": (jpeg(frame()[0])[:20_000], "broken"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_picture_is_refused_in_a_sentence_and_the_next_one_answered(client, what, picture):
    content, sentence = BAD[what]
    with visit(client) as socket:
        socket.send_bytes(content)
        assert sentence in socket.receive_json()["error"]
        socket.send_bytes(picture)
        assert len(socket.receive_json()["faces"]) == 1


def test_an_unexpected_error_ends_one_visit_only(app, client, monkeypatch, picture):
    look = app.state.frames.look
    monkeypatch.setattr(app.state.frames, "look", lambda content, careful: 1 // 0)
    with pytest.raises(ZeroDivisionError), visit(client) as socket:
        socket.send_bytes(picture)
        socket.receive_json()
    monkeypatch.setattr(app.state.frames, "look", look)
    with visit(client) as socket:
        socket.send_bytes(picture)
        assert len(socket.receive_json()["faces"]) == 1


@pytest.mark.slow
def test_bad_messages_close_a_connection_and_others_stay_open(client, picture):
    with visit(client) as good:
        with visit(client) as socket:
            socket.send_text("hello")
            assert closing(socket) == (1003, "send pictures only, as binary messages")
        with visit(client) as socket:
            socket.send_bytes(bytes(frames.MAX_BYTES + 1))
            assert closing(socket) == (1009, "a picture may have 2 MB")
        with visit(client) as socket:
            for _ in range(1000):
                socket.send_bytes(picture)
            assert closing(socket) == (1008, "too many pictures: wait for each answer")
        good.send_bytes(picture)
        assert len(good.receive_json()["faces"]) == 1


def test_an_idle_connection_is_closed(client, monkeypatch):
    monkeypatch.setattr(frames, "IDLE_SECONDS", 0.05)
    with visit(client) as socket:
        assert closing(socket) == (1000, "no picture arrived for a while")


def test_visitors_who_leave_early_leave_nothing_behind(app, client, monkeypatch, picture):
    slow = Slow(app, monkeypatch)
    for k in range(3):
        with visit(client) as socket:
            socket.send_bytes(b"gone")
            slow.until(k + 1)
        slow.go.release()
    with visit(client) as socket:
        socket.send_bytes(b"here")
        slow.go.release()
        assert socket.receive_json() == {"picture": "here"}
        assert app.state.frames.visitors == 1
    assert slow.seen == ["gone"] * 3 + ["here"]


def test_one_visitor_too_many_must_try_again_later(client, monkeypatch, picture):
    monkeypatch.setattr(frames, "MAX_VISITORS", 1)
    with visit(client) as first:
        with visit(client) as second:
            assert closing(second)[0] == 1013
        first.send_bytes(picture)
        assert len(first.receive_json()["faces"]) == 1
