"""Our evaluation of the Haar cascade, against sums by hand and against OpenCV's own."""

import cv2
import numpy as np
import pytest

from facevalue.collection import haar
from facevalue.drawing import faces


@pytest.fixture(scope="module", params=["frontalface_default", "frontalface_alt"])
def both(request):
    """Our cascade, and OpenCV's of the same file."""
    path = f"{cv2.data.haarcascades}haarcascade_{request.param}.xml"
    return haar.load(request.param), cv2.CascadeClassifier(path)


@pytest.fixture(scope="module")
def photo():
    drawn = faces.photo(3)
    return cv2.cvtColor(drawn.image, cv2.COLOR_RGB2GRAY), drawn.boxes[0]


def test_the_default_cascade_has_the_published_size():
    # counted in the file: <stageNum>25</stageNum>, and 2,913 entries of internalNodes
    cascade = haar.load()
    assert cascade.window == 24
    assert len(cascade.stages) == 25
    assert sum(len(stage.weak) for stage in cascade.stages) == 2913
    assert len(cascade.stages[0].weak) == 9


def test_the_first_feature_compares_the_eyes_with_what_is_around_them():
    first = haar.load().stages[0].weak[0]
    assert first.rectangles == (haar.Rectangle(6, 4, 12, 9, -1), haar.Rectangle(6, 7, 12, 3, 3))
    for stage in haar.load().stages:
        for weak in stage.weak:
            assert sum(r.weight * r.width * r.height for r in weak.rectangles) == 0


def test_an_integral_image_by_hand():
    grey = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    integral = haar.integral_image(grey)
    assert integral.tolist() == [[0, 0, 0, 0], [0, 1, 3, 6], [0, 5, 12, 21]]
    assert haar.rectangle_sum(integral, 1, 0, 2, 2) == 2 + 3 + 5 + 6


def test_an_integral_image_is_what_opencv_says_it_is(photo):
    np.testing.assert_array_equal(haar.integral_image(photo[0]), cv2.integral(photo[0]))


def test_a_feature_of_an_even_surface_is_zero():
    integral = haar.integral_image(np.full((24, 24), 77, np.uint8))
    assert haar.feature_value(haar.load().stages[0].weak[0], integral) == 0


def windows_to_judge(photo, side):
    """Faces and near misses, noise, and windows of hardly any contrast."""
    grey, (x, y, size, _) = photo
    rng = np.random.default_rng(0)
    for _ in range(120):
        dx, dy = np.rint(rng.normal(0, 0.06 * size, 2)).astype(int)
        cut = grey[y + dy : y + dy + size, x + dx : x + dx + size]
        yield cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA)
    for _ in range(20):
        noise = rng.integers(0, 256, (side, side), dtype=np.uint8)
        yield noise
        yield (120 + noise // 16).astype(np.uint8)
    yield np.full((side, side), 200, np.uint8)


def test_every_window_gets_the_verdict_of_opencv(both, photo):
    cascade, opencv = both
    windows = list(windows_to_judge(photo, cascade.window))
    theirs = [len(opencv.detectMultiScale(w, scaleFactor=2, minNeighbors=0)) for w in windows]
    (passed,) = haar.stages_passed(cascade, np.hstack(windows), step=cascade.window)
    np.testing.assert_array_equal(passed == len(cascade.stages), np.array(theirs) == 1)
    assert 20 < sum(theirs) < len(theirs) - 20


def passes(stage, window):
    """The decision of one stage, from plain sums of pixels."""
    deviation = window[1:-1, 1:-1].std() * 22 * 22
    if deviation <= haar.FLAT * 22 * 22:
        return False
    total = 0
    for weak in stage.weak:
        value = sum(
            r.weight * window[r.y : r.y + r.height, r.x : r.x + r.width].sum(dtype=int)
            for r in weak.rectangles
        )
        total += weak.below if value < weak.threshold * deviation else weak.above
    return total >= stage.threshold - 1e-5


@pytest.mark.slow
def test_a_window_stops_at_the_first_stage_whose_sum_is_too_small(photo):
    cascade = haar.load()
    reached = set()
    for window in list(windows_to_judge(photo, 24))[::20]:
        failed = [k for k, stage in enumerate(cascade.stages) if not passes(stage, window)]
        first = failed[0] if failed else len(cascade.stages)
        assert haar.stages_passed(cascade, window).tolist() == [[first]]
        reached.add(first)
    assert len(reached) > 3


@pytest.mark.slow
def test_a_whole_photo_gives_the_windows_of_opencv(both, photo):
    cascade, opencv = both
    x, y, side, _ = photo[1]
    half = cv2.resize(
        photo[0][y - 60 : y + side + 60, x - 60 : x + side + 60], None, fx=0.5, fy=0.5
    )
    ours = haar.windows(cascade, half)
    theirs = opencv.detectMultiScale(half, scaleFactor=1.1, minNeighbors=0)
    assert len(ours) > 5
    assert sorted(map(tuple, ours)) == sorted(map(tuple, theirs))


@pytest.mark.slow
def test_most_windows_fail_at_once_and_those_on_the_face_do_not(photo):
    cascade = haar.load()
    grey, (x, y, side, _) = photo
    scale = cascade.window / side
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    passed = haar.stages_passed(cascade, small)
    assert passed.shape == (small.shape[0] - 23, small.shape[1] - 23)
    assert np.mean(passed < 5) > 0.8
    best = np.unravel_index(passed.argmax(), passed.shape)
    assert abs(best[0] - y * scale) < 6 and abs(best[1] - x * scale) < 6
    np.testing.assert_array_equal(haar.stages_passed(cascade, small, 3), passed[::3, ::3])


def test_an_image_smaller_than_the_window_holds_no_window():
    assert haar.windows(haar.load(), np.zeros((20, 60), np.uint8)).shape == (0, 4)
    with pytest.raises(ValueError, match="at least 24 pixels high and wide"):
        haar.stages_passed(haar.load(), np.zeros((20, 60), np.uint8))


def test_a_cascade_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match="no cascade 'nose'"):
        haar.load("nose")


def test_a_cascade_of_trees_is_refused_in_words():
    with pytest.raises(ValueError, match="use frontalface_alt"):
        haar.load("frontalface_alt2")
