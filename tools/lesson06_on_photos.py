"""Measure what notebook 06 shows of real photos, and write it to reports/on_real_photos.

    python tools/lesson06_on_photos.py

It reads FER-2013 and FER+ from data/raw or FACEVALUE_DATA, and the full runs from reports/. What
it trains itself takes about two minutes; the answers of each model are kept in
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
from photo_results import Rows
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC

from facevalue import paths
from facevalue.data.dataset import Dataset
from facevalue.data.download import checksum
from facevalue.drawing import course_faces
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import results
from facevalue.exploration import second_opinion
from facevalue.learning import classical, cross_validation, image_features
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


def models() -> tuple[str, Rows]:
    """Return the accuracy on PrivateTest of every classical model, from the full run."""
    table = full_run("PrivateTest")
    table = table[table.index.str.contains("HOG|LBP|PCA|^three views")]
    rows: Rows = [
        (str(name), "PrivateTest", round(row["accuracy"] * row["images"]), int(row["images"]))
        for name, row in table.sort_values("accuracy", ascending=False).iterrows()
    ]
    pixels = next(row[2] for row in rows if row[0] == "SVM on PCA 253") / rows[0][3]
    edges = [row[2] / row[3] for row in rows if "on HOG" in row[0]]
    ahead = sum(share > pixels for share in edges)
    return f"{ahead} of {len(edges)} models on edges pass the SVM on pixels ({pixels:.2f})", rows


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
    classical_best = full_run("PrivateTest")["accuracy"].astype(float)["three views, mirrored"]
    rows: Rows = [
        count("always happy", "agrees", private.labels == EMOTIONS.index("happy")),
        ("majority of ten raters", "agrees", round(float(majority) * of), of),
        ("three views, mirrored", "agrees", round(classical_best * of), of),
        ("raters, on another's answer", "agrees", round(float(person) * of), of),
        count("recogniser", "agrees", network == private.labels),
    ]
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
        "models": (f"PrivateTest of {FULL}", models),
        "published": (f"both test splits of {FULL}", published),
        "components": (f"PublicTest of {FULL}; means of three seeds", components),
        "emotions": (tested, lambda: emotions(private, network())),
        "confusions": (tested, lambda: confusions(private, network())),
        "people": (f"{tested}; raters: FER+", lambda: people(data, network())),
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
