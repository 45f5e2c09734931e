"""Measure notebook 03 on real photos, and write the counts to reports/on_real_photos.

    python tools/lesson03_on_photos.py
    python tools/lesson03_on_photos.py --only rows curves

FER-2013 is read from data/raw or FACEVALUE_DATA. The 19 published rows and the best network were
trained by the full run of the notebook: their numbers are read from reports/. What stops some rows
from learning is measured here with five seeds, as are the small networks that compare changes,
depth and the order of the pixels; the best network is trained on as many photos as the fast profile
has drawings. Only counts and curves are written, no photo and no line about a single one.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import keras
import numpy as np
import pandas as pd
import photo_results
from bench_recogniser import without_copies
from keras import layers
from sklearn.model_selection import train_test_split

from facevalue.data import reference
from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces, mixture
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import results
from facevalue.learning import networks, repeats, training
from facevalue.learning.augmentation import Augmentation
from facevalue.learning.curves import curve_file

SEEDS = range(42, 47)
CHANGES = Augmentation(shift=0.05, rotate=7, zoom=0.07, light=0, erase=0)
STUCK = ("P4", "P6", "P10", "P11", "P12", "S5")
"""The published rows that learnt nothing in the full run, and P4, of which they are variants."""

SIDE, STUCK_EPOCHS = 64, 2
"""Size of the images on which these are trained again, and for how long."""

IMAGES, EPOCHS, BATCH = 10_000, 6, 128
"""How the fast profile trains the best network."""

FEW, FEW_EPOCHS, FEW_BATCH = 2_000, 8, 100
"""How the notebook trains the small networks that it compares."""

Result = tuple[str, pd.DataFrame]
"""A title, which states the finding, and a table as `plots.plot_result` draws it."""


def rows() -> Result:
    """Return how many of the mixture's test photos each published row gets right."""
    table = results.read().query("data == 'fer2013' and profile == 'full' and split == 'mixed'")
    scores = table.set_index(table["model"].str.removeprefix("dense "))
    counted = []
    for name in reference.published("dense_sweep")["id"]:
        images = int(scores["images"][name])
        counted.append((name, "photos", round(scores["accuracy"][name] * images), images))
    lowest = min(count for *_, count, _ in counted)
    lost = [name for name, _, count, _ in counted if count == lowest]
    return f"{', '.join(lost)} learn nothing", photo_results.shares(counted)


def curves() -> Result:
    """Return how the test accuracy of some published rows develops."""
    parts = []
    for name in ("P5", "P6"):
        curve = pd.read_csv(curve_file(f"dense {name}", "fer2013", "full"))
        curve = curve[["accuracy", "val_accuracy"]].assign(epoch=curve.index + 1, series=name)
        parts.append(curve)
    table = pd.concat(parts).round(4)
    late = table.query("series == 'P5' and epoch >= 10")["val_accuracy"]
    return f"P5 wanders between {late.min():.0%} and {late.max():.0%} after epoch 10", table


def row_network(row: dict[str, Any], side: int) -> keras.Model:
    """Return the compiled network of a published row."""
    x = inputs = keras.Input((side, side, 1), name="face")
    x = layers.Flatten()(x)
    for width in row["neurons_per_layer"].split("/"):
        if width.startswith("d"):
            x = layers.Dropout(float(width[1:]))(x)
        else:
            x = layers.Dense(int(width), row["activation"])(x)
    network = keras.Model(inputs, layers.Dense(7, "softmax")(x))
    optimizer = keras.optimizers.Adam(row["learning_rate"])
    network.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=networks.JIT)
    return network


def stuck(data: Dataset) -> Result:
    """Return how many of five seeds give one answer to all photos, by row and by input."""
    mixed = mixture.mixed(data, SIDE)
    table = reference.published("dense_sweep").set_index("id")
    learn, test = train_test_split(
        np.arange(len(mixed.labels)), test_size=0.2, stratify=mixed.labels, random_state=0
    )
    x = mixed.images[..., None].astype("float32") / 255
    counted, total = [], {"as published": 0, "minus the mean face": 0}
    for name in STUCK:
        build = partial(row_network, {str(key): v for key, v in table.loc[name].items()}, SIDE)
        for series in total:
            shown = x if series == "as published" else x - x[learn].mean(axis=0)
            keras.utils.set_random_seed(SEEDS[0])
            answers = repeats.answers(
                build,
                (shown[learn], mixed.labels[learn]),
                shown[test],
                SEEDS,
                epochs=STUCK_EPOCHS,
                batch_size=60,
            )
            one = sum(len(np.unique(row)) == 1 for row in answers)
            print(name, series, one, (answers == mixed.labels[test]).mean(axis=1), flush=True)
            counted.append((name, series, one, len(SEEDS)))
            total[series] += one
    before, after = total.values()
    of = len(SEEDS) * len(STUCK)
    title = f"{before} of {of} trainings get stuck, {after} of {of} with the mean face subtracted"
    return title, photo_results.shares(counted)


def face_net(
    widths: Sequence[int] = (128, 64, 32),
    standard: bool = True,
    normal: bool = True,
    dropout: float = 0.0,
) -> keras.Model:
    """Return the notebook's small dense network, compiled."""
    x = inputs = keras.Input((48, 48, 1), name="face")
    x = layers.Flatten()(x)
    if standard:
        x = layers.LayerNormalization(center=False, scale=False)(x)
    for width in widths:
        x = layers.Dense(width)(x)
        x = layers.BatchNormalization()(x) if normal else x
        x = layers.ReLU()(x)
        x = layers.Dropout(dropout)(x) if dropout else x
    network = keras.Model(inputs, layers.Dense(7, "softmax")(x))
    network.compile("adam", "sparse_categorical_crossentropy", jit_compile=networks.JIT)
    return network


def repeated(
    build: partial[keras.Model], train: Dataset, test: Dataset, **settings: Any
) -> np.ndarray:
    """Return which test photos a network names rightly, bool, shape (seeds, n)."""
    few = (train.images[:FEW], train.labels[:FEW])
    keras.utils.set_random_seed(SEEDS[0])
    answers = repeats.answers(
        build, few, test.x, SEEDS, epochs=FEW_EPOCHS, batch_size=FEW_BATCH, **settings
    )
    return answers == test.labels


def gain(before: np.ndarray, after: np.ndarray) -> str:
    """Return the mean gain in points, with its 95 % interval over seeds and photos."""
    rng = np.random.default_rng(0)
    difference = after.astype(np.float32) - before
    seeds, photos = difference.shape
    means = [
        difference[rng.integers(0, seeds, seeds)][:, rng.integers(0, photos, photos)].mean()
        for _ in range(1_000)
    ]
    low, high = 100 * np.quantile(means, [0.025, 0.975])
    return f"{100 * difference.mean():+.1f} points ({low:.1f} to {high:.1f})"


def means(right: dict[str, np.ndarray], gains: dict[str, str]) -> pd.DataFrame:
    """Return how many photos each network names rightly, the mean of the seeds, and its gain."""
    rows = [
        (
            f"{name}\n{gains[name]}" if name in gains else name,
            f"mean of {len(SEEDS)} seeds",
            round(hits.sum() / len(SEEDS)),
            hits.shape[1],
        )
        for name, hits in right.items()
    ]
    return photo_results.shares(rows)


def changes(train: Dataset, test: Dataset) -> Result:
    """Return what each of the notebook's four changes brings to the network of row P4."""
    dropout = partial(face_net, dropout=0.2)
    right = {
        "P4": repeated(partial(face_net, standard=False, normal=False), train, test),
        "+ same mean and contrast": repeated(partial(face_net, normal=False), train, test),
        "+ batch normalisation": repeated(partial(face_net), train, test),
        "+ dropout": repeated(dropout, train, test),
        "+ augmentation": repeated(dropout, train, test, augmentation=CHANGES),
    }
    names = list(right)
    gains = {
        after: gain(right[before], right[after])
        for before, after in zip(names[:-1], names[1:], strict=True)
    }
    best = max(names[1:], key=lambda name: float(gains[name].split()[0]))
    return f"most comes from {best.removeprefix('+ ')}: {gains[best]}", means(right, gains)


def order(train: Dataset, test: Dataset) -> Result:
    """Return what depth does, and what it costs to shuffle the pixels of all photos alike."""
    shuffle = np.random.default_rng(SEEDS[0]).permutation(48 * 48)
    shuffled = [
        replace(part, images=part.images.reshape(-1, 48 * 48)[:, shuffle].reshape(-1, 48, 48))
        for part in (train, test)
    ]
    right = {
        "three layers": repeated(partial(face_net), train, test),
        "three layers, pixels shuffled": repeated(partial(face_net), *shuffled),
        "one layer": repeated(partial(face_net, (128,)), train, test),
        "five layers": repeated(partial(face_net, (256, 128, 64, 32, 16)), train, test),
    }
    first = "three layers"
    gains = {name: gain(right[first], hits) for name, hits in right.items() if name != first}
    changed = gains["three layers, pixels shuffled"]
    return f"shuffling all pixels changes the score by {changed}", means(right, gains)


def confusion(data: Dataset) -> Result:
    """Return what the best network takes for what, on PrivateTest without copies."""
    test = data.split("PrivateTest").take(without_copies(data))
    train = data.sample(IMAGES, SEEDS[0]).split("Training")
    keras.utils.set_random_seed(SEEDS[0])
    network = networks.dense_net()
    rate = training.cosine(0.001, EPOCHS, len(train), BATCH)
    network.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=networks.JIT,
    )
    training.fit(
        network,
        (train.images, train.labels),
        epochs=EPOCHS,
        batch_size=BATCH,
        augmentation=CHANGES,
        seed=SEEDS[0],
        name="lesson03_best",
        keep=True,
    )
    guesses = network.predict(test.x, batch_size=256, verbose=0).argmax(axis=1)
    matrix = np.zeros((7, 7), int)
    np.add.at(matrix, (test.labels, guesses), 1)
    table = pd.DataFrame(matrix, list(EMOTIONS), list(EMOTIONS)).rename_axis("label").reset_index()
    right = float(np.mean(guesses == test.labels))
    recall = matrix.diagonal() / matrix.sum(axis=1)
    worst = EMOTIONS[recall.argmin()]
    return f"{right:.1%} are right, but {recall.min():.0%} of {worst}", table


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = ("rows", "curves", "stuck", "changes", "order", "confusion")
    parser.add_argument("--only", nargs="+", choices=names, help="only these")
    wanted = parser.parse_args(arguments).only or names
    before = "654 photos of FER-2013, full run of 2026-11-21, 2 cores"
    if "rows" in wanted:
        photo_results.write("03", "rows", before, *rows())
    if "curves" in wanted:
        photo_results.write("03", "curves", before, *curves())
    if not set(wanted) - {"rows", "curves"}:
        return 0
    data = course_faces.load("fer2013")
    run = f"run of {date.today()}, {os.cpu_count()} cores"
    seeds = f"{len(SEEDS)} seeds"
    if "stuck" in wanted:
        note = f"FER-2013, {SIDE} x {SIDE} pixels, {STUCK_EPOCHS} epochs, {seeds}, {run}"
        photo_results.write("03", "stuck", note, *stuck(data))
    small = {"changes": changes, "order": order}
    if small.keys() & set(wanted):
        train = data.sample(IMAGES, SEEDS[0]).split("Training")
        public = data.split("PublicTest").take(without_copies(data, "PublicTest"))
        note = f"FER-2013, {FEW:,} Training photos, {FEW_EPOCHS} epochs, PublicTest, {seeds}, {run}"
        for name in small.keys() & set(wanted):
            photo_results.write("03", name, note, *small[name](train, public))
    if "confusion" in wanted:
        note = f"FER-2013, {IMAGES:,} Training photos, {EPOCHS} epochs, PrivateTest, {run}"
        photo_results.write("03", "confusion", note, *confusion(data))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
