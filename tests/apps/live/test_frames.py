"""Pictures over WebSockets: what is answered, and what bad visitors can do."""

import io
import json
import threading
import time

import numpy as np
import pytest
from live_helpers import bomb, closing, frame, jpeg, visit
from PIL import Image

from apps.api import frames, picture_worker, workers
from facevalue import image_files
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

    def __init__(self, app):
        self.seen, self.go = [], threading.Semaphore(0)
        app.state.frames = frames.FrameQueue([self], [self])

    def start(self):
        pass

    def end(self):
        pass

    def ask(self, content, photo):
        self.seen.append(content.decode())
        assert self.go.acquire(timeout=10)
        return json.dumps({"picture": content.decode()}), 0.0

    def until(self, number):
        for _ in range(500):
            if len(self.seen) >= number:
                return
            time.sleep(0.01)
        raise AssertionError(f"only {self.seen} were looked at")


def test_a_slow_server_drops_all_but_the_newest_frame(app, client):
    slow = Slow(app)
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


def test_visitors_take_turns_whoever_sends_more(app, client):
    slow = Slow(app)
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
    "nothing": (b"", "is an empty file"),
    "a GIF bomb": (bomb("GIF", (65535, 65535)), "not a JPEG, PNG or WebP"),
    "100 megapixels": (bomb("PNG", (10_000, 10_000)), "more than 1,000,000"),
    "a PNG bomb": (bomb("PNG", (2**31 - 1, 2**31 - 1)), "more than 1,000,000"),
    "a truncated JPEG": (jpeg(frame()[0])[:20_000], "broken"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_picture_is_refused_in_a_sentence(recogniser, what):
    content, sentence = BAD[what]
    assert sentence in picture_worker.look(content, False, recogniser)["error"]


def test_a_photo_may_be_larger_than_a_frame(recogniser):
    large = jpeg(np.full((1500, 2000, 3), 99, np.uint8))
    assert "more than 1,000,000" in picture_worker.look(large, False, recogniser)["error"]
    assert picture_worker.look(large, True, recogniser)["faces"] == []


@pytest.mark.slow
def test_a_bad_picture_leaves_the_next_one_alone(client, picture):
    with visit(client) as socket:
        socket.send_bytes(b"Dear Sir or Madam")
        assert "not a JPEG" in socket.receive_json()["error"]
        socket.send_bytes(picture)
        assert len(socket.receive_json()["faces"]) == 1


@pytest.mark.slow
def test_a_picture_that_takes_too_long_is_ended_and_the_next_one_answered(
    app, client, monkeypatch, picture
):
    with visit(client) as socket:
        socket.send_bytes(picture)
        assert len(socket.receive_json()["faces"]) == 1
        with monkeypatch.context() as patch:
            patch.setattr(frames, "FRAME_SECONDS", 0.0)
            socket.send_bytes(picture)
            assert "takes too long" in socket.receive_json()["error"]
        socket.send_bytes(picture)
        assert len(socket.receive_json()["faces"]) == 1


@pytest.mark.slow
def test_a_picture_that_ends_its_process_does_not_end_the_visit(models, picture):
    worker = workers.Worker("fast", models["fast"].file.parent)
    worker.start()
    worker.end()
    assert len(json.loads(worker.ask(picture, False)[0])["faces"]) == 1  # it starts again
    ended = threading.Timer(0.1, worker.end)
    ended.start()
    with pytest.raises(workers.WorkerEnded):
        for _ in range(1000):
            worker.ask(picture, True)
            worker.start = lambda: None  # and does not, this time
    worker.end()


def test_an_error_in_a_process_is_told_to_the_visitor(app, client, monkeypatch):
    slow = Slow(app)

    def fail(content, photo):
        raise workers.WorkerEnded

    slow.ask = fail
    with visit(client) as socket:
        socket.send_bytes(b"fatal")
        assert "ended the process" in socket.receive_json()["error"]


@pytest.mark.slow
def test_bad_messages_close_a_connection_and_others_stay_open(client, picture):
    with visit(client) as good:
        with visit(client) as socket:
            socket.send_text("hello")
            assert closing(socket) == (1003, "send pictures only, as binary messages")
        with visit(client) as socket:
            socket.send_bytes(bytes(frames.FRAME_BYTES + 1))
            assert closing(socket) == (1009, "a frame may have 1 MB")
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


def test_visitors_who_leave_early_leave_nothing_behind(app, client):
    slow = Slow(app)
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


@pytest.mark.parametrize("limit", ["MAX_VISITORS", "MAX_PER_ADDRESS"])
def test_one_visitor_too_many_must_try_again_later(app, client, monkeypatch, limit):
    slow = Slow(app)
    slow.go.release()
    monkeypatch.setattr(frames, limit, 1)
    with visit(client) as first:
        with visit(client) as second:
            assert closing(second)[0] == 1013
        first.send_bytes(b"picture")
        assert first.receive_json() == {"picture": "picture"}


def test_the_pictures_of_one_address_are_received_at_a_limited_rate(app, client, monkeypatch):
    monkeypatch.setattr(frames, "BYTES_PER_SECOND", 1_000_000)
    slow = Slow(app)
    slow.go.release(20)
    with visit(client) as socket:
        start = time.monotonic()
        for _ in range(5):
            socket.send_bytes(b"x" * 100_000)
            socket.receive_json()
        assert time.monotonic() - start > 0.25


def test_frames_that_take_long_are_looked_at_as_photos_are(app, client):
    seen = []

    class Counted(Slow):
        def __init__(self, name, seconds):
            super().__init__(app)
            self.name, self.seconds = name, seconds

        def ask(self, content, photo):
            seen.append(self.name)
            return "{}", self.seconds

    app.state.frames = frames.FrameQueue([Counted("frames", 0.5)], [Counted("photos", 0.01)])
    with visit(client) as socket:
        for _ in range(60):
            socket.send_bytes(b"picture")
            socket.receive_json()
    assert seen[:3] == ["frames", "frames", "photos"]
    assert "frames" in seen[3:]  # once they take less again


@pytest.mark.slow
def test_a_picture_with_damaged_metadata_writes_nothing_to_the_log(models, capfd):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "a camera of some name", 6
    stream = io.BytesIO()
    Image.new("RGB", (64, 48), "grey").save(stream, "JPEG", exif=exif)
    whole = stream.getvalue()
    entry = whole.index(b"Exif\0\0") + 16  # the maker, whose text is to lie behind the end
    torn = whole[: entry + 8] + (10**6).to_bytes(4, "big") + whole[entry + 12 :]
    with pytest.warns(UserWarning, match="damaged metadata"):
        image_files.decode_photo(torn, "torn.jpg")
    worker = workers.Worker("fast", models["fast"].file.parent)
    assert json.loads(worker.ask(torn, photo=True)[0])["faces"] == []
    worker.end()
    assert capfd.readouterr().err == ""
