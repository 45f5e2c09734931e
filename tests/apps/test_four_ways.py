"""The same photo has the same probabilities in Python, over the API, and both ways on the page.

The photos show faces that the model is sure about. Its weights are 8-bit integers: a difference in
the last bit of a sum, as between ONNX Runtime and ONNX Runtime Web, may move a rounding step, and
that changes the probabilities of one unsure face in forty by up to 0.003.
"""

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from browsers import chromium, running
from live_helpers import small_database
from PIL import Image
from websockets.sync.client import connect

from apps.api import classical_guess, live_app
from facevalue.collection import database_import
from facevalue.drawing import faces
from facevalue.image_files import FACE_SIZE, decode_photo, encode_png, to_grey
from facevalue.recognition import preparation
from facevalue.recognition.recogniser import Recogniser

MIN_BAR = 0.01
"""The page draws lower probabilities with a bar of this length."""

KINDS = ("PNG", "JPEG", "turned JPEG", "small faces", "grey")


@pytest.fixture(scope="module")
def recogniser():
    return Recogniser("fast", threads=1)


@pytest.fixture(scope="module")
def photos(recogniser):
    """One photo of two surprised people as a file of each kind."""
    image = np.hstack([drawn(24), drawn(42)])
    found = recogniser.photo(image)
    assert len(found) == 2
    assert all(face.probabilities["surprise"] > 0.9 for face in found)
    small = cv2.resize(image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    assert min(face.box[2] for face in recogniser.photo(small)) < FACE_SIZE
    return {
        "PNG": encode_png(image),
        "JPEG": jpeg(image),
        "turned JPEG": jpeg(np.rot90(image), orientation=6),
        "small faces": encode_png(small),
        "grey": encode_png(to_grey(image)),
    }


def drawn(seed):
    """Return a photo of one person, small enough to reach the server without loss."""
    image = faces.photo(seed, 1, ("surprise",)).image
    return cv2.resize(image, (600, 450), interpolation=cv2.INTER_AREA)


def jpeg(image, orientation=1):
    """Return a JPEG file, with the orientation that a camera would write."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(stream, "JPEG", quality=92, exif=exif)
    return stream.getvalue()


@pytest.fixture(scope="module")
def address(recogniser, tmp_path_factory):
    """Run the live page with the same model in the browser and on the server."""
    engine = small_database(tmp_path_factory.mktemp("four"))
    app = live_app.create_live_app({"fast": recogniser}, engine, model="fast")
    with running(app) as where:
        yield where
    engine.dispose()


def table(sightings):
    return np.array([list(face.probabilities.values()) for face in sightings])


@pytest.mark.parametrize("kind", KINDS)
def test_python_and_the_api_agree(recogniser, photos, address, kind):
    expected = recogniser.photo(photos[kind])
    url = f"{address.replace('http', 'ws')}/live/frames?photo=true"
    with connect(url, origin=address, max_size=None) as socket:
        socket.send(photos[kind])
        found = json.loads(socket.recv(timeout=30))["faces"]
    assert [face["box"] for face in found] == [list(face.box) for face in expected]
    probabilities = np.array([face["probabilities"] for face in found])
    np.testing.assert_allclose(probabilities, table(expected), atol=1e-3)


@pytest.fixture(scope="module")
def page(address):
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(60_000)
        page.goto(address)
        yield page


def on_the_page(page, mode, content, count):
    """Upload a photo; return the lengths of the bars of each face, the largest face first."""
    page.check(f"input[value={mode}]")
    kind = "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
    page.set_input_files("#file", {"name": "photo", "mimeType": kind, "buffer": content})
    page.wait_for_selector("#photo[aria-label='Your photo']")  # and no longer the sample
    page.wait_for_selector("#snapshot:enabled")
    for _ in range(600):
        transforms = page.evaluate(
            """[...document.querySelectorAll(".bars-over")].map((bars) =>
                [...bars.querySelectorAll("i")].map((bar) => bar.style.transform))"""
        )
        if len(transforms) == count:
            break
        page.wait_for_timeout(50)
    page.click("#stop")
    return np.array(
        [[float(t.removeprefix("scaleX(").rstrip(")")) for t in bars] for bars in transforms]
    )


@pytest.mark.browser
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["browser", "server"])
@pytest.mark.slow
def test_python_and_both_ways_of_the_page_agree(recogniser, photos, page, mode, kind):
    if mode == "browser" and not live_app.has_onnx_runtime():
        pytest.skip("ONNX Runtime Web is missing: run python tools/fetch_ort_web.py")
    expected = np.maximum(table(recogniser.photo(photos[kind])), MIN_BAR)
    found = on_the_page(page, mode, photos[kind], len(expected))
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("shape", [(48, 48), (30, 30), (100, 80), (40, 60), (200, 201)])
def test_the_guess_for_an_image_sees_the_pixels_that_the_recogniser_sees(monkeypatch, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    seen = []

    class Model:
        def predict(self, images):
            seen.append(images[0])
            return [3]

    monkeypatch.setattr(classical_guess, "_model", lambda *_: Model())
    monkeypatch.setattr(classical_guess, "model_file", lambda: Path(__file__))  # a file that exists
    row = database_import.image_row(image, "s", "happy", "an image")
    assert classical_guess.predict(decode_photo(row["png"], "the image")) == "happy"
    expected = preparation.prepare(image)[0, ..., 0]
    np.testing.assert_array_equal(np.float32(seen[0]) / np.float32(255), expected)
