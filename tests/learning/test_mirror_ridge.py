"""Kernel ridge regression on faces and their mirror images."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from facevalue.learning import mirror_ridge


@pytest.mark.slow
def test_mirror_ridge_answers_the_same_for_a_mirrored_face(drawn):
    ridge = mirror_ridge.MirrorRidge(components=40).fit(drawn.images[:300], drawn.labels[:300])
    some = drawn.images[300:]
    straight, mirrored = ridge.decision_function(some), ridge.decision_function(some[:, :, ::-1])
    assert np.allclose(straight, mirrored, atol=1e-4)
    assert (ridge.predict(some) == drawn.labels[300:]).mean() > 0.4


def test_mirror_ridge_is_kernel_ridge_with_mirrored_faces(drawn):
    """Compare with scikit-learn on twice the images; PCA and HOG are not quite mirror-symmetric."""
    images, labels, some = drawn.images[:150], drawn.labels[:150], drawn.images[300:]
    views = (("gradients", 12),)
    ours = mirror_ridge.MirrorRidge(views, components=40, penalty=0.2).fit(images, labels)
    twice = np.vstack([ours._reduce(images), ours._reduce(images[:, :, ::-1])])
    targets = np.where(np.tile(labels, 2)[:, None] == ours.classes_, 1, -1)
    sklearn = KernelRidge(alpha=0.2, kernel="rbf", gamma=ours.width).fit(twice, targets)
    theirs = sum(sklearn.predict(ours._reduce(i)) for i in (some, some[:, :, ::-1])) / 2
    scores = ours.decision_function(some)
    assert np.abs(scores - theirs).mean() < 0.03
    assert (scores.argmax(axis=1) == theirs.argmax(axis=1)).mean() > 0.95


def test_without_mirror_images_it_is_kernel_ridge(drawn):
    images, labels, some = drawn.images[:80], drawn.labels[:80], drawn.images[300:340]
    views = (("gradients", 12),)
    ours = mirror_ridge.MirrorRidge(views, components=30, mirror=False, whiten=True)
    ours.fit(images, labels)
    rows = ours._reduce(images)
    assert np.allclose(rows.std(axis=0), rows.std(), rtol=0.02)  # whitened: equal spread
    targets = np.where(labels[:, None] == ours.classes_, 1, -1)
    sklearn = KernelRidge(alpha=0.15, kernel="rbf", gamma=ours.width).fit(rows, targets)
    theirs = sklearn.predict(ours._reduce(some))
    assert np.allclose(ours.decision_function(some), theirs, atol=1e-3)


@pytest.mark.parametrize("rows", [1, 20, 21, 64])
def test_equations_are_solved_block_by_block(rows, monkeypatch):
    monkeypatch.setattr(mirror_ridge, "BLOCK", 20)
    rng = np.random.default_rng(rows)
    factor, right = rng.normal(size=(rows, rows)), rng.normal(size=(rows, 7))
    matrix = factor @ factor.T + np.eye(rows)
    assert np.allclose(mirror_ridge._solve(matrix.copy(), right), np.linalg.solve(matrix, right))


def test_an_unknown_view(drawn):
    with pytest.raises(ValueError, match="no view 'depth'"):
        mirror_ridge.MirrorRidge((("depth", 8),)).fit(drawn.images[:50], drawn.labels[:50])
