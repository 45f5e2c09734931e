"""Knowledge distillation: a network also learns from the probabilities of trained teachers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnxruntime
from tqdm import tqdm

from facevalue import paths
from facevalue.data.cache import load_or_make
from facevalue.files import checksum
from facevalue.learning import augmentation
from facevalue.learning.batches import network_input
from facevalue.learning.recipe import Recipe
from facevalue.recognition.recogniser import WEIGHTS

COPIES = 4
"""How many augmented copies of each image a teacher classifies."""

CACHE_BYTES = 20_000_000
"""How much room the answers of other recipes may take; those on FER-2013 take 0.8 MB each."""


def teacher_answers(recipe: Recipe, images: np.ndarray) -> np.ndarray:
    """Return the teachers' mean probabilities over augmented copies of each image.

    They are computed once, before the training; computing them at every step would take longer
    than the training itself. They are cached, because another seed and a run that resumes need the
    same ones.

    Source: Hinton and others (2015), https://arxiv.org/abs/1503.02531

    Args:
        recipe: names the teachers and sets the augmentation.
        images: uint8, shape (n, 48, 48), at least one.

    Returns:
        float32, shape (n, k), for the k outputs of the teachers. They are rounded to 0.001, so that
        a run that resumes on another machine, where the last digits differ, has the same targets.

    Raises:
        ValueError: a teacher's file does not exist.
    """
    key = _cache_key(recipe, images)
    made = load_or_make(
        "teacher-answers",
        key,
        lambda: {"answers": _computed_answers(recipe, images)},
        keep_bytes=CACHE_BYTES,
    )
    return made["answers"]


def _cache_key(recipe: Recipe, images: np.ndarray) -> str:
    """Return a checksum of all that the answers depend on."""
    sums = [checksum(teacher_file(name)) for name in recipe.teacher]
    pixels = hashlib.sha256(images.tobytes()).hexdigest()
    facts = (sums, recipe.augmentation, COPIES, images.shape, pixels)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _computed_answers(recipe: Recipe, images: np.ndarray) -> np.ndarray:
    """Return the teachers' answers, as `teacher_answers` does, without the cache."""
    teachers = [onnxruntime.InferenceSession(teacher_file(name)) for name in recipe.teacher]
    rng = np.random.default_rng(0)  # the same copies in every training, whatever its seed
    batches = np.array_split(images, -(-len(images) // 128))
    answers = []
    for batch in tqdm(batches, desc=f"answers of {', '.join(recipe.teacher)}"):
        x = network_input(batch)
        copies = [augmentation.augment(x, recipe.augmentation, rng) for _ in range(COPIES)]
        probabilities = [
            teacher.run(None, {teacher.get_inputs()[0].name: copy})[0]
            for teacher in teachers
            for copy in copies
        ]
        answers.append(np.mean(probabilities, axis=0))
    return np.concatenate(answers).round(3)


def teacher_file(name: str) -> Path:
    """Return the path of a teacher's .onnx file.

    It is in models/, among the weights of the package or, if it does not ship, in the folder of
    `own_teachers`; tools/ablations.py trains two such teachers.

    Args:
        name: the name of the file, for example "first.onnx".

    Raises:
        ValueError: there is no such file.
    """
    folders = (paths.root() / "models", WEIGHTS, own_teachers())
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise ValueError(
        f"The recipe learns from {name}, which is in none of {', '.join(map(str, folders))}: train "
        "that model and run tools/ship_models.py, or put its .onnx file into the last of these "
        "folders."
    )


def own_teachers() -> Path:
    """Return the folder of teachers that do not ship."""
    return paths.processed() / "teachers"
