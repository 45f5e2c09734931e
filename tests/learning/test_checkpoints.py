"""A killed training run resumes after its last whole epoch, with the same result."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import pandas as pd
import pytest
from tiny_training import Steps, Stream, faces, fit, network, same_curve, same_weights

from facevalue import paths
from facevalue.learning.augmentation import Augmentation
from facevalue.learning.batches import Batches
from facevalue.learning.checkpoints import describe


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Return the folder of the checkpoints of these tests."""
    monkeypatch.setattr(paths, "processed", lambda: tmp_path)
    return tmp_path / "training" / "small"


def train(stop_at=None, stop=None, **settings):
    """Train with all objects that have a state; call `stop` at the step (epoch, batch) `stop_at`.

    The patience of the callbacks is so short that both of them act.
    """
    plateau = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=0.2)
    early = keras.callbacks.EarlyStopping(
        "val_loss", patience=4, min_delta=0.05, restore_best_weights=True
    )
    model, steps = network(), Steps(stop_at, stop)
    settings = {"epochs": 9, "augmentation": Augmentation(), "average": 0.8} | settings
    curve = fit(model, callbacks=[plateau, early, steps], **settings)
    return model, curve, steps.done


def interrupt():
    raise KeyboardInterrupt


def wait_to_be_killed():
    print("HERE", flush=True)
    sys.stdin.read()


@pytest.fixture(scope="module")
def uninterrupted():
    return train(keep=False, verbose=0)


def kill(folder, stop_at):
    """Start training in another process, and kill it (SIGKILL) at the step (epoch, batch)."""
    script = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from pathlib import Path\n"
        "import test_checkpoints as t\n"
        f"t.paths.processed = lambda: Path({str(folder.parents[1])!r})\n"
        f"t.train({stop_at}, t.wait_to_be_killed)\n"
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


@pytest.mark.slow
def test_a_killed_training_ends_as_an_uninterrupted_one(folder, uninterrupted, capsys):
    kill(folder, (2, 3))
    model, curve, steps = train()
    assert "small: resumes after epoch 2 of 9." in capsys.readouterr().out
    whole_model, whole_curve, whole_steps = uninterrupted
    assert same_curve(curve, whole_curve)
    assert same_weights(model, whole_model)
    assert steps == whole_steps - 2 * 5


@pytest.mark.slow
def test_plateau_and_early_stopping_survive_interrupts(folder, uninterrupted):
    whole_model, whole_curve, _ = uninterrupted
    assert whole_curve["learning_rate"].nunique() > 1  # the plateau was reached,
    assert len(whole_curve) < 9  # and training stopped early
    for epoch in (2, len(whole_curve) - 1):
        with pytest.raises(KeyboardInterrupt):
            train((epoch, 2), interrupt, verbose=0)
    model, curve, _ = train(verbose=0)
    assert same_curve(curve, whole_curve)
    assert same_weights(model, whole_model)
    (folder / "final.weights.h5").unlink()  # as if killed just before it was saved
    for _ in range(2):
        model, curve, steps = train(verbose=0)
        assert steps == 0
        assert same_curve(curve, whole_curve)
        assert same_weights(model, whole_model)


@pytest.mark.slow
def test_a_finished_training_returns_at_once_and_can_get_more_epochs(folder, capsys):
    model, first, steps = train(epochs=2)
    assert steps == 10
    again, same, none = train(epochs=2)
    assert none == 0
    assert "small: trained before, 2 epochs" in capsys.readouterr().out
    assert same_weights(again, model, 0)
    pd.testing.assert_frame_equal(same, first)
    kept = json.loads((folder / "training.json").read_text())
    assert same_curve(pd.DataFrame(kept["rows"]), first)

    longer, curve, steps = train(epochs=3)
    assert steps == 5
    assert same_curve(curve[:2], first, 0)
    # Keras would begin any further training of a resumed model at the third epoch
    assert len(longer.fit(faces()[0][..., None], faces()[1], epochs=2, verbose=0).epoch) == 2

    _, short, steps = train(epochs=1)
    assert (len(short), steps) == (1, 5)


@pytest.mark.slow
def test_a_checkpoint_needs_a_plain_file_name():
    for name in ("", "../other", "a/b", "."):
        with pytest.raises(ValueError, match="plain file name"):
            fit(network(), name=name)


@pytest.mark.slow
def test_another_run_under_the_same_name_starts_anew(capsys):
    fit(network(), epochs=1, verbose=0)
    steps = Steps()
    fit(network(), epochs=1, seed=1, callbacks=[steps])
    assert "small: starts anew, as seed changed." in capsys.readouterr().out
    assert steps.done == 5


@pytest.mark.slow
def test_a_training_is_described_by_its_data_its_network_and_its_settings():
    def described(model=None, data=None, validation=None, **settings):
        batches = Batches(data or faces(), 8)
        return describe(model or network(), batches, Batches(validation or faces(16)), **settings)

    usual = described(seed=0, augmentation=Augmentation())
    assert described(seed=0, augmentation=Augmentation()) == usual
    others = {
        "network": {"model": network(width=4)},
        "optimizer": {"model": network(optimizer="adam")},
        "loss": {"model": network(loss=keras.losses.SparseCategoricalCrossentropy())},
        "training images": {"data": (faces()[0], 1 - faces()[1])},
        "validation images": {"validation": faces(15)},
        "seed": {"seed": 1},
        "augmentation": {"augmentation": Augmentation(shift=0)},
    }
    for changed, settings in others.items():
        other = described(**({"seed": 0, "augmentation": Augmentation()} | settings))
        assert [name for name in usual if usual[name] != other[name]] == [changed]
    stream = described(data=Stream(39))["training images"]
    assert stream == [39]
    assert json.loads(json.dumps(usual)) == usual


@pytest.mark.slow
def test_on_a_full_disk_the_training_continues_without_a_checkpoint(
    folder, monkeypatch, uninterrupted
):
    train(epochs=1, verbose=0)
    before = (folder / "training.json").read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.warns(UserWarning, match="the disk is full"):
        patch.setattr(Path, "write_text", full)
        _, curve, _ = train(verbose=0)
    assert same_curve(curve, uninterrupted[1])
    assert (folder / "training.json").read_bytes() == before


@pytest.mark.slow
def test_a_damaged_checkpoint_is_reported_and_training_starts_anew(folder, capsys):
    _, curve, _ = train(epochs=2, verbose=0)
    for file in folder.glob("*.weights.h5*"):
        file.write_bytes(file.read_bytes()[:2000])
    _, again, steps = train(epochs=2)
    assert "is damaged" in capsys.readouterr().out
    assert steps == 10
    assert same_curve(again, curve)
    (folder / "training.json").write_text('{"rows": [')
    _, again, steps = train(epochs=2)
    assert "training.json is damaged" in capsys.readouterr().out
    assert (steps, same_curve(again, curve)) == (10, True)
