"""Teachers' answers."""

from __future__ import annotations

import numpy as np
from tqdm import tqdm

from facevalue import paths
from facevalue.learning import augmentation
from facevalue.learning.recipe import Recipe

VIEWS = 4
"""Changed copies of an image that a teacher answers to."""


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
