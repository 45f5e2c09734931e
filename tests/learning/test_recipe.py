"""The recogniser's recipe: its file, its targets, and a training small enough for a test."""

import argparse
import dataclasses
import os

import keras
import live_helpers
import numpy as np
import onnxruntime
import pandas as pd
import pytest

from facevalue import paths
from facevalue.data import ferplus
from facevalue.data.dataset import Dataset
from facevalue.evaluation import metrics
from facevalue.learning import distillation, networks, recipe, train_recogniser, training_targets
from facevalue.learning.augmentation import Augmentation
from facevalue.learning.last_layer import LastLayer
from facevalue.learning.recipe import Recipe
from facevalue.learning.training_targets import RecipeTransform, recipe_transform

STILL = Augmentation(flip=False, shift=0, rotate=0, zoom=0, light=0, erase=0)


def faces(n=48, seed=0):
    """Half of the images have horizontal stripes (happy), half have vertical ones (sad)."""
    rng = np.random.default_rng(seed)
    labels = np.where(np.arange(n) % 2, 3, 4)
    images = rng.integers(0, 100, (n, 48, 48))
    images[labels == 3, ::2] += 120
    images[labels == 4, :, ::2] += 120
    splits = np.where(np.arange(n) < n * 2 // 3, "Training", "PublicTest")
    origins = np.array([f"drawn {i}" for i in range(n)])
    return Dataset("rendered", images.astype(np.uint8), labels, splits, origins)


def ten_votes(**counts):
    return pd.DataFrame([counts]).reindex(columns=list(ferplus.VOTES), fill_value=0)


V = pd.concat([ten_votes(happiness=6, neutral=4)] * 48)
X = faces().images[:4, ..., None] / np.float32(255)


def rng():
    return np.random.default_rng(0)


def batch(labels, width=7):
    return np.full((len(labels), 48, 48, 1), 0.5, np.float32), np.eye(width, dtype="f4")[labels]


@pytest.mark.parametrize("file", sorted((paths.root() / "models").glob("*.toml")), ids=str)
def test_each_recipe_in_models_has_the_name_of_its_file(file):
    assert recipe.read(file).name == file.stem


def test_ferplus_is_trained_by_the_recipe_of_first():
    other, first = (
        recipe.read(paths.root() / "models" / f"{name}.toml") for name in ("ferplus", "first")
    )
    assert dataclasses.replace(other, name="first", labels="fer2013") == first


def test_a_teacher_ships_with_the_project_and_has_a_recipe_of_the_same_name():
    for file in (paths.root() / "models").glob("*.toml"):
        for teacher in recipe.read(file).teacher:
            assert distillation.teacher_file(teacher).is_file()
            assert (file.parent / teacher).with_suffix(".toml").is_file()


def test_a_recipe_that_starts_from_another_has_its_network_and_its_file():
    for file in (paths.root() / "models").glob("*.toml"):
        if start := recipe.read(file).start:
            plan, other = recipe.read(file), recipe.read(file.parent / f"{start}.toml")
            assert (plan.widths, plan.blocks, plan.labels) == (
                other.widths,
                other.blocks,
                other.labels,
            )


@pytest.mark.slow
def test_a_recipe_goes_on_from_the_trained_model_of_another(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    small = Recipe("first", widths=(16, 16), blocks=(1,), votes=0.5, epochs=1)
    with pytest.raises(ValueError, match="starts from .*first.keras, which does not exist"):
        train_recogniser.train(dataclasses.replace(small, name="next", start="first"), faces(), V)
    trained, _ = train_recogniser.train(small, faces(), V, keep=False, verbose=0)
    (tmp_path / "models").mkdir()
    trained.save(tmp_path / "models" / "first.keras")
    seen, checkpoints = [], set()

    def fit(model, train, validation, *, name, **how):
        seen.append(
            keras.Model(model.input, model.get_layer("emotion").output).predict(X, verbose=0)
        )
        checkpoints.add(name)

    monkeypatch.setattr(train_recogniser.training, "fit", fit)
    train_recogniser.train(dataclasses.replace(small, name="next", start="first"), faces(), V)
    assert seen[0] == pytest.approx(trained.predict(X, verbose=0), abs=1e-5)
    kept = dataclasses.replace(small, name="next", start="first", keep=1.0)
    same, _ = train_recogniser.train(kept, faces(), V)  # all of the first weights are kept
    assert same.predict(X, verbose=0) == pytest.approx(trained.predict(X, verbose=0), abs=0.02)
    assert len(checkpoints) == 1  # a run goes on where it was
    other = keras.models.clone_model(trained)
    other.set_weights([weight + 0.1 for weight in trained.get_weights()])
    other.save(tmp_path / "models" / "first.keras")
    train_recogniser.train(kept, faces(), V)
    assert len(checkpoints) == 2  # from another network it is another run
    wide = dataclasses.replace(small, name="next", start="first", widths=(16, 32))
    with pytest.raises(ValueError, match="next has another network than first"):
        train_recogniser.train(wide, faces(), V)


def test_weights_are_mixed_by_their_share():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.set_weights([np.array([[4.0]]), np.array([0.0])])
    train_recogniser.mix_weights(model, [np.array([[8.0]]), np.array([1.0])], 0.25)
    assert [float(w.ravel()[0]) for w in model.get_weights()] == [5.0, 0.25]


def test_settings_in_a_file_replace_the_defaults(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text('name = "a"\nwidths = [8, 16]\nblocks = [1]\n[augmentation]\nrotate = 5.0\n')
    found = recipe.read(file)
    assert found == Recipe("a", widths=(8, 16), blocks=(1,), augmentation=Augmentation(rotate=5.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = 3", "a.toml needs a name"),
        ('name = "a"\nepoch = 3', "unknown settings: epoch; those of Recipe are .*epochs"),
        (
            'name = "a"\n[augmentation]\nturn = 3',
            "unknown settings: turn; those of Augmentation are .*rotate",
        ),
        ('name = "a"\nkeep = 0.5', "a.toml sets keep, but no start"),
        ('name = "a"\nstart = "b"\nkeep = 1.5', "keep must be a number from 0 to 1, not 1.5"),
        ('name = "a"\nstart = "b"\nkeep = "half"', "keep must be a number from 0 to 1, not 'half'"),
        ('name = "a"\nstart = ["b"]', "start must be a name"),
        ('name = "a"\nglasses = 2', "glasses must be a number from 0 to 1, not 2"),
        ('name = "a"\n[last_layer]\noutvoted = 70', "outvoted must be a number from 0 to 1"),
        ('name = "a"\n[last_layer]\nvotes = 1', "unknown settings: votes; those of LastLayer"),
        ('name = "a"\nlast_layer = 1', r"last_layer must be a table, \[last_layer\], not 1"),
        (
            'name = "a"\nlabels = "ferplus"\n[last_layer]\noutvoted = 0.7',
            "last_layer, but its labels are the votes",
        ),
        (
            'name = "a"\nlabels = "ferplus"\ndrawn = 0.1',
            "drawn faces, but its labels are the votes",
        ),
        ('name = "a"\ndrawn = -0.1', "drawn must be a number from 0 to 1"),
        ('name = "a"\nteacher = "first.onnx"', "teacher must be a list"),
        ('name = "a"\nteacher = [1]', r"teacher must be a list such as .*, not \[1\]"),
        ('name = "a"\ntrust = 5', "trust must be a number from 0 to 1, not 5"),
        ('name = "a"\ncopies = 1', "copies must be true or false, not 1"),
        ("name = ", "a.toml is not valid TOML"),
        ('name = "a"\nlabels = "mine"', "a.toml: labels must be one of fer2013, ferplus"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, text, message):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        recipe.read(tmp_path / "a.toml")


@pytest.mark.slow
def test_the_last_layer_learns_when_all_others_have_learnt(monkeypatch):
    """Here they have not: only the last layer can have learnt to tell the stripes apart."""
    monkeypatch.setattr(train_recogniser.training, "fit", lambda *given, **how: None)
    plan = Recipe("a", widths=(16, 16), blocks=(1,), augmentation=STILL)
    found = {}
    for name, last in (("before", None), ("after", LastLayer())):
        model, _ = train_recogniser.train(
            dataclasses.replace(plan, last_layer=last), faces(), V, verbose=0
        )
        found[name] = (model.predict(faces().x, verbose=0).argmax(axis=1) == faces().labels).mean()
    assert found["after"] == 1 > found["before"]


@pytest.mark.slow
def test_of_equal_images_the_first_is_learnt_only_and_its_own_votes(monkeypatch):
    """Twelve images, each four times, of which the first copy of each has another label."""
    data = dataclasses.replace(faces(), images=faces().images[np.arange(48) % 12])
    labels = np.where(np.arange(48) < 12, 0, data.labels)
    splits = np.repeat(["Training", "PublicTest"], [47, 1])
    data = dataclasses.replace(data, labels=labels, splits=splits)
    votes = pd.concat([ten_votes(happiness=10 if i < 12 else 0, neutral=i) for i in range(48)])
    seen = []
    monkeypatch.setattr(
        train_recogniser.training, "fit", lambda _, train, *rest, **how: seen.append(train)
    )
    monkeypatch.setattr(
        train_recogniser, "learn_last_layer", lambda *given, **how: seen.append(given)
    )
    plan = Recipe("a", widths=(16, 16), blocks=(1,), last_layer=LastLayer())
    for copies, n in ((True, 47), (False, 12)):
        seen.clear()
        train_recogniser.train(dataclasses.replace(plan, copies=copies), data, votes, verbose=0)
        (images, targets), (_, _, again, emotions, labels, of_raters, _) = seen
        assert len(images) == len(targets) == len(emotions) == len(labels) == n
        np.testing.assert_array_equal(images, data.images[:n])
        np.testing.assert_array_equal(again, images)
        assert emotions.argmax(axis=1).tolist() == labels.tolist() == data.labels[:n].tolist()
        assert of_raters["neutral"].tolist() == list(range(n))


def test_votes_follow_the_label_with_their_weight():
    data = faces(3)
    votes = pd.concat([ten_votes(happiness=6, neutral=2), ten_votes(), ten_votes(fear=9)])
    images, rows = training_targets.examples(Recipe("a", votes=0.5), data, votes, "Training")
    assert (images == data.images[:2]).all()  # the third is a PublicTest image
    assert rows.shape == (2, 17)
    assert rows[:, :7].argmax(axis=1).tolist() == data.labels[:2].tolist()
    assert dict(zip(ferplus.VOTES, rows[0, 7:], strict=True))["happiness"] == pytest.approx(0.375)
    assert dict(zip(ferplus.VOTES, rows[0, 7:], strict=True))["neutral"] == pytest.approx(0.125)
    assert rows[1, 7:].sum() == 0  # nobody voted


def test_ferplus_labels_leave_out_images_without_a_majority():
    data = faces(3)
    votes = [ten_votes(contempt=9), ten_votes(fear=3, anger=3, sadness=3), ten_votes(neutral=8)]
    plan = Recipe("a", labels="ferplus", votes=0.0)
    images, rows = training_targets.examples(plan, data, pd.concat(votes), "Training")
    assert (images == data.images[[0]]).all()  # the third is a PublicTest image
    assert rows.tolist() == [[0, 0, 0, 0, 0, 0, 0, 1]]
    images, rows = training_targets.examples(
        Recipe("a", labels="ferplus"), data, pd.concat(votes), "PublicTest"
    )
    assert (images == data.images[[2]]).all()
    assert rows.shape == (1, 18) and rows[0].argmax() == 0


def test_smoothing_spreads_a_share_over_all_emotions():
    _, rows = RecipeTransform(STILL, smoothing=0.14)(*batch([3]), rng())
    assert rows[0] == pytest.approx([0.02, 0.02, 0.02, 0.88, 0.02, 0.02, 0.02])


@pytest.fixture
def teacher(tmp_path, processed, monkeypatch):
    """A teacher that answers with the softmax of LOGITS, and an empty cache for its answers."""
    models = tmp_path / "models"
    models.mkdir()
    live_helpers.small_model(models)
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    return "fast.onnx"


@pytest.mark.slow
def test_a_teachers_answers_replace_a_share_of_the_labels(teacher, monkeypatch):
    """A tenth of the label remains."""
    seen = []
    monkeypatch.setattr(
        train_recogniser.training, "fit", lambda _, train, *rest, **how: seen.append(train)
    )
    plan = Recipe("a", widths=(16, 16), blocks=(1,), votes=0.0, teacher=(teacher,), trust=0.9)
    train_recogniser.train(plan, faces(), seed=1, keep=False)
    odds = np.exp(live_helpers.LOGITS)
    expected = 0.9 * odds / odds.sum() + 0.1 * np.eye(7)[3]
    images, targets = seen[0]
    assert targets[faces().labels[: len(images)] == 3] == pytest.approx(
        np.tile(expected, (len(images) // 2, 1)), abs=1e-3
    )


@pytest.mark.slow
def test_a_teacher_is_asked_once_and_again_when_something_changes(teacher, monkeypatch):
    asked = []
    session = onnxruntime.InferenceSession
    monkeypatch.setattr(
        distillation.onnxruntime,
        "InferenceSession",
        lambda file: asked.append(file) or session(file),
    )
    plan, images = Recipe("a", teacher=(teacher,)), faces().images
    first = distillation.teacher_answers(plan, images)
    again = distillation.teacher_answers(dataclasses.replace(plan, name="b", rate=0.01), images)
    np.testing.assert_array_equal(first, again)
    assert first.shape == (len(images), 7) and len(asked) == 1
    turned = dataclasses.replace(plan, augmentation=Augmentation(rotate=5.0))
    distillation.teacher_answers(turned, images)
    distillation.teacher_answers(plan, 255 - images)
    distillation.teacher_answers(plan, images)
    assert len(asked) == 3


def test_a_missing_teacher_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    with pytest.raises(ValueError, match="learns from good.onnx.* put its .onnx file into"):
        distillation.teacher_answers(Recipe("a", teacher=("good.onnx",)), faces().images)


def test_a_teacher_that_does_not_ship_is_found_among_ones_own(tmp_path, processed, monkeypatch):
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    distillation.own_teachers().mkdir()
    (distillation.own_teachers() / "mine.onnx").write_bytes(b"")
    assert distillation.teacher_file("mine.onnx") == distillation.own_teachers() / "mine.onnx"


def test_weights_count_rare_emotions_more():
    _, rows = RecipeTransform(STILL, weights=(1, 2, 1, 1, 1, 1, 1))(*batch([0, 1]), rng())
    assert rows.sum(axis=1).tolist() == [1, 2]


def test_balancing_leaves_the_mean_weight_at_1():
    labels = np.repeat([0, 1], [90, 10])
    rows = np.eye(7, dtype="f4")[labels]
    weights = recipe_transform(Recipe("a", balance=1.0), rows).weights
    assert weights[1] / weights[0] == pytest.approx(9, rel=1e-3)
    assert np.mean(np.array(weights)[labels]) == pytest.approx(1, rel=1e-3)


def test_mixup_blends_images_and_labels_by_the_same_share():
    images, rows = batch([0, 1] * 10)
    images[::2], images[1::2] = 0, 1
    mixed, shares = RecipeTransform(STILL, mixup=1.0)(images, rows, rng())
    assert np.ptp(mixed, axis=(1, 2, 3)).max() == 0
    assert mixed[:, 0, 0, 0] == pytest.approx(shares[:, 1], abs=1e-6)
    assert shares.sum(axis=1) == pytest.approx(1)
    assert (shares.argmax(axis=1) == [0, 1] * 10).all()  # the larger part stays
    assert ((shares > 0.05) & (shares < 0.95)).any()


def test_labels_are_not_changed_in_place():
    images, rows = batch([3])
    RecipeTransform(STILL, smoothing=0.5)(images, rows, rng())
    assert rows[0, 3] == 1


def test_the_loss_is_the_cross_entropy_of_both_heads():
    labels = np.array([[0, 1, 0, 0, 0, 0, 0, 0.5, 0]], "f4")
    answers = np.array([[0.1, 0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.25, 0.75]], "f4")
    found = float(training_targets.loss(labels, answers)[0])
    assert found == pytest.approx(-np.log(0.4) - 0.5 * np.log(0.25), abs=1e-5)


def test_accuracy_ignores_the_votes():
    nobody, somebody = [0.0] * 10, [9.0, *[0.0] * 9]
    labels = np.array([[0, 1, 0, 0, 0, 0, 0, *somebody], [1, 0, 0, 0, 0, 0, 0, *nobody]], "f4")
    answers = np.array([[0.2, 0.5, 0.3, 0, 0, 0, 0, *somebody]] * 2, "f4")
    assert np.asarray(training_targets.accuracy(labels, answers)).tolist() == [1, 0]


@pytest.mark.slow
def test_a_small_training_distinguishes_two_patterns(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "processed", lambda: tmp_path)
    votes = pd.concat(
        [ten_votes(happiness=9 * (i % 2), sadness=9 * (1 - i % 2)) for i in range(48)]
    )
    # on some processors, TensorFlow 2.21 crashes in the shortcut's gradient below 16 maps
    small = {"widths": (16, 16), "blocks": (1,), "batch_size": 8, "epochs": 12, "rate": 0.05}
    plan = Recipe("tiny", **small, average=0.9, votes=0.5, mixup=0.2, augmentation=STILL)
    model, curve = train_recogniser.train(plan, faces(), votes, seed=1, verbose=0)
    answers = np.asarray(model(faces(40, seed=9).x))
    assert answers.shape == (40, 7)
    assert answers.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.mean(answers.argmax(axis=1) == faces(40, seed=9).labels) > 0.9
    assert len(curve) == 12
    kinds = {type(layer).__name__ for layer in model.layers}
    assert {"Conv2D", "BatchNormalization"} <= kinds
    assert not any(kind.startswith("Quick") for kind in kinds)
    # a second call finds the finished training
    again, _ = train_recogniser.train(plan, faces(), votes, seed=1, verbose=0)
    assert np.asarray(again(faces().x)) == pytest.approx(np.asarray(model(faces().x)), abs=1e-5)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_or_a_huge_file_is_no_recipe(tmp_path):
    os.mkfifo(tmp_path / "fifo.toml")
    (tmp_path / "huge.toml").write_bytes(b"#" * (recipe.MAX_BYTES + 1))
    for name, sentence in [("fifo", "is a pipe, a socket"), ("huge", "so it is not a recipe")]:
        with pytest.raises(ValueError, match=sentence):
            recipe.read(tmp_path / f"{name}.toml")


def test_missing_votes_are_named():
    with pytest.raises(ValueError, match="put fer2013new.csv next to FER-2013"):
        train_recogniser.train(Recipe("tiny"), faces())


@pytest.mark.slow
def test_calibration_changes_the_confidence_and_not_the_answer():
    keras.utils.set_random_seed(1)
    data = faces(40)
    inputs = keras.Input((48, 48, 1))
    # how much brighter the even columns are than the odd ones
    columns = keras.layers.Reshape((48, 24, 2))(inputs)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D((48, 24))(columns))
    model = keras.Model(inputs, keras.layers.Dense(7, "softmax", name="emotion")(x))
    kernel = np.zeros((2, 7), "f4")
    kernel[:, 4] = 24, -24
    # overconfident: the stripes differ by 0.47
    model.get_layer("emotion").set_weights([kernel, np.array([0, 0, 0, 5.6, 0, 0, 0], "f4")])
    data.labels[:8] = 7 - data.labels[:8]  # a fifth of the labels are wrong
    labels = np.eye(7)[data.labels]
    before = np.asarray(model(data.x))
    after = np.asarray(train_recogniser.calibrate(model, data.images, labels)(data.x))
    assert (after.argmax(axis=1) == before.argmax(axis=1)).all()
    off = {"before": before, "after": after}
    off = {name: metrics.calibration_error(data.labels, p) for name, p in off.items()}
    assert off["after"] < 0.6 * off["before"]


def test_the_network_ignores_light_and_contrast():
    model = networks.residual((4, 8), (1,))
    x = faces(4).x
    assert np.asarray(model(0.2 + 0.5 * x)) == pytest.approx(np.asarray(model(x)), abs=1e-3)


@pytest.mark.slow
def test_quick_batch_normalisation_has_the_weights_of_keras_own():
    keras.utils.set_random_seed(2)
    quick, plain = (networks.residual((4, 8), (1,), quick=kind) for kind in (True, False))
    plain.set_weights(quick.get_weights())
    assert np.asarray(quick(faces(4).x)) == pytest.approx(np.asarray(plain(faces(4).x)), abs=1e-6)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('start = "nobody"', "starts from .*nobody.keras, which does not exist"),
        ('teacher = ["nobody.onnx"]', "learns from nobody.onnx, which is in none of"),
    ],
)
def test_a_missing_model_is_named_before_the_data_are_loaded(tmp_path, monkeypatch, line, message):
    (tmp_path / "a.toml").write_text(f'name = "a"\n{line}\n')
    monkeypatch.setattr(train_recogniser.course_faces, "load", pytest.fail)
    options = argparse.Namespace(recipe=tmp_path / "a.toml", seed=0, data="rendered", out=None)
    with pytest.raises(ValueError, match=message):
        train_recogniser.main(options)
