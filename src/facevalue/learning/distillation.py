"""What a student network learns from: the answers of trained teacher networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from tqdm import tqdm

from facevalue import paths
from facevalue.learning import augmentation
from facevalue.learning.recipe import Recipe
from facevalue.recognition.recogniser import WEIGHTS

COPIES = 4
"""Augmented copies of each image that a teacher sees."""


def teacher_answers(recipe: Recipe, images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the teachers' mean probabilities over augmented copies of each image.

    They are computed once, before the training: to compute them at every step would take longer
    than the training itself.

    Source: Hinton and others (2015), https://arxiv.org/abs/1503.02531

    Args:
        recipe: its `teacher` and `augmentation`.
        images: uint8, shape (n, 48, 48).
        seed: of the augmentation.

    Returns:
        float32, shape (n, k), rounded to thousandths: a training that resumes on another machine,
        whose last digits differ, finds the same targets.

    Raises:
        ValueError: a teacher's file does not exist.
    """
    teachers = [onnxruntime.InferenceSession(teacher_file(name)) for name in recipe.teacher]
    rng = np.random.default_rng(seed)
    batches = np.array_split(images, -(-len(images) // 128))
    answers = []
    for batch in tqdm(batches, desc=f"answers of {', '.join(recipe.teacher)}"):
        x = batch[..., None] / np.float32(255)
        copies = [augmentation.augment(x, recipe.augmentation, rng) for _ in range(COPIES)]
        probabilities = [
            teacher.run(None, {teacher.get_inputs()[0].name: copy})[0]
            for teacher in teachers
            for copy in copies
        ]
        answers.append(np.mean(probabilities, axis=0))
    return np.concatenate(answers).round(3)


def teacher_file(name: str) -> Path:
    """Return the .onnx file of a teacher: in models/, or one of the models in the package.

    Raises:
        ValueError: there is no such file.
    """
    folders = (paths.root() / "models", WEIGHTS)
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise ValueError(
        f"The recipe learns from {name}, which is not in {' or '.join(map(str, folders))}: train "
        "that model first, then run tools/ship_models.py."
    )
