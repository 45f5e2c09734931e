"""Measure what notebook 06 shows of real photos, and write it to reports/on_real_photos.

    python tools/lesson06_on_photos.py

It reads FER-2013 and FER+ from data/raw or FACEVALUE_DATA, and the full runs from reports/. What
it trains itself takes about ten minutes of two cores; the answers of each model are kept in
data/processed/lesson06, so that an interrupted run goes on where it was. Only counts are written,
no photo and no line about a single one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from facevalue import paths
from facevalue.data import reference
from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import metrics, results
from facevalue.exploration import second_opinion
from facevalue.files import write_text
from facevalue.learning import classical, cross_validation, image_features
from facevalue.learning.mirror_ridge import MirrorRidge
from facevalue.recognition.recogniser import Recogniser

FOLDER = paths.root() / "reports" / "on_real_photos"
RUN = f"run of {date.today()}, {os.cpu_count()} cores"
FULL = "FER-2013, full run of 2026-11-21, 2 cores"
SEED = 42

FEW = 6_000
"""How many Training photos the parts of the best model are compared on."""

MIDDLE = 10_000
"""How many Training photos the model learns from whose important regions are measured."""

REGIONS = {
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
    "a tenth of the penalty": MirrorRidge(penalty=0.015),
    "ten times the penalty": MirrorRidge(penalty=1.5),
}
"""The best model, taken apart: each row changes one thing."""

Rows = list[tuple[str, str, int, int]]
"""row, series, count and of, as `plots.plot_shares` draws them."""


def kept(name: str, answer: Callable[[], np.ndarray]) -> np.ndarray:
    """Return what `answer` returns, from the file of an earlier run if there is one."""
    file = paths.processed() / "lesson06" / f"{name}.npy"
    if not file.is_file():
        file.parent.mkdir(exist_ok=True)
        print(f"{name} ...", file=sys.stderr)
        np.save(file, answer())
    return np.load(file)


def fitted(model: BaseEstimator, faces: np.ndarray, labels: np.ndarray, test: np.ndarray):
    """Return the predictions of a model for the test images after training."""
    return classical.predict(classical.fit(model, faces, labels), test)


def count(name: str, series: str, right: np.ndarray) -> tuple[str, str, int, int]:
    """Return a line of a panel: how many of the images have a property."""
    return name, series, int(np.sum(right)), len(right)


def ablation(train: Dataset, public: Dataset) -> tuple[str, Rows]:
    """Return how many of PublicTest each part of the best model gains."""
    rows: Rows = []
    for name, model in PARTS.items():
        guesses = kept(
            name, lambda model=model: fitted(model, train.images, train.labels, public.images)
        )
        rows.append(count(name, "PublicTest", guesses == public.labels))
    first, best = rows[0][2] / rows[0][3], rows[4][2] / rows[4][3]
    return f"three views and mirror images lift {first:.3f} to {best:.3f}", rows


def balance(train: Dataset) -> tuple[str, Rows]:
    """Return the accuracy and the recall of disgust with and without balancing, on one fold."""
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
            lambda model=model, used=used: fitted(
                model, features[used], train.labels[used], features[check]
            ),
        )
        right = guesses == train.labels[check]
        rows.append(count(name, "all emotions: accuracy", right))
        rows.append(count(name, "disgust: recall", right[disgust]))
    found = [row[2] / row[3] for row in rows]
    title = f"class weights find {found[3]:.0%} of disgust, not {found[1]:.0%},"
    return f"{title} and cost {100 * (found[0] - found[2]):.0f} points", rows


def reports(train: Dataset, test: Dataset) -> pd.DataFrame:
    """Return the classification reports of tree, forest and SVM on all 7,178 test images."""
    pixels = image_features.Pixels().transform(train.images)
    axes = image_features.pca(pixels, 253)
    rows, test_rows = axes.transform(pixels), axes.transform(
        image_features.Pixels().transform(test.images)
    )
    models = {
        "decision tree": DecisionTreeClassifier(max_depth=14, random_state=SEED),
        "random forest": RandomForestClassifier(100, bootstrap=False, random_state=SEED),
        "SVM": SVC(C=2, cache_size=1_000),
    }
    parts = []
    for name, model in models.items():
        guesses = kept(
            name, lambda model=model: fitted(model, rows, train.labels, test_rows)
        )
        print(f"{name}: {np.mean(guesses == test.labels):.4f} of {len(test):,}")
        table = metrics.report(test.labels, guesses).rename_axis("class").reset_index()
        parts.append(table.assign(model=name))
    return pd.concat(parts)[["model", "class", "precision", "recall", "f1", "support"]].round(4)


def published(test: Dataset) -> tuple[str, Rows]:
    """Return the accuracy of tree, forest and SVM, the published and ours."""
    printed = reference.published("classical_reports").query("`class` == 'accuracy'")
    ours = [kept(name, lambda: np.zeros(0)) for name in ("decision tree", "random forest", "SVM")]
    rows: Rows = []
    for name, theirs, guesses in zip(
        ("decision tree", "random forest", "SVM"), printed["f1"], ours, strict=False
    ):
        of = len(test)
        rows.append((f"{name}, 253 components", "project 3", round(theirs * of), of))
        rows.append(count(f"{name}, 253 components", "ours", guesses == test.labels))
    shares = " < ".join(f"{row[2] / row[3]:.2f}" for row in rows[1::2])
    return f"tree, forest, SVM: {shares}, as in project 3", rows


def components() -> tuple[str, Rows]:
    """Return the accuracy on PublicTest of trees on fewer components, from reports/classical.md."""
    means = {"25": 0.313, "50": 0.300, "100": 0.291, "253": 0.303}
    rows: Rows = [
        (f"{k} components", "PublicTest", round(mean * 3_589), 3_589) for k, mean in means.items()
    ]
    return "on 25 components the tree is as good as on 253, or better", rows


def models() -> tuple[str, Rows]:
    """Return the accuracy on PrivateTest of every classical model, from the full run."""
    table = results.read().query("data == 'fer2013' and profile == 'full'")
    table = table[table["split"] == "PrivateTest"]
    names = table["model"].str.contains("HOG|LBP|PCA|views")
    table = table[names].sort_values("accuracy", ascending=False)
    rows: Rows = [
        (row.model, "PrivateTest", round(row.accuracy * row.images), int(row.images))
        for row in table.itertuples()
    ]
    best, worst = (table["accuracy"].iloc[k] for k in (0, -1))
    return f"from {worst:.2f} for a tree to {best:.2f} for three views", rows


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


def emotions(private: Dataset, ridge: np.ndarray, network: np.ndarray) -> tuple[str, Rows]:
    """Return the recall of each emotion by the best classical model and by the recogniser."""
    rows: Rows = []
    for label, name in enumerate(EMOTIONS):
        own = private.labels == label
        rows.append(count(name, "three views, mirrored", ridge[own] == label))
        rows.append(count(name, "recogniser", network[own] == label))
    shares = {row[0]: row[2] / row[3] for row in rows[1::2]}
    worst, best = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
    title = f"the recogniser finds {shares[best]:.0%} of {best}, {shares[worst]:.0%} of {worst}"
    return title, rows


def confusions(private: Dataset, network: np.ndarray) -> tuple[str, Rows]:
    """Return the five most frequent mistakes of the recogniser, as shares of the true emotion."""
    table = pd.crosstab(private.labels, network).to_numpy()
    sizes = table.sum(axis=1)
    off = table / sizes[:, None]
    np.fill_diagonal(off, 0)
    order = np.argsort(-off, axis=None)[:6]
    rows: Rows = []
    for true, said in zip(*np.unravel_index(order, off.shape), strict=True):
        name = f"{EMOTIONS[true]}, called {EMOTIONS[said]}"
        rows.append((name, "recogniser", int(table[true, said]), int(sizes[true])))
    return f"it is most often {rows[0][0]} ({rows[0][2] / rows[0][3]:.0%})", rows


def people(data: Dataset, ridge: np.ndarray, network: np.ndarray) -> tuple[str, Rows]:
    """Return how often people and models agree with the label of PrivateTest."""
    bounds = second_opinion.upper_bounds(second_opinion.second_opinion(data), data)
    private = data.split("PrivateTest")
    bound, of = bounds.loc["PrivateTest"], len(private)
    rows: Rows = [
        ("always happy", "agrees", int(np.sum(private.labels == EMOTIONS.index("happy"))), of),
        ("majority of ten raters", "agrees", round(bound["majority"] * of), of),
        count("three views, mirrored", "agrees", ridge == private.labels),
        ("one more rater, at best", "agrees", round(bound["one_person"] * of), of),
        count("recogniser", "agrees", network == private.labels),
    ]
    raters, model = rows[1][2] / of, rows[4][2] / of
    return f"raters agree with {raters:.0%} of the labels, the recogniser with {model:.0%}", rows


def write(name: str, note: str, result: tuple[str, Rows]) -> None:
    """Write one panel, with its title and its source in the first two lines."""
    title, rows = result
    table = pd.DataFrame(rows, columns=["row", "series", "count", "of"])
    text = table.to_csv(index=False, lineterminator="\n")
    write_text(FOLDER / f"06_{name}.csv", f"# title: {title}\n# note: {note}\n{text}")
    print(f"{title}\n{table.to_string(index=False)}\n", flush=True)


def main() -> int:
    """Measure, print and write; return the exit code."""
    data = course_faces.load("fer2013")
    train, private = data.split("Training"), data.split("PrivateTest")
    tests = data.split("PublicTest", "PrivateTest")
    private_rows = tests.splits == "PrivateTest"
    write("models", f"PrivateTest of {FULL}", models())
    write("components", f"PublicTest of {FULL}; means of three seeds", components())
    probabilities = kept("recogniser", lambda: Recogniser("accurate").probabilities(private.images))
    network = probabilities.argmax(axis=1)
    few = data.sample(FEW, SEED).split("Training")
    note = f"PublicTest of FER-2013 after {FEW:,} Training photos, {RUN}"
    write("parts", note, ablation(few, data.split("PublicTest")))
    write("balance", f"a third of FER-2013's Training photos, {RUN}", balance(train))
    middle = data.sample(MIDDLE, SEED).split("Training")
    note = f"1,000 photos of FER-2013's PrivateTest, SVM on HOG of {MIDDLE:,} photos, {RUN}"
    write("importance", note, importance(middle, private))
    table = reports(train, tests)
    note = f"# title: tree, forest and SVM on 253 components\n# note: FER-2013, full {RUN}\n"
    write_text(FOLDER / "06_reports.csv", note + table.to_csv(index=False, lineterminator="\n"))
    write("published", f"7,178 photos of FER-2013, full {RUN}", published(tests))
    ridge = kept(
        "three views", lambda: fitted(MirrorRidge(), train.images, train.labels, tests.images)
    )[private_rows]
    note = f"PrivateTest of FER-2013, full {RUN}"
    write("emotions", note, emotions(private, ridge, network))
    write("confusions", note, confusions(private, network))
    write("people", f"{note}; raters: FER+", people(data, ridge, network))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
