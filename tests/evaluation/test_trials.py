"""Training and testing classical models on the same faces."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from facevalue.drawing import drawn_set
from facevalue.emotions import EMOTIONS
from facevalue.evaluation.trials import Trials


def test_a_model_that_always_says_happy(tmp_path, monkeypatch):
    drawn = drawn_set.sample(120, seed=5, progress=False)
    file = tmp_path / "headlines.jsonl"
    monkeypatch.setenv("FACEVALUE_HEADLINES", str(file))
    test = drawn.split("PublicTest", "PrivateTest")
    trials = Trials(drawn.split("Training"), test)
    happy = EMOTIONS.index("happy")
    model = DummyClassifier(strategy="constant", constant=happy)
    faces, test_faces = np.zeros((len(trials.train), 1)), np.zeros((len(test), 1))
    reached = trials.run("always happy", model, faces, test_faces, published=0.25)
    private = test.labels[test.splits == "PrivateTest"]
    assert reached == pytest.approx(np.mean(private == happy))
    assert (trials.predicted["always happy"] == happy).all()
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [line["split"] for line in lines] == ["PublicTest + PrivateTest", "PrivateTest"]
    assert [line["published"] for line in lines] == [0.25, None]
    row = trials.table().loc["always happy"]
    assert row["PrivateTest"] == pytest.approx(reached)
    assert row["low"] < reached < row["high"]
