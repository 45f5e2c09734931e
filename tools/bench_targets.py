"""Print, and write to reports/targets.md, what the last layer learns from which targets.

    python tools/bench_targets.py --photos ../photos

Only the last layer of models/accurate_clean.keras is trained again, so an ablation takes seconds:
labels and teachers' answers alone, with the FER+ raters' consensus in them, without the images
whose label the raters contradict, and with a larger weight for rare emotions. It measures
PublicTest, clean and corrupted, the drawn people and other people's photos; never PrivateTest.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import onnxruntime
import pandas as pd
from bench_mixing import measured, tests
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from tqdm import tqdm

from facevalue import paths
from facevalue.data import ferplus
from facevalue.data.dataset import Dataset
from facevalue.data.ferplus import VOTES_FILE
from facevalue.drawing import course_faces
from facevalue.evaluation import fairness, results, robustness
from facevalue.files import write_text
from facevalue.learning import model_files, recipe, train_recogniser, training_targets
from facevalue.learning.recipe import Recipe

REPORT = Path("reports") / "targets.md"
BODY = "accurate_clean"
PLAN = "accurate"
"""The network whose last layer is trained again, and the recipe with which."""

DECAY = 1e-4
"""The weight decay of the last layer."""

CHANGES = (
    *((0.0, 0.0, 0.0), (0.15, 0.0, 0.0), (0.3, 0.0, 0.0), (1.0, 0.0, 0.0)),
    *((0.0, 0.7, 0.0), (0.0, 0.5, 0.0), (0.0, 0.0, 0.25)),
    *((0.15, 0.7, 0.0), (0.15, 0.7, 0.25), (0.3, 0.7, 0.25)),
)
"""The settings that are tried: consensus, outvoted and balance."""

HEAD = """# Which labels to learn from

FER-2013 has one label an image, of one person; FER+ asked ten people about each image. The first
three rows are settings of a recipe (src/facevalue/learning/recipe.py): `consensus` replaces a share
of each label by the raters' votes, weighted so that each emotion stays as frequent as among the
labels; `outvoted` leaves out the images whose label no rater chose while so many agreed on another;
`balance` gives rare emotions a larger weight. Only the last layer of models/accurate_clean.keras is
trained again, on the answers of the layer before to all Training images and to one changed and
spoilt copy of each. The first column learns from the labels and the teachers' answers alone.
PublicTest is calibrated on itself. The recipes' settings were chosen here and by reports/mixing.md,
so these figures are not those to quote: the model card has those of PrivateTest.
"""


Layer = tuple[np.ndarray, np.ndarray]
"""The kernel, (k, 7), and the bias, (7,), of a last layer."""


class Features:
    """The pooled features of a network for faces; those of the same faces are computed once."""

    def __init__(self, model: keras.Model) -> None:
        body = keras.Model(model.input, model.get_layer("average").output)
        with tempfile.TemporaryDirectory() as folder:
            model_files.to_onnx(body, Path(folder) / "body.onnx")
            self.session = onnxruntime.InferenceSession(Path(folder) / "body.onnx")
        self.known: dict[str, np.ndarray] = {}

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        """Return features, float32, (n, k), of faces: (n, 48, 48), uint8, or float from 0 to 1."""
        key = hashlib.sha256(faces.tobytes()).hexdigest()
        if key not in self.known:
            x = faces[..., None] / np.float32(255) if faces.dtype == np.uint8 else faces
            name = self.session.get_inputs()[0].name
            parts = tqdm(np.array_split(x, -(-len(x) // 128)), desc="features", disable=None)
            self.known[key] = np.concatenate([self.session.run(None, {name: p})[0] for p in parts])
        return self.known[key]


class Known(NamedTuple):
    """What is computed once: the features, those of Training and of its copy, the layer before."""

    features: Features
    training: list[np.ndarray]
    layer: Layer


def last_layer(x: np.ndarray, targets: np.ndarray, start: Layer) -> Layer:
    """Return kernel and bias of the layer with the smallest cross-entropy, by L-BFGS.

    Args:
        x: features, float, shape (n, d).
        targets: float, shape (n, k); the sum of a row is its weight.
        start: kernel, shape (d, k), and bias, shape (k,), from which the search starts.
    """
    d, k = x.shape[1], targets.shape[1]
    x = np.hstack([x, np.ones((len(x), 1), x.dtype)])

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(d + 1, k)
        logits = x @ weights
        kernel = weights * (np.arange(d + 1) < d)[:, None]  # no decay of the bias
        value = -(targets * log_softmax(logits, axis=1)).sum(axis=1).mean()
        error = softmax(logits, axis=1) * targets.sum(axis=1, keepdims=True) - targets
        slope = x.T @ error / len(x) + 2 * DECAY * kernel
        return value + DECAY * (kernel**2).sum(), slope.ravel()

    first = np.vstack([start[0], start[1]]).ravel().astype(float)
    found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": 100})
    weights = found.x.reshape(d + 1, k)
    return weights[:-1], weights[-1]


def learnt(plan: Recipe, data: Dataset, votes: pd.DataFrame, known: Known) -> Layer:
    """Return the last layer that learnt a recipe's targets, not yet calibrated."""
    rows = data.splits == "Training"
    kept = np.ones(rows.sum(), bool)
    if plan.outvoted:
        kept = ~training_targets.outvoted(data.labels[rows], votes[rows], plan.outvoted)
    _, targets = train_recogniser.training_examples(plan, data, votes)
    if weights := training_targets.recipe_transform(plan, targets).weights:
        targets = targets * np.array(weights)[targets.argmax(axis=1), None]
    x = np.concatenate([part[kept] for part in known.training])
    return last_layer(x, np.concatenate([targets] * len(known.training)), known.layer)


def known_network(plan: Recipe, data: Dataset) -> Known:
    """Return the network's features, those of Training and of a changed copy, and its layer."""
    model = keras.models.load_model(paths.root() / "models" / f"{BODY}.keras", compile=False)
    features = Features(model)
    training = data.split("Training")
    change = training_targets.RecipeTransform(plan.augmentation, plan.spoiling)
    copies, _ = change(training.x, np.eye(7)[training.labels], np.random.default_rng(0))
    kernel, bias = model.get_layer("emotion").get_weights()
    return Known(features, [features(training.images), features(copies)], (kernel, bias))


def predictor(features: Features, layer: Layer, public: Dataset) -> robustness.Predict:
    """Return a function from faces to probabilities, calibrated on PublicTest."""
    kernel, bias = layer
    logits = features(public.images) @ kernel + bias
    scale = train_recogniser.best_temperature(logits, public.labels)
    return lambda faces: softmax((features(faces) @ kernel + bias) / scale, axis=1)


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=Path, help="folder of other people's photos")
    options = parser.parse_args()
    data = course_faces.load("fer2013")
    public = data.split("PublicTest")
    votes = ferplus.votes(paths.raw_file(VOTES_FILE), data)
    sets, people = tests(public, options.photos), fairness.drawn_groups()
    plan = recipe.read(paths.root() / "models" / f"{PLAN}.toml")
    plan = dataclasses.replace(plan, votes=0.0, glasses=0.0)
    known = known_network(plan, data)
    columns = []
    for values in CHANGES:
        settings: dict[str, Any] = dict(
            zip(("consensus", "outvoted", "balance"), values, strict=True)
        )
        layer = learnt(dataclasses.replace(plan, **settings), data, votes, known)
        figures = measured(predictor(known.features, layer, public), sets, people)
        columns.append({**settings, **figures})
    table = pd.DataFrame(columns).T.to_string(header=False, float_format="{:.3f}".format)
    command = "python tools/bench_targets.py" + (" --photos FOLDER" if options.photos else "")
    printed = f"Printed on {datetime.date.today()} by `{command}` ({results.machine()})."
    print(table)
    write_text(paths.root() / REPORT, f"{HEAD}\n{printed}\n\n```text\n{table}\n```\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
