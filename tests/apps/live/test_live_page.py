"""What a visitor of the live page sees: boxes, names, bars, hints, and files to keep."""

import base64
import csv
import io
import os
import re
import subprocess
import sys
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
from browsers import chromium, running, until
from live_helpers import jpeg, small_database
from PIL import Image

from apps.api import frames, live_app, sample
from facevalue import paths
from facevalue.drawing import faces
from facevalue.emotions import EMOTIONS
from facevalue.recognition.detection import find_faces
from facevalue.recognition.face import shared_area
from facevalue.recognition.recogniser import NAMES, Recogniser
from facevalue.scale import face_table

pytestmark = pytest.mark.browser

needs_browser_mode = pytest.mark.skipif(
    not live_app.has_onnx_runtime(),
    reason="ONNX Runtime Web is missing: run python tools/fetch_ort_web.py",
)
MODES = [pytest.param("browser", marks=needs_browser_mode), "server"]

CAMERA = """async (bytes) => {
    const content = Uint8Array.from(atob(bytes), c => c.charCodeAt(0));
    const image = await createImageBitmap(new Blob([content]));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext("2d");
    window.showImage = (other) => { window.shown = other; };
    window.shown = image;
    setInterval(() => context.drawImage(window.shown, 0, 0, canvas.width, canvas.height), 30);
    context.drawImage(image, 0, 0);
    navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(30);
}"""
"""Makes the camera of a page play a picture."""


@pytest.fixture(scope="module")
def models():
    try:
        return {name: Recogniser(name, threads=1) for name in NAMES}
    except FileNotFoundError as error:
        pytest.skip(f"{error}")


@pytest.fixture(scope="module")
def address(models, tmp_path_factory):
    engine = small_database(tmp_path_factory.mktemp("live"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "PHOTO_SECONDS", 60.0)  # other tests take the CPU
        with running(live_app.create_live_app(models, engine)) as where:
            yield where
    engine.dispose()


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


def people(count, width=640, height=480):
    """Draw a camera picture with so many people, 0 to 4, side by side; none is cut off."""
    if count == 4:
        halves = [people(2, width // 2, height), people(2, width // 2, height)[:, ::-1]]
        return np.ascontiguousarray(np.hstack(halves))
    photo = faces.photo(7, count, ("happy", "surprise", "sad")[:count]).image
    scale = min(width / photo.shape[1], height / photo.shape[0])
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    down, right = height - small.shape[0], width - small.shape[1]
    borders = down // 2, down - down // 2, right // 2, right - right // 2
    return cv2.copyMakeBorder(small, *borders, cv2.BORDER_CONSTANT, value=(90, 95, 100))


@contextmanager
def opened(browser, address, picture=None, *, mode="server", width=1440, **options):
    """Open the page, with a camera that plays a picture and runs; no script may fail."""
    failures = []
    context = browser.new_context(
        base_url=address, viewport={"width": width, "height": 900}, **options
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto("/")
    page.check(f"input[value={mode}]")
    if picture is not None:
        page.evaluate(CAMERA, base64.b64encode(jpeg(picture)).decode())
        page.click("#start")
    yield page
    context.close()
    assert failures == []


def boxes_are(page, count):
    until(page, "count => document.querySelectorAll('.face').length === count", count)


def rectangles(page, selector):
    """Return {number: (x, y, width, height)} of what is shown for each person."""
    found = page.evaluate(
        """selector => [...document.querySelectorAll(selector)].map(node => {
            const {x, y, width, height} = node.getBoundingClientRect();
            return [node.dataset.person, [x, y, width, height]];
        })""",
        selector,
    )
    return {int(person): tuple(box) for person, box in found}


def colours(page, selector):
    found = page.evaluate(
        """selector => [...document.querySelectorAll(selector)].map(
            node => [node.dataset.person, getComputedStyle(node).borderLeftColor])""",
        selector,
    )
    return {int(person): colour for person, colour in found}


def downloaded(page, button):
    with page.expect_download() as waiting:
        page.click(button)
    return waiting.value.suggested_filename, waiting.value.path().read_bytes()


@pytest.mark.parametrize("width", [390, 768, 1440])
@pytest.mark.parametrize("count", [1, 3, 4])
@pytest.mark.slow
def test_box_name_and_bars_of_a_person_share_a_number_and_a_colour(browser, address, count, width):
    with opened(browser, address, people(count), width=width) as page:
        boxes_are(page, count)
        page.click("#pause")
        page.wait_for_timeout(500)
        numbers = list(range(1, count + 1))
        assert sorted(rectangles(page, ".face")) == numbers
        shown = page.evaluate(
            """() => [...document.querySelectorAll(".name, .bars-over")].map(node =>
                [node.dataset.person, node.querySelector("b").textContent].map(Number))"""
        )
        assert sorted(shown) == sorted(2 * [[k, k] for k in numbers])
        assert colours(page, ".face") == colours(page, ".bars-over") == colours(page, ".name")
        assert len(set(colours(page, ".face").values())) == count
        # from the left, as the visitor sees them
        left = rectangles(page, ".face")
        assert sorted(numbers, key=lambda k: left[k][0]) == numbers


@pytest.mark.parametrize("width", [390, 768, 1440])
@pytest.mark.parametrize("count", [1, 3, 4])
@pytest.mark.slow
def test_bars_and_names_cover_no_face_and_no_other_bars(browser, address, count, width):
    with opened(browser, address, people(count), width=width) as page:
        boxes_are(page, count)
        page.click("#pause")
        page.wait_for_timeout(500)
        boxes, names, bars = (rectangles(page, each) for each in (".face", ".name", ".bars-over"))
        assert len(bars) == count
        for person, box in boxes.items():
            for other in boxes:
                assert shared_area(bars[other], box) < 2 * max(box[2:])
                if other != person:
                    assert shared_area(names[other], box) < 2 * max(box[2:])
                    assert shared_area(bars[other], bars[person]) == 0
                assert shared_area(bars[other], names[person]) < 40
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_the_sentence_counts_the_faces_that_have_boxes(browser, address):
    with opened(browser, address, people(3)) as page:
        page.evaluate(
            """() => {
                window.differences = [];
                const look = () => {
                    const count = document.querySelectorAll(".face").length;
                    const said = document.querySelector("#say").textContent;
                    if (count && Number.parseInt(said) !== count)
                        window.differences.push([count, said]);
                };
                new MutationObserver(look).observe(
                    document.querySelector("#faces"), {childList: true});
            }"""
        )
        boxes_are(page, 3)
        page.wait_for_timeout(1000)
        assert page.evaluate("window.differences") == []
        assert page.inner_text("#say").startswith("3 faces: #1 ")


def test_a_problem_is_scrolled_into_view(browser, address):
    with opened(browser, address, width=390) as page:
        page.evaluate("scrollTo(0, document.querySelector('#file').offsetTop + 900)")
        page.set_input_files(
            "#file", {"name": "letter.jpg", "mimeType": "image/jpeg", "buffer": b"Dear" * 99}
        )
        page.wait_for_selector("#problem:visible")
        top, bottom, height = page.evaluate(
            """() => {
                const {top, bottom} = document.querySelector("#problem").getBoundingClientRect();
                return [top, bottom, innerHeight];
            }"""
        )
        assert 0 <= top < bottom <= height


@pytest.mark.parametrize("width", [390, 1440])
def test_the_names_of_a_crowd_are_followed_by_the_next_box_without_a_gap(browser, address, width):
    crowd = np.hstack([people(3), people(2)])
    with opened(browser, address, width=width) as page:
        page.set_input_files(
            "#file", {"name": "crowd.jpg", "mimeType": "image/jpeg", "buffer": jpeg(crowd)}
        )
        boxes_are(page, 5)
        until(page, "document.querySelectorAll('#bars .brief').length === 5")
        gap = page.evaluate(
            """() => document.querySelector(".mode").getBoundingClientRect().top
                - document.querySelector("#bars").getBoundingClientRect().bottom"""
        )
        assert 0 < gap < 40


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_the_empty_stage_shows_a_sample_that_is_recognised(browser, address, mode):
    with opened(browser, address, mode=mode) as page:
        boxes_are(page, len(sample.SHOWN))
        said = page.inner_text("#say")
        assert re.findall("[a-z]+", said.split(":")[1]) == list(sample.SHOWN)
        assert int(page.inner_text("#latency")) > 0
        assert page.is_hidden("#frames")  # no counter that does not count
        assert page.is_visible("#start") and "sample" in page.inner_text("#empty")
        assert page.is_disabled("#snapshot") and page.is_disabled("#csv")
        assert page.evaluate("document.querySelector('#video').srcObject") is None
        page.evaluate(
            """() => { navigator.mediaDevices.getUserMedia =
                async () => { throw new DOMException("", "NotAllowedError") } }"""
        )
        page.click("#start")
        page.wait_for_selector("#problem:visible")
        boxes_are(page, len(sample.SHOWN))


@pytest.mark.slow
def test_the_chin_of_drawn_people_is_in_the_box(browser, address):
    photo = faces.photo(sample.SEED, len(sample.SHOWN), sample.SHOWN)
    with opened(browser, address) as page:
        boxes_are(page, len(photo.boxes))
        stage = page.locator("#photo").bounding_box()
        scale = stage["width"] / photo.image.shape[1]
        found = rectangles(page, ".face")
        for (_, y, _, height), person in zip(photo.boxes, sorted(found), strict=True):
            chin = stage["y"] + scale * (y + 0.93 * height)
            assert found[person][1] + found[person][3] >= chin


HINTS = {
    "a grey wall": (np.full((480, 640, 3), 120, np.uint8), "in front of the camera"),
    "a dark room": (people(0) // 12, "too dark"),
    "an overexposed room": (200 + people(0) // 5, "too bright"),
    "an empty room": (people(0), "Turn the face to the camera, or come closer"),
}


@pytest.mark.parametrize("what", HINTS)
@pytest.mark.slow
def test_no_face_comes_with_what_to_do(browser, address, what):
    picture, sentence = HINTS[what]
    with opened(browser, address, picture) as page:
        until(page, "document.querySelector('#say').textContent.startsWith('No face found.')")
        assert sentence in page.inner_text("#say")
        assert page.locator(".face").count() == 0


@pytest.mark.slow
def test_a_refused_file_leaves_the_photo_and_a_photo_without_a_face_gets_advice_for_photos(
    browser, address
):
    with opened(browser, address) as page:
        empty_room = {"name": "room.jpg", "mimeType": "image/jpeg", "buffer": jpeg(people(0))}
        page.set_input_files("#file", empty_room)
        said = "No face found. Try a photo in which the faces are larger, uncovered"
        until(page, "said => document.querySelector('#say').textContent.startsWith(said)", said)
        notes = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"Dear Sir or Madam"}
        page.set_input_files("#file", notes)
        page.wait_for_selector("#problem:visible")
        assert page.inner_text("#problem") == "notes.txt is not a photo or a video."
        assert page.inner_text("#say").startswith(said) and page.is_hidden("#empty")


@needs_browser_mode
@pytest.mark.slow
def test_a_paused_picture_is_recognised_by_the_mode_that_is_chosen_then(browser, address):
    picture = people(1)
    with opened(browser, address, picture) as page:
        boxes_are(page, 1)
        page.click("#pause")
        page.check("input[value=browser]")
        assert "the model fast" in page.inner_text("#happens")
        until(page, "document.querySelector('#say').textContent.startsWith('1 face')")
        assert page.get_attribute("#pause", "aria-pressed") == "true"


def test_at_a_desk_everything_fits_into_the_window_and_no_emotion_stands_twice(browser, address):
    with opened(browser, address, people(3), width=1280) as page:
        boxes_are(page, 3)
        page.evaluate("scrollTo(0, 0)")
        for part in ("#stage", "#bars", ".controls", ".mode"):
            box = page.locator(part).bounding_box()
            assert box["y"] + box["height"] <= 900, part
        shares = re.findall(r"\d+ %", page.inner_text(".view"))
        assert len(shares) == 3


@pytest.mark.slow
def test_the_numbers_are_saved_as_csv(browser, address):
    with opened(browser, address, people(3)) as page:
        boxes_are(page, 3)
        page.wait_for_timeout(1500)
        page.click("#pause")
        page.wait_for_timeout(500)
        shown = rectangles(page, ".face")
        stage = page.locator("#video").bounding_box()
        name, content = downloaded(page, "#csv")
    assert re.fullmatch(r"facevalue-\d{8}-\d{6}\.csv", name)
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    # as facevalue score names them, as far as they mean the same
    columns = [name for name in face_table.COLUMNS if name not in ("file", "frame")]
    assert list(rows[0]) == ["time", *columns, "where", "model"]
    assert {(row["where"], row["model"]) for row in rows} == {("server", "accurate")}
    assert {row["person"] for row in rows} == {"1", "2", "3"}
    assert len({row["time"] for row in rows}) >= 2
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", rows[0]["time"])
    for row in rows:
        assert row["emotion"] == max(EMOTIONS, key=lambda emotion: float(row[emotion]))
        assert sum(float(row[emotion]) for emotion in EMOTIONS) == pytest.approx(1, abs=0.002)
    scale = stage["width"] / 640
    for row in rows[-3:]:
        x, _, width, _ = shown[int(row["person"])]
        centre = (x + width / 2 - stage["x"]) / scale  # as it is seen, mirrored
        assert float(row["x"]) + float(row["width"]) / 2 == pytest.approx(centre, abs=6)


@pytest.mark.slow
def test_the_picture_is_saved_as_png_with_boxes_and_bars(browser, address):
    picture = people(3)
    with opened(browser, address, picture) as page:
        boxes_are(page, 3)
        page.click("#pause")
        page.wait_for_timeout(500)
        colour = colours(page, ".face")
        name, content = downloaded(page, "#snapshot")
    assert re.fullmatch(r"facevalue-\d{8}-\d{6}\.png", name)
    image = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    height, width = image.shape[:2]
    assert width == 640 and height > 480 + 7 * 17  # a row of cards with bars is under the picture
    mirrored = picture[:, ::-1].astype(int)
    assert np.median(np.abs(image[:480] - mirrored)) < 8
    for value in colour.values():
        rgb = [int(number) for number in re.findall(r"\d+", value)]
        same = np.abs(image - rgb).max(axis=2) < 12
        assert same[:480].sum() > 200 and same[480:].sum() > 200


@pytest.mark.slow
def test_a_box_in_the_saved_picture_ends_where_the_picture_ends(browser, address):
    picture = people(1)
    (face,) = find_faces(picture)
    x, y, width, height = (round(value) for value in face.box)
    cut = picture[: y + height]  # the drawn box is a tenth higher
    with opened(browser, address, mode="server") as page:
        page.set_input_files(
            "#file", {"name": "cut.jpg", "mimeType": "image/jpeg", "buffer": jpeg(cut)}
        )
        boxes_are(page, 1)
        _, content = downloaded(page, "#snapshot")
    image = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    below = image[len(cut) + 3 : len(cut) + 9]  # between the picture and the first card
    assert np.ptp(below, axis=(0, 1)).max() == 0
    assert np.ptp(image[len(cut) - 3 : len(cut), x : x + width], axis=(0, 1)).max() > 0


def crowd(columns=8, rows=5, side=150):
    """Draw 24 megapixels with 40 faces of 150 pixels."""
    image = np.full((4000, 6000, 3), 128, np.uint8)
    tile = faces.photo(sample.SEED, 2, sample.SHOWN)
    x, y, w, h = tile.boxes[0]
    part = tile.image[y - h // 2 : y + 3 * h // 2, x - w // 2 : x + 3 * w // 2]
    part = cv2.resize(part, (2 * side, 2 * side), interpolation=cv2.INTER_AREA)
    for k in range(columns * rows):
        left, top = 300 + 700 * (k % columns), 300 + 760 * (k // columns)
        image[top : top + 2 * side, left : left + 2 * side] = part
    return image


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_small_faces_in_a_large_photo_are_found(browser, address, mode):
    content = jpeg(crowd())
    with opened(browser, address, mode=mode) as page:
        page.set_input_files(
            "#file", {"name": "group.jpg", "mimeType": "image/jpeg", "buffer": content}
        )
        boxes_are(page, 40)
        assert page.inner_text("#say").startswith("40 faces")
        assert page.locator(".bars-over").count() == 40
        _, table = downloaded(page, "#csv")
        assert len(table.decode().splitlines()) == 41


@pytest.mark.parametrize(("phone", "seen"), [(True, False), (False, True)])
def test_only_machines_with_a_mouse_read_of_dropping(browser, address, phone, seen):
    width = 390 if phone else 1440
    with opened(browser, address, width=width, has_touch=phone, is_mobile=phone) as page:
        page.wait_for_selector("#empty:visible")
        assert ("drop" in page.inner_text("#live").lower()) == seen


@pytest.mark.slow
def test_with_https_another_machine_may_use_its_own_camera(browser, models, tmp_path):
    """The command runs; the browser comes to the address that it prints, as a telephone would."""
    pytest.importorskip("cryptography")
    settings = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'none.db'}",
        "FACEVALUE_DATA": str(tmp_path),
    }
    command = [sys.executable, "-m", "apps.api.live", "--https", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=settings, cwd=paths.root()
    ) as process:
        try:
            printed = process.stdout.readline()
            where = printed.split()[0]
            assert re.fullmatch(r"https://[\d.]+:\d+/\?token=[\w-]{20,}", where), printed
            context = browser.new_context(ignore_https_errors=True)
            page = context.new_page()
            page.goto(where)
            page.check("input[value=server]")
            assert page.evaluate("isSecureContext && 'getUserMedia' in navigator.mediaDevices")
            boxes_are(page, len(sample.SHOWN))
            assert [(each["secure"], each["httpOnly"]) for each in context.cookies()] == [
                (True, True)
            ]
            context.close()
        finally:
            process.terminate()
