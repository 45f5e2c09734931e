"""The guessing game, as a visitor plays it."""

import numpy as np
import pandas as pd
import pytest
from dashboard_helpers import (
    checked,
    page,
    press,
    texts,
)

from apps.dashboard_pages import (
    game_faces,
    shared,
)
from facevalue.drawing import course_faces, drawn_set
from facevalue.emotions import EMOTIONS


def play(app, rounds, guess="happy"):
    """Answer the same on each face, and go on."""
    for _ in range(rounds):
        checked(app.button(key=f"guess_{guess}").click().run())
        press(app, next(b.label for b in app.button if b.label in ("Next face", COMPARE)))
    return app


def fast_forward(app, rounds, guess="happy"):
    """Answer the same on each face, like `play`, but draw the page only after the last one."""
    game, found, model = app.session_state.game, game_faces.load_faces(), shared.recogniser()
    for _ in range(rounds):
        game.guess(game.row, guess, found, model)
        game.advance(game.answers[-1], False)
    return checked(app.run())


COMPARE = "Compare the scores"


@pytest.mark.slow
def test_a_guess_reveals_the_label_and_what_the_model_said(known_faces):
    labels, said = known_faces
    app = page("game")
    row = app.session_state.game.row
    label, model = EMOTIONS[labels[row]], EMOTIONS[said[row]]
    assert label not in texts(app).replace("Which emotion does this face show?", "")
    wrong = EMOTIONS[(labels[row] + 3) % 7]
    checked(app.button(key=f"guess_{wrong}").click().run())
    assert app.subheader[0].value == f"The label is {label}"
    assert f"You said **{wrong}**: wrong." in texts(app)
    mark = "right" if model == label else "wrong"
    assert f"The model said **{model}**: {mark}. It was 100 % sure." in texts(app)
    assert "FER+" in texts(app)
    assert not [b for b in app.button if b.label in EMOTIONS]


@pytest.mark.slow
def test_the_running_score_counts_both(known_faces):
    labels, said = known_faces
    app = play(page("game"), 5, "sad")
    shown = app.session_state.game.rows[:5]
    you = int(np.sum(labels[shown] == EMOTIONS.index("sad")))
    model = int(np.sum(labels[shown] == said[shown]))
    assert [m.value for m in app.metric] == [f"{you} of 5", f"{model} of 5"]
    table = app.table[0].value
    assert table["faces"].sum() == 5
    assert table["you were right"].sum() == you
    assert table["the model was right"].sum() == model


@pytest.mark.slow
def test_a_round_ends_with_a_comparison_and_goes_on(known_faces):
    labels, said = known_faces
    app = play(fast_forward(page("game"), 17), 3)
    shown = app.session_state.game.rows[:20]
    assert len(set(shown)) == 20
    you = int(np.sum(labels[shown] == EMOTIONS.index("happy")))
    model = int(np.sum(labels[shown] == said[shown]))
    assert [m.value for m in app.metric] == [f"{you} of 20", f"{model} of 20"]
    both = np.sum((labels[shown] != said[shown]) & (labels[shown] != EMOTIONS.index("happy")))
    assert len(app.image) == both
    assert "After 20 faces" in texts(app)
    press(app, "20 more faces")
    assert "Face 21 of 40" in texts(app)
    assert app.metric[0].value == f"{you} of 20"


@pytest.mark.slow
def test_the_visitor_may_end_early_and_start_again(known_faces):
    app = page("game")
    checked(app.button(key="guess_fear").click().run())
    press(app, "End here")
    assert app.metric[0].value in ("0 of 1", "1 of 1")
    press(app, "Start again")
    assert "Face 1 of 20" in texts(app)
    assert not app.metric


@pytest.mark.slow
def test_a_second_click_does_not_answer_twice(known_faces):
    app = page("game")
    own = app.session_state.game
    found, model = game_faces.load_faces(), shared.recogniser()
    for _ in range(2):
        own.guess(own.rows[0], "sad", found, model)
    assert len(own.answers) == 1
    first = own.answers[0]
    own.advance(first, False)
    own.guess(own.rows[0], "sad", found, model)  # from the page before
    assert len(own.answers) == 1
    own.guess(own.rows[1], "sad", found, model)
    own.advance(first, False)
    assert own.revealed


def test_faces_that_the_model_may_have_seen_are_not_in_the_game(known_faces):
    shown = game_faces.load_faces().data
    assert len(shown) == 63
    assert set(shown.splits) == {"PrivateTest"}
    trained_on = {
        image.tobytes() for image in course_faces.load("fer2013", None).split("Training").images
    }
    assert len(trained_on) == 7
    assert not trained_on & {image.tobytes() for image in shown.images}


def test_each_emotion_is_about_equally_likely_however_rare():
    labels = np.repeat(np.arange(7), [500, 30, 500, 900, 500, 400, 600])
    order = game_faces.balanced_order(labels, np.random.default_rng(0))
    assert sorted(order) == list(range(len(labels)))
    first = np.bincount(labels[order[:140]], minlength=7)
    # of 140 draws 20 each, with a standard deviation of 4.1
    assert first.min() >= 8
    assert first.max() <= 32


def test_the_ten_votes_become_a_sentence():
    votes = pd.Series({"Usage": "PrivateTest", "neutral": 2, "sadness": 7, "anger": 0, "NF": 1})
    sentence = "Of 10 people asked for FER+, 7 said sadness, 2 neutral, 1 no face."
    assert game_faces.votes_sentence(votes) == sentence


@pytest.mark.slow
def test_without_fer_2013_the_page_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVALUE_DATASET", "fer2013")
    monkeypatch.setenv("FACEVALUE_DATA", str(tmp_path))
    assert "make data" in page("game").error[0].value
    monkeypatch.setenv("FACEVALUE_DATASET", "cats")
    assert "rendered or fer2013" in page("game").error[0].value


@pytest.mark.slow
def test_the_page_says_how_a_face_was_drawn(monkeypatch):
    drawn = drawn_set.sample(60, progress=False)
    monkeypatch.setattr(course_faces, "load", lambda name, train_images: drawn)
    app = page("game")
    checked(app.button(key="guess_angry").click().run())
    assert "It was drawn" in texts(app)
