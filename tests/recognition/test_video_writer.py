"""Videos that are written: browsers play them, with the sound and the time stamps of the source."""

import numpy as np
import pytest
import video_files
from browsers import chromium

from facevalue.recognition.video import open_clip
from facevalue.recognition.video_writer import VideoWriter

TIMES = [0, 0.1, 0.2, 0.9, 1.0, 1.1, 1.9]
LENGTH = 2.5


def pictures(size=(64, 48)):
    """Draw frames in distinct colours."""
    colours = np.random.default_rng(3).integers(0, 255, (len(TIMES), 3))
    return [np.full((size[1], size[0], 3), colour, np.uint8) for colour in colours]


def copy(source, out):
    """Write a copy without annotations."""
    clip = open_clip(source)
    with VideoWriter(out, (clip.width, clip.height), clip.rate, source) as writer:
        for _, seconds, image in clip.sampled():
            writer.write(image, seconds)
        writer.finish(clip.seconds)
    clip.close()
    return out


@pytest.mark.parametrize(
    ("source", "sound", "target", "written"),
    [
        ("a.mp4", "aac", "b.mp4", ["h264", "aac"]),
        ("a.mp4", "aac", "b.mkv", ["h264", "aac"]),
        ("a.mp4", "aac", "b.webm", ["vp9", "opus"]),
        ("a.mov", "pcm_s16le", "b.mp4", ["h264", "aac"]),
        ("a.mkv", "libopus", "b.webm", ["vp9", "opus"]),
        ("a.mkv", "libopus", "b.mov", ["h264", "aac"]),
        ("a.mp4", None, "b.mp4", ["h264"]),
    ],
)
@pytest.mark.slow
def test_a_copy_has_the_times_and_the_sound_of_the_source(tmp_path, source, sound, target, written):
    made = video_files.write(tmp_path / source, pictures(), TIMES, end=LENGTH, sound=sound)
    out = copy(made, tmp_path / target)
    codecs, pixels, length, heard = video_files.facts(out)
    assert (codecs, pixels) == (written, "yuv420p")
    assert length == pytest.approx(LENGTH, abs=0.04)
    assert heard == pytest.approx(LENGTH if sound else 0, abs=0.05)
    assert video_files.times(out) == pytest.approx(TIMES, abs=0.002)


def test_an_odd_size_grows_by_a_pixel_and_colours_stay(tmp_path):
    for colour in ((200, 30, 30), (30, 180, 60), (20, 40, 220)):
        out = tmp_path / "out.mp4"
        with VideoWriter(out, (63, 47), 10) as writer:
            for k in range(3):
                writer.write(np.full((47, 63, 3), colour, np.uint8), k / 10)
            writer.finish(0.3)
        (_, _, first), *_ = open_clip(out).sampled()
        assert first.shape == (48, 64, 3)
        assert np.abs(first.reshape(-1, 3).mean(axis=0) - colour).max() < 6


@pytest.mark.browser
@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.slow
def test_a_browser_plays_it_with_sound(tmp_path, suffix):
    made = video_files.write(tmp_path / "a.mp4", pictures(), TIMES, end=LENGTH, sound="aac")
    out = copy(made, tmp_path / f"out{suffix}")
    page_file = tmp_path / "page.html"
    page_file.write_text(f'<video muted src="{out.name}"></video>')
    with chromium("--autoplay-policy=no-user-gesture-required") as browser:
        page = browser.new_page()
        page.goto(page_file.as_uri())
        page.evaluate("document.querySelector('video').play()")
        page.wait_for_function("document.querySelector('video').currentTime > 1", timeout=20_000)
        width, height, length, heard = page.evaluate(
            "(() => { const v = document.querySelector('video');"
            "return [v.videoWidth, v.videoHeight, v.duration, v.webkitAudioDecodedByteCount] })()"
        )
    assert (width, height) == (64, 48)
    assert length == pytest.approx(LENGTH, abs=0.05)
    assert heard > 1000
