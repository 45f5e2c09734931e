"""Moving pictures: finding faces quickly, keeping them steady, and writing videos with them."""

import cv2
import numpy as np
import pytest
from live_helpers import frame, movie, small_model

from facevalue import __main__ as command
from facevalue.emotions import COLOURS, EMOTIONS
from facevalue.evaluation import detectors
from facevalue.recognition import overlay, tracking, video
from facevalue.recognition.recogniser import Sighting


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))["fast"]


def sighting(box=(100, 100, 80, 80), **shares):
    left = (1 - sum(shares.values())) / (7 - len(shares))
    return Sighting(box, {name: shares.get(name, left) for name in EMOTIONS})


# ------------------------------------------------------------------------------ one frame


@pytest.mark.parametrize("seed", [20, 21, 25])
def test_faces_of_a_frame_are_found_where_they_were_drawn(recogniser, seed):
    image, boxes = frame(("happy", "sad"), seed)
    found = tracking.look(image, recogniser)
    assert detectors.matched(np.array([face.box for face in found]), boxes) == len(boxes)
    assert found[0].emotion == "happy"


def test_a_grey_frame_and_a_colour_one_show_the_same_faces(recogniser):
    image, _ = frame()
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    assert tracking.look(grey, recogniser) == tracking.look(image, recogniser)


def test_a_face_is_followed_where_it_goes_and_a_new_one_is_met(recogniser):
    image, boxes = frame(("happy", "sad"), 21)
    right = image.copy()
    right[:, :320] = 128  # one of the two is not there yet
    watch = tracking.Watcher(recogniser)
    for k in range(20):
        moved = np.roll(image if k > 4 else right, 4 * k, axis=1)
        found = np.array([face.box for face in watch(moved)]).reshape(-1, 4)
        shown = boxes + (4 * k, 0, 0, 0)
        shown = shown[(shown[:, 0] + shown[:, 2] < 640) & ((k > 4) | (shown[:, 0] > 320 + 4 * k))]
        if not 5 <= k < 8:  # it is seen when the whole frame is searched again
            assert detectors.matched(found, shown, least=0.5) == len(shown), k


def test_after_a_larger_frame_a_small_one_is_searched_as_well(recogniser):
    watch = tracking.Watcher(recogniser)
    image, _ = frame()
    watch(image)
    for size in ((320, 240), (40, 30), (1, 1), (640, 480)):
        found = watch(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
        assert len(found) == (size[0] >= 320)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 4000, 3), (3000, 2, 3), (24, 24), (480, 640, 3)])
def test_a_frame_without_a_face_has_none_whatever_its_shape(recogniser, shape):
    assert tracking.look(np.full(shape, 128, np.uint8), recogniser) == []


# ------------------------------------------------------------------------------ from frame to frame


def test_a_change_is_shown_little_by_little():
    smooth = tracking.Smoother()
    for k in range(10):
        smooth([sighting(happy=1.0)], k / 30)
    first = smooth([sighting(sad=1.0)], 10 / 30)[0]
    assert first.emotion == "happy"
    assert first.probabilities["sad"] == pytest.approx(1 - np.exp(-1 / 30 / tracking.STEADY))
    for k in range(11, 41):
        last = smooth([sighting(sad=1.0)], k / 30)[0]
    assert last.probabilities["sad"] > 0.95
    assert sum(last.probabilities.values()) == pytest.approx(1)


def test_a_slow_video_is_smoothed_over_the_same_time():
    fast, slow = tracking.Smoother(), tracking.Smoother()
    fast([sighting(happy=1.0)], 0), slow([sighting(happy=1.0)], 0)
    for k in range(1, 13):
        ends = fast([sighting(sad=1.0)], k / 60)
    assert slow([sighting(sad=1.0)], 0.2)[0].probabilities == pytest.approx(ends[0].probabilities)


def test_what_is_found_once_is_not_shown_and_what_is_missed_once_stays():
    smooth = tracking.Smoother()
    assert smooth([sighting()], 0) == []
    assert len(smooth([sighting()], 0.1)) == 1
    assert len(smooth([], 0.2)) == 1
    assert smooth([], 0.2 + tracking.KEPT) == []


def test_two_faces_are_not_mixed_up():
    smooth = tracking.Smoother()
    left, right = (100, 100, 80, 80), (300, 100, 80, 80)
    for k in range(5):
        pair = [sighting(left, happy=0.9), sighting(right, sad=0.9)]
        shown = smooth(pair if k % 2 else pair[::-1], k / 30)
    assert {(face.box, face.emotion) for face in shown} == {(left, "happy"), (right, "sad")}


# ------------------------------------------------------------------------------------- drawing


def test_the_box_is_drawn_in_the_colour_of_the_emotion_and_the_frame_stays_as_it_was():
    image = np.full((480, 640, 3), 90, np.uint8)
    made = overlay.drawn(image, [sighting((200, 150, 120, 120), fear=0.8)])
    colour = tuple(bytes.fromhex(COLOURS["fear"][1:]))
    assert tuple(made[200, 200]) == colour
    assert (image == 90).all()
    assert (made != image).any(axis=2).sum() > 5000  # the name and the bars


@pytest.mark.parametrize("box", [(-20, -20, 60, 60), (600, 440, 80, 80), (0, 0, 640, 480)])
def test_faces_at_the_edge_are_drawn_too(box):
    image = np.full((480, 640, 3), 90, np.uint8)
    assert (overlay.drawn(image, [sighting(box)]) != image).any()


# -------------------------------------------------------------------------------------- files


@pytest.fixture
def source(tmp_path):
    image, _ = frame()
    return movie(tmp_path / "source.mp4", [np.roll(image, k, axis=1) for k in range(12)], rate=10)


def test_a_video_is_annotated(source, tmp_path, recogniser, capsys):
    out = tmp_path / "new" / "annotated.mp4"
    assert video.annotate(source, out, recogniser, progress=False) == 12
    before, after = video.clip(source), video.clip(out)
    assert (after.width, after.height, after.rate, after.frames) == (640, 480, 10, 12)
    changed = [
        (np.abs(a.astype(int) - b) > 60).any(axis=2).sum() > 3000
        for a, b in zip(before, after, strict=True)
    ]
    assert changed == [False] + 11 * [True]  # a face is shown when it is found again
    assert [file.name for file in out.parent.iterdir()] == ["annotated.mp4"]


@pytest.mark.parametrize("ending", [".avi", ".mov", ".mkv", ".webm"])
def test_other_kinds_of_video_can_be_written(source, tmp_path, recogniser, ending):
    out = tmp_path / f"out{ending}"
    assert video.annotate(source, out, recogniser, most=2, progress=False) == 2
    assert len(list(video.clip(out))) == 2


def test_what_cannot_be_annotated_is_told_and_nothing_is_written(source, tmp_path, recogniser):
    text = tmp_path / "text.mp4"
    text.write_text("no video\n" * 1000)
    out = tmp_path / "out.mp4"
    for wrong, place, message in [
        (tmp_path / "none.mp4", out, "there is no video"),
        (text, out, "text.mp4 is no video"),
        (source, source, "would take the place of the video"),
        (source, tmp_path / "out.gif", "out.gif must end in .mp4"),
    ]:
        with pytest.raises((OSError, ValueError), match=message):
            video.annotate(wrong, place, recogniser, progress=False)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["source.mp4", "text.mp4"]


def test_a_video_that_breaks_off_is_written_as_far_as_it_goes(tmp_path, recogniser):
    image, _ = frame()
    noise = np.random.default_rng(0).integers(0, 60, (20, *image.shape), np.uint8)
    whole = movie(tmp_path / "whole.avi", [image // 2 + each for each in noise])
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert 1 <= video.annotate(cut, tmp_path / "out.mp4", recogniser, progress=False) < 20


def test_an_interrupt_leaves_what_was_there(source, tmp_path, recogniser, monkeypatch):
    out = tmp_path / "out.mp4"
    out.write_bytes(b"an older one")
    calls = iter(range(100))

    def interrupted(watcher, image):
        if next(calls) == 3:
            raise KeyboardInterrupt
        return []

    monkeypatch.setattr(tracking.Watcher, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        video.annotate(source, out, recogniser, progress=False)
    assert out.read_bytes() == b"an older one"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.mp4", "source.mp4"]


# --------------------------------------------------------------------------------- command line


def test_the_command_writes_a_video_and_says_so(source, tmp_path, recogniser, monkeypatch, capsys):
    monkeypatch.setattr("facevalue.recogniser.Recogniser", lambda name: recogniser)
    out = tmp_path / "out.mp4"
    assert command.main(["live", "--source", str(source), "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert "out.mp4: 12 frames" in printed.out
    assert "12/12" in printed.err  # the progress bar


def test_the_command_says_in_a_sentence_what_was_wrong(tmp_path, recogniser, monkeypatch, capsys):
    monkeypatch.setattr("facevalue.recogniser.Recogniser", lambda name: recogniser)
    source = ["live", "--source", str(tmp_path / "none.mp4"), "--out", str(tmp_path / "o.mp4")]
    assert command.main(source) == 1
    assert capsys.readouterr().err.startswith("There is no video")

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(video, "annotate", interrupted)
    assert command.main(source) == 130
    assert "Stopped" in capsys.readouterr().err
