"""Training: Keras's `fit` with augmentation, averaged weights and checkpoints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import keras
import pandas as pd

from facevalue import paths
from facevalue.learning import checkpoints, devices
from facevalue.learning.augmentation import BatchTransform
from facevalue.learning.batches import Batches, Data
from facevalue.learning.callbacks import AveragedWeights, Curve
from facevalue.learning.input_checks import check_data


def fit(
    model: keras.Model,
    train: Data,
    validation: Data | None = None,
    *,
    epochs: int,
    batch_size: int = 64,
    name: str = "",
    augmentation: BatchTransform | None = None,
    seed: int = 42,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    average: float | None = None,
    class_weight: dict[int, float] | None = None,
    keep: bool = False,
    verbose: int = 2,
) -> pd.DataFrame:
    """Train a compiled model, and return its learning curve.

    With `keep`, a checkpoint is written to data/processed/training/NAME after each epoch. The same
    call then resumes a killed run after its last whole epoch, returns at once if the run is
    finished, and adds epochs if `epochs` is larger than before. If the data, the shape of the
    network, the optimizer or another setting differs from that of the checkpoint, or `epochs` is
    smaller, a new run replaces it. Callbacks and the values of frozen weights are not compared: if
    they differ, use another name.

    A resumed run has the same curve as an uninterrupted one: the order of the images and their
    augmentation depend only on the seed and the epoch, and ReduceLROnPlateau and EarlyStopping are
    called again for the past epochs. On PyTorch, this requires that Dropout has a seed.

    If FACEVALUE_DISTRIBUTION spreads batches over several devices (see `devices`), `batch_size`
    is the number of images on all devices together, and all processes must share the folder
    data/processed/training.

    Args:
        model: a compiled model. A learning rate schedule belongs to its optimizer.
        train: (images, labels), or an object that streams them (see `batches.ImageSource`). Images
            are uint8, shape (n, height, width) or (n, height, width, channels), which become
            float32 from 0 to 1, or float32 of the shape that the model takes. Labels are class
            numbers, shape (n,), or rows of class probabilities.
        validation: the validation images and labels, in the same form as `train`, on which the
            model is evaluated after each epoch; None if there are none.
        epochs: the number of passes over `train`.
        batch_size: the number of images in a step.
        name: the name of the checkpoint's folder, a plain file name; only needed with `keep`.
        augmentation: changes each training batch; None leaves the images unchanged.
        seed: the seed of the order of the images and of the augmentation.
        callbacks: Keras callbacks, for example EarlyStopping or `LiveCurve`.
        average: the decay of a moving average of the weights, for example 0.999. The averaged
            weights are evaluated on `validation`, and the model has them at the end. With None,
            there is no average.
        class_weight: the weight of each class in the loss, by class number.
        keep: whether checkpoints are written and read.
        verbose: 0 for no output, 1 for a progress bar, 2 for a line per epoch.

    Returns:
        One row per epoch: epoch (from 1), loss and the metrics, the same with the prefix `val_`,
        learning_rate, seconds.

    Raises:
        ValueError: the images, the labels or the settings do not fit; the message says which.
        RuntimeError: FACEVALUE_DISTRIBUTION is set, but `devices.start` was not called.

    >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(),
    ...                           keras.layers.Dense(2, activation="softmax")])
    >>> model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    >>> import numpy as np
    >>> images, labels = np.zeros((6, 8, 8), np.uint8), np.array([0, 1, 0, 1, 0, 1])
    >>> curve = fit(model, (images, labels), epochs=2, verbose=0)
    >>> list(curve)
    ['epoch', 'accuracy', 'loss', 'learning_rate', 'seconds']
    """
    _check_model(model)
    if keep and not re.fullmatch(r"\w[\w.-]*", name):
        raise ValueError(
            f"With keep=True, name must be a plain file name such as 'cnn6', not {name!r}."
        )
    devices.check(batch_size)
    verbose = verbose if devices.process_index() == 0 else 0
    batches = Batches(train, batch_size, augmentation=augmentation, seed=seed)
    check_data(model, batches, "training")
    validation_batches = None
    if validation is not None:
        validation_batches = Batches(validation, batch_size, shuffle=False)
        check_data(model, validation_batches, "validation")
    curve = Curve(batches)
    all_callbacks = [curve, *([AveragedWeights(average)] if average else []), *callbacks]
    if keep:
        settings = _settings(model, batches, validation_batches, average, class_weight)
        folder = paths.processed() / "training" / name
        checkpoint = checkpoints.Checkpoint(folder, settings, curve, callbacks, verbose > 0)
        if checkpoint.load_finished(model, epochs):
            return pd.DataFrame(curve.rows)
        all_callbacks.append(checkpoint)
    try:
        model.fit(
            batches,
            validation_data=validation_batches,
            epochs=epochs,
            callbacks=all_callbacks,
            class_weight=class_weight,
            shuffle=False,  # `Batches` shuffles the images; Keras would shuffle the batches too
            verbose=verbose,
        )
    finally:
        model._initial_epoch = None  # otherwise a later `fit` would begin at the resumed epoch
    return pd.DataFrame(curve.rows)


def _settings(
    model: keras.Model,
    batches: Batches,
    validation: Batches | None,
    average: float | None,
    class_weight: dict[int, float] | None,
) -> dict[str, Any]:
    """Return what must be equal for a run to resume from a checkpoint."""
    return checkpoints.describe(
        model,
        batches,
        validation,
        batch_size=batches.batch_size,
        seed=batches.seed,
        augmentation=batches.augmentation,
        average=average,
        class_weight=sorted((class_weight or {}).items()),
    )


def _check_model(model: keras.Model) -> None:
    """Raise a ValueError if a model is not ready to be trained."""
    if not model.compiled:
        raise ValueError("The model is not compiled: call model.compile(...) before fit.")
    if not model.built:
        raise ValueError("The model has no input yet: begin it with keras.Input(shape).")
    if model.optimizer.use_ema:
        raise ValueError(
            "The optimizer must not have use_ema=True: use fit(..., average=0.999) instead."
        )


def cosine(
    learning_rate: float, epochs: int, images: int, batch_size: int = 64
) -> keras.optimizers.schedules.CosineDecay:
    """Return a learning rate schedule with a warm-up, then a fall along a cosine to 0.

    The rate rises from a tenth of `learning_rate` to `learning_rate` in the first tenth of the
    steps.

    Source: Loshchilov and Hutter (2017), https://arxiv.org/abs/1608.03983

    Args:
        learning_rate: the highest learning rate.
        epochs: the number of epochs of the training run.
        images: the number of training images.
        batch_size: the number of images in a step.

    >>> schedule = cosine(0.001, epochs=10, images=640)
    >>> [round(float(schedule(step)), 6) for step in (0, 10, 55, 100)]
    [0.0001, 0.001, 0.0005, 0.0]
    """
    steps = epochs * -(-images // batch_size)
    return keras.optimizers.schedules.CosineDecay(
        learning_rate / 10,
        steps - steps // 10,
        warmup_target=learning_rate,
        warmup_steps=steps // 10,
    )
