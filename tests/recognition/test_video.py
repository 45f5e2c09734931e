"""Reading videos by their time stamps, and writing annotated copies."""

import os
import subprocess
import sys

import av
import cv2
import numpy as np
import pytest
import video_files
from live_helpers import frame, small_model

from facevalue.recognition import overlay, video

VARIABLE = [0, 0.04, 0.08, 0.12, 2.0, 2.04, 5.0, 5.5, 5.54, 5.58]


def numbered(count, size=(64, 48)):
    """Draw frames that say which one they are: by their grey level."""
    return [np.full((size[1], size[0], 3), 20 * k + 10, np.uint8) for k in range(count)]


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))["fast"]


@pytest.fixture(scope="module")
def portraits():
    image, _ = frame()
    return [np.roll(image, k, axis=1) for k in range(12)]


def read(path, seconds=0.0):
    clip = video.open_clip(path)
    found = list(clip.sampled(seconds))
    clip.close()
    return found


def refuses_and_keeps_the_old_file(source, tmp_path, recogniser, message):
    out = tmp_path / "new" / "out.mp4"
    out.parent.mkdir()
    out.write_bytes(b"an older one")
    with pytest.raises(ValueError, match=message):
        video.annotate(source, out, recogniser, progress=False)
    assert out.read_bytes() == b"an older one"
    assert [file.name for file in out.parent.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_variable_frame_rate_is_read_by_its_time_stamps(tmp_path, suffix):
    codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
    path = video_files.write(tmp_path / f"v{suffix}", numbered(10), VARIABLE, end=6, codec=codec)
    found = read(path)
    assert [number for number, _, _ in found] == list(range(10))
    assert [seconds for _, seconds, _ in found] == pytest.approx(VARIABLE, abs=0.002)
    for number, _, pixels in found:
        assert abs(float(pixels.mean()) - (20 * number + 10)) < 8
    assert [number for number, _, _ in read(path, 0.5)] == [0, 4, 6, 7]
    assert [number for number, _, _ in read(path, 2)] == [0, 4, 6]


def test_a_time_lapse_has_less_than_a_frame_a_second(tmp_path):
    path = video_files.write(tmp_path / "lapse.mp4", numbered(5), [0, 3, 6, 9, 12])
    assert [round(seconds, 3) for _, seconds, _ in read(path, 1)] == [0, 3, 6, 9, 12]
    assert [round(seconds, 3) for _, seconds, _ in read(path, 6)] == [0, 6, 12]


def test_frames_are_not_lost_to_rounding(tmp_path):
    """29.97 frames a second in milliseconds: one frame in a second, each time."""
    stamps = [round(k * 1.001 / 30, 3) for k in range(91)]
    path = video_files.write(tmp_path / "ntsc.mkv", 10 * numbered(10)[:9] + numbered(1), stamps)
    assert [number for number, _, _ in read(path, 1)] == [0, 30, 60, 90]


def test_a_trimmed_video_is_whole(tmp_path, recogniser):
    stamps = [k / 10 for k in range(12)]
    path = video_files.trim(video_files.write(tmp_path / "t.mp4", numbered(12), stamps), 0.5)
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) == 12
    assert [number for number, _, _ in read(path)] == [0, 1, 2, 3, 4]
    out = tmp_path / "out.mp4"
    assert video.annotate(path, out, recogniser, progress=False) == 5
    assert video_files.facts(out)[2] == pytest.approx(0.5, abs=0.01)


def test_a_last_frame_that_is_shown_for_long_is_no_damage(tmp_path):
    path = video_files.write(tmp_path / "slides.mp4", numbered(3), [0, 1, 2], end=60)
    assert [round(seconds, 2) for _, seconds, _ in read(path)] == [0, 1, 2]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_video_that_breaks_off_is_an_error_and_the_old_file_stays(tmp_path, recogniser, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (30, 48, 64, 3), np.uint8)
    whole = video_files.write(tmp_path / f"whole{suffix}", noise, [k / 10 for k in range(30)])
    if suffix == ".mp4":  # with its index at the front, as on the web
        again = tmp_path / "front.mp4"
        video.annotate(whole, again, recogniser, progress=False)
        whole = again
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(ValueError, match=rf"^cut{suffix} breaks off after [012]\.\d of 3\.0 sec"):
        read(cut)
    refuses_and_keeps_the_old_file(cut, tmp_path, recogniser, "breaks off after")


@pytest.mark.slow
def test_a_video_is_annotated(tmp_path, portraits, recogniser):
    source = video_files.write(tmp_path / "s.mp4", portraits, [k / 10 for k in range(12)])
    out = tmp_path / "new" / "annotated.mp4"
    out.parent.mkdir()
    assert video.annotate(source, out, recogniser, progress=False) == 12
    changed = [
        (np.abs(a.astype(int) - b) > 60).any(axis=2).sum() > 3000
        for (_, _, a), (_, _, b) in zip(read(source), read(out), strict=True)
    ]
    assert all(changed[2:])
    assert [file.name for file in out.parent.iterdir()] == ["annotated.mp4"]


def test_an_upright_video_stays_upright(tmp_path, recogniser):
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :32] = 200  # the left half, which is the upper one when the phone is held upright
    source = video_files.write(tmp_path / "s.mp4", [image] * 4, [0, 0.1, 0.2, 0.3])
    video_files.turn(source)
    assert video.annotate(source, tmp_path / "out.mp4", recogniser, progress=False) == 4
    for path in (source, tmp_path / "out.mp4"):
        pixels = read(path)[0][2]
        assert pixels.shape == (64, 48, 3)
        assert pixels[:28].mean() > 180 and pixels[36:].mean() < 20


def test_a_title_in_another_encoding_does_not_matter(tmp_path, recogniser):
    source = tmp_path / "source.mkv"
    with av.open(str(source), "w") as film:
        film.metadata["title"] = "cafX menu"
        stream = film.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            film.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        film.mux(stream.encode(None))
    content = source.read_bytes()
    assert content.count(b"cafX") == 1
    source.write_bytes(content.replace(b"cafX", b"caf\xe9"))  # Latin-1
    assert video.annotate(source, tmp_path / "out.mkv", recogniser, progress=False) == 3


def test_what_cannot_be_annotated_is_told_and_nothing_is_written(tmp_path, recogniser, monkeypatch):
    source = video_files.write(tmp_path / "source.mp4", numbered(3), [0, 0.1, 0.2])
    text = tmp_path / "text.mp4"
    text.write_text("no video\n" * 1000)
    out = tmp_path / "out.mp4"
    for wrong, place, message in [
        (tmp_path / "none.mp4", out, "There is no video"),
        (text, out, "text.mp4 is not a video"),
        (tmp_path, out, "is a folder: name a video in it"),
        (source, source, "would replace the source"),
        (source, tmp_path / "out.gif", "out.gif must end in .mp4"),
        (source, tmp_path / "out.avi", "out.avi must end in .mp4"),
    ]:
        with pytest.raises((OSError, ValueError), match=message):
            video.annotate(wrong, place, recogniser, progress=False)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs the package av: pip install av\."):
        video.annotate(source, out, recogniser, progress=False)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["source.mp4", "text.mp4"]


def test_an_interrupt_leaves_what_was_there(tmp_path, recogniser, monkeypatch):
    source = video_files.write(tmp_path / "source.mp4", numbered(8), [k / 10 for k in range(8)])
    out = tmp_path / "out.mp4"
    out.write_bytes(b"an older one")
    interrupt_after(3, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        video.annotate(source, out, recogniser, progress=False)
    assert out.read_bytes() == b"an older one"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.mp4", "source.mp4"]


def interrupt_after(count, monkeypatch):
    """Press Ctrl+C when so many frames have been drawn."""
    calls, draw = iter(range(1000)), overlay.draw

    def interrupted(image, sightings):
        if next(calls) == count:
            raise KeyboardInterrupt
        return draw(image, sightings)

    monkeypatch.setattr(overlay, "draw", interrupted)


def test_damage_in_the_middle_is_an_error_and_the_old_file_stays(tmp_path, recogniser):
    noise = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), np.uint8)
    whole = video_files.write(tmp_path / "whole.mp4", noise, [k / 10 for k in range(60)])
    content = bytearray(whole.read_bytes())
    for start in range(len(content) // 4, 3 * len(content) // 4, 200):
        content[start : start + 60] = bytes(60)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(content)
    refuses_and_keeps_the_old_file(
        damaged, tmp_path, recogniser, "^damaged.mp4 (is damaged|breaks off)"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on the size of files, as on Linux")
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
@pytest.mark.slow
def test_a_full_disk_is_an_error_and_the_old_file_stays(tmp_path, suffix):
    """A limit on the size of a file stops writing as a full disk does."""
    noise = np.random.default_rng(0).integers(0, 255, (20, 96, 128, 3), np.uint8)
    source = video_files.write(tmp_path / "s.mp4", noise, [k / 10 for k in range(20)], sound="aac")
    out = tmp_path / f"out.{suffix}"
    out.write_bytes(b"an older one")
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from facevalue import Recogniser\n"
        "from facevalue.recognition import video\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "recogniser = Recogniser('fast', threads=1)\n"
        "source, out = map(Path, sys.argv[1:])\n"
        "video.annotate(source, out, recogniser, progress=False)\n"
        "size = out.stat().st_size\n"
        "out.write_bytes(b'an older one')\n"
        "for most in (1, 1_000, 40_000, size // 2, size - 5_000, size - 500, size - 1):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))\n"
        "    try: video.annotate(source, out, recogniser, progress=False)\n"
        "    except OSError as error: print(error)\n"
        "    else: print('it was written with', most, 'of', size)\n"
        "    assert out.read_bytes() == b'an older one'\n"
    )
    arguments = [sys.executable, "-c", code, str(source), str(out)]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        assert line.startswith(f"{out} cannot be written: "), line
        assert line.endswith(("File too large.", "Input/output error."))
    assert len(done.stdout.splitlines()) == 7
    assert sorted(file.name for file in tmp_path.iterdir()) == [out.name, "s.mp4"]


def test_a_camera_is_recorded_until_ctrl_c(tmp_path, portraits, recogniser, monkeypatch):
    camera = video_files.Camera(portraits[0])
    monkeypatch.setattr(cv2, "VideoCapture", lambda source: camera if source == 2 else None)
    out = tmp_path / "out.mp4"
    interrupt_after(0, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        video.annotate(2, out, recogniser, progress=False)
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    monkeypatch.setattr(cv2, "VideoCapture", lambda source: camera if source == 2 else None)
    interrupt_after(6, monkeypatch)
    assert video.annotate(2, out, recogniser, progress=False) == 6
    assert len(video_files.times(out)) == 6


def test_a_text_is_a_path_and_other_things_are_refused(tmp_path, recogniser):
    source = video_files.write(tmp_path / "source.mp4", numbered(3), [0, 0.1, 0.2])
    assert len(read(str(source))) == 3
    out = str(tmp_path / "out.mp4")
    assert video.annotate(str(source), out, recogniser, progress=False) == 3
    for wrong in (None, b"source.mp4", 1.5, np.zeros((5, 5, 3), np.uint8)):
        with pytest.raises(ValueError, match="must be the path of a file, the number of a camera"):
            video.annotate(wrong, out, recogniser, progress=False)
    with pytest.raises(FileNotFoundError, match="no video file Film"):
        video.open_clip("Film.mp4")
    (tmp_path / "Photo.mp4").write_bytes(b"GIF89a")
    with pytest.raises(ValueError, match=r"Photo\.mp4 is not a video that .* but a GIF image\."):
        video.open_clip(tmp_path / "Photo.mp4")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_no_video(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match=r"a\.mp4 is a pipe, a socket or a device"):
        video.open_clip(tmp_path / "a.mp4")


def test_a_camera_that_is_not_there_is_one_sentence(capfd):
    with pytest.raises(FileNotFoundError, match="^This machine has no camera 97, or another"):
        video.open_clip(97)
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_a_video_is_read_from_an_address(tmp_path, capfd):
    video_files.write(tmp_path / "v.mp4", numbered(4), [0, 0.1, 0.2, 0.3])
    with video_files.served(tmp_path) as address:
        assert len(read(f"{address}/v.mp4")) == 4
    with pytest.raises(ConnectionError, match=r"a video from rtsp://127\.0\.0\.1:9/a: check"):
        video.open_clip("rtsp://me:secret@127.0.0.1:9/a?token=secret")
