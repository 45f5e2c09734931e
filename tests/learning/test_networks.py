"""The bodies, what they expect, and their weight files from a server on loopback."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from web_server import Server

from facevalue import paths
from facevalue.data import download
from facevalue.data.download import DownloadError
from facevalue.learning import backbones, frozen_features, model_files, networks, weight_files


def tiny(size: int, first: str = "conv1_1", filters: int = 4) -> keras.Model:
    x = inputs = keras.Input((size, size, 3), name="input_1")
    x = layers.Conv2D(filters, 3, strides=4, name=first)(x)
    x = layers.BatchNormalization(name="bn")(x)
    return keras.Model(inputs, layers.Conv2D(5, 3, name="conv1_2")(x))


def published_file(model: keras.Model, nested: bool = False) -> bytes:
    """Return weights in the layout of the published files: a group for each layer, by name.

    A file of `save_weights` has the groups at its top, one of `save` in model_weights.
    """
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        top = file.create_group("model_weights") if nested else file
        top.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        top.attrs["backend"] = b"tensorflow"
        top.attrs["keras_version"] = b"2.2.4"
        for layer in model.layers:
            group = top.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group.create_dataset(name, data=keras.ops.convert_to_numpy(weight))
    return content.getvalue()


def same(ours: keras.Model, theirs: keras.Model) -> bool:
    pairs = zip(ours.get_weights(), theirs.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.fixture
def sent(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[keras.Model]:
    """Return the network whose weights the server has, under each backbone's own file name."""
    monkeypatch.setattr(paths, "processed", lambda: tmp_path)
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    keras.utils.set_random_seed(1)
    model = tiny(96)
    content = published_file(model)
    for name in backbones.PUBLISHED:
        spec = backbones.BACKBONES[name]
        file = spec.address.rpartition("/")[2].format(size=96)
        server.files[f"/{file}"] = content
        md5 = hashlib.md5(content).hexdigest() if spec.md5 else ""  # noqa: S324
        changed = replace(spec, build=tiny, address=f"{server.url}/{file}", md5=md5)
        monkeypatch.setitem(backbones.BACKBONES, name, changed)
    yield model


def path_of(name: str) -> Path:
    address = backbones.BACKBONES[name].address
    return paths.processed() / "weights" / address.rpartition("/")[2]


@pytest.mark.parametrize("name", backbones.PUBLISHED)
def test_the_weights_arrive_once_and_are_written_down(
    sent: keras.Model, server: Server, name: str
) -> None:
    assert same(backbones.backbone(name), sent)
    record = json.loads((paths.processed() / "weights" / "weights.json").read_text())
    content = server.files["/" + path_of(name).name]
    assert record[path_of(name).name]["sha256"] == hashlib.sha256(content).hexdigest()
    server.files.clear()
    assert same(backbones.backbone(name), sent)
    assert len(server.log) == 1


def test_a_file_in_the_layout_of_a_whole_model_is_read_too(
    sent: keras.Model, server: Server
) -> None:
    for name in ("vgg16", "vggface"):
        content = published_file(sent, nested=True)
        server.files["/" + path_of(name).name] = content
        md5 = hashlib.md5(content).hexdigest()  # noqa: S324
        backbones.BACKBONES["vgg16"] = replace(backbones.BACKBONES["vgg16"], md5=md5)
        assert same(backbones.backbone(name), sent)


def test_a_file_that_changed_on_the_disk_is_fetched_again(
    sent: keras.Model, server: Server
) -> None:
    backbones.backbone("vggface")
    path_of("vggface").write_bytes(b"damaged")
    assert same(backbones.backbone("vggface"), sent)
    assert len(server.log) == 2


def test_another_file_on_the_server_is_refused_and_does_not_stay(
    sent: keras.Model, server: Server
) -> None:
    backbones.backbone("vggface")
    path_of("vggface").unlink()
    server.files["/" + path_of("vggface").name] = published_file(tiny(96))
    with pytest.raises(DownloadError, match="its checksum is wrong"):
        backbones.backbone("vggface")
    assert not path_of("vggface").exists()


def test_a_file_without_the_published_md5_is_refused_and_does_not_stay(
    sent: keras.Model, server: Server
) -> None:
    server.files["/" + path_of("vgg16").name] = published_file(tiny(96))
    with pytest.raises(DownloadError, match=r"is not the published file: its md5 is not [0-9a-f]+"):
        backbones.backbone("vgg16")
    assert [file.name for file in path_of("vgg16").parent.iterdir()] == []


def test_a_cut_download_goes_on_where_it_broke(sent: keras.Model, server: Server) -> None:
    server.cut_after = [9_000, 0, 0, 0]
    with pytest.raises(DownloadError, match="4 times in a row; .* bytes are kept"):
        backbones.backbone("vggface")
    assert not path_of("vggface").exists()
    server.log.clear()
    assert same(backbones.backbone("vggface"), sent)
    ((_, asked),) = server.log
    assert asked and 0 < int(asked.removeprefix("bytes=").rstrip("-")) <= 9_000


def test_a_missing_file_is_named(sent: keras.Model, server: Server) -> None:
    server.files.clear()
    with pytest.raises(DownloadError, match=f"{path_of('resnet50').name} answered 404"):
        backbones.backbone("resnet50")


def test_no_network_is_named_with_the_address(sent: keras.Model) -> None:
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9/w\.h5") as error:
        backbones.backbone("vggface", address="http://127.0.0.1:9/w.h5")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("mobilenet_v2", None),
        ("mobilenet_v2", {"filters": 3}),
        ("vggface", None),
        ("vggface", {"filters": 3}),
        # the others are loaded by place, as Keras does it
        ("vggface", {"first": "another"}),
    ],
)
def test_weights_of_another_network_are_refused(
    sent: keras.Model, server: Server, name: str, wrong: dict[str, Any] | None
) -> None:
    content = b"no h5 file" if wrong is None else published_file(tiny(96, **wrong))
    server.files["/" + path_of(name).name] = content
    title = backbones.BACKBONES[name].title
    with pytest.raises(DownloadError, match=f"{path_of(name).name} .*does not hold {title}'s"):
        backbones.backbone(name)


def test_a_file_that_lacks_a_layer_is_refused(sent: keras.Model, server: Server) -> None:
    part = keras.Model(sent.input, sent.layers[-2].output)
    server.files["/" + path_of("vggface").name] = published_file(part)
    with pytest.raises(DownloadError, match="does not hold VGGFace's weights"):
        backbones.backbone("vggface")


def test_a_damaged_record_is_named_instead_of_trusting_any_file(sent: keras.Model) -> None:
    backbones.backbone("vggface")
    (paths.processed() / "weights" / "weights.json").write_text("{")
    with pytest.raises(DownloadError, match=r"weights\.json is damaged.*delete"):
        backbones.backbone("vggface")


def test_a_new_head_keeps_its_weights_when_the_body_is_loaded_by_name(
    sent: keras.Model, tmp_path: Path
) -> None:
    file = tmp_path / "body.h5"
    file.write_bytes(published_file(sent))
    body = tiny(96)
    pooled = layers.GlobalAveragePooling2D()(body.output)
    model = keras.Model(body.input, layers.Dense(7, name="emotion")(pooled))
    head = model.get_layer("emotion").get_weights()
    assert weight_files.load_by_name(model, file) == ["emotion"]
    np.testing.assert_array_equal(model.get_layer("emotion").get_weights()[0], head[0])
    assert same(body, sent)


def test_a_layer_that_only_the_file_has_is_refused_by_name(
    sent: keras.Model, tmp_path: Path
) -> None:
    file = tmp_path / "body.h5"
    file.write_bytes(published_file(sent))
    with pytest.raises(ValueError, match="has no layer conv1_1"):
        weight_files.load_by_name(tiny(96, "konv1_1"), file)


# ------------------------------------------------------------------------------ the bodies


@pytest.mark.parametrize(
    ("name", "weights", "channels"),
    # the published networks' weights without their classifiers
    [
        ("mobilenet_v2", 2_257_984, 1280),
        ("resnet50", 23_587_712, 2048),
        ("vgg16", 14_714_688, 512),
        ("vggface", 14_714_688, 512),
    ],
)
def test_each_body_is_the_published_network(name: str, weights: int, channels: int) -> None:
    model = backbones.backbone(name, weights=False)
    assert model.count_params() == weights
    assert model.input_shape == (None, 96, 96, 3)
    assert model.output_shape == (None, 3, 3, channels)


def test_vggface_computes_what_vgg16_computes_with_the_same_weights() -> None:
    ours = backbones.backbone("vggface", 48, weights=False)
    theirs = backbones.backbone("vgg16", 48, weights=False)
    ours.set_weights(theirs.get_weights())
    x = np.random.default_rng(0).normal(0, 50, (2, 48, 48, 3)).astype("float32")
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-4, atol=1e-5)
    convolutions = [layer.name for layer in ours.layers if layer.weights]
    assert convolutions[:3] == ["conv1_1", "conv1_2", "conv2_1"] and len(convolutions) == 13
    assert convolutions[-1] == "conv5_3"


@pytest.mark.parametrize(
    ("name", "module"),
    [("mobilenet_v2", "mobilenet_v2"), ("resnet50", "resnet50"), ("vgg16", "vgg16")],
)
def test_each_range_is_the_one_that_keras_makes(name: str, module: str) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 1)).astype("float32")
    own = getattr(keras.applications, module).preprocess_input(grey.repeat(3, axis=-1))
    inputs = keras.Input((48, 48, 1))
    ours = keras.Model(inputs, backbones.prepare(inputs, name, 48))(grey)
    np.testing.assert_allclose(ours, own, atol=1e-3)


def test_vggface_gets_blue_green_red_less_the_mean_face() -> None:
    inputs = keras.Input((48, 48, 1))
    ours = keras.Model(inputs, backbones.prepare(inputs, "vggface", 64))(
        np.full((1, 48, 48, 1), 100)
    )
    assert ours.shape == (1, 64, 64, 3)
    np.testing.assert_allclose(ours[0, 9, 9], [6.406, -4.7624, -29.1863], atol=1e-4)


def test_the_projects_own_bodies_are_small_and_trained() -> None:
    for name in ("rendered", "fer2013"):
        assert backbones.own_file(name).stat().st_size < 2_000_000
        body = backbones.backbone(name)
        assert body.output_shape == (None, 3, 3, 128)
        assert np.abs(body.get_layer("block1_bn").get_weights()[2]).max() > 0.01
    assert not np.any(backbones.backbone("rendered", weights=False).get_weights()[3])


def test_the_recognisers_body_and_last_layer_say_what_the_recogniser_says() -> None:
    whole = networks.residual((8, 8, 12, 16), (1, 1, 1))
    grey = np.random.default_rng(0).integers(0, 256, (4, 48, 48)).astype(np.uint8)
    pooled = frozen_features.features(networks.recogniser_body(whole), "accurate", grey, keep=False)
    kernel, bias = whole.get_layer("emotion").get_weights()
    odds = np.exp(pooled @ kernel + bias)
    expected = whole.predict(grey[..., None] / np.float32(255), verbose=0)
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("alexnet", None, "no backbone 'alexnet': choose mobilenet_v2, resnet50"),
        ("mobilenet_v2", 100, "MobileNetV2 takes images of 96 or 128 or"),
        ("vggface", 47, "VGGFace takes images of 48 or more pixels, not 47"),
        ("rendered", 96, "small body takes images of 48 pixels, not 96"),
    ],
)
def test_what_does_not_exist_is_refused(name: str, size: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        backbones.backbone(name, size)


# ------------------------------------------------------------------------------ saving, loading


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
def test_json_and_weights_give_the_same_predictions(tmp_path: Path, nested: bool) -> None:
    model = recogniser()
    if nested:
        model = keras.Sequential([keras.Input((48, 48, 1)), model], name="gate")
    files = tmp_path / "new" / "model.json", tmp_path / "new" / "model.weights.h5"
    model_files.save_as_published(model, *files)
    again = model_files.load_as_published(*files)
    np.testing.assert_allclose(predicted(again), predicted(model), atol=1e-5)
    assert again.name == model.name
    assert sorted(file.name for file in files[0].parent.iterdir()) == [
        "model.json",
        "model.weights.h5",
    ]


def test_how_a_network_was_trained_is_not_written(tmp_path: Path) -> None:
    def own_loss(truth: Any, guess: Any) -> Any:
        return keras.ops.mean(guess)

    model = recogniser(dtype="mixed_bfloat16")
    model.compile("adam", own_loss)
    model_files.save_as_published(model, tmp_path / "m.json", tmp_path / "m.weights.h5")
    again = model_files.load_as_published(tmp_path / "m.json", tmp_path / "m.weights.h5")
    assert not again.compiled
    np.testing.assert_allclose(
        predicted(again), predicted(model_files.as_float32(model)), atol=1e-5
    )


def test_the_weights_file_holds_no_optimizer(tmp_path: Path) -> None:
    model = recogniser()
    model.optimizer.build(model.trainable_variables)
    model_files.save_as_published(model, tmp_path / "m.json", tmp_path / "m.weights.h5")
    assert (tmp_path / "m.weights.h5").stat().st_size < 4 * model.count_params() + 60_000
    again = model_files.load_as_published(tmp_path / "m.json", tmp_path / "m.weights.h5")
    np.testing.assert_allclose(predicted(again), predicted(model), atol=1e-5)


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
            r"'emotion' expects 72x7 and 7, and the file has 'emotion' with 72x5 and 5",
        ),
        (
            {"filters": 6},
            r"'conv1' expects 3x3x4x8 and 8, and the file has 'conv1' with 3x3x4x6 and 6",
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
    with pytest.raises(ValueError, match=rf"{file.name} .*another network: layer {message}"):
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
    with pytest.raises(ValueError, match=r"its layer 'emotion' with 72x7 and 7 is not in this"):
        model_files.load_weights(shallow, files[0])
    with pytest.raises(ValueError, match=r"'emotion' expects 72x7 and 7, and the file has nothing"):
        model_files.load_weights(deep, files[1])


def test_what_is_no_weights_file_is_refused(tmp_path: Path) -> None:
    for name in ("w.weights.h5", "w.h5"):
        (tmp_path / name).write_bytes(b"<html>not found</html>")
        with pytest.raises(ValueError, match=f"{name} is damaged or no weights file"):
            model_files.load_weights(recogniser(), tmp_path / name)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["something"] = np.zeros(3)
    with pytest.raises(ValueError, match="layer 'conv0' expects 3x3x1x4 and 4, .* has nothing"):
        model_files.load_weights(recogniser(), tmp_path / "w.h5")
    with pytest.raises(ValueError, match=r"m\.keras is no weights file: .* end in \.h5"):
        (tmp_path / "m.keras").write_bytes(b"")
        model_files.load_weights(recogniser(), tmp_path / "m.keras")
    with pytest.raises(FileNotFoundError, match="there is no weights file .*none.h5"):
        model_files.load_weights(recogniser(), tmp_path / "none.h5")


def test_json_that_describes_no_network_is_refused(tmp_path: Path) -> None:
    model_files.save_as_published(recogniser(), tmp_path / "m.json", tmp_path / "m.weights.h5")
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "cut.json").write_text((tmp_path / "m.json").read_text()[:300])
    layer = layers.Dense(3)
    (tmp_path / "layer.json").write_text(
        json.dumps(keras.saving.serialize_keras_object(layer), default=str)
    )
    (tmp_path / "keras2.json").write_text('{"class_name": "Sequential", "config": {"layers": []}}')
    for name in ("list", "cut", "layer", "keras2"):
        with pytest.raises(ValueError, match=f"{name}.json does not describe a network"):
            model_files.load_as_published(tmp_path / f"{name}.json", tmp_path / "m.weights.h5")


def test_json_that_carries_code_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((3,))
    code = keras.Model(inputs, layers.Lambda(lambda x: x + 1, output_shape=(3,))(inputs))
    (tmp_path / "m.json").write_text(code.to_json())
    with pytest.raises(ValueError, match=r"m\.json does not describe a network: .*Lambda"):
        model_files.load_as_published(tmp_path / "m.json", tmp_path / "m.weights.h5")


def test_keras_wants_the_ending_of_the_weights_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.weights\.h5, not model\.h5"):
        model_files.save_as_published(recogniser(), tmp_path / "m.json", tmp_path / "model.h5")
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_where_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "m.weights.h5"
    file.write_bytes(b"older")

    def full(self: keras.Model, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.Model, "save_weights", full)
    with pytest.raises(OSError, match="No space left"):
        model_files.save_as_published(recogniser(), tmp_path / "m.json", file)
    assert file.read_bytes() == b"older"
    assert [entry.name for entry in tmp_path.iterdir()] == [file.name]


def test_float32_is_the_same_network_with_other_arithmetic() -> None:
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


# ------------------------------------------------------------------------------ ONNX


def onnx_predicted(file: Path) -> np.ndarray:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    assert (entry.name, entry.type, entry.shape[1:]) == ("face", "tensor(float)", [48, 48, 1])
    return session.run(None, {"face": FACES})[0]


@pytest.mark.parametrize("dtype", [None, "mixed_bfloat16"])
def test_keras_json_and_onnx_predict_the_same(tmp_path: Path, dtype: str | None) -> None:
    pytest.importorskip("tf2onnx", reason="ONNX is written with tf2onnx, which is not installed")
    model = model_files.as_float32(recogniser(dtype=dtype))
    model.save(tmp_path / "m.keras")
    model_files.save_as_published(model, tmp_path / "m.json", tmp_path / "m.weights.h5")
    model_files.to_onnx(recogniser(dtype=dtype), tmp_path / "onnx" / "m.onnx")
    from_keras = predicted(keras.models.load_model(tmp_path / "m.keras"))
    from_json = predicted(
        model_files.load_as_published(tmp_path / "m.json", tmp_path / "m.weights.h5")
    )
    for found in (from_keras, from_json, onnx_predicted(tmp_path / "onnx" / "m.onnx")):
        np.testing.assert_allclose(found, predicted(model), atol=1e-5)
    assert np.ptp(predicted(model)) > 0.01
    assert [entry.name for entry in (tmp_path / "onnx").iterdir()] == ["m.onnx"]


def test_a_network_inside_a_network_is_written_too(tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx", reason="ONNX is written with tf2onnx, which is not installed")
    inputs = keras.Input((48, 48, 1), name="face")
    model = keras.Model(inputs, recogniser()(inputs))
    model_files.to_onnx(model, tmp_path / "m.onnx")
    np.testing.assert_allclose(onnx_predicted(tmp_path / "m.onnx"), predicted(model), atol=1e-5)


def test_a_network_that_is_random_inside_has_no_onnx(tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx", reason="ONNX is written with tf2onnx, which is not installed")
    inputs = keras.Input((48, 48, 1), name="face")
    flipped = layers.Flatten()(layers.RandomFlip(name="mirror")(inputs))
    model = keras.Model(inputs, layers.Dense(7, activation="softmax")(flipped))
    with pytest.raises(ValueError, match="mirror is random, .* leave augmentation out"):
        model_files.to_onnx(model, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_the_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ModuleNotFoundError, match="ONNX needs the package tf2onnx: pip install"):
        model_files.to_onnx(recogniser(), tmp_path / "m.onnx")


# ------------------------------------------------------------------------ the recogniser's network


@pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="PyTorch is not installed")
def test_the_quick_layers_learn_what_keras_own_learn() -> None:
    code = """
import keras, numpy as np
from facevalue.data import download
from facevalue.learning import backbones
from facevalue.data import download
from facevalue.learning import model_files
from facevalue.data import download
from facevalue.learning import networks
from facevalue.data import download
from facevalue.learning import weight_files
rng = np.random.default_rng(0)
x, y = rng.random((24, 48, 48, 1), dtype=np.float32), np.arange(24) % 7
weights = None
for quick in (False, True):
    keras.utils.set_random_seed(1)
    model = networks.residual((4, 8, 12), (2, 1), quick=quick)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", jit_compile=False)
    if weights:
        model.set_weights(weights)
    weights = weights or model.get_weights()
    losses = model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0).history["loss"]
    print(*losses, *model.predict(x, verbose=0)[:2].ravel())
"""
    environment = os.environ | {"KERAS_BACKEND": "torch"}
    run: Any = {"capture_output": True, "text": True, "check": True, "env": environment}
    done = subprocess.run([sys.executable, "-c", code], **run)
    plain, quick = (np.array(line.split(), float) for line in done.stdout.strip().splitlines())
    assert plain[0] != pytest.approx(plain[2], abs=0.01)  # it does learn
    assert quick == pytest.approx(plain, abs=1e-3)
