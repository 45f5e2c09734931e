"""What a student network learns from: the answers of trained teacher networks."""

from __future__ import annotations

import numpy as np
import onnxruntime
from tqdm import tqdm

from facevalue import paths
from facevalue.learning import augmentation
from facevalue.learning.recipe import Recipe

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
        ValueError: a teacher's file is not in models/.
    """
    files = [paths.root() / "models" / file for file in recipe.teacher]
    for file in files:
        if not file.is_file():
            raise ValueError(
                f"The recipe learns from {file}, which does not exist: train that model first, "
                "then run tools/ship_models.py."
            )
    teachers = [onnxruntime.InferenceSession(file) for file in files]
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
