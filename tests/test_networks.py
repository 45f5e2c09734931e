"""MobileNetV2 and its weights, from a server on loopback."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import h5py
import keras
import numpy as np
import pytest

from facevalue import networks, paths

NAME = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_96_no_top.h5"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Return a served folder, its address, and keep downloads out of the project's folder."""
    monkeypatch.setattr(paths, "processed", lambda: tmp_path / "processed")
    folder = tmp_path / "served"
    folder.mkdir()
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{httpd.server_port}/"
    httpd.shutdown()
    httpd.server_close()


def legacy_file(path, model):
    """Write weights in the layout of the published files: a group for each layer, by name."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        file.attrs["backend"] = b"tensorflow"
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group.create_dataset(name, data=weight.numpy())


def test_without_download_the_weights_are_random_and_nothing_is_kept(server, capsys):
    _, address = server
    model, imagenet = networks.mobilenet_v2(96, download=False, address=address)
    assert not imagenet
    assert model.output_shape == (None, 3, 3, 1280)
    # the parameter count of the published network without its classifier
    assert model.count_params() == 2_257_984
    assert not (paths.processed() / "weights").exists()
    assert capsys.readouterr().out.count("\n") == 1


def test_weights_arrive_and_the_second_time_need_no_server(server, capsys):
    folder, address = server
    keras.utils.set_random_seed(1)
    sent = keras.applications.MobileNetV2(input_shape=(96, 96, 3), include_top=False, weights=None)
    legacy_file(folder / NAME, sent)
    model, imagenet = networks.mobilenet_v2(96, address=address)
    assert imagenet
    for ours, theirs in zip(model.get_weights(), sent.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    (folder / NAME).unlink()
    again, imagenet = networks.mobilenet_v2(96, address=address)
    assert imagenet
    assert "loaded" in capsys.readouterr().out


def test_a_missing_file_is_said_in_one_sentence(server, capsys):
    _, address = server
    _, imagenet = networks.mobilenet_v2(96, address=address)
    assert not imagenet
    said = capsys.readouterr().out
    assert "404" in said and NAME in said and said.count("\n") == 1


def test_no_server_is_said_in_one_sentence(server, capsys):
    _, imagenet = networks.mobilenet_v2(96, address="http://127.0.0.1:9/")
    assert not imagenet
    assert "127.0.0.1:9" in capsys.readouterr().out


def test_a_damaged_file_is_named(server):
    folder, address = server
    (folder / NAME).write_bytes(b"not the weights")
    with pytest.raises(ValueError, match=f"{NAME}.*delete it"):
        networks.mobilenet_v2(96, address=address)


def test_weights_of_another_network_are_named(server):
    folder, address = server
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="other")])
    legacy_file(folder / NAME, other)
    with pytest.raises(ValueError, match="does not hold MobileNetV2's weights"):
        networks.mobilenet_v2(96, address=address)


def test_a_size_without_weights_is_refused():
    with pytest.raises(ValueError, match="size 100: choose from 96, 128"):
        networks.mobilenet_v2(100)
