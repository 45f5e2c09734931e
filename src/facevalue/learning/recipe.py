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
"""The emotions of each kind of label, in the order of the model's outputs; FER+ has contempt."""


@dataclass(frozen=True)
class Recipe:
    """All settings that decide how a recogniser is trained.

    Attributes:
        name: of the model and of its kept training.
        labels: "fer2013", the data set's own, or "ferplus", the majority of FER+'s raters.
        widths, blocks, dropout: of `networks.residual`.
        epochs: passes over the Training split.
        batch_size: images in a step.
        rate: the highest learning rate; it rises for a tenth of the steps, then falls to 0.
        momentum: of the gradient (Nesterov's).
        decay: weight decay of the kernels, as a share of the learning rate.
        average: decay of the weights' moving average; 0 for none.
        smoothing: share of each label that is spread over all emotions.
        votes: weight of the second target, the FER+ votes; 0 for none.
        noise, blur: of `augmentation.degrade`; 0 for none.
        mixup: alpha of `augmentation.mixup`; 0 for none.
        balance: weight of rare emotions, from 0 (every image counts the same) to 1 (every emotion
            counts the same).
        teacher: names of .onnx files (see `distillation.teacher_file`). Their mean answers replace
            a share of the labels; empty for none.
        trust: that share.
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
    """Read a recipe from a TOML file. Settings that it lacks have the defaults of `Recipe`.

    Raises:
        ValueError: the file is not TOML, or has settings that are not a recipe's.
    """
    file = Path(file)
    try:
        settings: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not valid TOML: {error}.") from error
    changes = settings.pop("augmentation", {})
    for given, kind in ((settings, Recipe), (changes, Augmentation)):
        known = {part.name for part in fields(kind)}
        if unknown := sorted(set(given) - known):
            raise ValueError(
                f"{file} has unknown settings: {', '.join(unknown)}. Those of "
                f"{kind.__name__} are {', '.join(sorted(known))}."
            )
    if settings.get("labels", "fer2013") not in CLASSES:
        raise ValueError(f"{file}: labels must be one of {', '.join(CLASSES)}.")
    if "name" not in settings:
        raise ValueError(f'{file} needs a name, for example name = "fast".')
    settings = {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}
    return Recipe(**settings, augmentation=Augmentation(**changes))


def needs_votes(recipe: Recipe) -> bool:
    """Return whether a recipe needs the FER+ votes.

    >>> needs_votes(Recipe("mine", votes=0.0))
    False
    """
    return recipe.labels == "ferplus" or recipe.votes > 0
