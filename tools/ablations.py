"""Train small versions of the recogniser's recipe, each with one part changed.

`python tools/ablations.py` writes reports/ablations.csv: PublicTest of FER-2013, never PrivateTest.
A small network trains on a third of Training for enough epochs to memorise it, as the large network
could memorise all of it. With all images and few epochs, every regularisation would look harmful.
Two of the changes have a teacher that does not ship: the same small network, trained first on two
thirds of Training, either with the student's third or without it. A finished training is not
repeated, and a killed one resumes.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from facevalue import paths
from facevalue.data import ferplus
from facevalue.data.dataset import Dataset
from facevalue.data.ferplus import VOTES_FILE
from facevalue.drawing import course_faces
from facevalue.evaluation import metrics, records, results
from facevalue.files import write_text
from facevalue.learning import distillation, mixed_precision, model_files, train_recogniser
from facevalue.learning.augmentation import Augmentation
from facevalue.learning.recipe import Recipe
from facevalue.learning.spoiling import Spoiling

TABLE = Path("reports") / "ablations.csv"

BASE = Recipe("ablation", widths=(16, 32, 64, 128), blocks=(1, 1, 1), epochs=40)
STILL = Augmentation(flip=False, shift=0, rotate=0, zoom=0, light=0, erase=0)

CHANGES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "no augmentation": {"augmentation": STILL},
    "flip only": {"augmentation": dataclasses.replace(STILL, flip=True)},
    "no light, no erasing": {"augmentation": Augmentation(light=0, erase=0)},
    "no erasing": {"augmentation": Augmentation(erase=0)},
    "no votes": {"votes": 0.0},
    "votes count as much as the label": {"votes": 1.0},
    "no label smoothing": {"smoothing": 0.0},
    "no averaging": {"average": 0.0},
    "mixup 0.2": {"mixup": 0.2},
    "half of the images spoilt": {"spoiling": Spoiling(share=0.5)},
    "no dropout": {"dropout": 0.0},
    "no weight decay": {"decay": 0.0},
    "a fifth of the weight decay": {"decay": 0.001},
    "a tenth of the learning rate": {"rate": 0.01},
    "rare emotions count more": {"balance": 0.5},
    "a teacher that saw all of Training": {"teacher": ("first.onnx",), "trust": 0.5},
    "a teacher that saw this third and another": {"teacher": ("two-thirds.onnx",), "trust": 0.5},
    "a teacher that saw the other two thirds": {"teacher": ("other-thirds.onnx",), "trust": 0.5},
    "no copies": {"copies": False},
}
"""The name of each change, and the settings it changes."""

TEACHERS = {"two-thirds.onnx": (0, 1), "other-thirds.onnx": (1, 2)}
"""The thirds of Training that a teacher of an ablation saw. The students learn from third 0."""


def thirds(data: Dataset, wanted: Sequence[int]) -> Dataset:
    """Return PublicTest and some of the thirds of all other images."""
    return data.take((data.splits == "PublicTest") | np.isin(np.arange(len(data)) % 3, wanted))


def train_teacher(name: str, data: Dataset) -> None:
    """Train one of `TEACHERS` unless that was done before."""
    file = distillation.own_teachers() / name
    if not file.is_file():
        print(f"trains {name} first", flush=True)
        seen = thirds(data, TEACHERS[name])
        votes = ferplus.votes(paths.raw_file(VOTES_FILE), seen)
        plan = dataclasses.replace(BASE, name=f"ablation-{Path(name).stem}")
        file.parent.mkdir(exist_ok=True)
        model_files.to_onnx(train_recogniser.train(plan, seen, votes)[0], file)


def measure(change: str, plan: Recipe, seed: int, data: Dataset, votes: pd.DataFrame) -> dict:
    """Train one recipe, and return its row of the table."""
    plan = dataclasses.replace(plan, name=f"ablation-{change.replace(' ', '-').replace(',', '')}")
    model, curve = train_recogniser.train(plan, data, votes, seed=seed)
    public = data.split("PublicTest")
    p = model.predict(public.x, verbose=0)
    return {
        "change": change,
        "seed": seed,
        "accuracy": round(float(np.mean(p.argmax(axis=1) == public.labels)), 5),
        "macro_f1": round(float(f1_score(public.labels, p.argmax(axis=1), average="macro")), 5),
        "calibration_error": round(metrics.calibration_error(public.labels, p), 5),
        "epochs": len(curve),
        "parameters": model.count_params(),
        "seconds": round(records.duration(curve)),
        "data": "fer2013, a third of Training, PublicTest",
        "machine": results.machine(),
        "date": datetime.date.today().isoformat(),
        "command": "python tools/ablations.py",
        "recipe": repr(plan),
    }


def main() -> None:
    """Train each change, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="how many, from 0, of each change (1)")
    parser.add_argument(
        "--only", nargs="*", choices=CHANGES, default=list(CHANGES), help="these changes (all)"
    )
    given = parser.parse_args()
    print("computes in", mixed_precision.use_mixed_precision())
    every_third = course_faces.load("fer2013")
    data = thirds(every_third, [0])
    votes = ferplus.votes(paths.raw_file(VOTES_FILE), data)
    file = paths.root() / TABLE
    table = pd.read_csv(file) if file.is_file() else pd.DataFrame(columns=["change", "seed"])
    for change in given.only:
        for teacher in set(TEACHERS).intersection(CHANGES[change].get("teacher", ())):
            train_teacher(teacher, every_third)
        for seed in range(given.seeds):
            plan = dataclasses.replace(BASE, **CHANGES[change])
            row = measure(change, plan, seed, data, votes)
            print(f"{change}: PublicTest {row['accuracy']}", flush=True)
            table = pd.concat([table, pd.DataFrame([row])]).drop_duplicates(
                ["change", "seed"], keep="last"
            )
            write_text(file, table.to_csv(index=False))


if __name__ == "__main__":
    main()
