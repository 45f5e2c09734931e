"""Finding and cutting out faces."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from facevalue import detection, faces

PHOTOS = Path(__file__).parents[2] / "shared" / "data" / "photos"


def overlap(a, b):
    """Intersection over union of two boxes."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


@pytest.fixture(scope="module")
def drawn():
    return [faces.photo(seed) for seed in range(6)]


def test_finds_most_drawn_faces_where_they_were_drawn(drawn):
    hits = 0
    for photo in drawn:
        boxes = detection.find_faces(photo.image)
        assert boxes.dtype == int and boxes.shape[1:] == (4,)
        hits += any(overlap(box, photo.boxes[0]) > 0.5 for box in boxes)
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


def test_finds_faces_in_real_photos():
    if not PHOTOS.is_dir():
        pytest.skip(f"the real photos are not at {PHOTOS.name}/ beside the project")
    files = sorted(PHOTOS.glob("*.jpg"))[::20]
    images = [cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in files]
    found = sum(len(detection.find_faces(image)) > 0 for image in images)
    assert found > len(images) / 2


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


def test_without_cascades_the_error_says_what_to_install(monkeypatch, drawn):
    detection._cascade.cache_clear()
    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(RuntimeError, match="opencv-python-headless>=4.10,<5"):
        detection.find_faces(drawn[0].image)


@pytest.mark.parametrize("image", [np.zeros((50, 50)), np.zeros((50, 50, 4), np.uint8)])
def test_an_array_that_is_no_photo_is_named(image):
    with pytest.raises(ValueError, match="must be uint8 of shape"):
        detection.find_faces(image)


def test_a_scale_factor_that_never_grows_is_refused(drawn):
    with pytest.raises(ValueError, match="over 1, got 1.0"):
        detection.find_faces(drawn[0].image, scale_factor=1.0)


GRID = np.arange(100, dtype=np.uint8).reshape(10, 10)


def test_crop_without_margin_is_the_box():
    np.testing.assert_array_equal(detection.crop(GRID, (2, 3, 4, 4), 0), GRID[3:7, 2:6])


def test_margin_widens_the_box_on_every_side():
    np.testing.assert_array_equal(detection.crop(GRID, (2, 3, 4, 4), 0.25), GRID[2:8, 1:7])


def test_an_oblong_box_gives_a_square_around_its_centre():
    np.testing.assert_array_equal(detection.crop(GRID, (2, 3, 2, 4), 0), GRID[3:7, 1:5])


def test_over_the_edge_the_last_pixels_are_repeated():
    expected = np.pad(GRID[:3, :3], ((1, 0), (1, 0)), mode="edge")
    np.testing.assert_array_equal(detection.crop(GRID, (-1, -1, 4, 4), 0), expected)


def test_crop_shrinks_by_averaging_and_keeps_colours():
    image = np.zeros((8, 8, 3), np.uint8)
    image[::2, :, 1] = 200
    small = detection.crop(image, (0, 0, 8, 8), 0, 4)
    np.testing.assert_array_equal(small, np.full((4, 4, 3), (0, 100, 0), np.uint8))


def test_a_box_beside_the_photo_is_refused():
    with pytest.raises(ValueError, match=r"\(10, 0, 4, 4\) does not touch the 10 x 10 image"):
        detection.crop(GRID, (10, 0, 4, 4))


@pytest.mark.parametrize(("margin", "size"), [(-0.1, None), (0, 0)])
def test_negative_margins_and_sizes_of_zero_are_refused(margin, size):
    with pytest.raises(ValueError, match="margin must be 0 or more"):
        detection.crop(GRID, (2, 3, 4, 4), margin, size)
