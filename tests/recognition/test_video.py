"""Reading and writing videos."""

import numpy as np
import pytest
from live_helpers import frame, movie, small_model

from facevalue.recognition import tracking, video


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))["fast"]


@pytest.fixture
def source(tmp_path):
    image, _ = frame()
    return movie(tmp_path / "source.mp4", [np.roll(image, k, axis=1) for k in range(12)], rate=10)


def test_a_video_is_annotated(source, tmp_path, recogniser, capsys):
    out = tmp_path / "new" / "annotated.mp4"
    assert video.annotate(source, out, recogniser, progress=False) == 12
    before, after = video.open_clip(source), video.open_clip(out)
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
    assert video.annotate(source, out, recogniser, max_frames=2, progress=False) == 2
    assert len(list(video.open_clip(out))) == 2


def test_what_cannot_be_annotated_is_told_and_nothing_is_written(source, tmp_path, recogniser):
    text = tmp_path / "text.mp4"
    text.write_text("no video\n" * 1000)
    out = tmp_path / "out.mp4"
    for wrong, place, message in [
        (tmp_path / "none.mp4", out, "There is no video"),
        (text, out, "text.mp4 is no video"),
        (source, source, "would replace the video"),
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

    monkeypatch.setattr(tracking.FrameRecogniser, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        video.annotate(source, out, recogniser, progress=False)
    assert out.read_bytes() == b"an older one"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.mp4", "source.mp4"]
