"""Batches, and trainings that go on after a kill as if nothing had been."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from facevalue import paths
from facevalue.evaluation import live_curve
from facevalue.learning import networks, training
from facevalue.learning.augmentation import Augmentation
from facevalue.learning.batches import Batches

MIRROR = Augmentation(shift=0, rotate=0, zoom=0, light=0, erase=0)


def rng(seed=0):
    return np.random.default_rng(seed)


def noise(n=20, shape=(12, 12, 1)):
    return rng(1).random((n, *shape), dtype=np.float32)


def faces(n=40):
    """Bright and dark images, uint8, shape (n, 12, 12), and which they are."""
    labels = np.arange(n) % 2
    images = rng(2).integers(0, 120, (n, 12, 12)) + 100 * labels[:, None, None]
    return images.astype(np.uint8), labels


def network(width=6, **compiled):
    """A small net with all that has a state: dropout, batch normalisation, momentum."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(width, 3, strides=2),
            layers.BatchNormalization(momentum=0.8),
            layers.ReLU(),
            layers.Dropout(0.3, seed=4),  # without a seed, PyTorch draws the masks itself
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    settings = {
        "optimizer": keras.optimizers.SGD(0.05, momentum=0.9),
        "loss": "sparse_categorical_crossentropy",
    }
    model.compile(metrics=["accuracy"], jit_compile=networks.JIT, **(settings | compiled))
    return model


def fit(model, data=None, validation=None, **settings):
    settings = {
        "epochs": 3,
        "batch_size": 8,
        "name": "small",
        "keep": True,
        "verbose": 2,
    } | settings
    return training.fit(model, data or faces(), validation or faces(16), **settings)


def same_weights(one, other, tolerance=1e-4):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.allclose(a, b, atol=tolerance) for a, b in pairs)


def same_curve(one, other, tolerance=1e-3):
    seconds = ["seconds"]
    one, other = one.drop(columns=seconds), other.drop(columns=seconds)
    return list(one) == list(other) and np.allclose(one, other, atol=tolerance)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where these tests keep trainings, which are nobody else's."""
    monkeypatch.setattr(paths, "processed", lambda: tmp_path)
    return tmp_path / "training"


class Steps(keras.callbacks.Callback):
    """Counts the steps, and stops hard at one of them."""

    def __init__(self):
        super().__init__()
        self.done, self.stop_at, self.stop = 0, None, None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.done += 1
        if (self.epoch, batch) == self.stop_at:
            self.stop()


def interrupt():
    raise KeyboardInterrupt


# ------------------------------------------------------------------------------ batches


def test_an_epoch_holds_every_image_once_with_its_label():
    images = np.repeat(np.arange(50, dtype=np.uint8), 16).reshape(50, 4, 4)
    batches = Batches((images, np.arange(50)), 8, augmentation=MIRROR)
    assert len(batches) == 7
    parts = [batches[step] for step in range(7)]
    labels = np.concatenate([labels for _, labels in parts])
    seen = np.concatenate([images for images, _ in parts])
    assert sorted(labels) == list(range(50))
    assert list(labels) != list(range(50))
    assert seen[:, 0, 0, 0] * 255 == pytest.approx(labels)
    assert labels.mean() == 24.5


def test_the_time_left_counts_the_epochs_of_this_run(monkeypatch, capsys):
    """Two epochs were trained before; the next two take 60 s each, and six more are to come."""
    clock = iter([1_000.0, 1_060.0, 1_120.0])
    monkeypatch.setattr(training.time, "perf_counter", lambda: next(clock))
    left = training.TimeLeft()
    left.set_params({"epochs": 10})
    for epoch in (0, 1):
        left.on_epoch_end(epoch)
    for epoch in (2, 3):
        left.on_epoch_begin(epoch)
        left.on_epoch_end(epoch)
    left.on_epoch_end(9)
    assert capsys.readouterr().out == "about 7 min left\nabout 6 min left\n"


def test_a_batch_depends_on_the_seed_the_epoch_and_the_step_alone():
    one = Batches(faces(), 8, augmentation=Augmentation())
    other = Batches(faces(), 8, augmentation=Augmentation())
    one[0], one[3]  # the past does not matter
    assert np.array_equal(one[2][0], other[2][0])
    other.epoch = 1
    assert not np.array_equal(one[2][0], other[2][0])
    assert not np.array_equal(one[2][0], Batches(faces(), 8, seed=1)[2][0])


def test_the_rest_of_an_epoch_is_what_the_whole_one_would_have_shown():
    whole = Batches(faces(), 8, augmentation=Augmentation())
    rest = Batches(faces(), 8, augmentation=Augmentation())
    rest.first = 3
    assert len(rest) == 2
    assert np.array_equal(rest[0][0], whole[3][0])


def test_bytes_become_floats_from_0_to_1_and_floats_stay():
    images, _ = Batches((np.full((1, 4, 4), 255, np.uint8), np.zeros(1)))[0]
    assert images.dtype == np.float32
    assert images.shape == (1, 4, 4, 1)
    assert images.max() == 1
    assert np.array_equal(Batches((noise(4), np.zeros(4)), shuffle=False)[0][0], noise(4))


class Stream:
    """Images that are made when they are asked for."""

    def __init__(self, n=40):
        self.n, self.most = n, 0

    def __len__(self):
        return self.n

    def __getitem__(self, rows):
        self.most = max(self.most, len(rows))
        images, labels = faces(self.n)
        return images[rows], labels[rows]


def test_what_streams_trains_like_what_is_in_memory():
    stream, one, other = Stream(), network(), network()
    streamed = fit(one, stream, keep=False, epochs=1)
    assert stream.most <= 8
    assert same_curve(streamed, fit(other, keep=False, epochs=1))
    assert same_weights(one, other)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell a process's peak memory")
def test_all_of_fer2013_at_224_pixels_trains_in_4_gb():
    """As 32-bit numbers the images would take 5.8 GB, as bytes 1.4; here they are all black."""
    code = """
import keras, numpy as np, resource, sys
from keras import layers
from facevalue.evaluation import live_curve
from facevalue.learning import training

class Soon(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch >= 3

images = np.zeros((28_709, 224, 224), np.uint8)
images += 1  # zeros alone take no memory
x = inputs = keras.Input((224, 224, 1))
for filters in (16, 32, 64, 64):
    x = layers.Conv2D(filters, 3, activation="relu", padding="same")(x)
    x = layers.MaxPooling2D()(layers.BatchNormalization()(x))
model = keras.Model(inputs, layers.Dense(7, "softmax")(layers.Flatten()(x)))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
data = images, np.zeros(len(images), int)
training.fit(model, data, epochs=1, batch_size=32, callbacks=[Soon()], keep=False, verbose=0)
unit = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 1.4e9 < int(done.stdout) < 4e9


# ------------------------------------------------------------------------------ the curve


def test_the_curve_has_a_row_per_epoch_and_the_model_learns(folder):
    curve = fit(network(), keep=False, epochs=8, augmentation=MIRROR)
    columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"]
    assert set(curve) == set(columns)
    assert list(curve["epoch"]) == list(range(1, 9))
    assert curve["learning_rate"].to_numpy() == pytest.approx(0.05)
    assert (curve["seconds"] > 0).all()
    assert curve["val_accuracy"].max() > 0.9
    assert not folder.exists()  # keep=False leaves no trace


def test_without_validation_there_are_no_such_columns():
    curve = training.fit(network(), faces(), epochs=1, verbose=0)
    assert not [column for column in curve if column.startswith("val_")]


def test_labels_may_be_rows_of_probabilities():
    images, labels = faces()
    model = network()
    model.compile(optimizer="sgd", loss="categorical_crossentropy", jit_compile=networks.JIT)
    soft = np.eye(2)[labels] * 0.8 + 0.1
    curve = training.fit(model, (images, soft), epochs=1, verbose=0)
    assert np.isfinite(curve["loss"]).all()


def test_class_weights_reach_the_loss():
    heavy = fit(network(), keep=False, epochs=1, class_weight={0: 10.0, 1: 10.0})
    light = fit(network(), keep=False, epochs=1)
    assert heavy["loss"][0] > 3 * light["loss"][0]


# ------------------------------------------------------------------------------ the average


def test_the_average_is_measured_and_left_in_the_model(monkeypatch):
    class Seen(keras.callbacks.Callback):
        weights = []

        def on_train_batch_end(self, batch, logs=None):
            self.weights.append(self.model.get_weights())

    monkeypatch.setattr(training, "AVERAGE_EVERY", 2)
    model, seen = network(), Seen()
    expected = model.get_weights()
    curve = fit(model, keep=False, epochs=2, average=0.9, callbacks=[seen])
    for step, weights in enumerate(seen.weights, start=1):
        if step % 2:
            continue
        old = min(0.9, step / (9 + step)) ** 2
        expected = [old * a + (1 - old) * b for a, b in zip(expected, weights, strict=True)]
    for ours, truth in zip(model.get_weights(), expected, strict=True):
        assert ours == pytest.approx(truth, abs=1e-5)
    images, labels = faces(16)
    loss, _ = model.evaluate(images[..., None] / 255.0, labels, verbose=0)
    assert curve["val_loss"].iloc[-1] == pytest.approx(loss, abs=1e-4)
    assert not same_weights(model, type("", (), {"get_weights": lambda _: seen.weights[-1]})())


# ------------------------------------------------------------------------------ a kill


def callbacks():
    """As a notebook would have them; patience is so short that both have something to do."""
    plateau = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=0.2)
    stop = keras.callbacks.EarlyStopping(
        "val_loss", patience=4, min_delta=0.05, restore_best_weights=True
    )
    return [plateau, stop, Steps()]


def train(at=None, stop=None, **settings):
    """Train with everything that has a state; stop hard after a step of an epoch."""
    model, given = network(), callbacks()
    given[-1].stop_at, given[-1].stop = at, stop
    settings = {"epochs": 9, "augmentation": Augmentation(), "average": 0.8} | settings
    curve = fit(model, callbacks=given, **settings)
    return model, curve, given[-1].done


def wait_to_be_killed():
    print("HERE", flush=True)
    sys.stdin.read()


@pytest.fixture(scope="module")
def unbroken():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_folder", None)  # it is not kept
        return train(keep=False)


def test_a_killed_training_ends_as_an_unbroken_one(folder, unbroken, capsys):
    script = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from pathlib import Path\n"
        "import test_training as t\n"
        f"t.paths.processed = lambda: Path({str(folder.parent)!r})\n"
        "t.training.SAVE_SECONDS = 0\n"
        "t.train(at=(2, 3), stop=t.wait_to_be_killed)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert any("HERE" in line for line in process.stdout)
        process.kill()
    model, curve, steps = train()
    assert "small: goes on at epoch 3, step 4 of 5." in capsys.readouterr().out
    whole_model, whole_curve, whole_steps = unbroken
    assert same_curve(curve, whole_curve)
    assert same_weights(model, whole_model)
    assert steps == whole_steps - 2 * 5 - 3


def test_plateau_and_early_stopping_survive_interrupts(unbroken, monkeypatch):
    whole_model, whole_curve, _ = unbroken
    rates = whole_curve["learning_rate"]
    assert rates.nunique() > 1  # the plateau was met,
    assert len(whole_curve) < 9  # and patience was lost
    for epoch in (2, len(whole_curve) - 1):
        with pytest.raises(KeyboardInterrupt):
            train(at=(epoch, 2), stop=interrupt)
    model, curve, _ = train()
    assert same_curve(curve, whole_curve)
    assert same_weights(model, whole_model)


def test_a_finished_training_returns_at_once(folder, capsys):
    model, curve, steps = train(epochs=2)
    assert steps == 10
    again, same, none = train(epochs=2)
    assert none == 0
    assert "small: trained before, 2 epochs" in capsys.readouterr().out
    assert same_weights(again, model, 0)
    pd.testing.assert_frame_equal(same, curve)
    (file,) = folder.rglob("curve.csv")
    assert same_curve(pd.read_csv(file), curve)


def test_more_epochs_go_on_and_fewer_start_anew():
    _, first, _ = train(epochs=2)
    longer, curve, steps = train(epochs=3)
    assert steps == 5
    assert same_curve(curve[:2], first, 0)
    _, short, steps = train(epochs=1)
    assert (len(short), steps) == (1, 5)


def test_a_training_without_name_or_with_a_path_is_not_kept():
    for name in ("", "../other", "a/b", "."):
        with pytest.raises(ValueError, match="plain file name"):
            fit(network(), name=name)


class TakenUp(Exception):
    """A kept training was found."""


def test_another_training_under_the_same_name_starts_anew(folder, monkeypatch):
    def taken_up(*_):
        raise TakenUp

    fit(network(), epochs=1)
    (file,) = folder.rglob("state.npz")
    state = file.read_bytes()
    monkeypatch.setattr(training._Loop, "_take_up", taken_up)
    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: None)
    with pytest.raises(TakenUp):
        fit(network(), epochs=1)
    with pytest.raises(TakenUp):
        fit(network(), epochs=2)
    others = (
        (network(width=4), {}),
        (network(optimizer=keras.optimizers.SGD(0.01, momentum=0.9)), {}),
        (network(optimizer="adam"), {}),
        (network(loss=keras.losses.SparseCategoricalCrossentropy()), {}),
        (network(), {"data": faces(39)}),
        (network(), {"data": (faces()[0], 1 - faces()[1])}),
        (network(), {"data": Stream()}),
        (network(), {"validation": faces(15)}),
        (network(), {"seed": 1}),
        (network(), {"batch_size": 16}),
        (network(), {"augmentation": MIRROR}),
        (network(), {"class_weight": {0: 2.0, 1: 1.0}}),
        (network(), {"average": 0.9}),
        (network(), {"callbacks": [keras.callbacks.EarlyStopping(patience=1)]}),
        (network(), {"name": "another"}),
    )
    for model, settings in others:
        fit(model, epochs=1, **settings)  # raises nothing: it finds nothing
    assert file.read_bytes() == state


def test_a_rule_or_a_patience_that_changed_starts_anew():
    def key(*callbacks):
        batches = Batches(faces(), 8)
        return training._key(network(), batches, None, callbacks, ())

    stopping = keras.callbacks.EarlyStopping
    rule = keras.callbacks.LearningRateScheduler
    assert key(stopping(patience=2)) == key(stopping(patience=2))
    assert key(stopping(patience=2)) != key(stopping(patience=3))
    assert key(rule(lambda epoch: 0.1 / epoch)) == key(rule(lambda epoch: 0.1 / epoch))
    assert key(rule(lambda epoch: 0.1 / epoch)) != key(rule(lambda epoch: 0.2 / epoch))
    assert key() == key(live_curve.LiveCurve("only looks on"), training.TimeLeft())


def test_a_frozen_body_counts_and_a_random_start_does_not():
    def key(value, trainable):
        model = network()
        model.layers[0].trainable = trainable
        model.layers[0].kernel.assign(model.layers[0].kernel * 0 + value)
        return training._key(model, Batches(faces(), 8), None, (), ())

    assert key(1.0, trainable=False) != key(2.0, trainable=False)
    assert key(1.0, trainable=True) == key(2.0, trainable=True)


def test_a_full_disk_costs_the_save_and_not_the_training(folder, monkeypatch, unbroken):
    train(epochs=1)
    (file,) = folder.rglob("state.npz")
    state, save = file.read_bytes(), np.savez

    def full(opened, **_):
        opened.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        _, curve, _ = train()
    assert same_curve(curve, unbroken[1])
    assert file.read_bytes() == state
    assert {path.name for path in file.parent.iterdir()} == {"state.npz", "curve.csv"}
    monkeypatch.setattr(np, "savez", save)


def test_a_damaged_state_starts_anew_and_says_so(folder, capsys):
    _, curve, _ = train(epochs=1)
    (file,) = folder.rglob("state.npz")
    for damaged in (file.read_bytes()[:2000], b""):
        file.write_bytes(damaged)
        _, again, steps = train(epochs=1)
        assert "is damaged; it starts anew" in capsys.readouterr().out
        assert steps == 5
        assert same_curve(again, curve)


def test_a_validation_split_is_checked_too():
    with pytest.raises(ValueError, match="validation split is empty"):
        training.fit(network(), faces(), faces(0), epochs=1)


# ------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            (np.zeros((4, 9, 12), np.uint8), np.zeros(4)),
            r"takes .*\(n, 12, 12, 1\).*\(n, 9, 12, 1\)",
        ),
        ((np.zeros((4, 12, 12, 3), np.uint8), np.zeros(4)), r"\(n, 12, 12, 3\)"),
        ((np.zeros((4, 144), np.float32), np.zeros(4)), r"\(n, 144\)"),
        ((np.zeros((0, 12, 12), np.uint8), np.zeros(0)), "training split is empty"),
        ((np.zeros((4, 12, 12), np.uint8), np.zeros(3)), "4 images but 3 labels"),
        ((np.zeros((4, 12, 12), np.uint8), np.array([0, 1, 2, 1])), "from 0 to 1.*there is 2"),
        ((np.zeros((4, 12, 12), np.uint8), np.array([0, -1, 0, 1])), "there is -1"),
        ((np.zeros((4, 12, 12), np.uint8), np.zeros((4, 7))), "2 outputs.*7 columns"),
        ((np.zeros((4, 12, 12), np.uint8), np.array([0, np.nan, 0, 1])), "labels .* NaN"),
        ((np.full((4, 12, 12, 1), np.nan, np.float32), np.zeros(4)), "images .* NaN"),
        ((np.full((4, 12, 12, 1), 255, np.float32), np.zeros(4)), "from 0 to 1.*255"),
    ],
)
def test_what_does_not_fit_the_network_is_told_in_one_sentence(data, message, monkeypatch):
    def never(*_, **__):
        raise AssertionError("it must not come so far")

    monkeypatch.setattr(keras.Model, "fit", never)
    with pytest.raises(ValueError, match=message) as told:
        training.fit(network(), data, epochs=1, augmentation=Augmentation())
    assert ". " not in str(told.value)


def test_what_streams_is_checked_too():
    class Wrong(Stream):
        def __getitem__(self, rows):
            images, labels = super().__getitem__(rows)
            return images[:, 1:], labels

    with pytest.raises(ValueError, match=r"\(n, 11, 12, 1\)"):
        training.fit(network(), Wrong(), epochs=1)
    with pytest.raises(ValueError, match="empty"):
        training.fit(network(), Stream(0), epochs=1)


def test_a_network_with_one_output_takes_two_classes():
    training._check_labels(np.array([0, 1]), 1, "training")
    training._check_labels(np.array([[0.0], [1.0]]), 1, "training")
    with pytest.raises(ValueError, match="from 0 to 1, as the network has 1 output,"):
        training._check_labels(np.array([0, 2]), 1, "training")


def test_a_model_that_cannot_be_trained_says_what_is_missing():
    with pytest.raises(ValueError, match="not compiled"):
        training.fit(keras.Sequential([keras.Input((4,)), layers.Dense(2)]), faces(), epochs=1)
    unbuilt = keras.Sequential([layers.Dense(2)])
    unbuilt.compile(loss="mse")
    with pytest.raises(ValueError, match="keras.Input"):
        training.fit(unbuilt, faces(), epochs=1)
    with pytest.raises(ValueError, match="use_ema"):
        training.fit(network(optimizer=keras.optimizers.SGD(use_ema=True)), faces(), epochs=1)


# ------------------------------------------------------------------------------ around it


@pytest.mark.parametrize(("fast", "policy"), [(True, "mixed_bfloat16"), (False, "float32")])
def test_mixed_precision_is_for_machines_that_are_fast_at_it(fast, policy, monkeypatch):
    monkeypatch.setattr(training, "_bfloat16_is_fast", lambda: fast)
    try:
        assert training.use_mixed_precision() == policy
        dense = layers.Dense(2)
        dense.build((None, 3))
        assert dense.compute_dtype == policy.removeprefix("mixed_")
        assert dense.kernel.dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("flags", "fast"),
    [("flags : fpu amx_bf16 amx_int8", True), ("flags : avx512_bf16", True), ("fpu avx2", False)],
)
def test_a_processor_is_fast_where_it_says_so(flags, fast, monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: flags)
    monkeypatch.setattr(keras.ops, "ones", lambda _: type("Tensor", (), {"device": "CPU:0"}))
    assert training._bfloat16_is_fast() == fast


class Page:
    """Counts what a notebook would show."""

    def __init__(self):
        self.shown, self.updated = 0, 0

    def display(self, figure, display_id):
        self.shown += 1
        return self

    def update(self, figure):
        self.updated += 1


@pytest.fixture
def page(monkeypatch):
    display = pytest.importorskip("IPython.display")
    page = Page()
    monkeypatch.setattr(display, "display", page.display)
    monkeypatch.setattr(training, "_in_notebook", lambda: True)
    return page


def run(curve, epochs):
    curve.on_train_begin()
    for epoch in range(epochs):
        curve.drawn = 0.0  # a second ago
        curve.on_epoch_end(epoch, {"loss": 1.0, "val_loss": 2.0, "accuracy": 0.5})
    curve.on_train_end()


def test_the_live_curve_grows_in_one_place(page, monkeypatch):
    for name in ("PYTEST_VERSION", "PYTEST_CURRENT_TEST", "FACEVALUE_HEADLINES"):
        monkeypatch.delenv(name, raising=False)
    run(live_curve.LiveCurve("a curve"), 3)
    assert (page.shown, page.updated) == (1, 3)


def test_the_live_curve_is_one_figure_where_a_command_runs_the_notebook(page):
    run(live_curve.LiveCurve(), 3)
    assert (page.shown, page.updated) == (1, 0)


def test_the_live_curve_is_silent_outside_a_notebook(capfd):
    run(live_curve.LiveCurve(), 2)
    assert capfd.readouterr() == ("", "")


def test_the_live_curve_shows_training_and_validation():
    curve = live_curve.LiveCurve("a title")
    run(curve, 2)
    figure = curve.figure()
    loss, accuracy = figure.axes
    assert [list(line.get_ydata()) for line in loss.lines] == [[1.0, 1.0], [2.0, 2.0]]
    assert len(accuracy.lines) == 1
    assert figure.get_suptitle() == "a title"


def test_the_cosine_rises_for_a_tenth_and_ends_at_0():
    rate = training.cosine(0.001, epochs=10, images=640)  # 100 steps
    at = [float(rate(step)) for step in (0, 10, 55, 100)]
    assert at == pytest.approx([0.0001, 0.001, 0.0005, 0], abs=1e-6)
