"""Every public function that takes a photo takes it in all of the usual forms."""

import numpy as np
import pytest
from PIL import Image

from facevalue import Recogniser, image_files
from facevalue.drawing import faces
from facevalue.recognition import cropping, detection, haar_detector, overlay, preparation, tracking
from facevalue.recognition.face import Face, photo_pixels
from facevalue.recognition.recogniser import Sighting


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    """One drawn photo of a face, in each form."""
    pixels = faces.photo(3).image[::2, ::2].copy()
    file = tmp_path_factory.mktemp("forms") / "photo.png"
    Image.fromarray(pixels).save(file)
    opaque = np.full((*pixels.shape[:2], 1), 255, np.uint8)
    return {
        "array": pixels,
        "array of floats": pixels / 255,
        "array of 16 bits": pixels.astype(np.uint16) * 257,
        "array with four channels": np.concatenate([pixels, opaque], axis=2),
        "PIL image": Image.fromarray(pixels),
        "PIL image with transparency": Image.fromarray(pixels).convert("RGBA"),
        "Path": file,
        "str": str(file),
        "bytes": file.read_bytes(),
    }


FACE = Face((20, 20, 60, 60))
SIGHTING = Sighting(FACE, dict.fromkeys(["happy"], 1.0))

FUNCTIONS = {
    "Recogniser.photo": lambda image: Recogniser("fast").photo(image),
    "Recogniser.in_photo": lambda image: Recogniser("fast").in_photo(image, [FACE]),
    "recognise_frame": lambda image: tracking.recognise_frame(image, Recogniser("fast")),
    "find_faces": detection.find_faces,
    "haar": haar_detector.find_faces,
    "crop": lambda image: cropping.crop(image, FACE),
    "draw": lambda image: overlay.draw(image, [SIGHTING]),
    "prepare": preparation.prepare,
    "photo_pixels": photo_pixels,
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.slow
def test_all_forms_of_a_photo_give_the_same(forms, name):
    expected = FUNCTIONS[name](forms["array"])
    assert len(expected)
    for form, image in forms.items():
        found = FUNCTIONS[name](image)
        if isinstance(expected, np.ndarray):
            np.testing.assert_allclose(found, expected, atol=1 / 255, err_msg=form)
        else:
            assert [str(one) for one in found] == [str(one) for one in expected], form


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("image", [None, 7, object(), {"a": 1}])
def test_what_is_no_photo_is_refused_in_a_sentence(name, image):
    with pytest.raises(ValueError, match=r"(must be|has the shape) .*\.$"):
        FUNCTIONS[name](image)


@pytest.mark.parametrize("channels", [2, 5])
def test_a_wrong_number_of_channels_is_told_by_them(channels):
    image = np.zeros((48, 48, channels), np.uint8)
    for name in FUNCTIONS:
        with pytest.raises(ValueError, match=r"\(48, 48, \d\).* 1, 3 or 4|1, 3 or 4.*\(48, 48"):
            FUNCTIONS[name](image)


@pytest.mark.slow
def test_boxes_of_a_large_jpeg_are_those_of_the_whole_photo(forms, tmp_path, monkeypatch):
    monkeypatch.setattr("facevalue.recognition.recogniser.PHOTO_SIDE", 2_000)
    width, height = forms["PIL image"].size
    large = forms["PIL image"].resize((8 * width, 8 * height))
    large.save(tmp_path / "large.jpg", quality=95)
    (whole,) = Recogniser("fast").photo(large)
    (reduced,) = Recogniser("fast").photo(tmp_path / "large.jpg")
    assert np.abs(np.subtract(reduced.box, whole.box)).max() <= 0.03 * whole.box[3]
    points = np.abs(reduced.face.landmarks - whole.face.landmarks)
    assert points.max() <= 0.03 * whole.box[3]
    assert Recogniser("fast").photo(tmp_path / "large.jpg", min_face=whole.box[3] + 20) == []


def test_a_path_that_is_no_photo_says_what_to_do(tmp_path):
    for path, error, told in [
        (
            tmp_path / "none.jpg",
            FileNotFoundError,
            r"^There is no photo .*none\.jpg: check the path",
        ),
        (tmp_path, IsADirectoryError, r"is a folder: name a photo in it\.$"),
        (
            "https://example.org/a.jpg",
            ValueError,
            r"^https://example\.org/a\.jpg is an address: save",
        ),
    ]:
        with pytest.raises(error, match=told):
            image_files.as_photo(path)
