"""The recogniser's recipe: how a model is trained, read from a file such as models/accurate.toml.

`python -m facevalue.training --config models/accurate.toml` trains it; `train` is the same call.
"""

from __future__ import annotations

import argparse
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from tqdm import tqdm

from facevalue import (
    augmentation,
    datasets,
    distribution,
    ferplus,
    networks,
    paths,
    results,
    training,
)
from facevalue.augmentation import Augmentation
from facevalue.dataset import Dataset
from facevalue.emotions import EMOTIONS
from facevalue.quality import VOTES_FILE

CLASSES = {"fer2013": EMOTIONS, "ferplus": ferplus.VOTES[:8]}
"""The emotions of each kind of label, in the order of the answers; "ferplus" knows contempt."""

VIEWS = 4
"""Changed copies of an image that a teacher answers to."""


@dataclass(frozen=True)
class Recipe:
    """All that decides how a model is trained.

    Attributes:
        name: of the model and of its kept training.
        labels: "fer2013", the data set's own, or "ferplus", what most of FER+'s raters chose.
        widths, blocks, dropout: of `networks.residual`.
        epochs: passes over the Training split.
        batch_size: images in a step.
        rate: the highest learning rate; it rises for a tenth of the steps, then falls to 0.
        momentum: of the gradient (Nesterov's).
        decay: by which share of the learning rate all kernels shrink at each step.
        average: how much of the weights' moving average stays at each step; 0 for none.
        smoothing: share of each label that is spread over all emotions.
        votes: weight of the second target, the FER+ votes; 0 for none.
        noise, blur: of `augmentation.degrade`; 0 for none.
        mixup: alpha of `augmentation.mixup`; 0 for none.
        balance: 0 counts every image alike, 1 every emotion; between them, in between.
        teacher: .onnx files in models/ whose mean answer takes the place of the labels, by
            `trust` (see `taught`); none for none.
        trust: how much of the label is the teacher's.
        augmentation: how the images are changed.
    """

    name: str
    labels: str = "fer2013"
    widths: tuple[int, ...] = (32, 64, 128, 256)
    blocks: tuple[int, ...] = (2, 2, 2)
    dropout: float = 0.2
    epochs: int = 60
    batch_size: int = 128
    rate: float = 0.1
    momentum: float = 0.9
    decay: float = 0.005
    average: float = 0.999
    smoothing: float = 0.1
    votes: float = 0.5
    noise: float = 0.0
    blur: float = 0.0
    mixup: float = 0.0
    balance: float = 0.0
    teacher: tuple[str, ...] = ()
    trust: float = 0.8
    augmentation: Augmentation = field(default_factory=Augmentation)


def read(file: Path) -> Recipe:
    """Return the recipe that a TOML file holds; what it does not name is as in `Recipe`.

    Raises:
        ValueError: it is not TOML, or names something that is not in a recipe.
    """
    try:
        settings: dict[str, Any] = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{Path(file).name} is not TOML: {error}.") from None
    changes = settings.pop("augmentation", {})
    for given, kind in ((settings, Recipe), (changes, Augmentation)):
        known = {part.name for part in fields(kind)}
        if unknown := sorted(set(given) - known):
            raise ValueError(
                f"{Path(file).name} names {', '.join(unknown)}: a {kind.__name__.lower()} has "
                f"{', '.join(sorted(known))}."
            )
    if settings.get("labels", "fer2013") not in CLASSES:
        raise ValueError(f"{Path(file).name}: labels is one of {', '.join(CLASSES)}.")
    settings = {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}
    try:
        return Recipe(**settings, augmentation=Augmentation(**changes))
    except TypeError:
        raise ValueError(f'{Path(file).name} needs a name, for example name = "fast".') from None


# ------------------------------------------------------------------------------ targets


def examples(
    recipe: Recipe, data: Dataset, votes: pd.DataFrame | None, split: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of a split, uint8 (n, 48, 48), and what shall be said of them.

    Args:
        recipe: its `labels` decide what the images are. FER+'s raters agree on most of them only;
            the others are left out.
        data: any data set with that split.
        votes: the FER+ votes on `data`, one row each; None where the recipe does not need them.
        split: of `dataset.SPLITS`. The votes count in Training only.

    Returns:
        The second is float32, shape (n, k): the label's column is 1; with `recipe.votes`, ten
        columns for the votes follow.
    """
    rows = np.flatnonzero(data.splits == split)
    labels = np.eye(len(EMOTIONS), dtype=np.float32)[data.labels[rows]]
    if recipe.labels == "ferplus" and votes is not None:
        agreed = ferplus.targets(votes.iloc[rows].set_axis(rows))
        rows, labels = agreed.index.to_numpy(), agreed.to_numpy(np.float32)
    if recipe.votes and votes is not None:
        weight = recipe.votes if split == "Training" else 0.0
        labels = np.hstack([labels, weight * shares(votes.iloc[rows])])
    return data.images[rows], labels


def shares(votes: pd.DataFrame) -> np.ndarray:
    """Return each choice's share of the votes, float32, shape (n, 10); 0 where nobody voted."""
    counts = votes[list(ferplus.VOTES)].to_numpy(np.float32)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def emotions(rows: Any) -> Any:
    """Return a view of targets' or answers' columns of emotions: ten of votes may follow them."""
    width = rows.shape[1]
    return rows[:, : width - len(ferplus.VOTES)] if width > len(ferplus.VOTES) else rows


@dataclass(frozen=True)
class Lesson:
    """What is done to a batch: the images change, and the labels with them (see `Recipe`)."""

    augmentation: Augmentation
    noise: float = 0.0
    blur: float = 0.0
    smoothing: float = 0.0
    mixup: float = 0.0
    weights: tuple[float, ...] = ()  # of each emotion

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return changed images and labels, float32."""
        images, labels = self.augmentation(images, np.array(labels, np.float32), rng)
        if self.noise or self.blur:
            images = augmentation.degrade(images, self.noise, self.blur, rng)
        wanted = emotions(labels)
        names = wanted.argmax(axis=1)
        wanted *= 1 - self.smoothing
        wanted += self.smoothing / wanted.shape[1]
        if self.mixup:
            images, labels = augmentation.mixup(images, labels, self.mixup, rng)
        if self.weights:
            labels *= np.array(self.weights, np.float32)[names, None]
        return images, labels


def loss(labels: Any, answers: Any) -> Any:
    """Cross-entropy of all heads: they stand side by side, and so do their targets."""
    return -keras.ops.sum(labels * keras.ops.log(keras.ops.maximum(answers, 1e-7)), axis=-1)


def accuracy(labels: Any, answers: Any) -> Any:
    """Share of the faces for which the most probable emotion is the label's."""
    right = [keras.ops.argmax(emotions(rows), axis=-1) for rows in (labels, answers)]
    return keras.ops.cast(keras.ops.equal(*right), "float32")


# ------------------------------------------------------------------------------ training


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


def needs_votes(recipe: Recipe) -> bool:
    """Return whether a recipe cannot do without FER+."""
    return recipe.labels == "ferplus" or recipe.votes > 0


def _lesson(recipe: Recipe, labels: np.ndarray) -> Lesson:
    weights: tuple[float, ...] = ()
    if recipe.balance:
        count = emotions(labels).sum(axis=0)
        weight = (count.mean() / np.maximum(count, 1)) ** recipe.balance
        weights = tuple((weight * count.sum() / (weight * count).sum()).round(4).tolist())
    return Lesson(
        recipe.augmentation, recipe.noise, recipe.blur, recipe.smoothing, recipe.mixup, weights
    )


def taught(recipe: Recipe, images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the teachers' mean answer to some changed copies of each image (Hinton and others
    2015, https://arxiv.org/abs/1503.02531).

    They are asked once, before the training: at every step, it would take longer than to learn.

    Args:
        recipe: its `teacher` and `augmentation`.
        images: uint8, shape (n, 48, 48).
        seed: of the changes.

    Returns:
        float32, shape (n, k), in thousandths: a training that goes on on another machine, whose
        sums differ in the last digits, shall know its state again.

    Raises:
        ValueError: a teacher's file is not in models/.
    """
    import onnxruntime

    files = [paths.root() / "models" / file for file in recipe.teacher]
    for file in files:
        if not file.is_file():
            raise ValueError(f"the recipe learns from {file}: train that first, and ship it.")
    asked = [onnxruntime.InferenceSession(file) for file in files]
    rng = np.random.default_rng(seed)
    parts = np.array_split(images, -(-len(images) // 128))
    answers = []
    for part in tqdm(parts, desc=f"asking {', '.join(recipe.teacher)}"):
        x = part[..., None] / np.float32(255)
        views = [augmentation.augment(x, recipe.augmentation, rng) for _ in range(VIEWS)]
        found = [
            model.run(None, {model.get_inputs()[0].name: view})[0]
            for model in asked
            for view in views
        ]
        answers.append(np.mean(found, axis=0))
    return np.concatenate(answers).round(3)


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
    distribution.start()
    policy = training.use_mixed_precision()
    if distribution.chief():
        print("computes in", policy)
    data = datasets.load(given.data)
    votes = ferplus.votes(paths.raw_file(VOTES_FILE), data) if needs_votes(recipe) else None
    model, curve = train(recipe, data, votes, seed=given.seed)
    if not distribution.chief():
        return
    name = f"{recipe.name}-{given.seed}"
    paths.write_text(results.curve_file(name, given.data, "full"), curve.to_csv(index=False))
    out = given.out or trained(recipe.name, given.seed)
    with paths.beside(out, ending=".keras") as part:
        model.save(part)
    print(f"{out}: PublicTest {curve['val_accuracy'].iloc[-1]:.4f}, {len(curve)} epochs.")
