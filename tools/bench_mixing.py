"""Print, and write to reports/mixing.md, what a network gains that learns spoilt images, too.

    python tools/bench_mixing.py accurate fast --photos ../photos

For each name, say accurate, it takes data/processed/recogniser/accurate-0.keras and
accurate_robust-0.keras, which `facevalue train` saved with `keep` at 0, and mixes their weights in
several shares. It measures PublicTest, clean and corrupted, the drawn people and other people's
photos; never PrivateTest.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import ship_models
from sklearn.metrics import f1_score
from tqdm import tqdm

from facevalue import paths
from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces
from facevalue.evaluation import fairness, metrics, results, robustness
from facevalue.files import write_text
from facevalue.learning import model_files, new_faces, train_recogniser

REPORT = Path("reports") / "mixing.md"
SHARES = (1.0, 0.75, 0.5, 0.25, 0.0)
"""How much of the weights before is kept: 1 is the network before, 0 the one after."""

CORRUPTED = {"blur 1.2": ("blur", 2), "noise 10": ("noise", 2), "JPEG 20": ("JPEG", 2)}
"""Corruptions with columns of their own."""

HEAD = """# Networks that learn spoilt images, too

A trained network goes on for eight epochs, in which a part of the images is blurred, shrunk, noisy
or compressed (models/NAME_robust.toml). Alone, it reads spoilt images far better, and clean ones
less well. So its weights are mixed with those of before; `keep` is the share of the weights before,
1 the network before, 0 the one after. "corrupted" is the mean of the 21 corruptions of the model
card, "worst group" that of its drawn people, with the distance from the best. PublicTest is
calibrated on itself, as in each training. One training of each, seed 0.

Whether the mixed networks replace those that ship is not decided: PrivateTest, the lessons and the
card would follow.
"""


def prediction(model: keras.Model, folder: Path) -> robustness.Predict:
    """Return a function from faces, uint8, (n, 48, 48), to probabilities, by ONNX Runtime."""
    file = folder / "model.onnx"
    model_files.to_onnx(model, file)
    return lambda faces: ship_models.probabilities(file, faces[..., None] / np.float32(255))


def measured(
    predict: robustness.Predict, public: Dataset, photos: Dataset | None
) -> dict[str, float]:
    """Return the figures of one network."""
    spoilt = robustness.robustness(predict, public.images, public.labels, progress=False)
    groups = fairness.fairness(predict, progress=False)["accuracy"]
    answers = predict(public.images).argmax(axis=1)
    found = {
        "PublicTest": spoilt["accuracy"].iloc[0],
        "macro F1": f1_score(public.labels, answers, average="macro"),
        "calibration error": spoilt["calibration_error"].iloc[0],
        "corrupted": spoilt["accuracy"].iloc[1:].mean(),
        "its calibration error": spoilt["calibration_error"].iloc[1:].mean(),
    }
    for column, (corruption, strength) in CORRUPTED.items():
        row = (spoilt["corruption"] == corruption) & (spoilt["strength"] == strength)
        found[column] = spoilt.loc[row, "accuracy"].item()
    found |= {"worst group": groups.min(), "below the best": groups.max() - groups.min()}
    if photos is not None:
        given = predict(photos.images)
        found["photos"] = (given.argmax(axis=1) == photos.labels).mean()
        found["photos, calibration error"] = metrics.calibration_error(photos.labels, given)
    return found


def mixtures(
    name: str,
    shares: tuple[float, ...],
    measure: Callable[[robustness.Predict], dict],
    public: Dataset,
) -> pd.DataFrame:
    """Return the figures of a network before, after, and of the mixtures, a column for each."""
    before, after = (
        keras.models.load_model(train_recogniser.trained_file(one, 0), compile=False)
        for one in (name, f"{name}_robust")
    )
    last = after.get_weights()
    targets = np.eye(7, dtype=np.float32)[public.labels]
    columns = {}
    with tempfile.TemporaryDirectory() as folder:
        for share in tqdm(shares, desc=f"mixtures of {name}"):
            after.set_weights(last)
            train_recogniser.mix_weights(after, before.get_weights(), share)
            train_recogniser.calibrate(after, public.images, targets)
            columns[f"keep {share:g}"] = measure(prediction(after, Path(folder)))
    return pd.DataFrame(columns)


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("names", nargs="+", help="recipes, each with NAME_robust beside it")
    parser.add_argument("--shares", nargs="+", type=float, default=list(SHARES))
    parser.add_argument("--photos", type=Path, help="folder of other people's photos")
    options = parser.parse_args()
    public = course_faces.load("fer2013").split("PublicTest")
    photos = new_faces.photos(options.photos) if options.photos else None
    command = f"python tools/bench_mixing.py {' '.join(options.names)} --photos FOLDER"
    printed = f"Printed on {datetime.date.today()} by `{command}` ({results.machine()})."
    parts = [HEAD, printed + "\n"]
    for name in options.names:
        table = mixtures(name, tuple(options.shares), lambda p: measured(p, public, photos), public)
        told = table.to_string(float_format="{:.3f}".format)
        print(f"{name}\n{told}", flush=True)
        parts.append(f"## {name}\n\n```text\n{told}\n```\n")
    write_text(paths.root() / REPORT, "\n".join(parts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
