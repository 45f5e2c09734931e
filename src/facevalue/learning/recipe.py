"""Recipes: the settings with which a recogniser is trained, read from a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from facevalue.data import ferplus
from facevalue.emotions import EMOTIONS
from facevalue.files import open_regular
from facevalue.learning.augmentation import Augmentation
from facevalue.learning.last_layer import LastLayer
from facevalue.learning.spoiling import Spoiling

CLASSES = {"fer2013": EMOTIONS, "ferplus": ferplus.VOTES[:8]}
"""The emotions of each kind of label, in the order of the model's outputs. FER+ adds contempt."""


TABLES = {"augmentation": Augmentation, "spoiling": Spoiling, "last_layer": LastLayer}
"""The tables of a recipe's file, and what each describes."""

MAX_BYTES = 100_000
"""The largest file of a recipe, in bytes."""


@dataclass(frozen=True)
class Recipe:
    """All settings that decide how a recogniser is trained.

    Attributes:
        name: the name of the model and of its checkpoint.
        start: the name of an earlier model, say "fast_clean" for models/fast_clean.keras, which is
            trained further, whatever the seed; empty to start from random weights.
        keep: how much of the weights of `start` remains at the end, from 0 to 1: the result is the
            weighted mean of the weights before and after. So a network that is trained further on
            spoilt images hardly forgets the others.
        labels: "fer2013" for the labels of the data set, or "ferplus" for the majority of the FER+
            votes.
        widths, blocks, dropout: as in `networks.residual`.
        epochs: the number of passes over the Training split.
        batch_size: the number of images in a step.
        rate: the highest learning rate (see `training.cosine` for the schedule).
        momentum: the Nesterov momentum of the optimizer.
        decay: the weight decay of the kernels, relative to the learning rate.
        average: the decay of the moving average of the weights; 0 for no average.
        smoothing: the share of each label that is spread over all emotions (label smoothing).
        votes: the weight of the second target, the FER+ votes, in the loss; 0 for no second target.
        mixup: alpha of `augmentation.mixup`; 0 for no mixup.
        balance: how much rare emotions are weighted, from 0 (all images count the same) to 1 (all
            emotions count the same). `LastLayer.balance` changes logits instead.
        teacher: the names of the teachers' .onnx files (see `distillation.teacher_file`). The mean
            of their probabilities is a part of each target; empty for no teacher.
        trust: the weight of the teachers' answer in each target, from 0 to 1; the label has the
            rest.
        augmentation: how much the images are changed.
        spoiling: how often and how strongly the changed images are spoilt; by default, none is.
        last_layer: on which targets the last layer is trained again at the end, after the weights
            were mixed; None to leave it unchanged.
        copies: true to train on all images of Training; false to keep only the first of several
            with equal pixels. FER-2013 has such copies, some with another label.
        glasses: the share of the Training images that get a copy with painted glasses, from 0 to 1.
            Its targets, the teachers' too, are those of the face without glasses.
        drawn: how many drawn faces are added, as a share of all images so far, copies with glasses
            among them, from 0 to 1. They show people who are old, have dark skin or a beard, or
            wear glasses or a headscarf.

    >>> Recipe("mine", epochs=10).batch_size
    128
    """

    name: str
    start: str = ""
    keep: float = 0.0
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
    mixup: float = 0.0
    balance: float = 0.0
    teacher: tuple[str, ...] = ()
    trust: float = 0.8
    copies: bool = True
    glasses: float = 0.0
    drawn: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    spoiling: Spoiling = field(default_factory=Spoiling)
    last_layer: LastLayer | None = None


def read(file: Path) -> Recipe:
    """Read a recipe from a TOML file. Settings that it lacks have the defaults of `Recipe`.

    Args:
        file: a file such as models/accurate.toml.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not TOML, has unknown settings or labels, lacks a name, has
            `keep` without `start`, has `last_layer` or `drawn` although its labels are those of
            FER+, or has a start, a share, copies or a teacher of another type or range.
    """
    file = Path(file)
    with open_regular(file) as opened:
        content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"{file} is larger than {MAX_BYTES:,} bytes, so it is not a recipe.")
    try:
        settings: dict[str, Any] = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not valid TOML: {error}.") from error
    tables = {name: settings.pop(name) for name in TABLES if name in settings}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ValueError(f"{file}: {name} must be a table, [{name}], not {table!r}.")
    given_kinds = [(settings, Recipe)] + [(tables[name], TABLES[name]) for name in tables]
    for given, kind in given_kinds:
        known = {part.name for part in fields(kind)}
        if unknown := sorted(set(given) - known):
            raise ValueError(
                f"{file} has unknown settings: {', '.join(unknown)}; those of "
                f"{kind.__name__} are {', '.join(sorted(known))}."
            )
    labels = settings.get("labels", "fer2013")
    if labels not in CLASSES:
        raise ValueError(f"{file}: labels must be one of {', '.join(CLASSES)}, not {labels!r}.")
    if "name" not in settings:
        raise ValueError(f'{file} needs a name: add one, for example name = "fast".')
    if settings.get("keep") and not settings.get("start"):
        raise ValueError(f"{file} sets keep, but no start whose weights could be kept: set both.")
    if labels == "ferplus" and "last_layer" in tables:
        raise ValueError(f"{file} has a last_layer, but its labels are the votes: leave one out.")
    if labels == "ferplus" and settings.get("drawn"):
        raise ValueError(f"{file} has drawn faces, but its labels are the votes: leave one out.")
    _check_types(file, settings, tables.get("last_layer", {}))
    settings = {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}
    return Recipe(**settings, **{name: TABLES[name](**table) for name, table in tables.items()})


def _check_types(file: Path, settings: dict[str, Any], last_layer: dict[str, Any]) -> None:
    """Refuse values that would be noticed only after a training, or not at all."""
    start, teacher = settings.get("start", ""), settings.get("teacher", [])
    if not isinstance(start, str):
        raise ValueError(f'{file}: start must be a name such as "fast_clean", not {start!r}.')
    shares = [(name, settings.get(name, 0)) for name in ("keep", "trust", "glasses", "drawn")]
    for name, share in [*shares, *last_layer.items()]:
        if not (isinstance(share, int | float) and 0 <= share <= 1):
            raise ValueError(f"{file}: {name} must be a number from 0 to 1, not {share!r}.")
    if not isinstance(settings.get("copies", True), bool):
        raise ValueError(f"{file}: copies must be true or false, not {settings['copies']!r}.")
    if not (isinstance(teacher, list) and all(isinstance(name, str) for name in teacher)):
        raise ValueError(f'{file}: teacher must be a list such as ["first.onnx"], not {teacher!r}.')


def needs_votes(recipe: Recipe) -> bool:
    """Return whether a recipe needs the FER+ votes.

    >>> needs_votes(Recipe("mine", votes=0.0))
    False
    """
    return recipe.labels == "ferplus" or recipe.votes > 0 or recipe.last_layer is not None
