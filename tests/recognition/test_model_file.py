"""Model files are checked before they are run."""

import hashlib

import numpy as np
import pytest
from tiny_network import WEIGHTS, network, ship

from facevalue import Recogniser


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="fast.onnx is not in"):
        Recogniser("fast", folder=tmp_path)
    ship(tmp_path, network())
    (tmp_path / "SHA256SUMS").unlink()
    with pytest.raises(FileNotFoundError, match="SHA256SUMS is not in"):
        Recogniser("fast", folder=tmp_path)


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b""])
def test_a_damaged_file_is_refused(tmp_path, change):
    ship(tmp_path, network())
    file = tmp_path / "fast.onnx"
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(ValueError, match="damaged or another file"):
        Recogniser("fast", folder=tmp_path)


def test_exchanged_files_are_refused(tmp_path):
    contents = {"fast": network(), "accurate": network(weights=-WEIGHTS)}
    lines = [f"{hashlib.sha256(c).hexdigest()}  {name}.onnx\n" for name, c in contents.items()]
    (tmp_path / "SHA256SUMS").write_text("".join(lines))
    for name, content in contents.items():
        (tmp_path / f"{name}.onnx").write_bytes(content)
    assert Recogniser("accurate", folder=tmp_path)(np.full((48, 48), 51, np.uint8))["happy"] < 1 / 7
    (tmp_path / "fast.onnx").write_bytes(contents["accurate"])
    with pytest.raises(ValueError, match="another file"):
        Recogniser("fast", folder=tmp_path)


def test_a_file_that_is_not_listed_is_refused(tmp_path):
    ship(tmp_path, network())
    (tmp_path / "accurate.onnx").write_bytes(network())
    with pytest.raises(ValueError, match="SHA256SUMS does not list accurate.onnx"):
        Recogniser("accurate", folder=tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no model at all", "ONNX Runtime cannot run it"),
        (network(size=64), "ONNX Runtime cannot run it"),
        (network(classes=5), r"float32 of shape \(2, 5\)"),
        (network(last="Identity", weights=WEIGHTS + 1), "does not add up to 1"),
    ],
)
def test_a_file_that_is_no_such_network_is_refused(tmp_path, content, sentence):
    ship(tmp_path, content)
    with pytest.raises(ValueError, match=sentence) as caught:
        Recogniser("fast", folder=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_of_sums_as_sha256sum_writes_it_on_windows(tmp_path):
    content = network()
    (tmp_path / "fast.onnx").write_bytes(content)
    line = f"{hashlib.sha256(content).hexdigest().upper()} *fast.onnx\r\n"
    (tmp_path / "SHA256SUMS").write_bytes(line.encode())
    assert Recogniser("fast", folder=tmp_path).file == tmp_path / "fast.onnx"
