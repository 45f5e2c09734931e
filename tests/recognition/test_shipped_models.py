"""The recognisers in the package, and the Keras files in models/ that they were written from."""

import hashlib

import keras
import numpy as np
import pytest

from facevalue import Recogniser, paths
from facevalue.drawing import course_faces
from facevalue.evaluation import corruptions
from facevalue.recognition.recogniser import NAMES, WEIGHTS

MODELS = paths.root() / "models"
KERAS_FILES = {f"{name}.keras" for name in (*NAMES, "accurate_clean", "fast_clean")}


@pytest.fixture(scope="module")
def drawn():
    return course_faces.load("rendered", 2_000).split("PublicTest")


def by_keras(name, images):
    model = keras.models.load_model(MODELS / f"{name}.keras", compile=False)
    return model.predict(images[..., None] / np.float32(255), verbose=0), model.count_params()


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        (MODELS, {*KERAS_FILES, "accurate_clean.onnx", "first.onnx"}),  # the teachers
        (WEIGHTS, {f"{name}.onnx" for name in NAMES}),
    ],
)
def test_every_file_has_its_checksum(folder, names):
    lines = (line.split() for line in (folder / "SHA256SUMS").read_text().splitlines())
    sums = {name: digest for digest, name in lines}
    files = [*folder.glob("*.keras"), *folder.glob("*.onnx")]
    assert sums == {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    assert set(sums) == names
    assert sum(file.stat().st_size for file in files) < 60_000_000


@pytest.mark.slow
def test_accurate_says_the_same_in_both_forms(drawn):
    expected, parameters = by_keras("accurate", drawn.images)
    found = Recogniser("accurate").probabilities(drawn.images)
    assert found == pytest.approx(expected, abs=1e-4)
    assert parameters < 6_000_000


@pytest.mark.parametrize("contrast", [1.0, 0.1])
@pytest.mark.slow
def test_fast_says_nearly_the_same_in_8_bits(drawn, contrast):
    assert (WEIGHTS / "fast.onnx").stat().st_size < 1_000_000
    rng = np.random.default_rng(0)
    images = corruptions.low_contrast(drawn.images, contrast, rng)
    expected, _ = by_keras("fast", images)
    found = Recogniser("fast").probabilities(images)
    assert np.abs(found - expected).mean() < 0.02
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.95


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_they_read_drawings_though_they_learnt_from_photos(name, drawn):
    """Always happy would be right for a quarter of them."""
    found = Recogniser(name).probabilities(drawn.images).argmax(axis=1)
    assert (found == drawn.labels).mean() > 0.6
