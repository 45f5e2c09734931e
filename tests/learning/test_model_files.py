"""Networks saved and loaded in every form: JSON and weights, .keras, ONNX."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from keras_2_file import published_file, same

from facevalue.learning import model_files, networks


def recogniser(classes: int = 7, dtype: str | None = None, filters: int = 8) -> keras.Model:
    """A small network of every kind of layer that the course uses, as after some training."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((48, 48, 1), name="face")
    for block, width in enumerate((4, filters)):
        x = layers.Conv2D(width, 3, padding="same", name=f"conv{block}", dtype=dtype)(x)
        x = layers.BatchNormalization(name=f"bn{block}", dtype=dtype)(x)
        x = layers.Activation("swish", name=f"swish{block}", dtype=dtype)(x)
        x = layers.MaxPooling2D(4, name=f"pool{block}", dtype=dtype)(x)
    x = layers.Dropout(0.3, name="dropout")(layers.Flatten(name="flatten")(x))
    x = layers.Dense(classes, activation="softmax", name="emotion", dtype="float32")(x)
    model = keras.Model(inputs, x, name="recogniser")
    rng = np.random.default_rng(0)
    model.set_weights([w + 0.2 * rng.random(w.shape) for w in model.get_weights()])
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=networks.JIT)
    return model


FACES = np.random.default_rng(1).random((9, 48, 48, 1), dtype=np.float32)


def predicted(model: keras.Model) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(FACES, training=False))


def as_keras_2(model: keras.Model, file: Path) -> Path:
    file.write_bytes(published_file(model))
    return file


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.slow
def test_json_and_weights_give_the_same_predictions(tmp_path: Path, nested: bool) -> None:
    model = recogniser()
    if nested:
        model = keras.Sequential([keras.Input((48, 48, 1)), model], name="gate")
    files = tmp_path / "new" / "model.json", tmp_path / "new" / "model.weights.h5"
    model_files.save_json_and_weights(model, *files)
    again = model_files.load_json_and_weights(*files)
    np.testing.assert_allclose(predicted(again), predicted(model), atol=1e-5)
    assert again.name == model.name
    assert sorted(file.name for file in files[0].parent.iterdir()) == [
        "model.json",
        "model.weights.h5",
    ]


@pytest.mark.slow
def test_how_a_network_was_trained_is_not_written(tmp_path: Path) -> None:
    def own_loss(truth: Any, guess: Any) -> Any:
        return keras.ops.mean(guess)

    model = recogniser(dtype="mixed_bfloat16")
    model.compile("adam", own_loss)
    model_files.save_json_and_weights(model, tmp_path / "m.json", tmp_path / "m.weights.h5")
    again = model_files.load_json_and_weights(tmp_path / "m.json", tmp_path / "m.weights.h5")
    assert not again.compiled
    np.testing.assert_allclose(
        predicted(again), predicted(model_files.as_float32(model)), atol=1e-5
    )


@pytest.mark.slow
def test_the_weights_file_holds_no_optimizer(tmp_path: Path) -> None:
    model = recogniser()
    model.optimizer.build(model.trainable_variables)
    model_files.save_json_and_weights(model, tmp_path / "m.json", tmp_path / "m.weights.h5")
    assert (tmp_path / "m.weights.h5").stat().st_size < 4 * model.count_params() + 60_000
    again = model_files.load_json_and_weights(tmp_path / "m.json", tmp_path / "m.weights.h5")
    np.testing.assert_allclose(predicted(again), predicted(model), atol=1e-5)


@pytest.mark.slow
def test_weights_that_were_saved_during_training_are_loaded(tmp_path: Path) -> None:
    model = recogniser()
    model.set_weights([w + 1 for w in model.get_weights()])
    model.optimizer.build(model.trainable_variables)
    model.save_weights(tmp_path / "m.weights.h5")  # with the optimizer's state
    assert (tmp_path / "m.weights.h5").stat().st_size > 8 * model.count_params()
    again = recogniser()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model_files.load_weights(again, tmp_path / "m.weights.h5")
    np.testing.assert_allclose(predicted(again), predicted(model), atol=1e-5)


@pytest.mark.slow
def test_weights_in_the_layout_of_the_published_files_are_loaded(tmp_path: Path) -> None:
    model, again = recogniser(), recogniser()
    model.set_weights([w + 1 for w in model.get_weights()])
    model_files.load_weights(again, as_keras_2(model, tmp_path / "model.h5"))
    assert same(again, model)
    whole = tmp_path / "whole.h5"
    whole.write_bytes(published_file(model, nested=True))
    again = recogniser()
    model_files.load_weights(again, whole)
    assert same(again, model)


@pytest.mark.parametrize("kind", ["keras 3", "keras 2"])
@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            {"classes": 5},
            r"emotion.*\(72, 7\).*\(72, 5\)",
        ),
        (
            {"filters": 6},
            r"conv1.*\(3, 3, 4, 8\).*\(3, 3, 4, 6\)",
        ),
    ],
)
def test_weights_of_another_network_name_layer_and_shapes(
    tmp_path: Path, other: dict[str, int], message: str, kind: str
) -> None:
    theirs = recogniser(**other)
    file = tmp_path / ("w.weights.h5" if kind == "keras 3" else "w.h5")
    if kind == "keras 3":
        theirs.save_weights(file)
    else:
        as_keras_2(theirs, file)
    model = recogniser()
    before = model.get_weights()
    with pytest.raises(ValueError, match=rf"{file.name} .*another network .*{message}"):
        model_files.load_weights(model, file)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("kind", ["keras 3", "keras 2"])
def test_weights_of_a_deeper_and_of_a_shallower_network_are_refused(
    tmp_path: Path, kind: str
) -> None:
    deep = recogniser()
    shallow = keras.Model(deep.input, deep.get_layer("flatten").output)
    files = []
    for name, model in {"deep": deep, "shallow": shallow}.items():
        files.append(tmp_path / (f"{name}.weights.h5" if kind == "keras 3" else f"{name}.h5"))
        if kind == "keras 3":
            model.save_weights(files[-1])
        else:
            as_keras_2(model, files[-1])
    with pytest.raises(ValueError, match="another network .*(no layer for|5 saved layers)"):
        model_files.load_weights(shallow, files[0])
    with pytest.raises(ValueError, match="another network .*(emotion|4 saved layers)"):
        model_files.load_weights(deep, files[1])


@pytest.mark.slow
def test_a_file_without_weights_is_refused(tmp_path: Path) -> None:
    for name in ("w.weights.h5", "w.h5"):
        (tmp_path / name).write_bytes(b"<html>not found</html>")
        with pytest.raises(ValueError, match=f"{name} is damaged or not a weights file"):
            model_files.load_weights(recogniser(), tmp_path / name)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["something"] = np.zeros(3)
    with pytest.raises(ValueError, match="another network .*0 saved layers"):
        model_files.load_weights(recogniser(), tmp_path / "w.h5")
    with pytest.raises(ValueError, match=r"m\.keras is not a weights file: .* end in \.h5"):
        (tmp_path / "m.keras").write_bytes(b"")
        model_files.load_weights(recogniser(), tmp_path / "m.keras")
    with pytest.raises(FileNotFoundError, match=r"no weights file .*none\.h5"):
        model_files.load_weights(recogniser(), tmp_path / "none.h5")


def test_json_that_does_not_describe_a_network_is_refused(tmp_path: Path) -> None:
    model_files.save_json_and_weights(recogniser(), tmp_path / "m.json", tmp_path / "m.weights.h5")
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "null.json").write_text("null")
    (tmp_path / "cut.json").write_text((tmp_path / "m.json").read_text()[:300])
    layer = layers.Dense(3)
    (tmp_path / "layer.json").write_text(
        json.dumps(keras.saving.serialize_keras_object(layer), default=str)
    )
    (tmp_path / "keras2.json").write_text('{"class_name": "Sequential", "config": {"layers": []}}')
    for name in ("list", "null", "cut", "layer", "keras2"):
        told = rf"{name}\.json does not describe a network(: (?!argument of type)| but a)"
        with pytest.raises(ValueError, match=told):
            model_files.load_json_and_weights(tmp_path / f"{name}.json", tmp_path / "m.weights.h5")


@pytest.mark.parametrize("damage", ["units", "depth", "types", "empty"])
def test_json_that_would_fill_the_memory_is_refused_in_a_sentence(
    tmp_path: Path, damage: str
) -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.Dense(2)])
    model_files.save_json_and_weights(model, tmp_path / "m.json", tmp_path / "m.weights.h5")
    text = (tmp_path / "m.json").read_text()
    changed = {
        "units": text.replace('"units": 2', '"units": 1000000000'),
        "depth": '{"module": ' + "[" * 200_000 + "]" * 200_000 + "}",
        "types": text.replace('"units": 4', '"units": {"a": [null]}'),
        "empty": text.replace('"layers": [', '"layers": null, "other": ['),
    }
    assert changed[damage] != text
    (tmp_path / "m.json").write_text(changed[damage])
    with pytest.raises(ValueError, match=r"m\.json does not describe a network: .*\.$") as caught:
        model_files.load_json_and_weights(tmp_path / "m.json", tmp_path / "m.weights.h5")
    assert len(str(caught.value).splitlines()) == 1
    assert damage != "units" or "weights, more than 200,000,000" in str(caught.value)


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    before = model.get_weights()
    spoilt = [weight.copy() for weight in before]
    spoilt[0][1, 1] = np.nan
    model.set_weights(spoilt)
    model.save_weights(tmp_path / "m.weights.h5")
    model.set_weights(before)
    with pytest.raises(ValueError, match=r"m\.weights\.h5 has weights that are not finite"):
        model_files.load_weights(model, tmp_path / "m.weights.h5")
    assert np.array_equal(model.get_weights()[0], before[0])


def test_an_array_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    for name in ("m.weights.h5", "m.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            file.create_dataset("layers/dense/vars/0", (10**6, 10**6), "float32", chunks=True)
        assert (tmp_path / name).stat().st_size < 10_000
        with pytest.raises(ValueError, match=f"{name} .*1,000,000,000,000 numbers, more than"):
            model_files.load_weights(model, tmp_path / name)


@pytest.mark.slow
def test_a_weights_file_with_any_byte_changed_gives_weights_or_a_sentence(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    file = tmp_path / "m.weights.h5"
    model.save_weights(file)
    whole, before = file.read_bytes(), model.get_weights()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        torn = bytearray(whole)
        for place in rng.integers(0, len(whole), 4):
            torn[place] = rng.integers(0, 256)
        file.write_bytes(torn)
        try:
            model_files.load_weights(model, file)
        except ValueError as error:
            refused += 1
            assert str(file) in str(error) and len(str(error)) < 700
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
        model.set_weights(before)
    assert refused > 5


def test_a_keras_file_is_loaded_only_with_its_checksum(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    model.save(tmp_path / "m.keras")
    with pytest.raises(FileNotFoundError, match="SHA256SUMS is not in"):
        model_files.load_network(tmp_path / "m.keras")
    model_files.write_checksums(tmp_path)
    assert same(model_files.load_network(tmp_path / "m.keras"), model)
    with (tmp_path / "m.keras").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ValueError, match=r"m\.keras does not have the checksum in SHA256SUMS"):
        model_files.load_network(tmp_path / "m.keras")
    (tmp_path / "m.keras").write_bytes(b"no network")
    model_files.write_checksums(tmp_path)
    with pytest.raises(ValueError, match=r"m\.keras cannot be loaded by this Keras"):
        model_files.load_network(tmp_path / "m.keras")


def test_json_that_contains_code_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((3,))
    code = keras.Model(inputs, layers.Lambda(lambda x: x + 1, output_shape=(3,))(inputs))
    (tmp_path / "m.json").write_text(code.to_json())
    with pytest.raises(ValueError, match=r"m\.json does not describe a network: .*Lambda"):
        model_files.load_json_and_weights(tmp_path / "m.json", tmp_path / "m.weights.h5")


def test_the_weights_file_must_have_the_extension_of_keras(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.weights\.h5, .*model\.h5"):
        model_files.save_json_and_weights(recogniser(), tmp_path / "m.json", tmp_path / "model.h5")
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_remains_if_writing_fails(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    file = tmp_path / "m.weights.h5"
    file.write_bytes(b"older")
    with full_disk(0), pytest.raises(OSError, match="The disk is full: .*m.weights.h5 cannot be"):
        model_files.save_json_and_weights(recogniser(), tmp_path / "m.json", file)
    assert file.read_bytes() == b"older"
    assert [entry.name for entry in tmp_path.iterdir()] == [file.name]


SAVE = """
import resource, signal, sys
from pathlib import Path
import keras
from facevalue.learning import model_files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
model = keras.Sequential([keras.Input((300,)), keras.layers.Dense(300), keras.layers.Dense(300)])
folder = Path(sys.argv[1])
for most in (1, 5_000, 100_000, 700_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    try:
        model_files.save_json_and_weights(model, folder / "m.json", folder / "m.weights.h5")
    except OSError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on the size of files, as on Linux")
@pytest.mark.slow
def test_a_disk_without_room_does_not_crash_python(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SAVE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    file = tmp_path / "m.weights.h5"
    assert done.stdout == 4 * f"{file} cannot be written: File too large.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_float32_copy_has_the_same_layers_and_weights() -> None:
    quick, exact = recogniser(dtype="mixed_bfloat16"), recogniser()
    exact.set_weights(quick.get_weights())
    copy = model_files.as_float32(quick)
    assert {layer.compute_dtype for layer in copy.layers} == {"float32"}
    np.testing.assert_allclose(predicted(copy), predicted(exact), atol=1e-6)
    assert [layer.name for layer in copy.layers] == [layer.name for layer in quick.layers]
    assert same(copy, quick)
    copy.set_weights([0 * w for w in copy.get_weights()])
    assert not same(copy, quick)  # nothing is shared


def test_a_nested_network_becomes_float32_too() -> None:
    inner = recogniser(dtype="mixed_bfloat16")
    outer = keras.Sequential([keras.Input((48, 48, 1)), inner])
    copy = model_files.as_float32(outer)
    assert {layer.compute_dtype for layer in copy.layers[0].layers} == {"float32"}


def onnx_predicted(file: Path) -> np.ndarray:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    assert (entry.name, entry.type, entry.shape[1:]) == ("face", "tensor(float)", [48, 48, 1])
    return session.run(None, {"face": FACES})[0]


@pytest.mark.parametrize("dtype", [None, "mixed_bfloat16"])
@pytest.mark.slow
def test_keras_json_and_onnx_predict_the_same(tmp_path: Path, dtype: str | None) -> None:
    pytest.importorskip("tf2onnx", reason="ONNX is written with tf2onnx, which is not installed")
    model = model_files.as_float32(recogniser(dtype=dtype))
    model.save(tmp_path / "m.keras")
    model_files.save_json_and_weights(model, tmp_path / "m.json", tmp_path / "m.weights.h5")
    model_files.to_onnx(recogniser(dtype=dtype), tmp_path / "onnx" / "m.onnx")
    from_keras = predicted(keras.models.load_model(tmp_path / "m.keras"))
    from_json = predicted(
        model_files.load_json_and_weights(tmp_path / "m.json", tmp_path / "m.weights.h5")
    )
    for found in (from_keras, from_json, onnx_predicted(tmp_path / "onnx" / "m.onnx")):
        np.testing.assert_allclose(found, predicted(model), atol=1e-5)
    assert np.ptp(predicted(model)) > 0.01
    assert [entry.name for entry in (tmp_path / "onnx").iterdir()] == ["m.onnx"]


@pytest.mark.slow
def test_a_network_inside_a_network_is_written_too(tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx", reason="ONNX is written with tf2onnx, which is not installed")
    inputs = keras.Input((48, 48, 1), name="face")
    model = keras.Model(inputs, recogniser()(inputs))
    model_files.to_onnx(model, tmp_path / "m.onnx")
    np.testing.assert_allclose(onnx_predicted(tmp_path / "m.onnx"), predicted(model), atol=1e-5)


def test_a_network_with_a_random_layer_is_not_saved_as_onnx(tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx", reason="ONNX is written with tf2onnx, which is not installed")
    inputs = keras.Input((48, 48, 1), name="face")
    flipped = layers.Flatten()(layers.RandomFlip(name="mirror")(inputs))
    model = keras.Model(inputs, layers.Dense(7, activation="softmax")(flipped))
    with pytest.raises(ValueError, match="random layer.*mirror.*without augmentation"):
        model_files.to_onnx(model, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ModuleNotFoundError, match="the package tf2onnx: run pip install"):
        model_files.to_onnx(recogniser(), tmp_path / "m.onnx")
