"""The browser's grey levels, crops and sizes of pictures are those of OpenCV."""

import base64

import cv2
import numpy as np
import pytest

from facevalue.image_files import FACE_SIZE, resize_face, to_grey
from facevalue.recognition import cropping
from facevalue.recognition.face import Face

pytestmark = pytest.mark.browser

SCRIPT = """async ([calls]) => {
    const { resize, resizeLinear } = await import("/resize.js");
    const { cut, grey, halvedPlanes, planes, turned } = await import("/picture.js");
    const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const text = (data) => btoa(String.fromCharCode(...data));
    return calls.map(({ name, data, width, height, args }) => {
        const image = { width, height, data: bytes(data) };
        const greyOf = (rgba) => grey(planes(rgba));
        const halvedPlane = (rgba, k) => halvedPlanes(rgba)[k];
        const turnedBy = (plane, x, y, side, degrees) => turned(plane, [x, y], side, degrees);
        const functions = { resize, resizeLinear, cut, greyOf, halvedPlane, turnedBy };
        return text(functions[name](image, ...args).data);
    });
}"""


def in_browser(script_page, calls):
    """Return the bytes that each function of the browser returns for an image and arguments."""
    described = [
        {
            "name": name,
            "data": base64.b64encode(image.tobytes()).decode(),
            "width": image.shape[1],
            "height": image.shape[0],
            "args": [float(value) for value in arguments],
        }
        for name, image, arguments in calls
    ]
    answers = script_page.evaluate(SCRIPT, [described])
    return [np.frombuffer(base64.b64decode(each), np.uint8) for each in answers]


def random_image(rng, height, width):
    """Return an image with hard edges and soft gradients."""
    image = rng.integers(0, 256, (height, width), dtype=np.uint8)
    return image if rng.random() < 0.5 else cv2.GaussianBlur(image, (0, 0), 2)


def check_resized(script_page, images, size):
    """Compare the browser with OpenCV, which rounds differently on different processors.

    Some of them compute the cubic weights in fixed point: 5 to 9 % of the pixels then differ by
    one grey level.
    """
    width, height = size
    shrinks = images[0].shape[1] > width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    answers = in_browser(script_page, [("resize", image, size) for image in images])
    for image, answer in zip(images, answers, strict=True):
        expected = cv2.resize(image, size, interpolation=method).astype(int)
        difference = np.abs(answer.reshape(height, width) - expected)
        assert difference.max() <= 1, image.shape
        assert (difference > 0).mean() < (0.01 if shrinks else 0.15), image.shape


@pytest.mark.slow
def test_a_face_grows_as_with_inter_cubic(script_page):
    rng = np.random.default_rng(0)
    sides = [8, 12, 16, 24, 47, *rng.integers(9, 48, 40)]
    check_resized(script_page, [random_image(rng, n, n) for n in sides], (FACE_SIZE, FACE_SIZE))


def test_a_face_shrinks_as_with_inter_area(script_page):
    rng = np.random.default_rng(1)
    sides = [49, 72, 96, 144, 192, 240, 288, *rng.integers(50, 400, 40)]
    check_resized(script_page, [random_image(rng, n, n) for n in sides], (FACE_SIZE, FACE_SIZE))


@pytest.mark.parametrize("shape", [(480, 640), (361, 640), (719, 1280), (360, 322), (960, 1280)])
def test_a_frame_shrinks_as_with_inter_area(script_page, shape):
    scale = 320 / max(shape)
    size = round(shape[1] * scale), round(shape[0] * scale)
    check_resized(script_page, [random_image(np.random.default_rng(2), *shape)], size)


@pytest.mark.parametrize("shape", [(240, 320), (181, 320), (359, 500), (150, 319)])
def test_a_frame_shrinks_as_with_inter_linear(script_page, shape):
    image = random_image(np.random.default_rng(7), *shape)
    scale = 280 / max(shape)
    size = round(shape[1] * scale), round(shape[0] * scale)
    (answer,) = in_browser(script_page, [("resizeLinear", image, size)])
    expected = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR).astype(int)
    difference = np.abs(answer.reshape(size[::-1]) - expected)
    assert difference.max() <= 1 and (difference > 0).mean() < 0.01


def test_the_planes_of_a_frame_are_halved_as_with_inter_area(script_page):
    frame = np.random.default_rng(8).integers(0, 256, (120, 160, 4), dtype=np.uint8)
    answers = in_browser(script_page, [("halvedPlane", frame, [k]) for k in range(3)])
    expected = cv2.resize(frame, (80, 60), interpolation=cv2.INTER_AREA)
    for k, plane in enumerate(answers):
        assert np.array_equal(plane.reshape(60, 80), expected[..., k])


def test_black_and_white_do_not_overflow_where_the_cubic_overshoots(script_page):
    image = np.zeros((20, 20), np.uint8)
    image[::3] = 255
    check_resized(script_page, [image, image.T.copy()], (FACE_SIZE, FACE_SIZE))


def test_an_image_of_the_right_size_is_unchanged(script_page):
    image = random_image(np.random.default_rng(3), FACE_SIZE, FACE_SIZE)
    (answer,) = in_browser(script_page, [("resize", image, image.shape)])
    assert np.array_equal(answer.reshape(image.shape), image)


def test_grey_levels_are_the_same(script_page):
    image = np.random.default_rng(4).integers(0, 256, (64, 90, 4), dtype=np.uint8)
    (answer,) = in_browser(script_page, [("greyOf", image, ())])
    assert np.array_equal(answer.reshape(64, 90), to_grey(image[..., :3].copy()))


@pytest.mark.parametrize("box", [(10, 5, 30, 30), (-12, -7, 40, 40), (70, 40, 50, 50)])
def test_a_crop_repeats_the_edge(script_page, box):
    image = random_image(np.random.default_rng(5), 64, 90)
    (answer,) = in_browser(script_page, [("cut", image, box)])
    expected = cropping.crop(image, box, None)
    assert np.array_equal(answer.reshape(expected.shape), expected)
    (face,) = in_browser(script_page, [("resize", expected, (FACE_SIZE, FACE_SIZE))])
    assert np.abs(face.reshape(FACE_SIZE, FACE_SIZE) - resize_face(expected).astype(int)).max() <= 1


@pytest.mark.parametrize("degrees", [5.5, -12.0, 20.3, -45.0, 90.0, 178.0])
@pytest.mark.parametrize("box", [(20, 12, 30, 40), (-12, -7, 41, 40), (70, 40, 50, 33)])
def test_a_face_is_turned_as_in_python(script_page, box, degrees):
    image = random_image(np.random.default_rng(6), 64, 90)
    x, y, width, height = box
    across, down = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    eyes = np.array([(0, 0), (10 * across, 10 * down), (0, 0), (0, 0), (0, 0)])
    expected = cropping.crop(image, Face(box, 1.0, eyes), None)
    arguments = x + width / 2, y + height / 2, max(width, height), degrees
    (answer,) = in_browser(script_page, [("turnedBy", image, arguments)])
    # OpenCV computes in fixed point, and rounds differently on different processors
    difference = np.abs(answer.reshape(expected.shape) - expected.astype(int))
    assert difference.max() <= 1 and (difference > 0).mean() < 0.01
