"""The dashboard, page by page, as a visitor uses it, with a model whose answers are known."""

import hashlib
import io
import sys
import tomllib
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from streamlit.testing.v1 import AppTest

from apps.dashboard_pages import data, drawing, game, photo, results, score, shared
from apps.dashboard_pages.score import Answer
from facevalue import Recogniser, paths
from facevalue.collection import database, database_import
from facevalue.data.dataset import Dataset
from facevalue.drawing import appearance, course_faces, drawn_set, faces
from facevalue.emotions import EMOTIONS

ROOT = Path(__file__).resolve().parents[2]
LEVELS = np.round(np.linspace(0, 255, 7))
"""The tiny model calls a face of the grey level LEVELS[k] by the name EMOTIONS[k]."""


def network():
    """Return the bytes of an .onnx file that names the level nearest to a face's mean."""
    levels = (LEVELS / 255).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["face"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "slopes"], ["products"]),
        helper.make_node("Add", ["products", "offsets"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["answer"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("face", TensorProto.FLOAT, ["n", 48, 48, 1])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["n", 7])],
        [
            numpy_helper.from_array(4000 * levels[None], "slopes"),
            numpy_helper.from_array(-2000 * levels**2, "offsets"),
        ],
    )
    opsets = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    """Ship the tiny model under both names, forget what other tests loaded, and use no settings."""
    content = network()
    digest = hashlib.sha256(content).hexdigest()
    for name in ("fast", "accurate"):
        (tmp_path / f"{name}.onnx").write_bytes(content)
    sums = [f"{digest}  {name}.onnx\n" for name in ("fast", "accurate")]
    (tmp_path / "SHA256SUMS").write_text("".join(sums))
    monkeypatch.setattr(shared, "Recogniser", lambda name: Recogniser(name, tmp_path, threads=1))
    for variable in ("FACEVALUE_DATASET", "FACEVALUE_PROFILE", "DATABASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    # AppTest leaves its script there, and the processes of later tests would begin by running it
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def page(name):
    """Open one page."""
    script = f"from apps.dashboard_pages import {name}\n{name}.show()\n"
    return checked(AppTest.from_string(script, default_timeout=60).run())


def checked(app):
    assert not app.exception, app.exception[0].value
    return app


def texts(app):
    """Return all prose of a page."""
    parts = [*app.title, *app.subheader, *app.markdown, *app.caption, *app.info, *app.error]
    return "\n".join(str(part.value) for part in parts)


def press(app, label):
    (button,) = [b for b in app.button if b.label == label]
    return checked(button.click().run())


# ------------------------------------------------------------------------------------- the app


def test_the_app_opens_with_the_game(known_faces):
    app = checked(AppTest.from_file(ROOT / "apps" / "dashboard.py", default_timeout=60).run())
    assert [title.value for title in app.title] == ["You against the model"]


def test_the_app_is_for_this_machine_and_calls_nobody():
    config = tomllib.loads((ROOT / "apps" / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
    assert config["browser"]["gatherUsageStats"] is False
    assert config["server"]["maxUploadSize"] == photo.MOST_MEGABYTES


@pytest.mark.parametrize("name", ["game", "photo", "drawing"])
def test_without_a_model_a_page_says_what_is_missing(name, known_faces, tmp_path, monkeypatch):
    (tmp_path / "accurate.onnx").unlink()
    app = page(name)
    if name == "photo":
        upload(app, "face.png", png(flat(9)))
    assert "accurate.onnx is not in" in app.error[0].value


# ------------------------------------------------------------------------------------- the game


@pytest.fixture
def known_faces(monkeypatch):
    """Give the game 70 faces of known labels; of each third one, the model is wrong."""
    labels = np.arange(70) % 7
    said = np.where(np.arange(70) % 3 == 0, (labels + 1) % 7, labels)
    images = np.stack([flat(LEVELS[k]) for k in said])
    for number, image in enumerate(images):  # no two are equal
        image[0, :2] = number
    known = images[:7]  # the model has seen these
    dataset = Dataset(
        "fer2013",
        np.concatenate([known, images]),
        np.concatenate([labels[:7], labels]),
        np.array(["Training"] * 7 + ["PrivateTest"] * 70),
        np.array(["somewhere"] * 77),
    )
    monkeypatch.setattr(course_faces, "load", lambda name, train_images: dataset)
    return labels[7:], said[7:]


def play(app, rounds, guess="happy"):
    """Answer the same on each face, and go on."""
    for _ in range(rounds):
        checked(app.button(key=f"guess_{guess}").click().run())
        press(app, next(b.label for b in app.button if b.label in ("Next face", COMPARE)))
    return app


COMPARE = "Compare the scores"


def test_a_guess_reveals_the_label_and_what_the_model_said(known_faces):
    labels, said = known_faces
    app = page("game")
    row = app.session_state.game.row
    label, model = EMOTIONS[labels[row]], EMOTIONS[said[row]]
    assert label not in texts(app).replace("What does this face show?", "")
    wrong = EMOTIONS[(labels[row] + 3) % 7]
    checked(app.button(key=f"guess_{wrong}").click().run())
    assert app.subheader[0].value == f"The label is {label}"
    assert f"You said **{wrong}**: wrong." in texts(app)
    mark = "right" if model == label else "wrong"
    assert f"The model said **{model}**: {mark}. It was 100 % sure." in texts(app)
    assert "FER+" in texts(app)
    assert not [b for b in app.button if b.label in EMOTIONS]


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


def test_a_round_ends_with_a_comparison_and_goes_on(known_faces):
    labels, said = known_faces
    app = play(page("game"), 20)
    shown = app.session_state.game.rows[:20]
    assert len(set(shown)) == 20
    you = int(np.sum(labels[shown] == EMOTIONS.index("happy")))
    model = int(np.sum(labels[shown] == said[shown]))
    assert [m.value for m in app.metric] == [f"{you} of 20", f"{model} of 20"]
    both = np.sum((labels[shown] != said[shown]) & (labels[shown] != EMOTIONS.index("happy")))
    assert len(app.image) == both
    assert "With 20 faces" in texts(app)
    press(app, "20 more faces")
    assert "Face 21 of 40" in texts(app)
    assert app.metric[0].value == f"{you} of 20"


def test_the_visitor_may_end_early_and_start_again(known_faces):
    app = page("game")
    checked(app.button(key="guess_fear").click().run())
    press(app, "End here")
    assert app.metric[0].value in ("0 of 1", "1 of 1")
    press(app, "Start again")
    assert "Face 1 of 20" in texts(app)
    assert not app.metric


def test_a_second_click_does_not_answer_twice(known_faces):
    app = page("game")
    own = app.session_state.game
    found, model = game.test_faces(), shared.recogniser()
    for _ in range(2):
        game._guess(own, own.rows[0], found, model, "sad")
    assert len(own.answers) == 1
    first = own.answers[0]
    game._go_on(own, first, False)
    game._guess(own, own.rows[0], found, model, "sad")  # from the page before
    assert len(own.answers) == 1
    game._guess(own, own.rows[1], found, model, "sad")
    game._go_on(own, first, False)
    assert own.revealed


def known_faces_that_the_model_may_have_seen_are_not_asked(known_faces):
    assert len(game.test_faces().data) == 63


def test_each_emotion_is_about_equally_likely_however_rare():
    labels = np.repeat(np.arange(7), [500, 30, 500, 900, 500, 400, 600])
    order = game.shuffled(labels, np.random.default_rng(0))
    assert sorted(order) == list(range(len(labels)))
    first = np.bincount(labels[order[:140]], minlength=7)
    # of 140 draws 20 each, with a standard deviation of 4.1
    assert first.min() >= 8
    assert first.max() <= 32


def test_the_ten_votes_are_told_in_a_sentence():
    votes = pd.Series({"Usage": "PrivateTest", "neutral": 2, "sadness": 7, "anger": 0, "NF": 1})
    sentence = "Of 10 people asked for FER+, 7 said sadness, 2 neutral, 1 no face."
    assert game.votes_sentence(votes) == sentence


def test_without_fer_2013_the_page_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVALUE_DATASET", "fer2013")
    monkeypatch.setenv("FACEVALUE_DATA", str(tmp_path))
    assert "make data" in page("game").error[0].value
    monkeypatch.setenv("FACEVALUE_DATASET", "cats")
    assert "rendered or fer2013" in page("game").error[0].value


def test_drawn_faces_tell_how_they_were_drawn(monkeypatch):
    drawn = drawn_set.sample(60, progress=False)
    monkeypatch.setattr(course_faces, "load", lambda name, train_images: drawn)
    app = page("game")
    checked(app.button(key="guess_angry").click().run())
    assert "It was drawn" in texts(app)


# ------------------------------------------------------------------------------------ the score


def answer(label, you, model):
    return Answer(0, label, you, model, 0.5)


def test_intervals_are_those_of_the_literature():
    # Brown, Cai and DasGupta (2001): n = 20
    assert score.interval(0, 20) == pytest.approx((0, 0.1611), abs=1e-4)
    assert score.interval(15, 20) == pytest.approx((0.5313, 0.8881), abs=1e-4)


def test_luck_is_that_of_coins():
    only_model = [answer("sad", "fear", "sad")] * 5
    neither = [answer("sad", "fear", "angry")] * 4
    assert score.luck(only_model + neither) == (0, 5, pytest.approx(2 * 0.5**5))
    assert score.luck(neither) == (0, 0, 1)


def test_the_verdict_does_not_claim_more_than_the_numbers_show():
    you = [answer("sad", "sad", "fear")]
    model = [answer("sad", "fear", "sad")]
    assert "may well be luck" in score.verdict(3 * model + you)
    assert "1 of 100 such games or fewer, so it is probably not luck" in score.verdict(20 * model)
    assert "equally well" in score.verdict(you + model)
    assert "nothing speaks against it" in score.verdict(you + model)


def test_the_score_by_emotion_lists_those_seen():
    seen = [answer("sad", "sad", "fear"), answer("happy", "sad", "happy"), answer("sad", "a", "b")]
    table = score.by_emotion(seen)
    assert table.loc["happy"].tolist() == [1, 0, 1]
    assert table.loc["sad"].tolist() == [2, 1, 0]
    assert len(table) == 2
    assert score.both_wrong(seen) == [seen[2]]


# ------------------------------------------------------------------------------------- a photo


def flat(level):
    return np.full((48, 48), level, np.uint8)


def png(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def jpeg(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=92)
    return stream.getvalue()


@cache
def three_people():
    """Return a drawn photo of three people as a JPEG file."""
    return jpeg(faces.photo(3, 3).image)


def upload(app, name, content, kind="image/jpeg"):
    return checked(app.file_uploader[0].set_value((name, content, kind)).run())


def test_all_faces_of_a_photo_are_found_and_named(tmp_path, monkeypatch):
    monkeypatch.setattr(photo, "network_file", lambda name: tmp_path / f"{name}.keras")
    app = upload(page("photo"), "three.jpg", three_people())
    assert "3 faces found" in texts(app)
    assert len([s for s in app.subheader if s.value.startswith("Face ")]) == 3
    assert len(app.image) == 4  # the photo, and each face
    assert len(app.get("vega_lite_chart")) == 3
    assert "accurate.keras" in texts(app)  # what Grad-CAM needs
    assert "never written to disk" in texts(app)
    checked(app.segmented_control(key="photo_model").set_value("fast").run())
    assert "fast.keras" in texts(app)


def test_a_photo_without_a_face_is_told_so():
    app = upload(page("photo"), "wall.jpg", jpeg(np.full((300, 400, 3), 120, np.uint8)))
    assert "No face was found" in app.info[0].value


def many_pixels():
    """Return a PNG file of 100 megapixels in a few bytes: its data end after the first rows."""

    def chunk(kind, body):
        code = zlib.crc32(kind + body).to_bytes(4)
        return len(body).to_bytes(4) + kind + body + code

    size = (10_000).to_bytes(4)
    header = chunk(b"IHDR", size + size + bytes([8, 0, 0, 0, 0]))
    pixels = chunk(b"IDAT", zlib.compress(bytes(100_000)))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


def gif_bomb():
    stream = io.BytesIO()
    first = Image.new("P", (4_000, 4_000))
    first.save(stream, "GIF", save_all=True, append_images=[first.copy() for _ in range(3)])
    return stream.getvalue()


BAD = {
    "text.jpg": (lambda: b"this is a text", "text.jpg is not a JPEG, PNG or WebP image."),
    "large.jpg": (many_pixels, "large.jpg has more than 40 megapixels."),
    "heavy.jpg": (lambda: bytes(50_000_000), "heavy.jpg is larger than 20 MB"),
    "bomb.jpg": (gif_bomb, "bomb.jpg is not a JPEG, PNG or WebP image."),
    "half.jpg": (lambda: jpeg(faces.photo(1).image)[:20_000], "half.jpg is a broken image."),
    "empty.jpg": (lambda: b"", "empty.jpg is not a JPEG, PNG or WebP image."),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", BAD)
def test_a_bad_upload_gets_a_sentence_and_the_next_one_works(name):
    make, sentence = BAD[name]
    app = upload(page("photo"), name, make())
    assert app.error[0].value.startswith(sentence)
    upload(app, "three.jpg", three_people())
    assert not app.error
    assert "3 faces found" in texts(app)


def test_the_camera_is_not_touched_before_it_is_asked_for():
    app = page("photo")
    assert not app.camera_input
    checked(app.segmented_control(key="way").set_value("The camera").run())
    shot = ("shot.jpg", three_people(), "image/jpeg")
    checked(app.camera_input[0].set_value(shot).run())
    assert "3 faces found" in texts(app)


def test_a_large_photo_is_shrunk_before_it_is_searched():
    assert photo.shrunk(np.zeros((300, 5000, 3), np.uint8)).shape == (77, 1280, 3)
    small = np.zeros((30, 40), np.uint8)
    assert photo.shrunk(small) is small


def test_grad_cam_shows_where_a_keras_model_looked(tmp_path, monkeypatch):
    import keras

    face = keras.Input((48, 48, 1))
    maps = keras.layers.Conv2D(4, 3, activation="relu")(face)
    answer = keras.layers.Dense(7, activation="softmax")(keras.layers.Flatten()(maps))
    keras.Model(face, answer).save(tmp_path / "tiny.keras")
    monkeypatch.setattr(photo, "network_file", lambda name: tmp_path / "tiny.keras")
    app = upload(page("photo"), "three.jpg", three_people())
    assert len(app.image) == 4
    checked(app.toggle[0].set_value(True).run())
    assert [warning.value for warning in app.warning] == []
    assert len(app.image) == 7


def test_a_damaged_keras_model_costs_only_the_maps(tmp_path, monkeypatch):
    (tmp_path / "tiny.keras").write_bytes(b"no model")
    monkeypatch.setattr(photo, "network_file", lambda name: tmp_path / "tiny.keras")
    app = upload(page("photo"), "three.jpg", three_people())
    checked(app.toggle[0].set_value(True).run())
    assert "Grad-CAM is not possible with tiny.keras" in app.warning[0].value
    assert len([s for s in app.subheader if s.value.startswith("Face ")]) == 3


def test_an_overlay_is_grey_where_nothing_counts_and_red_where_it_does():
    face = np.full((96, 96, 3), (10, 200, 60), np.uint8)
    heat = np.zeros((48, 48), np.float32)
    heat[:, 24:] = 1
    laid = photo.overlay(face, heat).astype(int)
    left, right = laid[:, 10], laid[:, -10]
    assert np.ptp(left, axis=-1).max() == 0
    assert (right[:, 0] - right[:, 2]).min() > 50


# ------------------------------------------------------------------------------------ a drawing


@pytest.fixture
def seen(monkeypatch):
    """Return the faces that the models are shown."""
    shown = []
    monkeypatch.setattr(drawing.guess, "emotion", lambda face: shown.append(face) or "happy")
    return shown


def test_a_slider_moves_the_face_and_each_model_says_what_it_sees(seen):
    app = page("drawing")
    at_rest = app.image[0].value
    checked(app.slider(key="au_12").set_value(1.0).run())
    assert app.image[0].value != at_rest
    assert np.array_equal(seen[-1], faces.draw({12: 1.0}))
    assert "AU 12." in texts(app)
    level = EMOTIONS[int(np.abs(LEVELS - faces.draw({12: 1.0}).mean()).argmin())]
    for name in ("accurate", "fast"):
        assert f"The {name} network: **{level}**" in texts(app)
    assert "The classical model of notebook 06: **happy**" in texts(app)


def test_presets_set_the_sliders_and_neutral_puts_them_back(seen):
    app = page("drawing")
    at_rest = app.image[0].value
    drawn = {}
    for emotion in EMOTIONS:
        checked(app.button(key=f"preset_{emotion}").click().run())
        drawn[emotion] = app.image[0].value[0]
        low_and_high = faces.RECIPES[emotion][0]
        for unit, (low, high) in low_and_high.items():
            if unit in appearance.ACTION_UNITS:
                assert low - 0.03 <= app.slider(key=f"au_{unit}").value <= high + 0.03
    assert len(set(drawn.values())) == 7
    assert [drawn["neutral"]] == at_rest


def test_the_eyes_look_where_the_sliders_say(seen):
    app = page("drawing")
    checked(app.slider(key="Eyes, right to left").set_value(-0.5).run())
    assert np.array_equal(seen[-1], faces.draw({62: 0.5}))


def test_somebody_else_has_the_same_expression(seen):
    app = page("drawing")
    checked(app.slider(key="au_4").set_value(0.5).run())
    first = app.image[0].value
    press(app, "Somebody else")
    assert app.image[0].value != first
    assert app.slider(key="au_4").value == 0.5


def test_every_unit_of_the_drawing_has_a_named_slider(seen):
    app = page("drawing")
    units = [s.key for s in app.slider if s.key.startswith("au_")]
    assert sorted(units) == sorted(f"au_{unit}" for unit in appearance.ACTION_UNITS)
    assert app.slider(key="au_12").label == "AU 12: Lip Corner Puller"


def test_without_notebook_06_the_page_says_how_to_get_its_model(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing.guess, "file", lambda: tmp_path / "classical.skops")
    assert "make run NOTEBOOK=06" in texts(page("drawing"))
    (tmp_path / "classical.skops").write_bytes(b"no model")
    assert "The classical model cannot be used" in texts(page("drawing"))


# ------------------------------------------------------------------------------------- the data


@pytest.fixture(scope="module")
def faces_db(tmp_path_factory):
    """Make a database of 210 images, 30 of each emotion, all grey and square."""
    file = tmp_path_factory.mktemp("dashboard") / "faces.db"
    engine = database.create(f"sqlite:///{file}")
    sources = pd.DataFrame({"name": ["rendered"], "address": "a", "licence": "CC0"})
    database_import.add_sources(engine, sources)
    rows = [
        database_import.image_row(flat(number), "rendered", EMOTIONS[number % 7], f"face {number}")
        for number in range(210)
    ]
    database_import.add_images(engine, pd.DataFrame(rows))
    engine.dispose()
    return file


def test_the_database_is_counted_and_filtered(faces_db, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{faces_db}")
    app = page("data")
    assert app.dataframe[0].value.loc["rendered", list(EMOTIONS)].tolist() == [30] * 7
    assert "**210 images** fit." in texts(app)
    assert len(app.image) == data.SAMPLES
    checked(app.selectbox(key="emotion").set_value("fear").run())
    assert "**30 images** fit." in texts(app)
    captions = [image.captions[0] for image in app.image]
    assert all(caption.startswith("fear, ") for caption in captions)
    press(app, "Show others")
    assert [image.captions[0] for image in app.image] != captions
    checked(app.selectbox(key="colour").set_value("RGB").run())
    assert "**0 images** fit." in texts(app)


def test_without_a_database_the_page_says_how_to_fill_it(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "processed", lambda: tmp_path)
    assert "make run NOTEBOOK=01" in page("data").info[0].value
    assert not (tmp_path / "faces.db").exists()


@pytest.mark.parametrize(
    ("url", "said"), [("sqlite:////no/such/folder/a.db", "does not answer"), ("faces", "cannot be")]
)
def test_a_database_that_does_not_open_gets_a_sentence(url, said, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", url)
    assert said in page("data").error[0].value


def test_an_empty_database_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")
    assert "is empty" in page("data").info[0].value


# ---------------------------------------------------------------------------------- the results


def row(model, where, split, accuracy, **more):
    facts = {"images": 100, "profile": "full", "macro_f1": 1 - accuracy, "top3_accuracy": None}
    return {"model": model, "data": where, "split": split, "accuracy": accuracy} | facts | more


MEASURED = [
    row("tree", "fer2013", "PrivateTest", 0.3),
    row("net", "fer2013", "PrivateTest", 0.7),
    row("forest", "fer2013", "PrivateTest", 0.4, published=0.45, published_source="project 3"),
    row("net", "fer2013", "PrivateTest", 0.6, profile="fast"),
    row("net", "rendered", "PrivateTest", 0.95, published=0.62, published_source="project 2"),
]


@pytest.fixture
def measured(monkeypatch):
    table = pd.DataFrame(MEASURED).reindex(columns=list(results.measured.COLUMNS))
    monkeypatch.setattr(results.measured, "read", lambda: table)


def choose(app, label, value):
    (control,) = [c for c in app.get("button_group") if c.label == label]
    return checked(control.set_value(value).run())


def test_results_are_filtered_and_sorted(measured):
    app = page("results")
    shown = app.dataframe[0].value
    assert shown["model"].tolist() == ["net", "forest", "tree"]
    assert shown.set_index("model").loc["forest", "published"] == 0.45
    choose(app, "Sort by", "macro_f1")
    assert app.dataframe[0].value["model"].tolist() == ["tree", "forest", "net"]
    choose(app, "Profile", "fast")
    assert app.dataframe[0].value["accuracy"].tolist() == [0.6]


def test_drawn_faces_stand_apart_from_real_ones_and_from_published_numbers(measured):
    app = page("results")
    choose(app, "Data", "rendered")
    shown = app.dataframe[0].value
    assert shown["accuracy"].tolist() == [0.95]
    assert "published" not in shown


def test_the_stored_results_and_the_published_ones_are_shown():
    app = page("results")
    assert len(app.get("vega_lite_chart")) == 1
    published = app.dataframe[-1].value
    assert 0.6151 in published["accuracy"].tolist()
    assert set(published["source"]) == {f"project {k}" for k in range(1, 6)}


def test_without_results_the_page_says_how_to_measure(monkeypatch):
    nothing = pd.DataFrame(columns=list(results.measured.COLUMNS))
    monkeypatch.setattr(results.measured, "read", lambda: nothing)
    assert "make run RECORD=1" in page("results").info[0].value
