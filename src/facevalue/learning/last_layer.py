"""The last layer of a trained network is trained again, on other targets."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from facevalue.learning.augmentation import BatchTransform
from facevalue.learning.batches import network_input
from facevalue.learning.raters import consensus, outvoted

DECAY = 1e-4
"""The weight decay of the kernel."""

Layer = tuple[np.ndarray, np.ndarray]
"""The kernel, shape (d, k), and the bias, shape (k,), of a last layer."""


@dataclass(frozen=True)
class LastLayer:
    """From which targets the last layer learns, when all other layers have learnt.

    The layers before it need many images, right labels or not, but a layer of a few weights learns
    a new preference from features in seconds.

    Source: Kirichenko and others (2022), https://arxiv.org/abs/2204.02937

    Attributes:
        consensus: the share of each target that the FER+ raters' votes for the seven emotions
            replace, from 0 to 1 (see `raters.consensus`).
        outvoted: which images are left out because the raters contradict their label: those whose
            label none of them chose, while more than this share of them agreed on another answer;
            0 keeps all images.
        balance: how much the logits of rare emotions are raised, from 0 (each emotion as frequent
            as in Training) to 1 (as if all were equally frequent): the logit adjustment of Menon
            and others (2021), https://arxiv.org/abs/2007.07314. `Recipe.balance` does something
            else: it weights the loss while all layers learn.

    >>> LastLayer(consensus=0.2).outvoted
    0.0
    """

    consensus: float = 0.0
    outvoted: float = 0.0
    balance: float = 0.0


def learn_last_layer(
    model: keras.Model,
    plan: LastLayer,
    images: np.ndarray,
    targets: np.ndarray,
    labels: np.ndarray,
    votes: pd.DataFrame,
    change: BatchTransform,
    *,
    verbose: int = 2,
) -> None:
    """Train the last layer of a model again, in place.

    It learns from the features of the images and of one changed copy of each; copies with painted
    glasses and drawn faces are not among them.

    Args:
        model: a network from `networks.residual` with the one head "emotion".
        plan: from which targets.
        images: the Training images, uint8, shape (n, 48, 48).
        targets: probabilities of the seven emotions, float, shape (n, 7), for example labels mixed
            with teachers' answers.
        labels: the labels, int, shape (n,), indices into `emotions.EMOTIONS`.
        votes: the FER+ votes, one row per image.
        change: changes the copies.
        verbose: 0 for no progress bar.
    """
    body = keras.Model(model.input, model.get_layer("average").output)
    parts = with_copies(images, targets, change)
    features = [body.predict(part, batch_size=256, verbose=min(verbose, 1)) for part in parts]
    last = model.get_layer("emotion")
    kernel, bias = (np.asarray(weight) for weight in last.get_weights())
    last.set_weights(new_layer(plan, features, targets, labels, votes, (kernel, bias)))


def with_copies(
    images: np.ndarray, targets: np.ndarray, change: BatchTransform
) -> list[np.ndarray]:
    """Return images as a network takes them, and one changed copy of each, always the same ones.

    Args:
        images, targets, change: as in `learn_last_layer`.

    Returns:
        Two float32 arrays, shape (n, 48, 48, 1), from 0 to 1.
    """
    x = network_input(images)
    copies, _ = change(x, targets, np.random.default_rng(0))
    return [x, copies]


def new_layer(
    plan: LastLayer,
    features: list[np.ndarray],
    targets: np.ndarray,
    labels: np.ndarray,
    votes: pd.DataFrame,
    start: Layer,
) -> Layer:
    """Return the last layer that learnt the targets of a plan.

    Args:
        plan: from which targets.
        features: of the images, and of each kind of changed copies: float, shape (n, d).
        targets, labels, votes: as in `learn_last_layer`.
        start: the layer from which the search starts.
    """
    targets = (1 - plan.consensus) * targets + plan.consensus * consensus(labels, votes)
    kept = np.ones(len(labels), bool)
    if plan.outvoted:
        kept = ~outvoted(labels, votes, plan.outvoted)
    x = np.concatenate([part[kept] for part in features])
    kernel, bias = fit(x, np.concatenate([targets[kept]] * len(features)), start)
    frequency = np.bincount(labels, minlength=targets.shape[1]) / len(labels)
    return kernel, bias - plan.balance * np.log(np.maximum(frequency, 1 / len(labels)))


def fit(x: np.ndarray, targets: np.ndarray, start: Layer) -> Layer:
    """Return the layer with the smallest cross-entropy, found by L-BFGS.

    Args:
        x: features, float, shape (n, d).
        targets: probabilities, float, shape (n, k).
        start: the layer from which the search starts.

    >>> x, targets = np.array([[0.0], [1.0], [1.0]]), np.array([[1.0, 0], [0, 1.0], [0.5, 0.5]])
    >>> kernel, bias = fit(x, targets, (np.zeros((1, 2)), np.zeros(2)))
    >>> softmax(kernel[0] + bias).round(2).tolist()
    [0.25, 0.75]
    """
    d, k = x.shape[1], targets.shape[1]
    x = np.hstack([x, np.ones((len(x), 1), x.dtype)])
    decays = np.append(np.ones(d), 0)[:, None]  # no decay of the bias

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(d + 1, k)
        logits = x @ weights
        value = -(targets * log_softmax(logits, axis=1)).sum(axis=1).mean()
        slope = x.T @ (softmax(logits, axis=1) - targets) / len(x)
        decay = DECAY * decays * weights
        return value + (decay * weights).sum(), (slope + 2 * decay).ravel()

    first = np.vstack([start[0], start[1]]).ravel().astype(float)
    found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": 100})
    weights = found.x.reshape(d + 1, k)
    return weights[:-1], weights[-1]
