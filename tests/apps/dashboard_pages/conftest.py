"""Models whose answers are known, and faces for the game."""

import hashlib
import sys

import numpy as np
import pytest
import streamlit as st
from dashboard_helpers import (
    LEVELS,
    flat,
    network,
)

from apps.dashboard_pages import (
    shared,
)
from facevalue import Recogniser
from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    """Ship the tiny model under both names, forget what other tests loaded, and use no settings."""
    content = network()
    digest = hashlib.sha256(content).hexdigest()
    for name in ("fast", "accurate"):
        (tmp_path / f"{name}.onnx").write_bytes(content)
    sums = [f"{digest}  {name}.onnx\n" for name in ("fast", "accurate")]
    (tmp_path / "SHA256SUMS").write_text("".join(sums))
    monkeypatch.setattr(shared, "Recogniser", lambda name: Recogniser(name, tmp_path, threads=1))
    for variable in ("FACEVALUE_DATASET", "FACEVALUE_PROFILE", "DATABASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    # AppTest leaves its script there, and the processes of later tests would begin by running it
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def known_faces(monkeypatch):
    """Give the game 70 faces of known labels; of each third one, the model is wrong."""
    labels = np.arange(70) % 7
    said = np.where(np.arange(70) % 3 == 0, (labels + 1) % 7, labels)
    images = np.stack([flat(LEVELS[k]) for k in said])
    for number, image in enumerate(images):  # no two are equal
        image[0, :2] = number
    known = images[:7]  # the model has seen these
    dataset = Dataset(
        "fer2013",
        np.concatenate([known, images]),
        np.concatenate([labels[:7], labels]),
        np.array(["Training"] * 7 + ["PrivateTest"] * 70),
        np.array(["somewhere"] * 77),
    )
    monkeypatch.setattr(course_faces, "load", lambda name, train_images: dataset)
    return labels[7:], said[7:]
