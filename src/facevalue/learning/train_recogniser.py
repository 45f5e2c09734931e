"""Training the recogniser according to a recipe, and the command `facevalue train`."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from scipy.special import log_softmax

from facevalue import paths
from facevalue.data import ferplus
from facevalue.data.dataset import Dataset
from facevalue.data.ferplus import VOTES_FILE
from facevalue.drawing import course_faces
from facevalue.exploration.duplicates import duplicated, exact_duplicates
from facevalue.files import atomic_write, checksum, write_text
from facevalue.learning import devices, mixed_precision, networks, training
from facevalue.learning.batches import network_input
from facevalue.learning.callbacks import TimeLeft
from facevalue.learning.curves import curve_file
from facevalue.learning.distillation import teacher_answers, teacher_file
from facevalue.learning.drawn_people import with_drawn_people
from facevalue.learning.last_layer import learn_last_layer
from facevalue.learning.recipe import CLASSES, Recipe, needs_votes, read
from facevalue.learning.training_targets import (
    RecipeTransform,
    accuracy,
    emotion_columns,
    examples,
    loss,
    recipe_transform,
)
from facevalue.learning.worn_glasses import with_glasses


def train(
    recipe: Recipe,
    data: Dataset,
    votes: pd.DataFrame | None = None,
    *,
    seed: int = 0,
    keep: bool = True,
    verbose: int = 2,
) -> tuple[keras.Model, pd.DataFrame]:
    """Train a recogniser on Training, and validate it on PublicTest; PrivateTest is not used.

    Args:
        recipe: all settings of the training run.
        data: any data set with both splits.
        votes: the FER+ votes on `data`, one row per image; None if the recipe does not need them.
        seed: the seed of the initial weights, the order of the images and their augmentation.
        keep, verbose: as in `training.fit`.

    Returns:
        The model and its learning curve, as `training.fit` returns it. The model maps faces,
        float32, shape (n, 48, 48, 1), from 0 to 1, to probabilities, float32, shape (n, k), of the
        k emotions in `CLASSES[recipe.labels]`; it computes in float32 and is calibrated on
        PublicTest.

    Raises:
        ValueError: the recipe needs the FER+ votes, but `votes` is None; a teacher's file does not
            exist; or the model that it starts from does not, or has another network.
    """
    if needs_votes(recipe) and votes is None:
        raise ValueError(
            f"The recipe {recipe.name} needs the FER+ votes: put {VOTES_FILE} next to FER-2013."
        )
    keras.utils.set_random_seed(seed)
    arguments = _network_arguments(recipe)
    model = networks.residual(**arguments, quick=True)
    first = _start_from(recipe, model) if recipe.start else []
    bare_images, bare_targets = training_examples(recipe, data, votes)
    rows = np.flatnonzero(data.splits == "Training")
    if not recipe.copies:
        first_ones = ~duplicated(exact_duplicates(bare_images))
        bare_images, bare_targets = bare_images[first_ones], bare_targets[first_ones]
        rows = rows[first_ones]
    images, targets = with_glasses(bare_images, bare_targets, recipe.glasses)
    images, targets = with_drawn_people(images, targets, recipe.drawn)
    validation = examples(recipe, data, votes, "PublicTest")
    _compile(model, recipe, len(images))
    curve = training.fit(
        model,
        (images, targets),
        validation,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        name=_checkpoint_name(recipe, seed),
        augmentation=recipe_transform(recipe, targets),
        seed=seed,
        callbacks=[TimeLeft()] if verbose and devices.process_index() == 0 else [],
        average=recipe.average or None,
        keep=keep,
        verbose=verbose,
    )
    with devices.one_device():
        result = _emotion_model(model, arguments)
        if recipe.keep and first:
            mix_weights(result, first, recipe.keep)
        if recipe.last_layer and votes is not None:
            learn_last_layer(
                result,
                recipe.last_layer,
                bare_images,
                emotion_columns(bare_targets),
                data.labels[rows],
                votes.iloc[rows],
                RecipeTransform(recipe.augmentation, recipe.spoiling),
                verbose=verbose,
            )
        return calibrate(result, *validation), curve


def training_examples(
    recipe: Recipe, data: Dataset, votes: pd.DataFrame | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the images to train on and their targets, partly the teachers' answers.

    Args:
        recipe: all settings of the training run.
        data, votes: as in `train`.

    Returns:
        Images, uint8, shape (n, 48, 48), and targets, float32, shape (n, k), as `examples` returns
        them.
    """
    images, targets = examples(recipe, data, votes, "Training")
    emotions = emotion_columns(targets)  # a view, so the next lines change `targets`
    if recipe.teacher:
        emotions *= 1 - recipe.trust
        emotions += recipe.trust * teacher_answers(recipe, images)
    return images, targets


def _network_arguments(recipe: Recipe) -> dict[str, Any]:
    """Return the arguments of `networks.residual` for a recipe."""
    heads = {"emotion": len(CLASSES[recipe.labels])}
    if recipe.votes:
        heads["votes"] = len(ferplus.VOTES)
    return {
        "widths": recipe.widths,
        "blocks": recipe.blocks,
        "heads": heads,
        "dropout": recipe.dropout,
    }


def _start_from(recipe: Recipe, model: keras.Model) -> list[np.ndarray]:
    """Give a network the weights of an earlier model, and return them.

    The layer of the votes keeps its random ones, because models are saved without it.

    Raises:
        ValueError: the earlier model does not exist, or its network is another one.
    """
    trained = keras.models.load_model(_start_file(recipe), compile=False)
    emotions = keras.Model(model.input, model.get_layer("emotion").output)
    try:
        emotions.set_weights(trained.get_weights())
    except ValueError as error:
        raise ValueError(
            f"The recipe {recipe.name} has another network than {recipe.start}, from which it "
            "starts: give both the same labels, widths and blocks."
        ) from error
    return trained.get_weights()


def _start_file(recipe: Recipe) -> Path:
    """Return the file of the model from which a recipe starts.

    Raises:
        ValueError: there is no such file.
    """
    file = paths.root() / "models" / f"{recipe.start}.keras"
    if not file.is_file():
        raise ValueError(
            f"The recipe {recipe.name} starts from {file}, which does not exist: train that model "
            "first, then run tools/ship_models.py."
        )
    return file


def _check_files(recipe: Recipe) -> None:
    """Raise a ValueError if a model from which a recipe starts or learns does not exist."""
    if recipe.start:
        _start_file(recipe)
    for name in recipe.teacher:
        teacher_file(name)


def _checkpoint_name(recipe: Recipe, seed: int) -> str:
    """Return the name of a run's checkpoint; another file to start from makes it another run."""
    start = f"-{checksum(_start_file(recipe))[:8]}" if recipe.start else ""
    return f"{recipe.name}-{seed}{start}"


def mix_weights(model: keras.Model, first: list[np.ndarray], share: float) -> None:
    """Mix the weights of a model with earlier ones, in place.

    Between a network and the same network trained further lie networks that are often better than
    both: on what it learnt last nearly as good as the second, on what it knew before as the first.

    Source: Wortsman and others (2022), https://arxiv.org/abs/2109.01903

    Args:
        first: the earlier weights, as `model.get_weights` returned them.
        share: how much of the earlier weights is taken, from 0 to 1.
    """
    pairs = zip(first, model.get_weights(), strict=True)
    model.set_weights([share * before + (1 - share) * after for before, after in pairs])


def _compile(model: keras.Model, recipe: Recipe, images: int) -> None:
    """Compile a network for training on this number of images."""
    schedule = training.cosine(recipe.rate, recipe.epochs, images, recipe.batch_size)
    sgd = keras.optimizers.SGD(schedule, recipe.momentum, nesterov=True, weight_decay=recipe.decay)
    sgd.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(sgd, loss=loss, metrics=[accuracy], jit_compile=networks.JIT)


def _emotion_model(model: keras.Model, arguments: dict[str, Any]) -> keras.Model:
    """Return the trained network in float32, built of Keras's own layers, without the votes."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        copy = networks.residual(**arguments)
        copy.set_weights(model.get_weights())
        return keras.Model(copy.input, copy.get_layer("emotion").output, name="recogniser")
    finally:
        keras.config.set_dtype_policy(policy)


def calibrate(model: keras.Model, images: np.ndarray, targets: np.ndarray) -> keras.Model:
    """Calibrate a model by dividing its logits by a temperature, and return it.

    The temperature is the one for which the labels are most likely.

    Source: Guo and others (2017), https://arxiv.org/abs/1706.04599

    Args:
        model: a model whose last layer, "emotion", has a softmax. It is changed in place.
        images: the calibration images, uint8, shape (n, 48, 48), as returned by `examples`.
        targets: their targets, float32, shape (n, k), as returned by `examples`.
    """
    logits = np.log(np.maximum(model.predict(network_input(images), verbose=0), 1e-9))
    best = best_temperature(logits, emotion_columns(targets).argmax(axis=1))
    last = model.get_layer("emotion")
    last.set_weights([np.asarray(value) / best for value in last.get_weights()])
    return model


def best_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the number by which logits are divided so that the labels are most likely.

    Args:
        logits: float, shape (n, k).
        labels: int, shape (n,), class numbers.

    >>> logits = np.array([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [2.0, 0.0]])
    >>> round(best_temperature(logits, np.array([0, 0, 0, 1])), 2)  # 3 of 4: log(3) apart
    1.82
    """
    temperatures = np.exp(np.linspace(-1.5, 1.5, 301))
    return float(
        min(temperatures, key=lambda value: negative_log_likelihood(logits / value, labels))
    )


def negative_log_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean negative log-likelihood of labels.

    Args:
        logits: float, shape (n, k).
        labels: int, shape (n,), class numbers.

    >>> round(negative_log_likelihood(np.zeros((3, 2)), np.array([0, 1, 1])), 4)
    0.6931
    """
    return float(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())


def trained_file(name: str, seed: int) -> Path:
    """Return the path where `facevalue train` saves a model.

    Args:
        name: the name of the recipe.
        seed: the seed of the training run.
    """
    return paths.processed() / "recogniser" / f"{name}-{seed}.keras"


def main(options: argparse.Namespace) -> None:
    """Run `facevalue train`.

    Args:
        options: `recipe`, a TOML file; `seed`; `data`, "fer2013" or "rendered"; and `out`, the
            .keras file to write, or None for `trained_file`.
    """
    recipe = read(options.recipe)
    _check_files(recipe)  # before the data are loaded, which takes a while
    devices.start()
    policy = mixed_precision.use_mixed_precision()
    data = course_faces.load(options.data)
    if options.data == "rendered" and needs_votes(recipe):
        recipe = dataclasses.replace(recipe, votes=0.0, last_layer=None)
        print("Drawn faces have no FER+ votes: the recipe is trained without them.")
    votes = ferplus.votes(paths.raw_file(VOTES_FILE), data) if needs_votes(recipe) else None
    if devices.process_index() == 0:
        print("computes in", policy)
    model, curve = train(recipe, data, votes, seed=options.seed)
    if devices.process_index() > 0:
        return
    name = f"{recipe.name}-{options.seed}"
    write_text(curve_file(name, options.data, "full"), curve.to_csv(index=False))
    out = options.out or trained_file(recipe.name, options.seed)
    with devices.one_device(), atomic_write(out, suffix=".keras") as part:
        model.save(part)
    images, targets = examples(recipe, data, votes, "PublicTest")
    answers = model.predict(network_input(images), verbose=0).argmax(axis=1)
    share = np.mean(answers == emotion_columns(targets).argmax(axis=1))
    print(f"{out}: {len(curve)} epochs, PublicTest {share:.4f}.")
