"""What the model of notebook 06 predicts for an image of the database."""

import numpy as np
import pytest
from databases import postgresql, url  # noqa: F401 - fixtures: both kinds of database
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from apps.api import classical_guess
from facevalue.emotions import EMOTIONS
from facevalue.learning import classical_files, image_features


@pytest.fixture
def brightness_model(tmp_path, monkeypatch):
    """A saved model that calls dark images angry and bright ones happy."""
    file = tmp_path / "classical.skops"
    monkeypatch.setattr(classical_guess, "model_file", lambda: file)
    images = np.repeat(np.arange(0, 250, 25, dtype=np.uint8), 48 * 48).reshape(-1, 48, 48)
    labels = np.where(np.arange(10) < 4, EMOTIONS.index("angry"), EMOTIONS.index("happy"))
    model = make_pipeline(image_features.Pixels(), LogisticRegression(C=100)).fit(images, labels)
    classical_files.save(model, file)
    return file


def test_the_saved_model_predicts_an_emotion(client, brightness_model):
    dark, bright = (client.get(f"/images/{number}/guess").json() for number in (1, 31))
    assert dark == {"image_id": 1, "label": "angry", "guess": "angry"}
    assert bright == {"image_id": 31, "label": "surprise", "guess": "happy"}  # in colour, 40 x 60
    assert "by the model of notebook 06" in client.get("/gallery/31").text


def test_without_a_model_the_answer_says_which_notebook_makes_one(client, brightness_model):
    brightness_model.unlink()
    answer = client.get("/images/1/guess")
    assert answer.status_code == 404
    assert "run notebook 06" in answer.json()["detail"]
    assert "by the model of notebook 06" not in client.get("/gallery/1").text


def test_without_a_model_scikit_learn_is_not_loaded(client, brightness_model, monkeypatch):
    brightness_model.unlink()
    monkeypatch.setattr(classical_guess, "_model", lambda *_: 1 // 0)
    assert client.get("/gallery/1").status_code == 200
    assert client.get("/images/1/guess").status_code == 404


def test_a_damaged_model_does_not_hide_the_image(client, brightness_model):
    brightness_model.write_bytes(b"no model")
    answer = client.get("/images/1/guess")
    assert answer.status_code == 503
    assert "not a model saved with skops" in answer.json()["detail"]
    assert client.get("/gallery/1").status_code == 200
    assert client.get("/images/999/guess").status_code == 404
