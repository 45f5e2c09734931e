"""What is counted on real photos, on images and votes of which the answers are clear."""

import lesson02_on_photos as tool
import numpy as np
import pandas as pd
import photo_results
import pytest
from sample_images import noise

from facevalue.data.dataset import Dataset
from facevalue.emotions import EMOTIONS
from facevalue.exploration.second_opinion import OTHER, Opinion

ANGRY, FEAR, HAPPY, NEUTRAL = (
    EMOTIONS.index(name) for name in ("angry", "fear", "happy", "neutral")
)


@pytest.fixture
def data():
    """Ten images of all emotions; image 4, of PrivateTest, is a copy of image 0, of Training."""
    images = noise(10)
    images[4] = images[0]
    rest = [EMOTIONS.index(name) for name in ("disgust", "sad", "surprise", "neutral")]
    labels = np.array([HAPPY, FEAR, HAPPY, ANGRY, HAPPY, FEAR, *rest])
    splits = np.array(["Training"] * 4 + ["PrivateTest"] * 2 + ["Training"] * 4)
    return Dataset("fer2013", images, labels, splits, np.array(list("abcdefghij")))


def opinion(*answers):
    shares = np.eye(len(EMOTIONS) + 1)[list(answers)]
    return Opinion(pd.DataFrame(shares, columns=[*EMOTIONS, OTHER]), "")


def test_people_confirm_a_label_or_say_something_else(data):
    other = len(EMOTIONS)
    said = opinion(HAPPY, NEUTRAL, HAPPY, other, NEUTRAL, FEAR, *data.labels[6:])
    rows = {(row, series): (count, of) for row, series, count, of in tool.people(data, said)[1]}
    assert rows["happy", "the label"] == (2, 3)
    assert rows["happy", "another"] == (1, 3)
    assert rows["angry", "unclear"] == (1, 1)
    assert rows["fear", "the label"] == (1, 2)
    title, counts = tool.balance(data, said)
    assert ("neutral", "label", 1, 10) in counts
    assert ("neutral", "most frequent answer", 3, 10) in counts
    assert title == "10% are labelled neutral, but people see it in 30%"


def test_memory_answers_a_copy_with_its_label(data):
    exact = np.array([0, 1, 2, 3, 0, 4, 5, 6, 7, 8])
    title, rows = tool.memory(data, exact)
    assert rows[0] == ("with an exact copy in Training", "right", 1, 1)
    assert rows[1][3] == 1
    assert rows[2][2] == rows[0][2] + rows[1][2]
    assert title.startswith("memory alone is right on 100% of the copies")


def test_a_stored_result_keeps_its_title_source_and_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(photo_results, "FOLDER", tmp_path)
    photo_results.write("02", "made_up", "a test", "one of two", [("all", "right", 1, 2)])
    lines = (tmp_path / "02_made_up.csv").read_text().splitlines()
    assert lines == [
        "# title: one of two",
        "# note: a test",
        "row,series,count,of",
        "all,right,1,2",
    ]
