"""The live page finds and names people with glasses, and people who turn their heads away."""

import base64

import cv2
import numpy as np
import pytest
from browsers import until
from live_helpers import jpeg

from apps.api import live_app
from facevalue.drawing import camera, faces, scenery
from facevalue.drawing.appearance import Intensities, Person, View
from facevalue.recognition.face import overlap

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not live_app.has_onnx_runtime(),
        reason="ONNX Runtime Web is missing: run python tools/fetch_ort_web.py",
    ),
]

FILM = """async (bytes) => {
    const content = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
    const image = await createImageBitmap(new Blob([content]));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext("2d");
    clearInterval(window.filming);
    window.filming = setInterval(() => context.drawImage(image, 0, 0), 30);
    context.drawImage(image, 0, 0);
    navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(30);
}"""
"""Makes the camera of the page play a picture."""

SHOWN = """() => {
    const stage = document.querySelector("#stage").getBoundingClientRect();
    const scale = document.querySelector("#video").videoWidth / stage.width;
    return [...document.querySelectorAll(".face")].map((node) => {
        const { x, y, width, height } = node.getBoundingClientRect();
        return [x - stage.x, y - stage.y, width, height].map((value) => value * scale);
    });
}"""
"""Returns the boxes on the page, in pixels of the camera's picture."""


def angry_person(yaw, glasses):
    """Draw a camera picture with an angry person; return it, and the box of the face."""
    image = scenery.landscape(640, 480, np.random.default_rng(3))
    units = Intensities(faces.expression("angry", np.random.default_rng(0)))
    person, view = Person(glasses=glasses), View(yaw=yaw)
    clothes = np.array([60, 90, 120], np.float32)
    box = camera.paste(image, units, person, view, (320, 230), 180, clothes)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8), box


@pytest.mark.parametrize("glasses", [False, True], ids=["", "glasses"])
@pytest.mark.parametrize("yaw", [-45, 0, 45], ids=["to the left", "frontal", "to the right"])
def test_a_turned_face_and_one_with_glasses_are_found_and_named(page, yaw, glasses):
    image, box = angry_person(yaw, glasses)
    page.evaluate(FILM, base64.b64encode(jpeg(image)).decode())
    page.click("#start")
    page.click("#mirror")  # the boxes are then where the camera's picture has them
    until(page, "document.querySelector('#say').textContent === '1 face: #1 angry'")
    (found,) = page.evaluate(SHOWN)
    assert overlap(found, box) > 0.5
    page.click("#stop")


def test_the_picture_without_the_person_has_no_face(page):
    empty = scenery.landscape(640, 480, np.random.default_rng(3))
    picture = cv2.convertScaleAbs(empty)
    page.evaluate(FILM, base64.b64encode(jpeg(picture)).decode())
    page.click("#start")
    until(page, "document.querySelector('#say').textContent.startsWith('No face found.')")
    page.click("#stop")
