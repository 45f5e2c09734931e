"""POST /recognise: a picture of a program, and what bad ones get."""

import asyncio
import json
import socket
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
import uvicorn
from fastapi.testclient import TestClient
from live_helpers import bomb, frame, jpeg

from apps.api import frames, recognise, workers
from apps.api.app import create_app
from apps.api.live_app import create_live_app
from apps.api.server import OPTIONS
from facevalue import Recogniser
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import detectors


class Stub:
    """Answers each picture at once, or as it is told."""

    def __init__(self):
        self.seen = []
        self.answer = json.dumps({"faces": [], "width": 640, "height": 480})

    def start(self):
        pass

    def end(self):
        pass

    def ask(self, content, photo):
        assert photo
        self.seen.append(content)
        return self.answer, 0.0


@pytest.fixture(scope="module")
def picture():
    return jpeg(frame()[0])


@pytest.fixture
def stub():
    return Stub()


@pytest.fixture
def client(engine, stub):
    with TestClient(create_app(engine, queue=frames.FrameQueue([], [stub]))) as made:
        yield made


def refused(answer, status):
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["detail"]
    assert answer.json()["detail"].endswith(".")
    return answer.json()["detail"]


@pytest.mark.slow
@pytest.mark.parametrize("live", [False, True])
def test_both_servers_answer_as_the_package_does(engine, live):
    image, boxes = frame(("happy", "sad"), seed=21)
    model = Recogniser("accurate", threads=1)
    app = create_live_app({"accurate": model}, engine) if live else create_app(engine)
    with TestClient(app) as client:
        answer = client.post("/recognise", content=jpeg(image)).json()
        bad = client.post("/recognise", content=jpeg(image)[:20_000])
        assert "broken" in refused(bad, 422)
    found = model.photo(jpeg(image))
    assert [tuple(face["box"]) for face in answer["faces"]] == [face.box for face in found]
    assert detectors.matched(np.array([face["box"] for face in answer["faces"]]), boxes) == 2
    for face, expected in zip(answer["faces"], found, strict=True):
        assert list(face["probabilities"]) == list(EMOTIONS)
        assert face["probabilities"] == pytest.approx(expected.probabilities, abs=1e-3)
    assert (answer["width"], answer["height"]) == (640, 480)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"origin": "http://testserver"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://testserver:81"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": "http://testserver/x"}, 403),  # no browser sends a path
    ],
)
def test_a_page_of_another_website_cannot_use_the_recogniser(client, stub, headers, status):
    answer = client.post("/recognise", content=b"picture", headers=headers)
    assert answer.status_code == status
    assert len(stub.seen) == (status == 200)
    if status == 403:
        assert "Other websites" in refused(answer, 403)
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("kind", ["image/jpeg", "IMAGE/PNG; a=b", "application/octet-stream"])
def test_a_picture_may_have_any_of_these_types(client, kind):
    answer = client.post("/recognise", content=b"picture", headers={"content-type": kind})
    assert answer.json() == {"faces": [], "width": 640, "height": 480}


@pytest.mark.parametrize(
    "form", [{"data": {"a": "b"}}, {"files": {"file": b"picture"}}, {"json": [1]}]
)
def test_a_form_is_not_a_picture(client, stub, form):
    assert "must be the body of the request" in refused(client.post("/recognise", **form), 415)
    assert not stub.seen


def test_an_empty_request_says_how_to_send_a_picture(client):
    assert "curl --data-binary @me.jpg" in refused(client.post("/recognise"), 400)


def chunks(size):
    for _ in range(size // 100_000):
        yield bytes(100_000)


def test_a_large_file_is_refused_whether_or_not_it_says_how_large_it_is(client, stub):
    most = frames.MAX_BYTES
    assert client.post("/recognise", content=bytes(most)).status_code == 200
    for content in (bytes(most + 1), chunks(2 * most)):
        answer = client.post("/recognise", content=content)
        assert refused(answer, 413) == "The picture is larger than 2 MB: use a smaller copy."
    assert len(stub.seen) == 1


def test_a_length_of_thousands_of_digits_is_no_mistake_of_the_server(client):
    headers = {"content-length": "9" * 5000}
    assert client.post("/recognise", content=b"picture", headers=headers).status_code == 200


def test_a_large_file_is_not_read_to_its_end():
    """An endless body is left after 2 MB, so that it never fills the memory."""
    taken = 0

    async def receive():
        nonlocal taken
        taken += 100_000
        return {"type": "http.request", "body": bytes(100_000), "more_body": True}

    request = recognise.Request({"type": "http", "headers": [], "method": "POST"}, receive)
    with pytest.raises(recognise.HTTPException) as caught:
        asyncio.run(recognise._content(request))
    assert caught.value.status_code == 413
    assert taken <= frames.MAX_BYTES + 200_000


def test_what_is_no_picture_gets_the_sentence_of_the_live_page(client, stub):
    stub.answer = json.dumps({"error": "The picture is a GIF image, not a JPEG."})
    assert "a GIF image" in refused(client.post("/recognise", content=bomb("GIF", (9, 9))), 415)
    stub.answer = json.dumps({"error": frames.TOO_SLOW})
    large = bomb("PNG", (10_000, 10_000))
    assert "takes too long" in refused(client.post("/recognise", content=large), 422)


def test_a_picture_that_ends_its_process_is_an_error_of_the_picture(client, stub, picture):
    def fail(content, photo):
        raise workers.WorkerEnded

    stub.ask = fail
    answer = client.post("/recognise", content=picture)
    assert "ended the process" in refused(answer, 422)


def test_one_visitor_too_many_must_try_again_later(client, monkeypatch):
    monkeypatch.setattr(frames, "MAX_PER_ADDRESS", 0)
    answer = client.post("/recognise", content=b"picture")
    assert "too many visitors" in refused(answer, 503)
    assert answer.headers["retry-after"] == "2"


def test_a_process_that_cannot_be_started_is_an_error_of_the_server(client, stub):
    def fail():
        raise workers.WorkerEnded

    stub.start = fail
    assert "cannot start" in refused(client.post("/recognise", content=b"picture"), 503)


def test_other_methods_say_which_one_works(client):
    assert "it takes POST" in refused(client.get("/recognise"), 405)


def test_programs_send_the_token_in_a_header(engine, picture):
    models = {"fast": Recogniser("fast", threads=1)}
    app = create_live_app(models, engine, model="fast", token="sesame")
    stub = Stub()
    app.state.frames = frames.FrameQueue([], [stub])
    with TestClient(app, follow_redirects=False) as client:
        for headers in ({}, {"authorization": "Bearer open"}, {"authorization": "sesame"}):
            answer = client.post("/recognise", content=picture, headers=headers)
            assert "Authorization: Bearer TOKEN" in refused(answer, 403)
        headers = {"authorization": "Bearer sesame"}
        assert client.post("/recognise", content=picture, headers=headers).status_code == 200


@contextmanager
def running(app):
    """Run an app with the servers' options in a thread; give its port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, **OPTIONS))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = server.force_exit = True
    thread.join()


@pytest.mark.slow
def test_a_picture_must_arrive_in_time(engine, stub, monkeypatch):
    monkeypatch.setattr(recognise, "REQUEST_SECONDS", 0.3)
    app = create_app(engine, queue=frames.FrameQueue([], [stub]))
    with running(app) as port, socket.create_connection(("127.0.0.1", port), 5) as slow:
        slow.sendall(b"POST /recognise HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        answer = slow.recv(4096)
    assert b" 408 " in answer and b"did not arrive within" in answer
    assert not stub.seen


@pytest.mark.slow
def test_the_processes_are_kept_for_the_next_photo_and_then_ended(engine, stub, monkeypatch):
    monkeypatch.setattr(frames, "KEEP_SECONDS", 0.3)
    ended = []
    stub.end = lambda: ended.append(time.monotonic())
    with TestClient(create_app(engine, queue=frames.FrameQueue([], [stub]))) as client:
        for _ in range(2):
            client.post("/recognise", content=b"picture")
        assert not ended
        time.sleep(0.6)
        assert len(ended) == 1
