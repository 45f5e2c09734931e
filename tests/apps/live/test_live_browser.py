"""A person at the live page: headless Chromium, and a camera that plays drawn faces."""

import json
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
from browsers import chromium, running, until
from live_helpers import bomb, convincing, jpeg, small_database

from apps.api import live_app
from facevalue import paths
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import detectors
from facevalue.recognition import tracking
from facevalue.recognition.face import Face
from facevalue.recognition.recogniser import NAMES, Recogniser, Sighting

pytestmark = pytest.mark.browser

AXE = paths.root() / "build" / "vendor" / "axe.min.js"
MODES = [
    pytest.param("browser", marks=pytest.mark.skipif(
        not live_app.has_onnx_runtime(),
        reason="ONNX Runtime Web is missing: run python tools/fetch_ort_web.py",
    )),
    "server",
]  # fmt: skip
SHOWN = ("happy", "surprise")


@pytest.fixture(scope="module")
def models():
    try:
        return {name: Recogniser(name, threads=1) for name in NAMES}
    except FileNotFoundError as error:
        pytest.skip(f"{error}")


@pytest.fixture(scope="module")
def pictures(models):
    """Camera pictures that both models are sure about: one face, and two."""
    return [convincing(models["fast"], SHOWN[:1]), convincing(models["fast"], SHOWN)]


@pytest.fixture(scope="module")
def address(models, tmp_path_factory):
    """Run the live page on a free port."""
    engine = small_database(tmp_path_factory.mktemp("live"))
    app = live_app.create_live_app(models, engine)
    with running(app) as where:
        yield where
    engine.dispose()


@pytest.fixture(scope="module")
def browser(pictures, tmp_path_factory):
    """A browser whose camera plays a second with two drawn faces, again and again."""
    file = tmp_path_factory.mktemp("camera") / "camera.y4m"
    rng = np.random.default_rng(0)
    with file.open("wb") as opened:
        opened.write(b"YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420\n")
        for _ in range(10):
            noisy = cv2.add(pictures[1], rng.integers(0, 5, pictures[1].shape, np.uint8))
            opened.write(b"FRAME\n" + cv2.cvtColor(noisy, cv2.COLOR_RGB2YUV_I420).tobytes())
    with chromium(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={file}",
    ) as made:
        yield made


@contextmanager
def opened(browser, address, width=1440, mode=None, expected=(), **options):
    """Open the page; afterwards, nothing may have been blocked, missing or thrown."""
    complaints = []
    context = browser.new_context(
        base_url=address, viewport={"width": width, "height": 900}, **options
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("response", lambda answer: answer.status >= 400 and complaints.append(answer.url))
    page.goto("/")
    if mode:
        page.check(f"input[value={mode}]")
    yield page
    context.close()
    assert complaints == list(expected)


def named(page, count):
    """Wait until so many faces are named, beside the sample's; return the emotions in order."""
    texts = until(  # looked at and read in one go: a change of mode takes all names away
        page,
        """count => {
            const names = [...document.querySelectorAll(".name")];
            if (!document.querySelector("#empty").hidden || names.length !== count) return null;
            return names
                .sort((a, b) => a.getBoundingClientRect().x - b.getBoundingClientRect().x)
                .map(node => node.textContent);
        }""",
        count,
    )
    return [text.lstrip("0123456789 ").split()[0] for text in texts]


def rest(page):
    """Wait until the labels have not changed for a second; return them."""
    for _ in range(60):
        before = page.locator(".name").all_inner_texts()
        page.wait_for_timeout(1000)
        if page.locator(".name").all_inner_texts() == before:
            return before
    raise AssertionError(f"the labels still change: {before}")


def upload(page, name, content):
    kind = "video/webm" if name.endswith("webm") else "image/jpeg"
    page.set_input_files("#file", {"name": name, "mimeType": kind, "buffer": content})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.slow
def test_the_right_emotions_appear_over_the_camera(browser, address, mode):
    with opened(browser, address, mode=mode) as page:
        assert page.is_visible("#empty")  # no camera without a click
        page.click("#start")
        assert sorted(named(page, 2)) == sorted(SHOWN)
        # mirrored, as in a mirror: who is on the left is shown on the right
        assert named(page, 2) == list(SHOWN[::-1])
        page.click("#mirror")
        assert named(page, 2) == list(SHOWN)
        until(page, "document.querySelector('#rate').textContent !== '-'")
        assert int(page.inner_text("#rate")) >= 1
        assert 0 < int(page.inner_text("#latency")) < 20_000
        assert page.locator(".bars-over").first.locator("> span").all_inner_texts() == [*EMOTIONS]
        until(page, "/2 faces/.test(document.querySelector('#say').textContent)")
        page.click("#pause")
        assert rest(page) == rest(page)
        page.click("#stop")
        until(page, "!document.querySelector('#empty').hidden")
        assert page.evaluate("document.querySelector('#video').srcObject") is None


@pytest.mark.slow
def test_the_browser_mode_sends_no_picture(browser, address):
    if not live_app.has_onnx_runtime():
        pytest.skip("ONNX Runtime Web is missing: run python tools/fetch_ort_web.py")
    with opened(browser, address) as page:
        assert page.is_checked("input[value=browser]")
        assert "No picture leaves your machine" in page.inner_text("#happens")
        sent = []
        page.on("websocket", lambda socket: sent.append(socket.url))
        page.on("request", lambda request: request.method != "GET" and sent.append(request.url))
        page.click("#start")
        named(page, 2)
        assert sent == []
        page.check("input[value=server]")
        assert "sent to the server" in page.inner_text("#happens")
        for _ in range(200):
            if sent:
                break
            page.wait_for_timeout(50)
        assert [address.split(":")[0] for address in sent] == ["ws"]
        assert sorted(named(page, 2)) == sorted(SHOWN)


def test_without_the_browser_mode_the_page_uses_the_server(browser, address, monkeypatch):
    monkeypatch.setattr(live_app, "has_onnx_runtime", lambda: False)
    with opened(browser, address) as page:
        assert page.is_checked("input[value=server]")
        assert page.is_disabled("input[value=browser]")
        assert "fetch_ort_web.py" in page.inner_text("#happens")


def test_a_model_that_does_not_load_does_not_send_pictures_by_itself(browser, address):
    if not live_app.has_onnx_runtime():
        pytest.skip("ONNX Runtime Web is missing: run python tools/fetch_ort_web.py")
    sent = []
    with opened(browser, address, expected=[f"{address}/live/fast.onnx"]) as page:
        page.on("websocket", lambda socket: sent.append(socket.url))
        page.goto("about:blank")  # the page that was opened may still be loading the model
        page.route("**/live/fast.onnx", lambda route: route.fulfill(status=404))
        page.goto("/")
        page.click("#start")
        page.wait_for_selector("#problem:visible")
        assert "Start again to use the server" in page.inner_text("#problem")
        assert page.is_checked("input[value=server]")
        page.wait_for_timeout(300)
        assert sent == []


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("getUserMedia = async () => { throw new DOMException('', 'NotAllowedError') }",
         "no permission for the camera"),
        ("getUserMedia = async () => { throw new DOMException('', 'NotFoundError') }",
         "no camera on this machine"),
        ("getUserMedia = async () => { throw new DOMException('', 'NotReadableError') }",
         "in use by another program"),
        ("getUserMedia = undefined", "only on pages from https or localhost"),
    ],
)  # fmt: skip
def test_without_a_camera_or_permission_the_other_ways_are_named(browser, address, what, sentence):
    with opened(browser, address) as page:
        page.evaluate(f"() => {{ navigator.mediaDevices.{what} }}")
        page.click("#start")
        page.wait_for_selector("#problem:visible")
        assert sentence in page.inner_text("#problem")
        assert "photo or a video" in page.inner_text("#problem")
        assert page.is_visible("#start")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.slow
def test_a_photo_is_named_and_boxed(browser, address, pictures, models, mode):
    truth = models["fast" if mode == "browser" else "accurate"].photo(pictures[1])
    with opened(browser, address, mode=mode) as page:
        upload(page, "photo.jpg", jpeg(pictures[1]))
        assert named(page, len(truth)) == [
            face.emotion for face in sorted(truth, key=lambda face: face.box[0])
        ]
        stage = page.locator("#photo").bounding_box()
        boxes = [each.bounding_box() for each in page.locator(".face").all()]
        scale = 640 / stage["width"]
        found = [
            [(b["x"] - stage["x"]) * scale, (b["y"] - stage["y"]) * scale,
             b["width"] * scale, b["height"] * scale]
            for b in boxes
        ]  # fmt: skip
        # boxes are drawn a little larger than the detector's, so that the chin is inside
        true = np.array([face.box for face in truth])
        # the page draws a box a little larger than the detector's
        assert detectors.matched(np.array(found), true, min_overlap=0.75) == len(truth)


def test_the_browser_smooths_as_the_server_does(browser, address):
    rng = np.random.default_rng(0)
    smooth, steps, expected = tracking.Smoother(), [], []
    for k in range(60):
        faces = [
            Sighting(
                Face((x + int(rng.integers(-4, 5)), 100, 80, 80)),
                dict(zip(EMOTIONS, rng.dirichlet(np.ones(7)).tolist(), strict=True)),
            )
            for x in (50, 300)
            if rng.random() < 0.8
        ]
        steps.append([[face.box, [*face.probabilities.values()]] for face in faces])
        expected.append(smooth(faces, k / 20))
    with opened(browser, address) as page:
        found = page.evaluate(
            """async (steps) => {
                const { Smoother } = await import("/live/static/tracks.js");
                const settings = await (await fetch("/live/settings.json")).json();
                const smoother = new Smoother(settings.smoothing);
                return steps.map((faces, k) => smoother.update(
                    faces.map(([box, probabilities]) => ({box, probabilities})), k / 20)
                    .map(({box, probabilities}) => [box, probabilities]));
            }""",
            steps,
        )
    assert any(len(shown) == 2 for shown in expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert [np.rint(box).tolist() for box, _ in ours] == [list(each.box) for each in theirs]
        for (_, probabilities), each in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(probabilities, [*each.probabilities.values()])


def base64(array):
    import base64

    return base64.b64encode(array.tobytes()).decode()


@pytest.mark.slow
def test_a_photo_can_be_dropped_on_the_page(browser, address, pictures):
    with opened(browser, address, mode="server") as page:
        dropped = page.evaluate_handle(
            """bytes => {
                const data = new DataTransfer();
                const content = Uint8Array.from(atob(bytes), c => c.charCodeAt(0));
                data.items.add(new File([content], "a.jpg", {type: "image/jpeg"}));
                return data;
            }""",
            base64(np.frombuffer(jpeg(pictures[0]), np.uint8)),
        )
        page.dispatch_event("#stage", "drop", {"dataTransfer": dropped})
        assert named(page, 1) == ["happy"]


@pytest.mark.slow
def test_a_video_file_is_played_and_named(browser, address, pictures, tmp_path):
    file = tmp_path / "video.webm"
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"VP80"), 10, (width, height))
    for _ in range(10):
        writer.write(cv2.cvtColor(pictures[0], cv2.COLOR_RGB2BGR))
    writer.release()
    with opened(browser, address, mode="server") as page:
        upload(page, "video.webm", file.read_bytes())
        assert named(page, 1) == ["happy"]


BAD = {
    "text": (b"Dear Sir or Madam\n" * 99, "wrong.jpg is not a photo"),
    "empty": (b"", "wrong.jpg is an empty file"),
    "GIF bomb": (bomb("GIF", (65535, 65535)), "wrong.jpg "),
    "100 megapixels": (bomb("PNG", (10_000, 10_000)), "wrong.jpg has more than 40 megapixels"),
    "50 MB": (b"\xff\xd8" + bytes(50_000_001), "wrong.jpg is larger than 50 MB"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.slow
def test_a_bad_photo_is_refused_in_a_sentence_and_a_good_one_follows(
    browser, address, pictures, what, tmp_path
):
    content, sentence = BAD[what]
    file = tmp_path / "wrong.jpg"
    file.write_bytes(content)
    with opened(browser, address, mode="server") as page:
        page.set_input_files("#file", file)
        page.wait_for_selector("#problem:visible")
        assert sentence in page.inner_text("#problem")
        upload(page, "photo.jpg", jpeg(pictures[0]))
        assert named(page, 1) == ["happy"]
        assert page.is_hidden("#problem")


def test_a_broken_video_is_refused_in_a_sentence(browser, address):
    with opened(browser, address) as page:
        upload(page, "wrong.webm", b"no video" * 999)
        page.wait_for_selector("#problem:visible")
        assert "wrong.webm is not a video" in page.inner_text("#problem")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.slow
def test_labels_can_be_read_on_a_telephone_and_on_a_desk(browser, address, width, scheme):
    with opened(browser, address, width, "server", color_scheme=scheme) as page:
        page.click("#start")
        named(page, 2)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.click("#pause")
        page.wait_for_timeout(500)
        stage = page.locator("#live").bounding_box()  # bars may be beside or below the picture
        labels = page.locator(".name, .bars-over span:visible")
        assert labels.count() >= 2 + 2 * 7
        for label in labels.all():
            box = label.bounding_box()
            assert box["x"] >= stage["x"] - 1
            assert box["x"] + box["width"] <= stage["x"] + stage["width"] + 1
            assert box["y"] >= stage["y"] - 1
            assert box["y"] + box["height"] <= stage["y"] + stage["height"] + 1
            size, weight = label.evaluate(
                "e => [parseFloat(getComputedStyle(e).fontSize), getComputedStyle(e).color]"
            )
            assert size >= 12 and weight == "rgb(255, 255, 255)"


@pytest.mark.slow
def test_the_keyboard_alone_reaches_everything(browser, address):
    with opened(browser, address) as page:
        reached = []
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate("document.activeElement.id || document.activeElement.textContent")
            )
        for wanted in ("start", "file", "Gallery", "20 sample images"):
            if wanted != "20 sample images":
                assert wanted in reached, reached
        assert any("sample images of sad" in each for each in reached)
        page.focus("#start")
        page.keyboard.press("Enter")
        named(page, 2)
        page.focus("#pause")
        page.keyboard.press("Space")
        assert page.get_attribute("#pause", "aria-pressed") == "true"
        page.focus("input[name=mode]:checked")
        page.keyboard.press("ArrowRight")
        page.focus("#stop")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "start"


@pytest.mark.skipif(
    not AXE.is_file(), reason="axe-core is missing: run python tools/fetch_ort_web.py --tests"
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.slow
def test_axe_finds_no_serious_barrier(browser, address, width, scheme):
    with opened(browser, address, width, "server", color_scheme=scheme) as page:
        for running in (False, True):
            if running:
                page.click("#start")
                named(page, 2)
            # by the debugger, which the page's own policy does not bind
            page.evaluate(f"() => {{ {AXE.read_text(encoding='utf-8')} }}")
            found = page.evaluate("async () => (await axe.run()).violations")
            grave = [each for each in found if each["impact"] in ("serious", "critical")]
            assert grave == [], json.dumps(grave, indent=1)[:3000]


def test_the_page_says_so_when_the_server_is_gone(browser, address):
    with opened(browser, address, mode="server") as page:
        page.route_web_socket("**/live/frames", lambda socket: socket.close())
        page.click("#start")
        page.wait_for_selector("#problem:visible")
        assert "connection to the server" in page.inner_text("#problem")
