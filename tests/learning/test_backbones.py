"""Backbones: their shapes, what they expect, and weights from a local server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from keras_2_file import published_file, same
from web_server import Server

from facevalue import paths
from facevalue.data.download import DownloadError
from facevalue.learning import backbones


def tiny(size: int, first: str = "conv1_1", filters: int = 4) -> keras.Model:
    x = inputs = keras.Input((size, size, 3), name="input_1")
    x = layers.Conv2D(filters, 3, strides=4, name=first)(x)
    x = layers.BatchNormalization(name="bn")(x)
    return keras.Model(inputs, layers.Conv2D(5, 3, name="conv1_2")(x))


@pytest.fixture
def sent(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[keras.Model]:
    """Return the network whose weights the server has, under each backbone's own file name."""
    monkeypatch.setattr(paths, "processed", lambda: tmp_path)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    keras.utils.set_random_seed(1)
    model = tiny(96)
    content = published_file(model)
    for name in backbones.PUBLISHED:
        spec = backbones.BACKBONES[name]
        file = spec.url.rpartition("/")[2].format(size=96)
        server.files[f"/{file}"] = content
        md5 = hashlib.md5(content).hexdigest() if spec.md5 else ""  # noqa: S324
        changed = replace(spec, build=tiny, url=f"{server.url}/{file}", md5=md5)
        monkeypatch.setitem(backbones.BACKBONES, name, changed)
    yield model


def path_of(name: str) -> Path:
    url = backbones.BACKBONES[name].url
    return paths.processed() / "weights" / url.rpartition("/")[2]


@pytest.mark.parametrize("name", backbones.PUBLISHED)
def test_the_weights_are_downloaded_once_and_recorded(
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


def test_a_file_that_changed_on_disk_is_downloaded_again(sent: keras.Model, server: Server) -> None:
    backbones.backbone("vggface")
    path_of("vggface").write_bytes(b"damaged")
    assert same(backbones.backbone("vggface"), sent)
    assert len(server.log) == 2


def test_another_file_on_the_server_is_refused_and_not_kept(
    sent: keras.Model, server: Server
) -> None:
    backbones.backbone("vggface")
    path_of("vggface").unlink()
    server.files["/" + path_of("vggface").name] = published_file(tiny(96))
    with pytest.raises(DownloadError, match="its checksum is wrong"):
        backbones.backbone("vggface")
    assert not path_of("vggface").exists()


def test_a_file_without_the_published_md5_is_refused_and_not_kept(
    sent: keras.Model, server: Server
) -> None:
    server.files["/" + path_of("vgg16").name] = published_file(tiny(96))
    with pytest.raises(DownloadError, match="is not the expected file: its checksum is wrong"):
        backbones.backbone("vgg16")
    assert not path_of("vgg16").exists()
    assert not (path_of("vgg16").parent / "weights.json").exists()


def test_an_interrupted_download_resumes(sent: keras.Model, server: Server) -> None:
    server.cut_after = [9_000, 0, 0, 0]
    with pytest.raises(DownloadError, match="bytes are kept"):
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
        backbones.backbone("vggface", url="http://127.0.0.1:9/w.h5")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("mobilenet_v2", None),
        ("mobilenet_v2", {"filters": 3}),
        ("vggface", None),
        ("vggface", {"filters": 3}),
    ],
)
def test_weights_of_another_network_are_refused(
    sent: keras.Model, server: Server, name: str, wrong: dict[str, Any] | None
) -> None:
    content = b"no h5 file" if wrong is None else published_file(tiny(96, **wrong))
    server.files["/" + path_of(name).name] = content
    title = backbones.BACKBONES[name].title
    with pytest.raises(DownloadError, match=f"{path_of(name).name} does not hold .* {title}"):
        backbones.backbone(name)


def test_a_file_that_lacks_a_layer_is_refused(sent: keras.Model, server: Server) -> None:
    part = keras.Model(sent.input, sent.layers[-2].output)
    server.files["/" + path_of("vggface").name] = published_file(part)
    with pytest.raises(DownloadError, match="does not hold the weights of VGGFace"):
        backbones.backbone("vggface")


def test_a_damaged_record_is_named_instead_of_trusting_any_file(sent: keras.Model) -> None:
    backbones.backbone("vggface")
    (paths.processed() / "weights" / "weights.json").write_text("{")
    with pytest.raises(DownloadError, match=r"weights\.json is damaged.*delete"):
        backbones.backbone("vggface")


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
@pytest.mark.slow
def test_each_body_is_the_published_network(name: str, weights: int, channels: int) -> None:
    model = backbones.backbone(name, weights=False)
    assert model.count_params() == weights
    assert model.input_shape == (None, 96, 96, 3)
    assert model.output_shape == (None, 3, 3, channels)


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_projects_own_bodies_are_small_and_trained() -> None:
    for name in ("rendered", "fer2013"):
        assert backbones.own_file(name).stat().st_size < 2_000_000
        body = backbones.backbone(name)
        assert body.output_shape == (None, 3, 3, 128)
        assert np.abs(body.get_layer("block1_bn").get_weights()[2]).max() > 0.01
    assert not np.any(backbones.backbone("rendered", weights=False).get_weights()[3])


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("alexnet", None, "no backbone 'alexnet': choose one of efficientnet_lite0, mobilenet_v2"),
        ("mobilenet_v2", 100, "MobileNetV2 takes images of 96 or 128 or"),
        ("vggface", 47, "VGGFace takes images of 48 or more pixels, not 47"),
        ("rendered", 96, "small body, of muscles takes images of 48 pixels, not 96"),
    ],
)
def test_an_unknown_name_or_size_is_refused(name: str, size: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        backbones.backbone(name, size)
