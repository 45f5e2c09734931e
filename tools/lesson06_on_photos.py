"""Measure what notebook 06 shows of real photos, and write it to reports/on_real_photos.

    python tools/lesson06_on_photos.py

It reads FER-2013 and FER+ from data/raw or FACEVALUE_DATA, and the full runs from reports/. What
it trains itself takes about a quarter of an hour; the answers of each model are kept in
data/processed/lesson06, so that an interrupted run goes on where it was. Only counts are written,
no photo and no line about a single one.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import photo_results
from bench_recogniser import without_copies
from photo_results import Rows
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from facevalue import paths
from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import results
from facevalue.exploration import second_opinion
from facevalue.files import checksum
from facevalue.learning import classical, cross_validation, image_features
from facevalue.learning.image_features import BinaryPatterns, Gradients, ImageFeatures, Pixels
from facevalue.learning.mirror_ridge import MirrorRidge
from facevalue.recognition.recogniser import Recogniser

RUN = f"run of {date.today()}, {os.cpu_count()} cores"
FULL = "FER-2013, full run of 2026-11-21, 2 cores"
SEED = 42

FEW = 3_000
"""How many Training photos the models learn from that are trained here."""

REGIONS: dict[str, tuple[slice, Any]] = {
    "forehead": (slice(0, 1), slice(0, 6)),
    "eyes and eyebrows": (slice(1, 3), slice(1, 5)),
    "nose and cheeks": (slice(3, 4), slice(1, 5)),
    "mouth": (slice(4, 6), slice(1, 5)),
    "left and right edge": (slice(1, 6), [0, 5]),
}
"""Parts of a face, in squares of 8 x 8 pixels: rows and columns."""

PARTS: dict[str, MirrorRidge] = {
    "one view: HOG": MirrorRidge((("gradients", 8),), mirror=False),
    "whitened": MirrorRidge((("gradients", 8),), mirror=False, whiten=True),
    "overlapping cells": MirrorRidge((("overlapping gradients", 8),), mirror=False),
    "and LBP: three views": MirrorRidge(mirror=False),
    "and mirror images": MirrorRidge(),
}
"""The best model, taken apart: each row changes one thing."""


def on_components(view: ImageFeatures, model: BaseEstimator, whiten: bool = True) -> Pipeline:
    """Return a model of the 253 principal components of a view, as in the notebook."""
    return make_pipeline(view, PCA(253, whiten=whiten, svd_solver="covariance_eigh"), model)


def svm() -> SVC:
    """Return the support vector machine of the notebook; a large cache only makes it quicker."""
    return SVC(C=2, cache_size=2_000)


MODELS: dict[str, BaseEstimator] = {
    "three views, mirrored": MirrorRidge(),
    "SVM on HOG, whitened PCA": on_components(Gradients(8), svm()),
    "SVM on LBP, whitened PCA": on_components(BinaryPatterns(12), svm()),
    "k nearest neighbours on HOG": on_components(
        Gradients(8), KNeighborsClassifier(15, metric="cosine", weights="distance")
    ),
    "SVM on pixels, whitened PCA": on_components(Pixels(), svm()),
    "SVM on PCA 253": on_components(Pixels(), svm(), whiten=False),
    "logistic regression on HOG": on_components(
        Gradients(8), LogisticRegression(C=0.01, max_iter=300)
    ),
    "LDA on HOG": on_components(Gradients(8), LinearDiscriminantAnalysis()),
    "gradient boosting on HOG": on_components(
        Gradients(8),
        HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=8, max_features=0.2, random_state=SEED
        ),
    ),
    "random forest on PCA 253": on_components(
        Pixels(), RandomForestClassifier(100, bootstrap=False, random_state=SEED), whiten=False
    ),
    "decision tree on PCA 253": on_components(
        Pixels(), DecisionTreeClassifier(max_depth=14, random_state=SEED), whiten=False
    ),
}
"""The notebook's models, from images to answers, the best with all photos first."""

COPIED = (
    "LDA on HOG",
    "k nearest neighbours on HOG",
    "SVM on HOG, whitened PCA",
    "three views, mirrored",
)
"""Models that learn from all Training photos here, to be tested without the copies."""


def kept(name: str, answer: Callable[[], np.ndarray]) -> np.ndarray:
    """Return what `answer` returns, from the file of an earlier run if there is one."""
    file = paths.processed() / "lesson06" / f"{name}.npy"
    if not file.is_file():
        file.parent.mkdir(exist_ok=True)
        print(f"{name} ...", file=sys.stderr)
        np.save(file, answer())
    return np.load(file)


def fitted(
    model: BaseEstimator, faces: np.ndarray, labels: np.ndarray, test: np.ndarray
) -> np.ndarray:
    """Return the predictions of a model for the test images after training."""
    return classical.predict(classical.fit(model, faces, labels), test)


def count(name: str, series: str, right: np.ndarray) -> tuple[str, str, int, int]:
    """Return a line of a panel: how many of the images have a property."""
    return name, series, int(np.sum(right)), len(right)


def ablation(train: Dataset, public: Dataset) -> tuple[str, Rows]:
    """Return how many of PublicTest each part of the best model gains."""
    rows: Rows = []
    for name, model in PARTS.items():
        guesses = kept(name, partial(fitted, model, train.images, train.labels, public.images))
        rows.append(count(name, "PublicTest", guesses == public.labels))
    first, best = (row[2] / row[3] for row in (rows[0], rows[-1]))
    return f"three views and mirror images lift {first:.3f} to {best:.3f}", rows


def balance(data: Dataset) -> tuple[str, Rows]:
    """Return the accuracy and the recall of disgust with and without balancing, on one fold."""
    train = data.sample(2 * FEW, SEED).split("Training")
    groups = cross_validation.groups(train.images)
    learn, check = cross_validation.folds(train.labels, groups)[0]
    view = image_features.Gradients(8)
    features = view.transform(train.images)
    axes = image_features.pca(features[learn], 253, whiten=True)
    features = axes.transform(features)
    rng = np.random.default_rng(SEED)
    sizes = np.bincount(train.labels[learn])
    more = [
        rng.choice(learn[train.labels[learn] == label], sizes.max() - size)
        for label, size in enumerate(sizes)
    ]
    ways = {
        "unchanged": (None, learn),
        "class weights": ("balanced", learn),
        "upsampled": (None, np.concatenate([learn, *more])),
    }
    rows: Rows = []
    disgust = train.labels[check] == EMOTIONS.index("disgust")
    for name, (weight, used) in ways.items():
        model = LogisticRegression(C=0.01, max_iter=300, class_weight=weight)
        guesses = kept(
            f"balance {name}",
            partial(fitted, model, features[used], train.labels[used], features[check]),
        )
        right = guesses == train.labels[check]
        rows.append(count(name, "all emotions: accuracy", right))
        rows.append(count(name, "disgust: recall", right[disgust]))
    found = [row[2] / row[3] for row in rows]
    title = f"class weights find {found[3]:.0%} of disgust, not {found[1]:.0%},"
    return f"{title} and cost {100 * (found[0] - found[2]):.0f} points", rows


def full_run(*splits: str) -> pd.DataFrame:
    """Return the rows of the full run on FER-2013 that are about some splits."""
    table = results.read().query("data == 'fer2013' and profile == 'full'")
    return table[table["split"].isin(splits)].set_index("model")


def published() -> tuple[str, Rows]:
    """Return the accuracy of tree, forest and SVM on both tests, the published and ours."""
    table = full_run("PublicTest + PrivateTest")
    names = [f"{name} on PCA 253" for name in ("decision tree", "random forest", "SVM")]
    rows: Rows = []
    for name, row in table.loc[names].iterrows():
        of = int(row["images"])
        rows.append((str(name), "project 3", round(row["published"] * of), of))
        rows.append((str(name), "ours", round(row["accuracy"] * of), of))
    shares = " < ".join(f"{row[2] / row[3]:.2f}" for row in rows[1::2])
    return f"tree < forest < SVM: {shares}, as in project 3", rows


def components() -> tuple[str, Rows]:
    """Return the accuracy on PublicTest of trees on fewer components, from reports/classical.md."""
    means = {"25": 0.313, "50": 0.300, "100": 0.291, "253": 0.303}
    rows: Rows = [
        (f"{k} components", "PublicTest", round(mean * 3_589), 3_589) for k, mean in means.items()
    ]
    return "on 25 components the tree is as good as on 253, or better", rows


def models(few: Dataset, private: Dataset) -> tuple[str, Rows]:
    """Return the accuracy of every model with few photos, and that of the full run with all."""
    accuracy = full_run("PrivateTest")["accuracy"].astype(float)
    rows: Rows = []
    for name, model in MODELS.items():
        guesses = kept(
            f"few {name}", partial(fitted, model, few.images, few.labels, private.images)
        )
        of = len(private)
        rows.append(count(name, f"{FEW:,} photos", guesses == private.labels))
        rows.append((name, "28,709 photos", round(accuracy[name] * of), of))
    shares = {row[:2]: row[2] / row[3] for row in rows}
    gains = [
        shares[f"{name} on HOG{end}", "28,709 photos"]
        - shares[f"{name} on HOG{end}", f"{FEW:,} photos"]
        for name, end in (("SVM", ", whitened PCA"), ("k nearest neighbours", ""), ("LDA", ""))
    ]
    points = "the SVM {:.0f} points, the neighbours {:.0f}, LDA {:.0f}".format(
        *(100 * gain for gain in gains)
    )
    return f"on edges, more photos gain {points}", rows


def copies(data: Dataset, network: np.ndarray) -> tuple[str, Rows]:
    """Return the accuracy on PrivateTest with and without the copies of Training photos."""
    train, private = data.split("Training"), data.split("PrivateTest")
    new = without_copies(data)
    answers = {
        name: kept(
            f"all {name}", partial(fitted, MODELS[name], train.images, train.labels, private.images)
        )
        for name in COPIED
    }
    rows: Rows = []
    for name, guesses in {"recogniser": network, **answers}.items():
        right = guesses == private.labels
        rows.append(count(name, "all of PrivateTest", right))
        rows.append(count(name, "without copies", right[new]))
    lost = [100 * (a[2] / a[3] - b[2] / b[3]) for a, b in zip(rows[::2], rows[1::2], strict=True)]
    names = [row[0] for row in rows[::2]]
    most = int(np.argmax(lost))
    return (
        f"without copies, {names[most]} loses {lost[most]:.1f} points, the recogniser {lost[0]:.1f}"
    ), rows


def importance(train: Dataset, private: Dataset) -> tuple[str, Rows]:
    """Return how many photos are no longer right when a region is that of somebody else."""
    model: Pipeline = make_pipeline(
        image_features.Gradients(8), PCA(100, whiten=True, random_state=SEED), SVC(C=2)
    )

    def answers() -> np.ndarray:
        some = private.images[:1_000]
        classical.fit(model, train.images, train.labels)
        rng = np.random.default_rng(SEED)
        guesses = [classical.predict(model, some)]
        for down, right in REGIONS.values():
            mixed = some.copy()
            blocks = mixed.reshape(-1, 6, 8, 6, 8)
            others = blocks[rng.permutation(len(some))]
            squares = np.zeros((6, 6), bool)
            squares[down, right] = True
            swap = squares[None, :, None, :, None]
            mixed = np.where(swap, others, blocks).reshape(some.shape)
            guesses.append(classical.predict(model, mixed))
        return np.array(guesses)

    guesses = kept("importance", answers)
    right = guesses == private.labels[: guesses.shape[1]]
    rows = [
        count(name, "answers that become wrong", ~region[right[0]])
        for name, region in zip(REGIONS, right[1:], strict=True)
    ]
    worst = max(rows, key=lambda row: row[2])
    return f"another {worst[0]} spoils {worst[2] / worst[3]:.0%} of the right answers", rows


def emotions(private: Dataset, network: np.ndarray) -> tuple[str, Rows]:
    """Return the recall of each emotion by the recogniser."""
    rows = [
        count(name, "recogniser", network[private.labels == label] == label)
        for label, name in enumerate(EMOTIONS)
    ]
    shares = {row[0]: row[2] / row[3] for row in rows}
    worst, best = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
    title = f"the recogniser finds {shares[best]:.0%} of {best}, {shares[worst]:.0%} of {worst}"
    return title, rows


def confusions(private: Dataset, network: np.ndarray) -> tuple[str, Rows]:
    """Return the six most frequent mistakes of the recogniser, as shares of the true emotion."""
    table = pd.crosstab(private.labels, network).to_numpy()
    sizes = table.sum(axis=1)
    off = table / sizes[:, None]
    np.fill_diagonal(off, 0)
    order = np.argsort(-off, axis=None)[:6]
    rows: Rows = []
    for true, said in zip(*np.unravel_index(order, off.shape), strict=True):
        name = f"{EMOTIONS[true]}, called {EMOTIONS[said]}"
        rows.append((name, "recogniser", int(table[true, said]), int(sizes[true])))
    name, _, count, _ = max(rows, key=lambda row: row[2])
    share = rows[0][2] / rows[0][3]
    return f"most often: {name} ({count} photos); by share: {rows[0][0]} ({share:.0%})", rows


def people(data: Dataset, network: np.ndarray) -> tuple[str, Rows]:
    """Return how often people and models agree with the label of PrivateTest."""
    bounds = second_opinion.upper_bounds(second_opinion.second_opinion(data), data)
    private = data.split("PrivateTest")
    of = len(private)
    majority, person = bounds.loc["PrivateTest", ["majority", "one_person"]].to_numpy(float)
    accuracy = full_run("PrivateTest")["accuracy"].astype(float)
    label, answer = "agrees with the label", "predicts one more rater's answer"
    rows: Rows = [
        count("always happy", label, private.labels == EMOTIONS.index("happy")),
        ("majority of ten raters", label, round(float(majority) * of), of),
    ]
    for name in ("three views, mirrored", "visual words and three views"):
        rows.append((name, label, round(accuracy[name] * of), of))
    rows.append(count("recogniser", label, network == private.labels))
    rows.append(("majority of the other raters", answer, round(float(person) * of), of))
    raters, model = rows[1][2] / of, rows[4][2] / of
    return f"raters agree with {raters:.0%} of the labels, the recogniser with {model:.0%}", rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; return the exit code."""
    data = course_faces.load("fer2013")
    private = data.split("PrivateTest")
    few = data.sample(FEW, SEED).split("Training")
    tested, learnt = (
        f"PrivateTest of FER-2013, {RUN}",
        f"{FEW:,} Training photos of FER-2013, {RUN}",
    )

    def network() -> np.ndarray:
        model = Recogniser("accurate")
        name = f"recogniser-{checksum(model.file)[:12]}"
        return kept(name, lambda: model.probabilities(private.images)).argmax(axis=1)

    parts: dict[str, tuple[str, Callable[[], tuple[str, Rows]]]] = {
        "models": (
            f"PrivateTest of FER-2013; {FEW:,} photos: {RUN}; 28,709: full run of 2026-11-21",
            lambda: models(few, private),
        ),
        "copies": (
            f"PrivateTest of FER-2013, after all Training photos, {RUN}",
            lambda: copies(data, network()),
        ),
        "published": (f"both test splits of {FULL}", published),
        "components": (f"PublicTest of {FULL}; means of three seeds", components),
        "emotions": (tested, lambda: emotions(private, network())),
        "confusions": (tested, lambda: confusions(private, network())),
        "people": (
            f"{tested}; raters: FER+; people who tried: 65 ± 5 % (Goodfellow and others, 2013)",
            lambda: people(data, network()),
        ),
        "importance": (
            f"1,000 photos of PrivateTest, after {learnt}",
            lambda: importance(few, private),
        ),
        "balance": (f"a third of {2 * FEW:,} Training photos, {RUN}", lambda: balance(data)),
        "parts": (
            f"PublicTest, after {learnt}",
            lambda: ablation(few, data.split("PublicTest")),
        ),
    }
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=parts, help="only these")
    for name in parser.parse_args(arguments).only or parts:
        note, measure = parts[name]
        photo_results.write("06", name, note, *measure())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
