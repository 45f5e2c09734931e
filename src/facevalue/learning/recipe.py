"""A recipe: how a recogniser is trained, read from a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from facevalue.data import ferplus
from facevalue.emotions import EMOTIONS
from facevalue.learning.augmentation import Augmentation

CLASSES = {"fer2013": EMOTIONS, "ferplus": ferplus.VOTES[:8]}
"""The emotions of each kind of label, in the order of the answers; "ferplus" knows contempt."""


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


def needs_votes(recipe: Recipe) -> bool:
    """Return whether a recipe cannot do without FER+."""
    return recipe.labels == "ferplus" or recipe.votes > 0
