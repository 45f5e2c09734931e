"""What is counted on real photos, on a table of which the answers are clear."""

import lesson01_on_photos as tool
import numpy as np
import pandas as pd
import photo_results
import pytest

from facevalue.data.dataset import Dataset

PHOTOS = pd.DataFrame(
    # one each: a good photo, its copy, a wrong word, no box, a small face, a profile
    [
        (1, 1, np.nan, "happy", "a", 100, 90),
        (1, 1, np.nan, "happy", "a", 100, 90),
        (1, 0, np.nan, "sad", "b", 100, 90),
        (0, 1, "tiny", "sad", "c", 0, 0),
        (1, 1, np.nan, "sad", "d", 47, 0),
        (0, 1, "profile", "fear", "e", 48, 0),
    ],
    columns=["faces", "fits", "note", "emotion", "sha256", "yunet", "haar"],
)


def test_each_step_keeps_a_part_of_the_one_before():
    title, rows = tool.funnel(PHOTOS)
    assert [count for _, detector, count, _ in rows if detector == "yunet"] == [6, 5, 4, 3, 2]
    assert [count for _, detector, count, _ in rows if detector == "haar"] == [6, 5, 2, 2, 1]
    assert title == "5 of 6 photos fit their label; YuNet keeps 2, Haar 1"


def test_detectors_are_compared_by_what_the_photos_show():
    title, rows = tool.detectors(PHOTOS)
    found = {(row, series): (count, of) for row, series, count, of in rows}
    assert found["frontal", "yunet"] == (4, 4)
    assert found["frontal", "haar"] == (3, 4)
    assert found["profile", "haar"] == (0, 1)
    assert title == "YuNet overlooks 1 of 6 people, Haar 3"


def test_copies_and_contradictions_are_counted_by_split():
    images = np.zeros((4, 48, 48), np.uint8)
    images[3] = 9
    splits = np.array(["Training", "Training", "PrivateTest", "PublicTest"])
    data = Dataset("toy", images, np.array([3, 3, 4, 0]), splits, np.array(list("abcd")))
    title, rows = tool.copies(data)
    counts = "4 files hold 2 pictures: 75% have an exact copy, 75.0% one with another label"
    assert title == counts
    assert ("PrivateTest", "a copy has another label", 1, 1) in rows
    assert ("PublicTest", "has an exact copy", 0, 1) in rows


def test_a_wrong_folder_is_named(tmp_path, capsys):
    assert tool.main(["--photos", str(tmp_path)]) == 1
    assert "no photos.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    "path", sorted(photo_results.FOLDER.glob("0[12]_*.csv")), ids=lambda path: path.stem
)
def test_the_stored_counts_are_parts_of_their_totals(path):
    table = pd.read_csv(path, comment="#")
    assert list(table) == ["row", "series", "count", "of"]
    assert (table["count"] <= table["of"]).all()
    assert not path.read_text("utf-8").count("photo_"), "no line about a single photo"
