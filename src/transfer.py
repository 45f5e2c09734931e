"""What transfer learning needs beside the networks: frozen features, new faces, many trainings."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import layers
from tqdm import tqdm

from facevalue import detection, networks, paths
from facevalue.dataset import SIZE, Dataset
from facevalue.emotions import EMOTIONS, number

MOST_KEPT = 2_000_000_000
"""Bytes of features that are kept on disk; the oldest go first."""

LEAST_PHOTOS = 2
"""Faces that an emotion needs to be in both parts of a folder of photos."""


# ------------------------------------------------------------------------------ frozen features


def extractor(body: keras.Model, name: str) -> keras.Model:
    """Return the model from grey faces (n, 48, 48, 1), 0 to 255, to a body's pooled features.

    Args:
        body: as `networks.backbone` returns it, or cut off at a lower layer.
        name: the key in `networks.BACKBONES` that says what it expects.
    """
    faces = keras.Input((SIZE, SIZE, 1), name="faces")
    maps = body(networks.prepare(faces, name, body.input_shape[1]), training=False)
    return keras.Model(faces, layers.GlobalAveragePooling2D(name="pooled")(maps))


def features(
    body: keras.Model, name: str, images: np.ndarray, *, batch: int = 128, keep: bool = True
) -> np.ndarray:
    """Return the pooled features of faces, computed once and then read from disk.

    They are kept in data/processed/features under a checksum of the body's weights and of the
    faces, so that another body, or the same one trained further, never gets old features.

    Args:
        body, name: as in `extractor`.
        images: uint8, shape (n, 48, 48).
        batch: faces that are computed at a time; memory grows with it, the result does not change.
        keep: False to neither read nor write the disk.
    Returns:
        float32, shape (n, channels).
    Raises:
        ValueError: `images` is no such array, or there is no such backbone.
    """
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (SIZE, SIZE):
        raise ValueError(
            f"images must be uint8 of shape (n, {SIZE}, {SIZE}), "
            f"got {images.dtype} of shape {images.shape}."
        )
    target = paths.processed() / "features" / f"{name}-{_state(body, name, images)}.npy"
    if keep and (kept := _read(target, (len(images), body.output_shape[-1]))) is not None:
        return kept
    model = extractor(body, name)
    model.compile(jit_compile=networks.JIT)
    found = np.empty((len(images), model.output_shape[-1]), np.float32)
    title = f"{networks.described(name).title}, features"
    with tqdm(total=len(images), desc=title, unit="face", disable=None) as bar:
        for start in range(0, len(images), batch):
            part = images[start : start + batch, ..., None].astype("float32")
            found[start : start + len(part)] = model.predict_on_batch(part)
            bar.update(len(part))
    if keep:
        with suppress(OSError):  # a full disk costs time, not the lesson
            _write(target, found)
    return found


def _state(body: keras.Model, name: str, images: np.ndarray) -> str:
    """Return a text that changes with anything that the features depend on."""
    spec = networks.described(name)
    facts = (name, body.input_shape, body.layers[-1].name, spec.scale, spec.offset, images.shape)
    state = hashlib.sha256(repr(facts).encode())
    for weight in body.get_weights():
        state.update(weight.tobytes())
    state.update(images.tobytes())
    return state.hexdigest()[:16]


def _read(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    try:
        kept = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return kept if kept.shape == shape and kept.dtype == np.float32 else None


def _write(path: Path, found: np.ndarray) -> None:
    with paths.beside(path, shared=True) as part, part.open("wb") as opened:
        np.save(opened, found, allow_pickle=False)
    files = sorted(path.parent.glob("*.npy"), key=lambda file: file.stat().st_mtime)
    total = sum(file.stat().st_size for file in files)
    for file in files[:-1]:
        if total <= MOST_KEPT:
            break
        total -= file.stat().st_size
        file.unlink()


# ------------------------------------------------------------------------------ training again

STRUNG = 10_000
"""Up to this number of rows, epochs are strung together: 92 MB of faces."""


def refit(
    model: keras.Model,
    weights: list[np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    epochs: int,
    batch: int = 32,
) -> float:
    """Train a compiled model from the given weights, as if it were new; return the seconds.

    A new model is a new program, and making that takes longer than training on a hundred faces.
    This uses the old program, with the optimizer's memory wiped. Short epochs are strung together
    into one long one, which saves the time between them.
    """
    model.set_weights(weights)
    model.optimizer.build(model.trainable_variables)
    for value in model.optimizer.variables:
        if not value.path.endswith("learning_rate"):
            value.assign(keras.ops.zeros_like(value))
    start = time.perf_counter()
    if len(x) * epochs <= STRUNG:
        order = np.tile(np.arange(len(x)), epochs)  # `fit` shuffles them
        x, y, epochs = x[order], y[order], 1
    model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)
    return time.perf_counter() - start


# ------------------------------------------------------------------------------ new faces


def new_faces(data: Dataset) -> Dataset:
    """Return the faces that a body shall be transferred to, none of which it has seen.

    The body of the drawn faces has seen other drawn people, so the new faces are `data` itself.
    The body of FER-2013 has seen its Training images, so the new faces are photos, cropped: the
    folder that FACEVALUE_PHOTOS names, or photos/ beside the FER-2013 file. Without them, they
    are FER-2013's PublicTest (to train on) and PrivateTest. One sentence says which.
    """
    if data.name == "rendered":
        print("New faces: the drawn faces of the course; the body has seen other people.")
        return data
    folder = photo_folder()
    if folder is not None:
        found = photos(folder)
        print(f"New faces: {len(found)} photos.")
        return found
    print(
        "New faces: PublicTest to train on; for photos, set FACEVALUE_PHOTOS to a folder of them."
    )
    public, private = data.split("PublicTest"), data.split("PrivateTest")
    return Dataset(
        "fer2013",
        np.concatenate([public.images, private.images]),
        np.concatenate([public.labels, private.labels]),
        np.array(["Training"] * len(public) + ["PrivateTest"] * len(private)),
        np.concatenate([public.origins, private.origins]),
    )


def photo_folder() -> Path | None:
    """Return the folder of labelled photos, or None where there is none.

    Raises:
        FileNotFoundError: FACEVALUE_PHOTOS names a folder that is not there.
    """
    named = os.environ.get("FACEVALUE_PHOTOS")
    if named:
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise FileNotFoundError(f"FACEVALUE_PHOTOS names {named}, which is not a folder.")
        return folder
    folder = paths.raw_file("photos")
    return folder if folder.is_dir() else None


def photos(folder: Path, seed: int = 0) -> Dataset:
    """Return the faces of a folder of labelled photos: 60 % Training, 40 % PrivateTest.

    The labels are those of photos.csv (columns file and emotion), else the names of subfolders
    (`happy/a.jpg`). Of each photo the largest face is taken (`detection.crop_folder`); a photo
    in which none is found is left out.

    Raises:
        ValueError: there are no labels, an emotion is unknown, or too few faces were found.
    """
    labels = _photo_labels(folder)
    key = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    out = paths.processed() / "transfer_photos" / key
    table = detection.crop_folder(folder, out, progress=False)
    table = table[table["crop"].fillna("").ne("") & table["file"].isin(list(labels))]
    # crop_folder lists the largest face of a photo first
    table = table.drop_duplicates("file")
    classes = np.array([labels[file] for file in table["file"]], dtype=np.int64)
    counts = np.bincount(classes, minlength=len(EMOTIONS))
    if len(table) < 2 * LEAST_PHOTOS or (counts >= LEAST_PHOTOS).sum() < 2:
        raise ValueError(
            f"{folder.name} has {len(table)} photos with a label and a face that was found: "
            f"there must be {LEAST_PHOTOS} or more of two emotions."
        )
    images = np.stack([detection.read(out / crop)[..., 0] for crop in table["crop"]])
    splits = np.full(len(table), "PrivateTest", dtype="<U11")
    rng = np.random.default_rng(seed)
    for label in np.flatnonzero(counts >= LEAST_PHOTOS):
        rows = rng.permutation(np.flatnonzero(classes == label))
        splits[rows[: max(1, len(rows) * 3 // 5)]] = "Training"
    return Dataset("photos", images, classes, splits, table["file"].to_numpy(dtype=str))


def _photo_labels(folder: Path) -> dict[str, int]:
    """Return the label of each photo, by its path in the folder."""
    listed = folder / "photos.csv"
    if listed.is_file():
        table = pd.read_csv(listed)
        if not {"file", "emotion"} <= set(table):
            raise ValueError(f"{listed.name} in {folder.name} needs the columns file and emotion.")
        return {str(f): number(str(e)) for f, e in zip(table.file, table.emotion, strict=True)}
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in detection.SUFFIXES and file.parent != folder:
            found[file.relative_to(folder).as_posix()] = number(file.parent.name)
    if not found:
        raise ValueError(
            f"{folder.name} has neither a photos.csv (file, emotion) nor subfolders named after "
            "emotions with photos in them."
        )
    return found
