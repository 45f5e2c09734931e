"""Features and models of classical learning: by hand, by symmetry, and with bad input."""

from __future__ import annotations

import zipfile

import cv2
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.kernel_ridge import KernelRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from facevalue.drawing import drawn_set
from facevalue.learning import classical, classical_files, image_features, mirror_ridge

skops = pytest.importorskip("skops.io", reason="skops is not installed")


@pytest.fixture(scope="module")
def drawn():
    return drawn_set.sample(400, seed=5, progress=False)


@pytest.fixture(scope="module")
def model(drawn):
    steps = make_pipeline(image_features.Gradients(8), PCA(30, random_state=0), SVC(C=3))
    return classical.fit(steps, drawn.images, drawn.labels)


# --------------------------------------------------------------------------------- features


def test_pixels_are_the_image_row_by_row(drawn):
    rows = image_features.Pixels().transform(drawn.images[:3])
    assert rows.dtype == np.float32
    assert np.allclose(rows.reshape(3, 48, 48) * 255, drawn.images[:3])


def test_gradients_do_not_depend_on_brightness_and_contrast():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 100, (1, 48, 48)).astype("uint8")
    hog = image_features.Gradients(8)
    assert hog.transform(image).shape == (1, 5 * 5 * 4 * 9)
    assert np.allclose(hog.transform(image), hog.transform(image + 50), atol=1e-5)
    assert np.allclose(hog.transform(image), hog.transform(image * 2), atol=0.02)


def test_gradients_find_the_direction_of_an_edge():
    upright = np.tile(np.arange(48, dtype="uint8") * 5, (48, 1))
    hog = image_features.Gradients(8)
    both = hog.transform(np.stack([upright, upright.T])).reshape(2, -1, 9).mean(axis=1)
    # OpenCV's bins begin at the horizontal gradient, which a ramp to the right has
    assert set(both[0].argsort()[-2:]) == {0, 8}
    assert both[1].argmax() == 4


def binary_pattern(image, y, x):
    """Return the bin of one pixel, straight from the definition."""
    circle = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    bits = [int(image[y + dy, x + dx] >= image[y, x]) for dy, dx in circle]
    changes = sum(bits[i] != bits[i - 1] for i in range(8))
    code = sum(bit << i for i, bit in enumerate(bits))
    uniform = [
        c for c in range(256) if sum((c >> i & 1) != (c >> (i - 1) % 8 & 1) for i in range(8)) <= 2
    ]
    assert len(uniform) == 58
    return uniform.index(code) if changes <= 2 else 58


def test_binary_patterns_as_defined():
    image = np.random.default_rng(1).integers(0, 256, (48, 48)).astype("uint8")
    ours = image_features.BinaryPatterns(8).transform(image[None]).reshape(6, 6, 59)
    expected = np.zeros(59)
    for y in range(16, 24):
        for x in range(8, 16):
            expected[binary_pattern(image, y, x)] += 1
    assert np.allclose(ours[2, 1] ** 2 * 64, expected, atol=1e-3)
    assert np.allclose((ours**2).sum(axis=2), 1, atol=1e-5)


def test_binary_patterns_do_not_depend_on_brightness():
    image = np.random.default_rng(2).integers(0, 120, (1, 48, 48)).astype("uint8")
    lbp = image_features.BinaryPatterns(12)
    assert np.array_equal(lbp.transform(image), lbp.transform(image * 2 + 10))


@pytest.mark.parametrize(
    "features", [image_features.Gradients(7), image_features.BinaryPatterns(5)]
)
def test_a_cell_that_does_not_fit(features, drawn):
    with pytest.raises(ValueError, match="fit|divide"):
        features.transform(drawn.images[:1])


def test_overlapping_gradients_contain_the_plain_ones(drawn):
    plain = image_features.Gradients(8).transform(drawn.images[:2]).reshape(2, 5, 5, 36)
    fine = image_features.Gradients(8, step=4).transform(drawn.images[:2]).reshape(2, 9, 9, 36)
    assert np.allclose(fine[:, ::2, ::2], plain, atol=1e-6)
    with pytest.raises(ValueError, match="must divide 8"):
        image_features.Gradients(8, step=3).transform(drawn.images[:1])


def test_no_images_give_no_rows():
    empty = np.zeros((0, 48, 48), "uint8")
    assert image_features.Gradients(8).transform(empty).shape == (0, 900)
    assert image_features.BinaryPatterns(8).transform(empty).shape == (0, 2124)


# -------------------------------------------------------------------------------- bad input


def test_fewer_samples_than_components():
    with pytest.raises(ValueError, match="253 components cannot be found in 100 faces"):
        image_features.pca(np.zeros((100, 900)), 253)


def test_one_class_only(drawn):
    with pytest.raises(ValueError, match="only class 3 is among the labels"):
        classical.fit(SVC(), np.zeros((5, 4)), np.full(5, 3))
    with pytest.raises(ValueError, match="two emotions"):
        mirror_ridge.MirrorRidge().fit(drawn.images[:5], np.full(5, 3))


def test_labels_for_other_faces():
    with pytest.raises(ValueError, match="one label for each of the 5 faces"):
        classical.fit(SVC(), np.zeros((5, 4)), np.arange(4))


def test_pixels_that_are_no_numbers(model):
    images = np.zeros((3, 48, 48))
    images[1, 5, 5] = np.nan
    with pytest.raises(ValueError, match="image 1 has pixels that are not numbers"):
        classical.predict(model, images)
    rows = np.zeros((3, 20))
    rows[2, 7] = np.nan
    with pytest.raises(ValueError, match="row 2 of the features holds NaN"):
        image_features.pca(rows, 2)
    with pytest.raises(ValueError, match="row 2"):
        classical.fit(SVC(), rows, np.array([0, 1, 1]))


def test_a_feature_vector_of_the_wrong_length():
    svm = classical.fit(SVC(), np.eye(6), np.arange(6) % 2)
    with pytest.raises(ValueError, match="has 5 numbers, but the model was trained on 6"):
        classical.predict(svm, np.zeros((2, 5)))


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 47, 48), "uint8"), "shape"),
        (np.zeros((48, 48), "uint8"), "shape"),
        (np.zeros((2, 48, 48), "float32"), "uint8"),
    ],
)
def test_images_of_another_kind(model, images, words):
    with pytest.raises(ValueError, match=words):
        classical.predict(model, images)


# --------------------------------------------------------------------------------- learning


def test_mirror_ridge_answers_the_same_for_a_mirrored_face(drawn):
    ridge = mirror_ridge.MirrorRidge(components=40).fit(drawn.images[:300], drawn.labels[:300])
    some = drawn.images[300:]
    straight, mirrored = ridge.decision_function(some), ridge.decision_function(some[:, :, ::-1])
    assert np.allclose(straight, mirrored, atol=1e-4)
    assert (ridge.predict(some) == drawn.labels[300:]).mean() > 0.4


def test_mirror_ridge_is_kernel_ridge_with_mirrored_faces(drawn):
    """Against scikit-learn on twice the images; PCA and HOG are not quite mirror-symmetric."""
    images, labels, some = drawn.images[:150], drawn.labels[:150], drawn.images[300:]
    views = (("gradients", 12),)
    ours = mirror_ridge.MirrorRidge(views, components=40, penalty=0.2).fit(images, labels)
    twice = np.vstack([ours._describe(images), ours._describe(images[:, :, ::-1])])
    targets = np.where(np.tile(labels, 2)[:, None] == ours.classes_, 1, -1)
    sklearn = KernelRidge(alpha=0.2, kernel="rbf", gamma=ours.width).fit(twice, targets)
    theirs = sum(sklearn.predict(ours._describe(i)) for i in (some, some[:, :, ::-1])) / 2
    scores = ours.decision_function(some)
    assert np.abs(scores - theirs).mean() < 0.03
    assert (scores.argmax(axis=1) == theirs.argmax(axis=1)).mean() > 0.95


@pytest.mark.parametrize("rows", [1, 20, 21, 64])
def test_many_equations_are_solved_block_by_block(rows, monkeypatch):
    monkeypatch.setattr(image_features, "BLOCK", 20)
    rng = np.random.default_rng(rows)
    factor, right = rng.normal(size=(rows, rows)), rng.normal(size=(rows, 7))
    matrix = factor @ factor.T + np.eye(rows)
    assert np.allclose(mirror_ridge._solved(matrix.copy(), right), np.linalg.solve(matrix, right))


def test_an_unknown_view(drawn):
    with pytest.raises(ValueError, match="no view 'depth'"):
        mirror_ridge.MirrorRidge((("depth", 8),)).fit(drawn.images[:50], drawn.labels[:50])


def test_groups_join_copies_and_mirror_images(drawn):
    images = drawn.images[:20]
    again = cv2.imdecode(cv2.imencode(".jpg", images[4])[1], cv2.IMREAD_GRAYSCALE)
    more = np.concatenate([images, images[2:3], images[3:4, :, ::-1], again[None]])
    groups = classical.groups(more)
    assert groups[20] == groups[2] and groups[21] == groups[3] and groups[22] == groups[4]
    assert len(np.unique(groups)) == 20


def test_folds_keep_groups_together():
    rng = np.random.default_rng(0)
    groups, labels = rng.integers(0, 80, 300), rng.integers(0, 3, 300)
    folds = classical.folds(labels, groups, 4)
    assert len(folds) == 4
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(300))
    assert not any(set(groups[a]) & set(groups[b]) for a, b in folds)


def test_more_folds_than_faces_of_an_emotion():
    with pytest.raises(ValueError, match="one has only 2"):
        classical.folds(np.array([0] * 10 + [1] * 2), np.arange(12), 3)


# ------------------------------------------------------------------------------------ files


def test_a_saved_model_says_the_same(model, drawn, tmp_path):
    size = classical_files.save(model, tmp_path / "model.skops")
    assert [file.name for file in tmp_path.iterdir()] == ["model.skops"]
    assert size == (tmp_path / "model.skops").stat().st_size
    again = classical_files.load(tmp_path / "model.skops")
    assert np.array_equal(again.predict(drawn.images), model.predict(drawn.images))


def test_a_saved_mirror_ridge_says_the_same(drawn, tmp_path):
    ridge = mirror_ridge.MirrorRidge(components=20).fit(drawn.images[:100], drawn.labels[:100])
    classical_files.save(ridge, tmp_path / "ridge.skops")
    again = classical_files.load(tmp_path / "ridge.skops")
    assert np.array_equal(again.predict(drawn.images), ridge.predict(drawn.images))


def test_a_missing_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="no model lost.skops"):
        classical_files.load(tmp_path / "lost.skops")


def test_a_file_that_is_no_model(tmp_path):
    path = tmp_path / "model.skops"
    path.write_bytes(b"pickle")
    with pytest.raises(ValueError, match="no model saved with skops"):
        classical_files.load(path)


def test_a_model_cut_off(model, tmp_path):
    path = tmp_path / "model.skops"
    classical_files.save(model, path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match="no model saved with skops"):
        classical_files.load(path)


def test_a_model_that_brings_its_own_function(tmp_path):
    skops.dump(FunctionTransformer(test_a_missing_model), tmp_path / "own.skops")
    with pytest.raises(ValueError, match="types that are not loaded: .*test_a_missing_model"):
        classical_files.load(tmp_path / "own.skops")
    with pytest.raises(ValueError, match="types that are not loaded"):
        classical_files.save(FunctionTransformer(test_a_missing_model), tmp_path / "new.skops")
    assert not (tmp_path / "new.skops").exists()


def test_something_else_than_a_classifier(tmp_path):
    skops.dump(PCA(2), tmp_path / "pca.skops")
    with pytest.raises(ValueError, match="PCA, which cannot predict"):
        classical_files.load(tmp_path / "pca.skops")


def test_a_file_that_unpacks_to_too_much(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "bomb.skops", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b"0" * 100_000)
    monkeypatch.setattr(classical_files, "LARGEST", 50_000)
    with pytest.raises(ValueError, match="unpacks to 100,000 bytes"):
        classical_files.load(tmp_path / "bomb.skops")
