"""Saving and loading classical models, and files that are refused."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import skops.io as skops
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from facevalue.learning import classical, classical_files, image_features, mirror_ridge


@pytest.fixture(scope="module")
def model(drawn):
    steps = make_pipeline(image_features.Gradients(8), PCA(30, random_state=0), SVC(C=3))
    return classical.fit(steps, drawn.images, drawn.labels)


@pytest.mark.slow
def test_a_saved_model_predicts_the_same(model, drawn, tmp_path):
    size = classical_files.save(model, tmp_path / "model.skops")
    assert [file.name for file in tmp_path.iterdir()] == ["model.skops"]
    assert size == (tmp_path / "model.skops").stat().st_size
    again = classical_files.load(tmp_path / "model.skops")
    assert np.array_equal(again.predict(drawn.images), model.predict(drawn.images))


@pytest.mark.slow
def test_a_saved_mirror_ridge_predicts_the_same(drawn, tmp_path):
    ridge = mirror_ridge.MirrorRidge(components=20).fit(drawn.images[:100], drawn.labels[:100])
    classical_files.save(ridge, tmp_path / "ridge.skops")
    again = classical_files.load(tmp_path / "ridge.skops")
    assert np.array_equal(again.predict(drawn.images), ridge.predict(drawn.images))


def test_a_missing_model(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no model .*lost\.skops"):
        classical_files.load(tmp_path / "lost.skops")


def test_a_file_that_is_not_a_model(tmp_path):
    path = tmp_path / "model.skops"
    path.write_bytes(b"pickle")
    with pytest.raises(ValueError, match="not a model saved with skops"):
        classical_files.load(path)


def test_a_truncated_model(model, tmp_path):
    path = tmp_path / "model.skops"
    classical_files.save(model, path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match="not a model saved with skops"):
        classical_files.load(path)


def test_a_model_with_a_function_of_its_own(tmp_path):
    skops.dump(FunctionTransformer(test_a_missing_model), tmp_path / "own.skops")
    with pytest.raises(ValueError, match="types that are not trusted .*test_a_missing_model"):
        classical_files.load(tmp_path / "own.skops")
    with pytest.raises(ValueError, match="types that are not trusted"):
        classical_files.save(FunctionTransformer(test_a_missing_model), tmp_path / "new.skops")
    assert not (tmp_path / "new.skops").exists()


def test_something_else_than_a_classifier(tmp_path):
    skops.dump(PCA(2), tmp_path / "pca.skops")
    with pytest.raises(ValueError, match="PCA, which cannot predict"):
        classical_files.load(tmp_path / "pca.skops")


def test_a_file_that_unpacks_to_too_much(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "bomb.skops", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b"0" * 100_000)
    monkeypatch.setattr(classical_files, "MAX_BYTES", 50_000)
    with pytest.raises(ValueError, match="unpacks to 100,000 bytes"):
        classical_files.load(tmp_path / "bomb.skops")
