"""Train the small bodies that notebook 05 transfers.

    python tools/train_transfer_body.py rendered     drawn faces: which action units do they show?
    python tools/train_transfer_body.py fer2013      FER-2013's Training images: which emotion?

Each drawn face moves a few random action units, so the first body never sees an emotion. Its faces
are not those of the course's data set, which has another seed. The second body sees no drawn face.
The saved networks have no head.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time

import keras
import numpy as np
from keras import layers
from tqdm import tqdm

from facevalue.drawing import appearance, course_faces, faces
from facevalue.drawing.variety import MILD
from facevalue.emotions import EMOTIONS
from facevalue.learning import backbones, model_files, networks
from facevalue.settings import DATASETS

SEED = 52_000
"""A face is drawn with the seed (SEED, index); `course_faces.load` uses (0, index)."""

BATCH = 64


def drawn(index: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a face, uint8 (48, 48), and the intensities of its action units, float32 (20,)."""
    rng = np.random.default_rng([SEED, index])
    units = rng.choice(appearance.ACTION_UNITS, rng.integers(1, 8), replace=False)
    shown = {int(unit): float(rng.uniform(0.3, 1)) for unit in units}
    person, view = appearance.Person.random(rng, MILD), appearance.View.random(rng, MILD)
    wanted = [shown.get(unit, 0.0) for unit in appearance.ACTION_UNITS]
    return faces.draw(shown, person, view), np.array(wanted, np.float32)


def load(name: str, n: int) -> tuple[np.ndarray, np.ndarray, layers.Layer, str]:
    """Return faces, uint8 (n, 48, 48), their targets, the head of the network and the loss."""
    if name == "fer2013":
        data = course_faces.load("fer2013").split("Training")
        head = layers.Dense(len(EMOTIONS), activation="softmax", name="emotion")
        return data.images, data.labels, head, "sparse_categorical_crossentropy"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pairs = list(tqdm(pool.imap(drawn, range(n), 64), total=n, desc="drawing", disable=None))
    units = np.stack([shown for _, shown in pairs])
    head = layers.Dense(units.shape[1], activation="sigmoid", name="action_units")
    return np.stack([image for image, _ in pairs]), units, head, "mse"


def train(
    images: np.ndarray, wanted: np.ndarray, head: layers.Layer, loss: str, epochs: int
) -> keras.Model:
    """Return the trained body; a line is printed per epoch."""
    body = networks.small_body()
    pooled = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(body.output))
    model = keras.Model(body.input, head(pooled))
    steps = epochs * (len(images) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(
        1e-5, steps, warmup_target=0.003, warmup_steps=steps // 10
    )
    adam = keras.optimizers.AdamW(rate, weight_decay=1e-4)
    model.compile(optimizer=adam, loss=loss, jit_compile=networks.JIT)
    rng = np.random.default_rng(0)
    for epoch in range(epochs):
        order = rng.permutation(len(images))[: len(images) // BATCH * BATCH]
        moved = images[order]
        for start in range(0, len(moved), BATCH):
            # each batch is shifted a little, and half of the batches are mirrored
            part = np.roll(moved[start : start + BATCH], rng.integers(-3, 4, 2), (1, 2))
            moved[start : start + BATCH] = part[:, :, :: rng.choice([-1, 1])]
        x = (moved[..., None] / np.float32(127.5) - 1).repeat(3, axis=-1)
        history = model.fit(x, wanted[order], batch_size=BATCH, shuffle=False, verbose=0)
        print(f"epoch {epoch + 1} of {epochs}: {loss} {history.history['loss'][0]:.4f}", flush=True)
    return body


def main() -> None:
    """Load or draw, train, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=DATASETS)
    parser.add_argument("--faces", type=int, default=15_000, help="how many are drawn")
    parser.add_argument("--epochs", type=int, default=16)
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    start = time.perf_counter()
    body = train(*load(options.name, options.faces), options.epochs)
    target = backbones.own_file(options.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"part-{target.name}")
    body.save(part)
    part.replace(target)
    model_files.write_checksums(target.parent)
    size, seconds = target.stat().st_size / 1e6, time.perf_counter() - start
    print(f"{target.name}: {body.count_params():,} weights, {size:.2f} MB, {seconds:.0f} s")


if __name__ == "__main__":
    main()
