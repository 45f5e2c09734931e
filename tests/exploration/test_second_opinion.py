"""The second opinion: votes by hand, FER+, and the truth of drawn faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sample_images import SHARED, needs_fer2013, noise

from facevalue.data import ferplus
from facevalue.data.dataset import Dataset
from facevalue.drawing import drawn_set
from facevalue.exploration import image_faults, image_measures, second_opinion


def write_votes(path: Path, rows: list[list[int]]) -> Path:
    table = pd.DataFrame([["Training", *row] for row in rows], columns=["Usage", *ferplus.VOTES])
    table.to_csv(path, index=False)
    return path


def voted(labels: list[int]) -> Dataset:
    n = len(labels)
    origins = np.array([f"fer2013.csv:{k + 2}" for k in range(n)])
    return Dataset("fer2013", noise(n), np.array(labels), np.full(n, "Training"), origins)


def test_votes_by_hand(tmp_path: Path) -> None:
    # neutral happiness surprise sadness anger disgust fear contempt unknown NF
    rows = [
        [0, 10, 0, 0, 0, 0, 0, 0, 0, 0],
        [5, 0, 0, 5, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 3, 3, 3],
        [2, 0, 0, 0, 7, 1, 0, 0, 0, 0],
    ]
    data = voted([3, 4, 4, 6])
    opinion = second_opinion.second_opinion(data, write_votes(tmp_path / "v.csv", rows))
    assert opinion.answers.tolist() == [3, 4, 7, 0]
    assert np.allclose(opinion.shares.sum(axis=1), 1)
    table = second_opinion.agreement(opinion, data.labels)
    assert table.index.tolist() == ["happy", "sad", "neutral"]
    assert table.loc["sad", "images"] == 2
    assert table.loc["sad", "same"] == 0.5
    # one bit where two answers are equally frequent; 9 of 10 and 1 of 10 give 0.469
    assert table.loc["sad", "entropy"] == pytest.approx((1 + 0.469) / 2, abs=1e-3)
    assert table.loc["happy", ["top", "entropy"]].tolist() == [1, 0]
    answers = second_opinion.answers_by_label(opinion, data.labels)
    assert answers.loc["sad", ["sad", "other"]].tolist() == [0.5, 0.5]
    assert answers.loc["fear"].isna().all()
    limits = second_opinion.upper_bounds(opinion, data).loc["Training"]
    assert limits["majority"] == 0.5
    # the other nine predict the tenth: always, never (5 against 4), 9 of 10, 7 of 10
    assert limits["one_person"] == pytest.approx((1 + 0 + 0.9 + 0.7) / 4)


def test_without_votes_every_table_is_empty_and_says_why(tmp_path: Path) -> None:
    data = voted([3, 4])
    for path in (tmp_path / "none.csv", write_votes(tmp_path / "v.csv", [])):
        opinion = second_opinion.second_opinion(data, path)
        assert opinion.note.startswith("There is no second opinion")
        assert len(second_opinion.agreement(opinion, data.labels)) == 0
        assert second_opinion.answers_by_label(opinion, data.labels).isna().all(axis=None)
        assert len(second_opinion.upper_bounds(opinion, data)) == 0
        assert len(opinion.answers) == 0
        assert np.isnan(second_opinion.disagrees(opinion, data.labels)).all()


@pytest.mark.slow
def test_the_second_opinion_on_drawn_faces_is_the_truth(drawn: Dataset) -> None:
    opinion = second_opinion.second_opinion(drawn)
    assert (opinion.answers == drawn.truth["clean_label"]).all()
    limits = second_opinion.upper_bounds(opinion, drawn)
    assert limits["one_person"].tolist() == [1, 1, 1]
    assert limits.loc["Training", "majority"] == pytest.approx(1 - drawn_set.LABEL_NOISE, abs=0.03)
    assert limits["images"].tolist() == [480, 60, 60]


@needs_fer2013
@pytest.mark.slow
def test_ferplus_and_fer2013_agree_most_on_happy_faces(fer2013: Dataset) -> None:
    opinion = second_opinion.second_opinion(fer2013, SHARED / "fer2013new.csv")
    table = second_opinion.agreement(opinion, fer2013.labels)
    assert table["same"].idxmax() == "happy"
    assert table["entropy"].idxmin() == "happy"
    assert table.loc["happy", "same"] > 0.9
    odd = (opinion.votes["NF"] >= 3).to_numpy()
    part = fer2013.take(odd)
    measures = image_measures.measure(part.images)
    found = {f.name: f for f in image_faults.find_faults(part, measures, opinion.votes[odd])}
    # at least half of ten people say that it shows no face
    assert found["no face"].known is not None
    assert found["no face"].known.sum() == (opinion.votes["NF"] >= 5).sum() > 100
