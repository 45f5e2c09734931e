"""The recogniser, with networks so small that their answers can be computed by hand."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from PIL import Image
from tiny_network import by_hand, network, ship

from facevalue import Recogniser
from facevalue.drawing import faces
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import detectors
from facevalue.recognition import cropping, recogniser


@pytest.fixture
def tiny(tmp_path):
    ship(tmp_path, network())
    return Recogniser("fast", folder=tmp_path, threads=1)


def flat(level, *shape):
    return np.full(shape or (48, 48), level, np.uint8)


def test_one_face_gives_the_probabilities_by_name(tiny):
    answer = tiny(flat(51))
    assert list(answer) == list(EMOTIONS)
    assert list(answer.values()) == pytest.approx(by_hand(0.2), abs=5e-5)
    assert all(type(value) is float for value in answer.values())


@pytest.mark.parametrize(
    "face",
    [
        flat(51),
        flat(51, 48, 48, 1),
        flat(51, 48, 48, 3),
        flat(51, 131, 90),
        flat(51, 20, 20, 3),
        flat(51) / 255,
        (flat(51, 300, 300, 3) / 255).astype("float32"),
        (flat(51) / 255).astype("float16"),
        Image.fromarray(flat(51)),
        Image.fromarray(flat(51, 60, 60, 3)),
        Image.fromarray(flat(51)).convert("P"),
        Image.fromarray(flat(51)).convert("RGBA"),
    ],
)
def test_any_size_type_and_colour_is_the_same_face(tiny, face):
    assert list(tiny(face).values()) == pytest.approx(by_hand(0.2), abs=1e-4)
    assert tiny.probabilities(face).shape == (1, 7)


def test_a_batch_and_a_list_keep_their_order(tiny):
    levels = (np.arange(150) * 1.7).astype(np.uint8)  # more than two batches of the network
    batch = levels[:, None, None] * np.ones((48, 48), np.uint8)
    expected = np.array([by_hand(level / 255) for level in levels.tolist()])
    found = tiny.probabilities(batch)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=5e-5)
    sizes = [flat(level, 30 + row, 40) for row, level in enumerate(levels[:70].tolist())]
    np.testing.assert_allclose(tiny.probabilities(sizes), expected[:70], atol=5e-5)
    answers = tiny(batch[:2])
    assert [answer["happy"] for answer in answers] == pytest.approx(expected[:2, 3], abs=5e-5)
    assert len(tiny([batch[0]])) == 1 and isinstance(tiny([batch[0]]), list)
    assert isinstance(tiny(batch[:1]), list)
    colour = np.repeat(batch[:3, ..., None], 3, axis=3)
    np.testing.assert_allclose(tiny.probabilities(colour), expected[:3], atol=5e-5)
    np.testing.assert_allclose(tiny.probabilities(colour[..., :1]), expected[:3], atol=5e-5)


def test_tta_is_the_mean_of_a_face_and_its_mirror_image():
    recogniser = Recogniser("fast", threads=1)
    turned = [faces.View(yaw=yaw) for yaw in (-15, 10, 20)]
    drawn = np.stack([faces.draw({1: 0.5, 15: 0.8}, view=view) for view in turned])
    mirrored = drawn[:, :, ::-1]
    one, other = recogniser.probabilities(drawn), recogniser.probabilities(mirrored)
    assert np.abs(one - other).max() > 0.01
    mean = recogniser.probabilities(drawn, tta=True)
    np.testing.assert_allclose(mean, (one + other) / 2, atol=1e-6)
    np.testing.assert_allclose(recogniser.probabilities(mirrored, tta=True), mean, atol=1e-6)
    assert list(recogniser(drawn[0], tta=True).values()) == pytest.approx(mean[0], abs=1e-6)


def test_tta_of_a_photo_is_that_of_its_crops(photo):
    recogniser = Recogniser("fast", threads=1)
    sightings = recogniser.photo(photo.image, tta=True)
    assert len(sightings) == 2
    for sighting in sightings:
        crop = cropping.crop(photo.image, sighting.face)
        assert sighting.probabilities == pytest.approx(recogniser(crop, tta=True), abs=1e-5)
        assert sighting.probabilities != pytest.approx(recogniser(crop), abs=1e-3)


def test_what_is_given_stays_as_it_is(tiny):
    batch = np.random.default_rng(0).random((3, 50, 50, 3))
    before = batch.copy()
    tiny(batch)
    np.testing.assert_array_equal(batch, before)
    batch.setflags(write=False)
    tiny(batch[:, ::-1, ::2])  # neither writable nor in one piece


def test_threads_share_one_recogniser(tiny):
    levels = np.random.default_rng(0).integers(0, 256, 200).tolist()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda level: tiny(flat(level, 60, 60, 3)), levels))
    for level, answer in zip(levels, answers, strict=True):
        assert list(answer.values()) == pytest.approx(by_hand(level / 255), abs=5e-5)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (np.zeros((0, 48, 48), np.uint8), "empty"),
        (np.zeros((0, 0), np.uint8), "empty"),
        ([], "the list is empty"),
        (np.zeros(2304, np.uint8), r"shape \(2304,\)"),
        (np.zeros((64, 2304), np.uint8), "not a face crop"),
        (np.zeros((2, 48, 48, 5), np.uint8), r"shape \(2, 48, 48, 5\)"),
        (np.zeros((48, 48, 5), np.uint8), r"shape \(48, 48, 5\)"),
        (np.zeros((1, 2, 48, 48, 3), np.uint8), "several have"),
        ([flat(1), np.zeros(7, np.uint8)], "Face 1 of the list"),
        ([[0, 1], [2, 3]], "not list"),
        (b"no image", "not a JPEG"),
        (None, "not NoneType"),
        (np.zeros((48, 48), np.int64), "not int64"),
        (np.full((48, 48), "x"), "not <U1"),
        (np.full((48, 48), 255.0), "face 0 are from 255 to 255: divide"),
        (np.full((48, 48), -0.1), "must be from 0 to 1"),
        ([flat(1), np.full((48, 48), np.nan)], "Face 1 has NaN or infinite pixels"),
    ],
)
def test_a_wrong_picture_is_one_clear_sentence(tiny, given, sentence):
    for call in (tiny, tiny.probabilities):
        with pytest.raises(ValueError, match=sentence) as caught:
            call(given)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_pixel_that_is_no_number_is_named(tiny, value):
    batch = np.full((100, 48, 48), 0.5, np.float32)
    batch[70, 3, 4] = value
    with pytest.raises(ValueError, match="Face 70 has NaN or infinite pixels"):
        tiny.probabilities(batch)


@pytest.fixture(scope="module")
def photo():
    return faces.photo(3, 2)


def test_a_photo_gives_each_face_with_its_probabilities(tiny, photo):
    sightings = tiny.photo(photo.image)
    boxes = np.array([sighting.box for sighting in sightings])
    assert detectors.matched(boxes, photo.boxes) == 2
    grey = cv2.cvtColor(photo.image, cv2.COLOR_RGB2GRAY)
    for sighting in sightings:
        assert all(type(number) is int for number in sighting.box)
        inside = cropping.crop(grey, sighting.face).mean() / 255
        assert list(sighting.probabilities.values()) == pytest.approx(by_hand(inside), abs=2e-3)
        assert sighting.emotion == "happy"  # it has the largest weight


def test_grey_and_pil_photos_show_the_same_faces(tiny, photo):
    expected = tiny.photo(photo.image)
    grey = cv2.cvtColor(photo.image, cv2.COLOR_RGB2GRAY)  # the detector also sees colours
    found = np.array([sighting.box for sighting in tiny.photo(grey)])
    assert detectors.matched(found, np.array([each.box for each in expected]), 0.8) == 2
    assert tiny.photo(Image.fromarray(photo.image)) == expected


def test_a_photo_is_turned_as_its_camera_says(tiny, photo):
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(photo.image)))
    turned.getexif()[0x0112] = 6  # turn it clockwise to see it upright
    assert tiny.photo(turned) == tiny.photo(photo.image)


def test_a_photo_without_a_face_gives_an_empty_list(tiny):
    assert tiny.photo(flat(90, 200, 300, 3)) == []


@pytest.mark.parametrize(
    "given", [np.zeros((0, 0), np.uint8), np.full((90, 90), 2.0), b"a.jpg", None]
)
def test_what_is_no_photo_is_refused(tiny, given):
    with pytest.raises(ValueError, match="(?i)image"):
        tiny.photo(given)


LARGE = "('tensorflow', 'keras', 'torch', 'jax', 'pandas', 'onnxruntime', 'numpy')"
TOLD = f"print([name for name in {LARGE} if name in sys.modules])"


def test_a_photo_that_is_not_there_is_one_clear_sentence(tiny, tmp_path):
    for path, sentence in [
        (tmp_path / "nofile.JPG", r"There is no photo .*nofile\.JPG: check the path\.$"),
        ("http://x/y.jpg", r"^http://x/y\.jpg is an address: save the photo, and name its file\.$"),
        (str(tmp_path), r"is a folder: name a photo in it\.$"),
        ("a\0b.jpg", r"^a\\x00b\.jpg is not the name of a file\.$"),
        (Image.new("RGB", (0, 0)), r"^The image has no pixels\.$"),
    ]:
        with pytest.raises((OSError, ValueError), match=sentence):
            tiny.photo(path)


def told(*lines):
    """Return the lines that a new process prints."""
    code = "\n".join(["import sys", *lines])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_package_stays_light_until_the_recogniser_is_asked_for():
    assert told("import facevalue", TOLD) == ["[]"]


@pytest.mark.slow
def test_the_recogniser_needs_neither_tensorflow_nor_keras(tmp_path):
    ship(tmp_path, network())
    faces_only, with_photos = told(
        "import numpy, pathlib, facevalue",
        f"model = facevalue.Recogniser('fast', folder=pathlib.Path({str(tmp_path)!r}))",
        "model(numpy.zeros((48, 48), 'uint8'))",
        TOLD,
        "model.photo(numpy.zeros((200, 200, 3), 'uint8'))",
        TOLD,
    )
    assert faces_only == "['onnxruntime', 'numpy']"
    assert "tensorflow" not in with_photos and "keras" not in with_photos


def test_the_package_has_no_other_names():
    import facevalue

    assert facevalue.Recogniser is recogniser.Recogniser
    with pytest.raises(AttributeError, match="Recognizer"):
        facevalue.Recognizer  # noqa: B018


def test_no_such_name_or_number_of_threads():
    with pytest.raises(ValueError, match="no recogniser 'quick': choose accurate or fast"):
        Recogniser("quick")
    for threads in (0, 1.5, "2", 10**10):
        with pytest.raises(ValueError, match=r"threads must be a whole number from 1 to 1,024"):
            Recogniser("fast", threads=threads)


@pytest.mark.parametrize("wrong", [0, "24", float("nan")])
def test_the_smallest_face_is_checked_in_a_reduced_photo_too(tiny, photo, monkeypatch, wrong):
    monkeypatch.setattr(recogniser, "PHOTO_SIDE", 100)
    content = cv2.imencode(".jpg", photo.image)[1].tobytes()
    with pytest.raises(ValueError, match="min_face must be a number of pixels"):
        tiny.photo(content, min_face=wrong)


def test_tta_is_yes_or_no(tiny):
    for wrong in ("no", np.zeros(2), None):
        with pytest.raises(ValueError, match="tta must be True or False"):
            tiny(flat(51), tta=wrong)


def test_files_and_arrays_of_other_types_are_the_same_face(tiny, tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (60, 50)).astype(np.uint8)
    colour = cv2.applyColorMap(grey, cv2.COLORMAP_JET)[..., ::-1]
    file = tmp_path / "face.png"
    Image.fromarray(colour).save(file)
    deep = tmp_path / "deep.png"
    Image.fromarray(grey.astype(np.uint16) * 257).save(deep)
    alpha = np.dstack([colour, grey])
    expected = tiny.probabilities(np.ascontiguousarray(colour))
    for face in (file, str(file), file.read_bytes(), alpha, colour.astype(np.uint16) * 257):
        np.testing.assert_array_equal(tiny.probabilities(face), expected)
        assert isinstance(tiny(face), dict)
    np.testing.assert_array_equal(tiny.probabilities(colour[..., ::-1], bgr=True), expected)
    np.testing.assert_array_equal(tiny.probabilities(alpha[None], bgr=False), expected)
    mixed = [file, colour[..., ::-1], alpha[..., [2, 1, 0, 3]]]
    found = tiny.probabilities(mixed, bgr=True)
    np.testing.assert_allclose(found, expected.repeat(3, axis=0), atol=1e-6)
    for face in (deep, Image.open(deep), grey.astype(np.uint16) * 257):
        np.testing.assert_array_equal(tiny.probabilities(face), tiny.probabilities(grey))
    dots = grey > 127
    np.testing.assert_array_equal(
        tiny.probabilities(dots), tiny.probabilities(dots.astype(np.uint8) * 255)
    )
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        tiny(tmp_path / "nowhere.png")


@pytest.mark.slow
def test_photos_of_all_kinds_give_the_same_faces(tiny, photo, tmp_path):
    expected = tiny.photo(photo.image)
    assert expected
    file = tmp_path / "photo.png"
    Image.fromarray(photo.image).save(file)
    alpha = np.dstack([photo.image, photo.image[..., 0]])
    for image in (file, str(file), file.read_bytes(), alpha, Image.fromarray(alpha),
                  photo.image.astype(np.uint16) * 257, photo.image / 255):  # fmt: skip
        assert tiny.photo(image) == expected
    assert tiny.photo(photo.image[..., ::-1], bgr=True) == expected
    grey = cv2.cvtColor(photo.image, cv2.COLOR_RGB2GRAY)
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    assert tiny.photo(tmp_path / "deep.png") == tiny.photo(grey)
