"""The live page's server: who is let in, what is answered, and what bad visitors can do."""

import base64
import hashlib
import io
import re
import tarfile
import threading
import time
import zlib

import cv2
import fetch_ort_web
import numpy as np
import pytest
from fastapi.testclient import TestClient
from live_helpers import frame, jpeg, movie, small_database, small_model
from PIL import Image
from starlette.websockets import WebSocketDisconnect

from apps.api import create_app, frames, live, stream
from apps.api.live import create_live_app
from facevalue.collection import database, haar
from facevalue.drawing import facs
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import detectors
from facevalue.recognition import tracking, video

OWN = {"origin": "http://testserver"}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = small_database(tmp_path_factory.mktemp("live"))
    yield made
    made.dispose()


@pytest.fixture
def app(models, engine, tmp_path):
    return create_live_app(models, engine, threads=1, videos=tmp_path)


@pytest.fixture
def client(app):
    with TestClient(app) as made:
        yield made


@pytest.fixture(scope="module")
def picture():
    return jpeg(frame()[0])


def visit(client, query=""):
    return client.websocket_connect(f"/live/frames{query}", headers=OWN)


def closing(socket):
    """Return the code and the sentence with which the server closes a WebSocket."""
    with pytest.raises(WebSocketDisconnect) as caught:
        while True:
            socket.receive_json()
    return caught.value.code, caught.value.reason


# ------------------------------------------------------------------------------ faces


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


# ------------------------------------------------------------------------------ bad pictures


def bomb(kind, size):
    """A file that says that it holds a huge picture."""
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, kind)
    content = bytearray(stream.getvalue())
    if kind == "PNG":
        content[16:24] = size[0].to_bytes(4, "big") + size[1].to_bytes(4, "big")
        content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    else:
        content[6:10] = size[0].to_bytes(2, "little") + size[1].to_bytes(2, "little")
    return bytes(content)


BAD = {
    "a text file": (b"Dear Sir or Madam\n" * 99, "not a JPEG, PNG or WebP"),
    "nothing": (b"", "not a JPEG, PNG or WebP"),
    "a GIF bomb": (bomb("GIF", (65535, 65535)), "not a JPEG, PNG or WebP"),
    "100 megapixels": (bomb("PNG", (10_000, 10_000)), "more than 4 megapixels"),
    "a PNG bomb": (bomb("PNG", (2**31 - 1, 2**31 - 1)), "megapixels"),
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


def test_an_error_nobody_thought_of_ends_one_visit_only(app, client, monkeypatch, picture):
    look = app.state.frames.look
    monkeypatch.setattr(app.state.frames, "look", lambda content, careful: 1 // 0)
    with pytest.raises(ZeroDivisionError), visit(client) as socket:
        socket.send_bytes(picture)
        socket.receive_json()
    monkeypatch.setattr(app.state.frames, "look", look)
    with visit(client) as socket:
        socket.send_bytes(picture)
        assert len(socket.receive_json()["faces"]) == 1


# ------------------------------------------------------------------------------ bad visitors


def test_visitors_who_send_what_they_must_not_are_sent_away_and_others_stay(client, picture):
    with visit(client) as good:
        with visit(client) as socket:
            socket.send_text("hello")
            assert closing(socket) == (1003, "only pictures are taken here, as binary messages")
        with visit(client) as socket:
            socket.send_bytes(bytes(frames.MOST_BYTES + 1))
            assert closing(socket) == (1009, "a picture may have 2 MB")
        with visit(client) as socket:
            for _ in range(1000):
                socket.send_bytes(picture)
            assert closing(socket) == (1008, "too many pictures: wait for each answer")
        good.send_bytes(picture)
        assert len(good.receive_json()["faces"]) == 1


def test_a_silent_visitor_is_let_go(client, monkeypatch):
    monkeypatch.setattr(frames, "SILENCE", 0.05)
    with visit(client) as socket:
        assert closing(socket) == (1000, "no picture came for a while")


def test_visitors_who_leave_in_the_middle_leave_nothing_behind(app, client, monkeypatch, picture):
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
        assert app.state.frames._visitors == 1
    assert slow.seen == ["gone"] * 3 + ["here"]


def test_one_visitor_too_many_is_asked_to_come_later(client, monkeypatch, picture):
    monkeypatch.setattr(frames, "MOST_VISITORS", 1)
    with visit(client) as first:
        with visit(client) as second:
            assert closing(second)[0] == 1013
        first.send_bytes(picture)
        assert len(first.receive_json()["faces"]) == 1


# ------------------------------------------------------------------------------ who is let in


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "http://evil.example",
        "http://testserver.evil.example",
        "http://testserver:81",
        "file://testserver",
    ],
)
def test_a_page_elsewhere_cannot_open_a_websocket(client, origin):
    headers = {"origin": origin} if origin else {}
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/live/frames", headers=headers),
    ):
        pass


def test_a_name_that_is_not_this_machines_is_refused(models, engine):
    client = TestClient(create_live_app(models, engine, hosts=("127.0.0.1", "testserver")))
    rebound = {"host": "evil.example", "origin": "http://evil.example"}
    assert client.get("/", headers=rebound).status_code == 400
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/live/frames", headers=rebound),
    ):
        pass


def test_a_server_for_others_wants_the_token_everywhere(models, engine, picture):
    app = create_live_app(models, engine, token="sesame")
    with TestClient(app, follow_redirects=False) as client:
        for path in ("/", "/live/static/live.js", "/live/fast.onnx", "/video_feed", "/gallery"):
            answer = client.get(path)
            assert answer.status_code == 403
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert "sesame" not in answer.text
        assert "wants a token" in client.get("/?token=open").text
        with pytest.raises(WebSocketDisconnect), visit(client):
            pass
        welcome = client.get("/gallery?token=sesame&emotion=sad")
        assert (welcome.status_code, welcome.headers["location"]) == (303, "/gallery?emotion=sad")
        cookie = welcome.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie
        assert client.get("/").status_code == 200  # by the cookie
        with visit(client) as socket:
            socket.send_bytes(picture)
            assert len(socket.receive_json()["faces"]) == 1


def test_the_token_does_not_lead_to_another_server(models, engine):
    client = TestClient(create_live_app(models, engine, token="t"), follow_redirects=False)
    answer = client.get("http://testserver//evil.example/?token=t")
    assert answer.headers["location"] == "/evil.example/"


@pytest.mark.parametrize("cookie", ["facevalue_token=no", "\x00=;;", "a[b=c; facevalue_token=no"])
def test_a_strange_cookie_is_no_token(models, engine, cookie):
    client = TestClient(create_live_app(models, engine, token="t"))
    assert client.get("/", headers={"cookie": cookie}).status_code == 403


# ------------------------------------------------------------------------------ pages


def test_only_the_live_page_may_run_scripts_and_only_its_own(client):
    for path in ("/", "/live/static/worker.js", "/live/settings.json", "/live/fast.onnx"):
        (policy,) = client.get(path).headers.get_list("content-security-policy")
        assert "script-src 'self' 'wasm-unsafe-eval'" in policy
        assert "unsafe-inline" not in policy and "http" not in policy
    for path in ("/database", "/gallery", "/nowhere", "/images/"):
        (policy,) = client.get(path).headers.get_list("content-security-policy")
        assert policy.startswith("default-src 'none'") and "script" not in policy
    page = client.get("/").text
    assert re.findall(r"<script(?![^>]*src=)", page) == []
    assert re.findall(r"\son\w+=|\sstyle=", page) == []
    assert client.get("/").headers["x-content-type-options"] == "nosniff"


def test_the_page_links_each_emotion_to_its_images_and_names_its_units(client):
    page = client.get("/").text
    for emotion, units in facs.emotion_units().items():
        assert client.get(f"/gallery?emotion={emotion}").status_code == 200
        assert f'href="/gallery?emotion={emotion}"' in page
        for unit in units:
            assert f"AU {unit}<" in page
    assert "Cheek Raiser" in page


def test_the_pages_of_the_database_lead_back_to_the_live_page(client):
    page = client.get("/database").text
    assert "20 images" in page
    assert '<a href="/" >Live</a>' in page


def test_the_api_alone_has_no_live_page(engine):
    client = TestClient(create_app(engine))
    assert "20 images" in client.get("/").text
    assert ">Live<" not in client.get("/").text
    assert client.get("/live/fast.onnx").status_code == 404


def test_the_page_works_with_an_empty_database(models, tmp_path):
    empty = database.create(f"sqlite:///{tmp_path / 'none.db'}")
    client = TestClient(create_live_app(models, empty, note="No database."))
    page = client.get("/").text
    assert "No database." in page and "sample images" not in page
    assert "AU 12" in page
    empty.dispose()


def test_without_onnx_runtime_web_the_page_says_so(client, monkeypatch, tmp_path):
    monkeypatch.setattr(live, "STATIC", tmp_path)
    page = client.get("/").text
    assert 'data-browser-mode="no"' in page
    assert re.search(r'value="browser" disabled', page)


def test_the_browser_gets_the_model_the_cascade_and_the_numbers_of_the_server(client, models):
    assert client.get("/live/fast.onnx").content == models["fast"].file.read_bytes()
    settings = client.get("/live/settings.json").json()
    assert settings["emotions"] == list(EMOTIONS)
    assert settings["quick"]["longest"] == tracking.SEARCH_SIDE
    cascade = client.get("/live/cascade.json").json()
    loaded = haar.load()
    assert [len(stage["weak"]) for stage in cascade["stages"]] == [
        len(stage.weak) for stage in loaded.stages
    ]
    first = loaded.stages[0].weak[0].rectangles[0]
    assert cascade["stages"][0]["weak"][0][3:8] == [
        first.x, first.y, first.width, first.height, first.weight,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "path",
    ["..%2flive.py", "%2e%2e/live.py", "vendor/../../live.py", "nowhere.js", "%00"],
)
def test_nothing_but_the_static_files_is_served(client, path):
    assert client.get(f"/live/static/{path}").status_code == 404


# ------------------------------------------------------------------------------ streams


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


def test_a_video_of_the_folder_is_streamed_with_its_faces(client, clip, tmp_path):
    (tmp_path / "a clip.mp4").write_bytes(clip.read_bytes())
    assert "a clip.mp4" in client.get("/").text
    answer = client.get("/video_feed?source=a clip.mp4")
    assert answer.headers["content-type"].startswith("multipart/x-mixed-replace")
    pictures = parts(answer.content)
    assert 2 <= len(pictures) <= 4
    assert pictures[-1].shape == (480, 640, 3)
    plain = next(iter(video.open_clip(clip)))[..., ::-1]
    assert (np.abs(pictures[-1].astype(int) - plain) > 60).any(axis=2).sum() > 2000


@pytest.mark.parametrize(
    "source",
    ["../clip.mp4", "/etc/passwd", "secret.txt", "rtsp://evil.example/", "clip.mp4", "", "12", "²"],
)
def test_no_other_file_and_no_address_is_streamed(client, tmp_path, clip, source):
    (tmp_path / "secret.txt").write_text("secret")
    answer = client.get("/video_feed", params={"source": source})
    assert answer.status_code == 404
    assert "source must be" in answer.json()["detail"].lower()


def test_a_file_that_is_no_video_is_refused(client, tmp_path):
    (tmp_path / "text.mp4").write_text("text" * 999)
    answer = client.get("/video_feed?source=text.mp4")
    assert (answer.status_code, "is no video" in answer.text) == (404, True)


def test_a_page_elsewhere_cannot_show_the_servers_camera(client):
    answer = client.get("/video_feed?source=0", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


class Camera:
    """A camera that never ends."""

    opened = 0

    def __init__(self, source):
        Camera.opened += 1
        self.capture, self.rate, self.frames, self.closed = None, 30.0, 0, False

    def __iter__(self):
        while True:
            time.sleep(0.01)
            yield np.full((48, 64, 3), 128, np.uint8)

    def close(self):
        self.closed = True


def test_a_camera_is_opened_once_for_all_and_closed_when_nobody_watches(models, monkeypatch):
    monkeypatch.setattr(video, "clip", Camera)
    monkeypatch.setattr(stream, "ALONE", 0.1)
    monkeypatch.setattr(Camera, "opened", 0)
    feeds = stream.Feeds(models["fast"])
    feed = feeds.feed("0")
    assert feeds.feed("0") is feed and Camera.opened == 1
    feeds.feed("1")
    with pytest.raises(stream.Busy):
        feeds.feed("2")
    for _ in range(300):
        if not feed.runs and feed._clip.closed:
            break
        time.sleep(0.01)
    assert feed._clip.closed
    assert feeds.feed("2").runs


# ---------------------------------------------------------------------------------- command line


class Stopped:
    """Stands in for the server: notes what it was to run."""

    def __init__(self, config):
        Stopped.app = config.app

    def run(self, sockets):
        Stopped.port = sockets[0].getsockname()[1]
        sockets[0].close()


@pytest.fixture
def started(models, monkeypatch, tmp_path):
    monkeypatch.setattr(live.uvicorn, "Server", Stopped)
    monkeypatch.setattr(live.recogniser, "Recogniser", lambda name, threads: models[name])
    monkeypatch.setattr(live.cv2, "setNumThreads", lambda number: None)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'faces.db'}")


def test_on_this_machine_there_is_no_token(started, capsys):
    assert live.main(["--port", "0"]) == 0
    address = f"http://localhost:{Stopped.port}/"
    assert capsys.readouterr().out == f"{address} is the live page. Ctrl+C stops it.\n"
    client = TestClient(Stopped.app, base_url=address)
    assert client.get("/").status_code == 200
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400


def test_for_other_machines_a_token_is_printed(started, capsys):
    assert live.main(["--port", "0", "--host", "0.0.0.0"]) == 0
    address = capsys.readouterr().out.split()[0]
    assert re.fullmatch(r"http://0\.0\.0\.0:\d+/\?token=[\w-]{20,}", address)
    client = TestClient(Stopped.app, base_url="http://192.168.0.2:5000")
    assert client.get("/").status_code == 403
    assert client.get(f"/?{address.split('?')[1]}").status_code == 200


def test_the_live_page_starts_without_a_database(started, capsys, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nowhere/at/all.db")
    assert live.main(["--port", "0"]) == 0
    assert "The live page works without it." in capsys.readouterr().err


def test_what_keeps_it_from_starting_is_told(started, capsys, tmp_path):
    with live.listen("127.0.0.1", 0) as taken:
        assert live.main(["--port", str(taken.getsockname()[1])]) == 1
    assert "choose another one with --port" in capsys.readouterr().err
    assert live.main(["--videos", str(tmp_path / "none")]) == 1
    assert "There is no folder" in capsys.readouterr().err


# ------------------------------------------------------------------------- ONNX Runtime Web


def archive(folder, **members):
    """Write an npm archive; a member that is None is a link out of the folder."""
    file = folder / "package.tgz"
    with tarfile.open(file, "w:gz") as opened:
        for name, content in members.items():
            member = tarfile.TarInfo(f"package/{name}.js")
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            else:
                member.size = len(content)
            opened.addfile(member, io.BytesIO(content or b""))
    return file, base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()


def test_of_a_package_only_the_wanted_files_are_kept(tmp_path, monkeypatch):
    file, sha512 = archive(tmp_path, wanted=b"code", other=b"more")
    package = fetch_ort_web.Package("p", "1", sha512, ("wanted.js",), tmp_path / "vendor")
    monkeypatch.setattr(fetch_ort_web, "_pack", lambda package, folder: file)
    assert fetch_ort_web.fetch(package)[0].read_bytes() == b"code"
    assert sorted(f.name for f in package.folder.iterdir()) == ["p.sha512", "wanted.js"]
    monkeypatch.setattr(fetch_ort_web, "_pack", None)
    assert fetch_ort_web.fetch(package)[0].read_bytes() == b"code"  # not fetched again


@pytest.mark.parametrize(
    ("content", "right", "message"),
    [
        ({"wanted": b"evil"}, False, "is not the archive"),
        ({"wanted": None}, True, "is no file"),
        ({"other": b"code"}, True, "is broken"),
    ],
)
def test_a_package_that_is_not_the_expected_one_is_refused(
    tmp_path, monkeypatch, content, right, message
):
    file, sha512 = archive(tmp_path, **content)
    package = fetch_ort_web.Package(
        "p", "1", sha512 if right else "AAAA", ("wanted.js",), tmp_path / "vendor"
    )
    monkeypatch.setattr(fetch_ort_web, "_pack", lambda package, folder: file)
    with pytest.raises(fetch_ort_web.FetchError, match=message):
        fetch_ort_web.fetch(package)
    assert not package.folder.exists() or not list(package.folder.iterdir())


def test_without_npm_a_sentence_says_what_is_missing(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(fetch_ort_web.shutil, "which", lambda name: None)
    package = fetch_ort_web.Package("p", "1", "AAAA", ("wanted.js",), tmp_path)
    monkeypatch.setattr(fetch_ort_web, "ORT_WEB", package)
    monkeypatch.setattr("sys.argv", ["fetch_ort_web.py"])
    assert fetch_ort_web.main() == 1
    assert capsys.readouterr().err.startswith("npm, which comes with Node.js, is not installed")
