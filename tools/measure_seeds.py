"""Measure every trained seed of a recipe on FER-2013, and write reports/seeds.csv.

`python tools/measure_seeds.py accurate fast` takes data/processed/recogniser/accurate-0.keras,
accurate-1.keras and so on, as `facevalue train models/accurate.toml --seed 1` saves them. It
prints the mean and the spread of one model and one crop. The mean of the answers to a face and its
mirror image, the mean of all seeds' answers, and, if all seeds go on from the same network, the
network with the mean of their weights (a soup) have rows of their own.

Source of the soup: Wortsman and others (2022), https://arxiv.org/abs/2203.05482

PrivateTest is for final recipes only: add `--private` once all choices are made.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from bench_recogniser import fer2013, scores, without_copies
from tqdm import tqdm

from facevalue import paths
from facevalue.data import ferplus
from facevalue.data.dataset import Dataset
from facevalue.data.ferplus import VOTES_FILE
from facevalue.evaluation import results
from facevalue.files import write_text
from facevalue.learning import recipe, train_recogniser, training_targets
from facevalue.learning.batches import network_input

TABLE = Path("reports") / "seeds.csv"
ONE, MIRRORED = "one crop", "and its mirror image"
TOGETHER, SOUP = "all seeds together", "mean weights of all seeds"


def soup(models: Sequence[keras.Model]) -> keras.Model:
    """Return the first model, with the mean of the weights of all."""
    weights = zip(*(model.get_weights() for model in models), strict=True)
    models[0].set_weights([np.mean(values, axis=0) for values in weights])
    return models[0]


def answers(model: keras.Model, images: np.ndarray) -> dict[str, np.ndarray]:
    """Return the probabilities for uint8 images: of one crop, and with its mirror image."""
    x = network_input(images)
    plain, mirrored = (model.predict(faces, verbose=0) for faces in (x, x[:, :, ::-1]))
    return {ONE: plain, MIRRORED: (plain + mirrored) / 2}


def measured(
    plan: recipe.Recipe, data: Dataset, votes: pd.DataFrame | None, split: str
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one recipe on one split."""
    images, targets = training_targets.examples(plan, data, votes, split)
    labels = training_targets.emotion_columns(targets).argmax(axis=1)
    tests = {split: np.ones(len(labels), bool)}
    if split == "PrivateTest" and plan.labels == "fer2013":
        tests["PrivateTest without copies"] = without_copies(data)
    files = sorted(train_recogniser.trained_file(plan.name, 0).parent.glob(f"{plan.name}-*.keras"))
    if not files:
        raise SystemExit(f"No seed of {plan.name} is trained: see models/{plan.name}.toml.")
    models = {
        file.stem.rpartition("-")[2]: keras.models.load_model(file, compile=False) for file in files
    }
    found = {
        seed: answers(model, images)
        for seed, model in tqdm(models.items(), desc=f"{plan.name}, {split}")
    }
    every = dict(found)
    if len(found) > 1:
        p = np.mean([ways[ONE] for ways in found.values()], axis=0)
        every[",".join(found)] = {TOGETHER: p}
        if plan.start:
            averaged = soup(list(models.values()))
            every[",".join(found)][SOUP] = averaged.predict(network_input(images), verbose=0)
    for seed, ways in every.items():
        for way, p in ways.items():
            for test, rows in tests.items():
                facts = {"model": plan.name, "seed": seed, "labels": plan.labels, "answer": way}
                numbers = scores(labels[rows], p[rows])
                yield facts | {"test": test} | {k: round(v, 5) for k, v in numbers.items()}


def merged(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of both tables, keeping the newer of two measurements.

    What takes all seeds has one row per model and test, however many were measured before.
    """
    key = ["model", "seed", "answer", "test"]
    both = pd.concat([old, new])
    which = both.assign(seed=both["seed"].mask(both["answer"].isin([TOGETHER, SOUP]), "all"))
    return both[~which.duplicated(key, keep="last")].sort_values(key)


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", help="of recipes in models/: accurate, fast, ferplus")
    parser.add_argument("--private", action="store_true", help="PrivateTest too")
    given = parser.parse_args()
    data = fer2013()
    votes = ferplus.votes(paths.raw_file(VOTES_FILE), data)
    splits = ["PublicTest", "PrivateTest"] if given.private else ["PublicTest"]
    rows = []
    for name in given.names:
        plan = recipe.read(paths.root() / "models" / f"{name}.toml")
        rows += [row for split in splits for row in measured(plan, data, votes, split)]
    new = pd.DataFrame(rows).assign(
        machine=results.machine(),
        date=datetime.date.today().isoformat(),
        command=" ".join(["python tools/measure_seeds.py", *sys.argv[1:]]),
    )
    file = paths.root() / TABLE
    old = pd.read_csv(file, dtype={"seed": str}) if file.is_file() else pd.DataFrame()
    write_text(file, merged(old, new).to_csv(index=False))
    ways = new.groupby(["model", "test", "answer"], sort=False)[["accuracy", "macro F1"]]
    print(ways.agg(["count", "mean", "std"]).round(4).to_string())


if __name__ == "__main__":
    main()
