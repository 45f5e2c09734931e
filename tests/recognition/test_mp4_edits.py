"""How much of an MP4 file is shown."""

import numpy as np
import video_files

from facevalue.recognition.mp4_edits import shown_seconds

IMAGES = [np.full((48, 64, 3), 20 * k, np.uint8) for k in range(10)]
TIMES = [k / 10 for k in range(10)]


def test_a_trimmed_file_is_shown_in_part(tmp_path):
    path = video_files.write(tmp_path / "a.mp4", IMAGES, TIMES, sound="aac")
    assert abs(shown_seconds(path) - 1.0) < 0.01
    assert abs(shown_seconds(video_files.trim(path, 0.4)) - 0.4) < 0.01


def test_other_and_damaged_files_say_nothing(tmp_path):
    path = video_files.write(tmp_path / "a.mkv", IMAGES, TIMES)
    assert shown_seconds(path) is None
    whole = video_files.write(tmp_path / "a.mp4", IMAGES, TIMES).read_bytes()
    place = whole.index(b"moov")
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole[: int(rng.integers(4, len(whole)))])
        for at in rng.integers(min(place, len(damaged) - 1), len(damaged), 8):
            damaged[at] = rng.integers(256)
        (tmp_path / "b.mp4").write_bytes(damaged)
        assert (shown_seconds(tmp_path / "b.mp4") or 0.0) >= 0.0
