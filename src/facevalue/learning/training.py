"""Training: Keras's `fit` with augmentation, averaged weights and checkpoints."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
    """Train a compiled model, and return its curve.

    With `keep`, a checkpoint is written to data/processed/training/NAME after each epoch. The same
    call then resumes a killed training after its last whole epoch, returns at once if it is
    finished, and adds epochs if there are more than before. If the data, the shape of the network,
    the optimizer or another setting differs from that of the checkpoint, or fewer epochs are
    wanted, a new training replaces it. Callbacks and the values of frozen weights are not compared:
    use another name for those.

    A resumed training follows the curve of an uninterrupted one: the order of the images and their
    augmentation depend on the seed and the epoch only, and ReduceLROnPlateau and EarlyStopping hear
    of the past epochs. (On PyTorch, Dropout needs a seed for that.)

    Where FACEVALUE_DISTRIBUTION spreads batches over several devices (see `devices`), `batch_size`
    is that of all devices together, and all processes need the same data/processed/training.

    Args:
        model: compiled. A learning rate schedule belongs to its optimizer.
        train: (images, labels), or an object that streams them (see `batches.ImageSource`). Images
            are uint8, shape (n, height, width) or (n, height, width, channels), which become
            float32 from 0 to 1, or float32 of the shape that the model takes. Labels are class
            numbers, shape (n,), or rows of class probabilities.
        validation: the same, measured after each epoch; None for none.
        epochs: passes over `train`.
        batch_size: images in a step.
        name: of the kept training, a plain file name.
        augmentation: what changes each training batch; None leaves the images unchanged.
        seed: of the order of the images and the augmentation.
        callbacks: Keras callbacks, for example EarlyStopping or `LiveCurve`.
        average: the decay of a moving average of the weights, for example 0.999. The average is
            measured on `validation`, and is what the model holds in the end. None for none.
        class_weight: weight of each class in the loss, by its number.
        keep: whether checkpoints are written and read; False leaves no trace.
        verbose: 0 silent, 1 a progress bar, 2 a line per epoch.

    Returns:
        One row per epoch: epoch (from 1), loss and the metrics, the same with the prefix val_,
        learning_rate, seconds.

    Raises:
        ValueError: the images, the labels or the settings do not fit; the message says which.

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
        raise ValueError(f"A training that is kept needs a plain file name, not name={name!r}.")
    devices.check(batch_size)
    verbose = verbose if devices.process() == 0 else 0
    batches = Batches(train, batch_size, augmentation=augmentation, seed=seed)
    check_data(model, batches, "training")
    held_out = None
    if validation is not None:
        held_out = Batches(validation, batch_size, shuffle=False)
        check_data(model, held_out, "validation")
    curve = Curve(batches)
    chain = [curve, *([AveragedWeights(average)] if average else []), *callbacks]
    if keep:
        settings = checkpoints.describe(
            model,
            batches,
            held_out,
            batch_size=batch_size,
            seed=seed,
            augmentation=augmentation,
            average=average,
            class_weight=sorted((class_weight or {}).items()),
        )
        folder = paths.processed() / "training" / name
        checkpoint = checkpoints.Checkpoint(folder, settings, curve, callbacks, verbose > 0)
        if checkpoint.load_finished(model, epochs):
            return pd.DataFrame(curve.rows)
        chain.append(checkpoint)
    try:
        model.fit(
            batches,
            validation_data=held_out,
            epochs=epochs,
            callbacks=chain,
            class_weight=class_weight,
            shuffle=False,  # `Batches` shuffles the images; Keras would shuffle the batches too
            verbose=verbose,
        )
    finally:
        model._initial_epoch = None  # else every later `fit` would begin at the resumed epoch
    return pd.DataFrame(curve.rows)


def _check_model(model: keras.Model) -> None:
    if not model.compiled:
        raise ValueError("The model is not compiled: call model.compile(...) before fit.")
    if not model.built:
        raise ValueError("The model has no input yet: begin it with keras.Input(shape).")
    if model.optimizer.use_ema:
        raise ValueError("The optimizer has use_ema=True: use fit(..., average=0.999) instead.")


def cosine(
    rate: float, epochs: int, images: int, batch_size: int = 64
) -> keras.optimizers.schedules.CosineDecay:
    """Return a learning rate that rises for a tenth of the steps, then falls along a cosine to 0.

    Source: Loshchilov and Hutter (2017), https://arxiv.org/abs/1608.03983

    Args:
        rate: the highest learning rate.
        epochs: of the training.
        images: in an epoch.
        batch_size: images in a step.

    >>> schedule = cosine(0.001, epochs=10, images=640)
    >>> [round(float(schedule(step)), 6) for step in (0, 10, 55, 100)]
    [0.0001, 0.001, 0.0005, 0.0]
    """
    steps = epochs * -(-images // batch_size)
    return keras.optimizers.schedules.CosineDecay(
        rate / 10, steps - steps // 10, warmup_target=rate, warmup_steps=steps // 10
    )
