"""Measure notebook 05 on FER-2013, and write the counts to reports/on_real_photos.

    python tools/lesson05_on_photos.py bodies            what earlier runs reached, fine-tune's too
    python tools/lesson05_on_photos.py heads             bodies against images per emotion
    python tools/lesson05_on_photos.py sizes             EfficientNet-Lite0 at 64, 96, 128 pixels
    python tools/lesson05_on_photos.py fine-tune         all of it trained on Training, in epochs

`heads` learns from PublicTest, because the project's own bodies have learnt from Training, and asks
about PrivateTest. `fine-tune` takes hours: it saves each epoch and goes on where it stopped. Each
part writes a table when it is finished. Only counts are written, no line about a single photo.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

import keras
import numpy as np
import pandas as pd
import photo_results
from keras import layers
from photo_results import Rows

from facevalue import paths
from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces
from facevalue.emotions import EMOTIONS
from facevalue.learning import backbones, few_images, frozen_features, networks
from facevalue.learning.augmentation import Augmentation
from facevalue.learning.image_features import Gradients

LITE = "efficientnet_lite0"
CUT = "block10_add"
"""The layer after which EfficientNet-Lite0 is cut for photos; it was not chosen on photos."""

PER_CLASS = (20, 50, None)
STEPS = {20: 300, 50: 600, None: 4_000}
ALPHAS = (100, 1_000, 10_000)
RATES = (0.001, 0.003, 0.01)
"""Three settings for each way; the best on a fifth of the images is used."""

CHANGES = Augmentation(shift=0.08, rotate=10.0, zoom=0.1, light=0.0, erase=0.0)
"""As in notebook 05, for the network from scratch."""

FULL_RUNS = {
    "own small body, frozen": "small body transfer",
    "own small body, fine-tuned": "small body, fine-tuned",
    "own recogniser, first stage, frozen": "recogniser transfer",
}
"""Models in reports/results.csv, by their names in the figure."""

IN_PYTORCH = {
    "Lite0 at 64 pixels, frozen": (584, 1_500),
    "Lite0 at 96 pixels, frozen": (645, 1_500),
    "Lite0 at 128 pixels, frozen": (641, 1_500),
    "Lite0 at 96 pixels, fine-tuned": (2_397, 3_589),
}
"""Right answers on PublicTest, measured on 2026-11-28 with PyTorch: the whole body, averaged, and a
logistic regression on 4,000 Training images; and nine epochs of all of Training, augmented, with
FER+ votes as half of each label. `sizes` and `fine-tune` measure the like with this course's code.
"""


def maps(
    name: str, images: np.ndarray, size: int | None = None, cut: str = "", trained: bool = True
) -> np.ndarray:
    """Return the feature maps of a body, trained or with random weights, a row per image."""
    if name == "HOG":
        return np.asarray(Gradients(cell=8).transform(images))
    keras.utils.set_random_seed(0)
    body = backbones.backbone(name, size, weights=trained)
    if cut:
        body = keras.Model(body.input, body.get_layer(cut).output)
    return frozen_features.features(body, name, images, pool=False).reshape(len(images), -1)


def parts(data: Dataset) -> tuple[Dataset, Dataset]:
    """Return the images to learn from, and those to be asked about."""
    return data.split("PublicTest"), data.split("PrivateTest")


def head_answers(
    x: np.ndarray, labels: np.ndarray, rows: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """Return what a head says that learnt from some rows; its alpha is the best on a fifth."""
    shuffled = np.random.default_rng(0).permutation(rows)
    held, kept = shuffled[: len(rows) // 5], shuffled[len(rows) // 5 :]
    scores = {
        alpha: few_images.head(alpha).fit(x[kept], labels[kept]).score(x[held], labels[held])
        for alpha in ALPHAS
    }
    best = max(scores, key=scores.__getitem__)
    return few_images.head(best).fit(x[rows], labels[rows]).predict(asked)


def scratch_answers(pool: Dataset, rows: np.ndarray, steps: int, asked: np.ndarray) -> np.ndarray:
    """Return what a network from scratch says; its learning rate is the best on a fifth."""
    shuffled = np.random.default_rng(0).permutation(rows)
    held, kept = shuffled[: len(rows) // 5], shuffled[len(rows) // 5 :]
    scores = {}
    for rate in RATES:
        model = few_images.small_network(rate)
        images, labels = pool.images[kept], pool.labels[kept]
        few_images.train_from_scratch(model, images, labels, steps, 0, CHANGES)
        guesses = few_images.predicted(model, pool.images[held])
        scores[rate] = float((guesses == pool.labels[held]).mean())
    model = few_images.small_network(max(scores, key=scores.__getitem__))
    few_images.train_from_scratch(model, pool.images[rows], pool.labels[rows], steps, 0, CHANGES)
    return few_images.predicted(model, asked)


def bodies() -> tuple[str, Rows]:
    """Return what earlier runs reached: those in reports/results.csv, `IN_PYTORCH`, fine-tune's."""
    table = pd.read_csv(paths.root() / "reports" / "results.csv")
    table = table[(table["data"] == "fer2013") & (table["split"] == "PrivateTest")]
    rows: Rows = []
    for title, model in FULL_RUNS.items():
        best = table[table["model"] == model].sort_values("profile").iloc[-1]  # full after fast
        of = int(best["images"])
        rows.append((title, "PrivateTest", round(float(best["accuracy"]) * of), of))
    rows += [(title, "PublicTest", count, of) for title, (count, of) in IN_PYTORCH.items()]
    for file in sorted(photo_results.FOLDER.glob("05_fine_tuned_*.csv")):
        last = pd.read_csv(file, comment="#").iloc[-1]
        row = f"Lite0 at {file.stem.rpartition('_')[2]} pixels, fine-tuned here"
        rows.append((row, "PublicTest", int(last["count"]), int(last["of"])))
    shares = {row: count / of for row, _, count, of in rows}
    frozen = shares["Lite0 at 96 pixels, frozen"]
    tuned = shares["Lite0 at 96 pixels, fine-tuned"]
    return (
        f"ImageNet's body: frozen {frozen:.0%} (4,000 photos), fine-tuned {tuned:.0%} (all)",
        rows,
    )


def heads(data: Dataset, seeds: int, only: Sequence[str] = ()) -> tuple[str, Rows]:
    """Return how many PrivateTest images each way names rightly, as means over draws.

    Args:
        data: FER-2013.
        seeds: how often images are drawn for the heads.
        only: the ways to measure; the others keep the counts of the stored table.
    """
    pool, test = parts(data)
    views: dict[str, tuple] = {
        "recogniser": ("accurate_clean",),
        "small body": ("fer2013",),
        "ImageNet": (LITE, 64, CUT),
        "HOG": ("HOG",),
        "random layers": (LITE, 64, CUT, False),
    }
    rows: Rows = []
    for title, view in views.items():
        if only and title not in only:
            continue
        x, asked = (maps(view[0], part.images, *view[1:]) for part in (pool, test))
        for n in PER_CLASS:
            right = []
            for seed in range(seeds if n else 1):
                drawn = few_images.draw(pool.labels, n, seed)
                right.append((head_answers(x, pool.labels, drawn, asked) == test.labels).sum())
            rows.append((name_of(n, pool), title, round(float(np.mean(right))), len(test)))
            print(rows[-1], flush=True)
    for n in PER_CLASS if not only or "from scratch" in only else ():
        drawn = few_images.draw(pool.labels, n, 0)
        hits = (scratch_answers(pool, drawn, STEPS[n], test.images) == test.labels).sum()
        rows.append((name_of(n, pool), "from scratch", int(hits), len(test)))
        print(rows[-1], flush=True)
    if only:
        rows = in_stored_order(rows)
    shares = {(row, series): count / of for row, series, count, of in rows}
    few = name_of(PER_CLASS[1], pool)
    ours, theirs = (shares[few, name] for name in ("from scratch", "ImageNet"))
    return f"with {few}, ImageNet's layers {theirs:.0%}, from scratch {ours:.0%}", rows


def in_stored_order(rows: Rows) -> Rows:
    """Return the rows of the stored table, with the counts of those that were measured again."""
    table = pd.read_csv(photo_results.FOLDER / "05_heads.csv", comment="#")
    again = {row[:2]: row for row in rows}
    stored: Rows = [tuple(row) for row in table.itertuples(index=False)]
    return [again.get(row[:2], row) for row in stored]


def name_of(per_class: int | None, pool: Dataset) -> str:
    """Return the name of a group of bars."""
    return f"{per_class} per emotion" if per_class else f"all {len(pool):,}"


def sizes(data: Dataset) -> tuple[str, Rows]:
    """Return how many PrivateTest images EfficientNet-Lite0's head names rightly at each size."""
    pool, test = parts(data)
    rows: Rows = []
    everything = np.arange(len(pool))
    for size in (64, 96, 128):
        for title, cut in (("cut after block 10", CUT), ("whole body", "")):
            x, asked = (maps(LITE, part.images, size, cut) for part in (pool, test))
            right = (head_answers(x, pool.labels, everything, asked) == test.labels).sum()
            rows.append((f"{size} pixels", title, int(right), len(test)))
            print(rows[-1], flush=True)
    pixels, cut, count, of = max(rows, key=lambda row: row[2])
    return f"{pixels}, {cut}: the best, {count / of:.0%}", rows


def fine_tune(data: Dataset, size: int, epochs: int) -> tuple[str, Rows]:
    """Train all of EfficientNet-Lite0 on Training; return what each epoch reaches on PublicTest."""
    train, watched = data.split("Training"), data.split("PublicTest")
    keras.utils.set_random_seed(0)
    body = backbones.backbone(LITE, size)
    faces = keras.Input((48, 48, 1), name="faces")
    x = layers.RandomFlip("horizontal", seed=0)(faces)
    x = layers.RandomRotation(0.04, seed=0)(x)
    # its batch normalisations keep the means and variances of ImageNet
    x = body(backbones.prepare(x, LITE, size), training=False)
    x = layers.Dropout(0.2, seed=0)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(faces, layers.Dense(len(EMOTIONS), activation="softmax")(x))
    steps = epochs * -(-len(train) // 64)
    rate = keras.optimizers.schedules.CosineDecay(1e-5, steps, 0.01, warmup_target=5e-4)
    adam = keras.optimizers.AdamW(rate, weight_decay=1e-4)
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer=adam, loss=loss, metrics=["accuracy"], jit_compile=networks.JIT)
    folder = paths.processed() / "training" / f"lesson05-{size}"
    folder.mkdir(parents=True, exist_ok=True)
    model.fit(
        train.images[..., None],
        train.labels,
        validation_data=(watched.images[..., None], watched.labels),
        batch_size=64,
        epochs=epochs,
        verbose=2,
        callbacks=[
            keras.callbacks.CSVLogger(folder / "epochs.csv", append=True),
            keras.callbacks.BackupAndRestore(folder / "backup"),
        ],
    )
    curve = pd.read_csv(folder / "epochs.csv").drop_duplicates("epoch", keep="last")
    of = len(watched)
    rows = [
        (f"epoch {int(epoch) + 1}", "PublicTest", round(float(share) * of), of)
        for epoch, share in zip(curve["epoch"], curve["val_accuracy"], strict=True)
    ]
    return f"fine-tuned at {size} pixels: {rows[-1][2] / of:.0%} after {epochs} epochs", rows


def write(name: str, result: tuple[str, Rows], when: str = "") -> None:
    """Write one result, of today's run or of earlier ones."""
    run = f"runs of {when}, {os.cpu_count()} cores" if when else photo_results.run()
    photo_results.write("05", name, f"FER-2013, {run}", *result)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=("bodies", "heads", "sizes", "fine-tune"))
    parser.add_argument("--seeds", type=int, default=5, help="how often images are drawn")
    parser.add_argument("--only", nargs="+", default=[], help="ways to measure again, for heads")
    parser.add_argument("--size", type=int, default=64, help="of an image, for fine-tune")
    parser.add_argument("--epochs", type=int, default=12, help="for fine-tune")
    options = parser.parse_args(arguments)
    if options.part == "bodies":
        write("bodies", bodies(), "2026-11-21 to 2026-11-30")
        return 0
    data = course_faces.load("fer2013")
    if options.part == "heads":
        write("heads", heads(data, options.seeds, options.only))
    elif options.part == "sizes":
        write("sizes", sizes(data))
    else:
        write(f"fine_tuned_{options.size}", fine_tune(data, options.size, options.epochs))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
