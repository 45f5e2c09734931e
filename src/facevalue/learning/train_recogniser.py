"""Training a recogniser by a recipe."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from facevalue import paths
from facevalue.data import ferplus
from facevalue.data.dataset import Dataset
from facevalue.data.ferplus import VOTES_FILE
from facevalue.drawing import course_faces
from facevalue.evaluation import results
from facevalue.files import atomic_write, write_text
from facevalue.learning import devices, networks, training
from facevalue.learning.distillation import taught
from facevalue.learning.recipe import CLASSES, Recipe, needs_votes, read
from facevalue.learning.training_targets import _lesson, accuracy, emotions, examples, loss


def train(
    recipe: Recipe,
    data: Dataset,
    votes: pd.DataFrame | None = None,
    *,
    seed: int = 0,
    keep: bool = True,
    verbose: int = 2,
) -> tuple[keras.Model, pd.DataFrame]:
    """Train a model on Training, watch it on PublicTest; PrivateTest is not touched.

    Args:
        recipe: how.
        data: any data set with both splits.
        votes: the FER+ votes on `data`, one row each; needed where the recipe counts them.
        seed: of the first weights, the order of the images and their changes.
        keep, verbose: as in `training.fit`.

    Returns:
        The model, faces (n, 48, 48, 1) from 0 to 1 to a probability for each of the recipe's
        `CLASSES`, in float32 and calibrated on PublicTest; and the curve.
    """
    if needs_votes(recipe) and votes is None:
        raise ValueError(f"the recipe counts the FER+ votes: put {VOTES_FILE} beside FER-2013.")
    keras.utils.set_random_seed(seed)
    heads = {"emotion": len(CLASSES[recipe.labels])}
    if recipe.votes:
        heads["votes"] = len(ferplus.VOTES)
    shape: Any = {"widths": recipe.widths, "blocks": recipe.blocks, "heads": heads}
    shape["dropout"] = recipe.dropout
    model = networks.residual(**shape, quick=True)
    parts = [examples(recipe, data, votes, split) for split in ("Training", "PublicTest")]
    if recipe.teacher:
        wanted = emotions(parts[0][1])
        wanted *= 1 - recipe.trust
        wanted += recipe.trust * taught(recipe, parts[0][0], seed)
    rate = training.cosine(recipe.rate, recipe.epochs, len(parts[0][0]), recipe.batch_size)
    sgd = keras.optimizers.SGD(rate, recipe.momentum, nesterov=True, weight_decay=recipe.decay)
    sgd.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(sgd, loss=loss, metrics=[accuracy], jit_compile=networks.JIT)
    curve = training.fit(
        model,
        *parts,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        name=f"{recipe.name}-{seed}",
        augmentation=_lesson(recipe, parts[0][1]),
        seed=seed,
        callbacks=[training.TimeLeft()] if verbose else [],
        average=recipe.average or None,
        keep=keep,
        verbose=verbose,
    )
    return calibrated(_plain(model, shape), *parts[1]), curve


def _plain(model: keras.Model, shape: dict[str, Any]) -> keras.Model:
    """Return the trained network in float32, with Keras's own layers and the emotions alone."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        copy = networks.residual(**shape)
        copy.set_weights(model.get_weights())
        return keras.Model(copy.input, copy.get_layer("emotion").output, name="recogniser")
    finally:
        keras.config.set_dtype_policy(policy)


def calibrated(model: keras.Model, images: np.ndarray, targets: np.ndarray) -> keras.Model:
    """Divide the logits by the temperature that makes the labels most probable.

    Args:
        model: ends in the layer "emotion".
        images, targets: as from `examples`.

    Source: Guo and others (2017), https://arxiv.org/abs/1706.04599
    """
    x = images[..., None] / np.float32(255)
    logits = np.log(np.maximum(model.predict(x, verbose=0), 1e-9))
    labels = emotions(targets).argmax(axis=1)
    grid = np.exp(np.linspace(-1.5, 1.5, 301))
    best = min(grid, key=lambda temperature: _surprise(logits / temperature, labels))
    last = model.get_layer("emotion")
    last.set_weights([np.asarray(value) / best for value in last.get_weights()])
    return model


def _surprise(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean negative log-probability of the labels."""
    top = logits.max(axis=1, keepdims=True)
    whole = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
    return float(np.mean(whole - logits[np.arange(len(labels)), labels]))


def trained(name: str, seed: int) -> Path:
    """Return where a trained model lies until tools/ship_models.py puts it into models/."""
    return paths.processed() / "recogniser" / f"{name}-{seed}.keras"


def main() -> None:
    """Train what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m facevalue.training", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="the recipe, a TOML file")
    parser.add_argument("--seed", type=int, default=0, help="another gives another model (0)")
    parser.add_argument("--data", default="fer2013", help="fer2013 or rendered")
    parser.add_argument(
        "--out", type=Path, help="the .keras file (data/processed/recogniser/NAME-SEED.keras)"
    )
    given = parser.parse_args()
    recipe = read(given.config)
    devices.start()
    policy = training.use_mixed_precision()
    if devices.chief():
        print("computes in", policy)
    data = course_faces.load(given.data)
    votes = ferplus.votes(paths.raw_file(VOTES_FILE), data) if needs_votes(recipe) else None
    model, curve = train(recipe, data, votes, seed=given.seed)
    if not devices.chief():
        return
    name = f"{recipe.name}-{given.seed}"
    write_text(results.curve_file(name, given.data, "full"), curve.to_csv(index=False))
    out = given.out or trained(recipe.name, given.seed)
    with atomic_write(out, suffix=".keras") as part:
        model.save(part)
    print(f"{out}: PublicTest {curve['val_accuracy'].iloc[-1]:.4f}, {len(curve)} epochs.")
