"""Finding faces in photos of any size and light."""

import cv2
import numpy as np
import pandas as pd
import pytest

from facevalue import image_files, paths
from facevalue.drawing import camera, faces, scenery
from facevalue.drawing.appearance import Intensities, Person, View
from facevalue.recognition import detection, haar_detector, yunet
from facevalue.recognition.face import overlap

PHOTOS = paths.root().parent / "shared" / "data" / "photos"


def person_at(centre, side, view=None, skin=0.7, size=(640, 480), image=None):
    """Draw a person into a photo; return it as float, and the box of the face."""
    if image is None:
        image = scenery.landscape(640, 480, np.random.default_rng(3))
        image = cv2.resize(image, size)
    clothes = np.array([60, 90, 120], np.float32)
    person = Person(skin=skin)
    view = view or View()
    box = camera.paste(image, Intensities({12: 1.0}), person, view, centre, side, clothes)
    return image, box


def as_pixels(image):
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def test_drawn_faces_are_found_where_they_were_drawn_and_nothing_else(drawn):
    for photo in drawn:
        (face,) = detection.find_faces(photo.image)
        assert overlap(face.box, photo.boxes[0]) > 0.5
        assert all(type(number) is int for number in face.box)
        assert 0.7 <= face.score <= 1 and abs(face.roll) < 20


def test_the_landmarks_are_where_they_are_in_a_face(drawn):
    for photo in drawn:
        (face,) = detection.find_faces(photo.image)
        x, y, width, height = face.box
        right_eye, left_eye, nose, right_corner, left_corner = (face.landmarks - (x, y)) / (
            width,
            height,
        )
        assert right_eye[0] < nose[0] < left_eye[0] and right_corner[0] < left_corner[0]
        assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_corner[1], left_corner[1])


def test_a_grey_photo_shows_the_same_faces(drawn):
    grey = cv2.cvtColor(drawn[0].image, cv2.COLOR_RGB2GRAY)
    (face,), (coloured,) = detection.find_faces(grey), detection.find_faces(drawn[0].image)
    assert overlap(face.box, coloured.box) > 0.85


@pytest.mark.parametrize("detector", detection.DETECTORS)
@pytest.mark.parametrize("shape", [(200, 300, 3), (1, 1), (1, 4000, 3), (3000, 2, 3), (24, 24)])
def test_an_image_without_any_structure_holds_no_face(detector, shape):
    assert detection.find_faces(np.full(shape, 128, np.uint8), detector) == []


@pytest.mark.slow
def test_a_picture_of_a_wall_is_no_face():
    """A cascade saw a face as large as the picture there."""
    for seed in range(20):
        wall = faces.photo(50_000 + seed, 0).image
        assert detection.find_faces(wall) == []
        assert detection.find_faces(cv2.GaussianBlur(wall, (0, 0), 15), side=320) == []


@pytest.mark.slow
def test_no_face_gets_two_boxes_whatever_its_size():
    for side in (100, 200, 300, 440):
        image, box = person_at((640, 480), 2 * side, size=(1280, 960))
        for pixels in (image, cv2.resize(image, (640, 480)), cv2.resize(image, (2560, 1920))):
            (face,) = detection.find_faces(as_pixels(pixels))
            shown = np.array(box) * pixels.shape[1] / 1280
            assert overlap(face.box, shown) > 0.4


@pytest.mark.slow
def test_people_side_by_side_are_all_found(drawn):
    for seed in range(6):
        photo = faces.photo(seed, 3)
        found = detection.find_faces(photo.image)
        assert len(found) == 3
        for box in photo.boxes:
            assert max(overlap(face.box, box) for face in found) > 0.4


def test_a_face_that_fills_a_large_photo_is_found(drawn):
    """YuNet was trained on faces of up to 300 pixels."""
    for photo in drawn:
        x, y, side, _ = photo.boxes[0]
        edge = side // 12
        close = photo.image[max(0, y - edge) : y + side + edge, x - edge : x + side + edge]
        large = cv2.resize(close, (1200, 1200), interpolation=cv2.INTER_CUBIC)
        (face,) = detection.find_faces(large)
        assert face.box[3] > 700
        assert face.box[0] >= 0 and face.box[0] + face.box[2] <= 1200


@pytest.mark.parametrize(("width", "side"), [(640, 64), (1280, 64), (3000, 150)])
@pytest.mark.slow
def test_small_faces_in_large_photos_are_found(width, side):
    height = width * 3 // 4
    image, box = person_at((width * 0.3, height * 0.4), side, size=(width, height))
    (face,) = detection.find_faces(as_pixels(image))
    assert overlap(face.box, box) > 0.3
    assert detection.find_faces(as_pixels(image), min_face=2 * side) == []


@pytest.mark.slow
def test_one_look_at_a_large_photo_misses_what_the_second_finds():
    image, _ = person_at((900, 900), 110, size=(4000, 3000))
    assert detection.find_faces(as_pixels(image), side=320) == []
    assert len(detection.find_faces(as_pixels(image))) == 1


@pytest.mark.parametrize("light", [0.08, 0.15, 0.3])
def test_faces_in_the_dark_are_found_where_they_are_in_the_light(drawn, light):
    for photo in drawn:
        dark = (photo.image * light).astype(np.uint8)
        for how in ({}, {"side": 320}):
            (face,) = detection.find_faces(dark, **how)
            assert overlap(face.box, photo.boxes[0]) > 0.4


@pytest.mark.parametrize("skin", [0.0, 0.25, 0.5, 0.75, 1.0])
@pytest.mark.slow
def test_skin_of_every_tone_is_found(skin):
    for k, side in enumerate((70, 120, 200)):
        image, box = person_at((250 + 60 * k, 230), side, skin=skin)
        for light in (1.0, 0.3):
            (face,) = detection.find_faces(as_pixels(image * light))
            assert overlap(face.box, box) > 0.4


@pytest.mark.parametrize("degrees", [-45, -30, 30, 45])
def test_a_face_that_leans_is_found_and_much_of_its_lean_is_seen(degrees):
    image, _ = person_at((320, 240), 160, View(roll=degrees))
    (face,) = detection.find_faces(as_pixels(image))
    assert 0.4 < face.roll / degrees < 1.2


def test_a_face_in_profile_is_found():
    image, _ = person_at((320, 240), 160, View(yaw=45))
    assert len(detection.find_faces(as_pixels(image))) == 1


@pytest.mark.slow
def test_faces_come_largest_first_and_none_is_under_the_smallest_size():
    photo = faces.photo(5, 3)
    found = detection.find_faces(photo.image)
    areas = [face.box[2] * face.box[3] for face in found]
    assert len(areas) == 3 and areas == sorted(areas, reverse=True)
    least = found[0].box[3]
    kept = detection.find_faces(photo.image, min_face=least)
    assert kept and all(face.box[3] >= least for face in kept)


def test_landmarks_on_one_spot_are_no_face(monkeypatch):
    row = np.array([[10, 10, 60, 80, 0.9, *[40, 50] * 5]], np.float32)
    monkeypatch.setattr(yunet, "search", lambda picture, least: row)
    assert detection.find_faces(np.zeros((100, 100, 3), np.uint8)) == []


def test_boxes_come_back_in_the_photos_pixels_cut_at_its_edge(monkeypatch):
    """A stand-in for the network records what it was shown."""
    shown = []
    points = [20, 30, 40, 30, 30, 40, 22, 60, 38, 60]

    def search(picture, least_score):
        shown.append(picture)
        found = [[10, 20, 50, 60, 0.9, *points], [-15, 0, 90, 100, 0.8, *points]]
        return np.array([*found, [600, 0, 100, 60, 0.95, *points]], np.float32)

    monkeypatch.setattr(yunet, "search", search)
    monkeypatch.setattr(detection, "SAME_FACE", 1.0)
    photo = np.zeros((960, 1280, 3), np.uint8)
    photo[...] = (200, 100, 0)
    found = detection.find_faces(photo)
    # half the size, so twice the pixels; more than half of the third box is outside
    assert [face.box for face in found] == [(0, 0, 150, 200), (20, 40, 100, 120)]
    np.testing.assert_allclose(found[1].landmarks[0], (40, 60))
    (picture,) = shown
    assert picture.shape == (480, 640, 3) and picture[0, 0].tolist() == [0, 100, 200]


@pytest.mark.slow
def test_the_cascade_can_be_chosen(drawn):
    (face, *_) = detection.find_faces(drawn[0].image, "haar")
    assert overlap(face.box, drawn[0].boxes[0]) > 0.5
    assert face.landmarks is None and face.roll == 0 and face.score == 1
    assert face.box == haar_detector.find_faces(drawn[0].image)[0].box


def test_an_unknown_detector_is_named(drawn):
    with pytest.raises(ValueError, match="no detector 'dlib': choose yunet or haar"):
        detection.find_faces(drawn[0].image, "dlib")


@pytest.mark.parametrize(
    "how", [{"min_face": 0}, {"side": 0}, {"min_face": "24"}, {"min_face": float("nan")}]
)
def test_sizes_that_are_none_are_refused(drawn, how):
    (name,) = how
    with pytest.raises(ValueError, match=f"^{name} must be a number of pixels, 1 or more, not"):
        detection.find_faces(drawn[0].image, **how)


@pytest.mark.parametrize("detector", detection.DETECTORS)
@pytest.mark.parametrize("image", [np.zeros((50, 50, 2), np.uint8), np.zeros((0, 5), np.uint8)])
def test_an_array_that_is_no_photo_is_named(detector, image):
    with pytest.raises(ValueError, match=r"must be of shape \(height, width\)"):
        detection.find_faces(image, detector)


@pytest.mark.slow
def test_finds_a_face_in_nearly_all_real_photos_that_show_one_from_the_front():
    if not PHOTOS.is_dir():
        pytest.skip(f"the real photos are not at {PHOTOS.name}/ beside the project")
    seen = pd.read_csv(paths.root() / "data" / "reference" / "photos_seen.csv")
    files = seen.loc[seen["faces"] > 0, "file"][1::4]
    images = [image_files.read_photo(PHOTOS / file) for file in files]
    assert sum(len(detection.find_faces(image)) == 1 for image in images) >= 0.97 * len(files)
