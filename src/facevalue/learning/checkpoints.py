"""Checkpoints on disk, from which a killed training run resumes after its last whole epoch."""

from __future__ import annotations

import json
import shutil
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from facevalue.files import DISK_FULL, atomic_write, write_text
from facevalue.learning import devices
from facevalue.learning.batches import ArraySource, Batches
from facevalue.learning.callbacks import Curve, learning_rate, values
from facevalue.learning.weights_content import weights_content


def describe(
    model: keras.Model, batches: Batches, validation: Batches | None, **settings: Any
) -> dict[str, Any]:
    """Return everything that a training run depends on, as data that can be written as JSON.

    A run resumes from a checkpoint only if this is equal.

    Args:
        model: a compiled model. The shapes of its weights, its optimizer and its loss are included.
        batches: the training images. Their checksum is included; for a stream, only their number.
        validation: the validation images, likewise; None if there are none.
        settings: all other settings. Values that JSON cannot represent are replaced by their
            `repr`.
    """
    compiled = model.get_compile_config()
    optimizer = compiled["optimizer"]
    optimizer["config"].pop("name", None)  # Keras numbers optimizers: "adam", "adam_1"
    facts = {
        "network": [weight.shape for weight in model.weights],
        "optimizer": [optimizer["class_name"], optimizer["config"]],
        "loss": compiled.get("loss"),
        "training images": _checksum(batches),
        "validation images": _checksum(validation),
    }
    return dict(json.loads(json.dumps(facts | settings, default=repr)))


def _checksum(batches: Batches | None) -> list[int]:
    """Return the number of images, and the checksums of images and labels that are in memory."""
    if batches is None:
        return []
    source = batches.source
    arrays = (source.images, source.labels) if isinstance(source, ArraySource) else ()
    return [len(source), *(zlib.crc32(np.ascontiguousarray(array).data) for array in arrays)]


def _seeds(model: keras.Model) -> list[keras.Variable]:
    """Return the states of random layers such as Dropout, which weight files do not contain."""
    return [variable for variable in model.variables if variable.path.endswith("generator_state")]


class Checkpoint(keras.callbacks.BackupAndRestore):
    """Keras's checkpoint of the model and the optimizer, together with the learning curve.

    When a run resumes, `on_epoch_end` of each of the `user_callbacks` is called again for the past
    epochs, so that ReduceLROnPlateau and EarlyStopping have the same state as before. The
    checkpoint must be the last in the list of callbacks.

    Args:
        folder: the folder of the checkpoint.
        settings: the result of `describe`; a checkpoint with other settings is not used.
        curve: the learning curve, whose rows are saved.
        user_callbacks: the callbacks that the caller of `training.fit` passed.
        verbose: whether to print when a run resumes, is finished, or starts again.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, Any],
        curve: Curve,
        user_callbacks: Sequence[keras.callbacks.Callback],
        verbose: bool,
    ) -> None:
        self.writes = devices.process_index() == 0  # the other processes only read
        super().__init__(str(folder), double_checkpoint=True, delete_checkpoint=False)
        self.folder = folder
        self.settings = settings
        self.curve = curve
        self.user_callbacks = list(user_callbacks)
        self.verbose = verbose
        self.stopped = False
        self.seeds: list[list[int]] = []

    def load_finished(self, model: keras.Model, epochs: int) -> bool:
        """Read the curve of an earlier run, and return whether that run is already finished.

        If it is, `model` gets its final weights. A checkpoint that cannot be used is deleted.

        Args:
            model: the model to train.
            epochs: the number of epochs to train.
        """
        problem = self._read_curve(epochs)
        if problem:
            self._start_anew(problem)
        rows = self.curve.rows
        if not rows or not (self.stopped or len(rows) == epochs):
            return False
        model.optimizer.build(model.trainable_variables)
        try:
            model.load_weights(self.folder / "final.weights.h5")
        except Exception:  # missing or damaged in any way: resume from the checkpoint instead
            return False
        seconds = sum(row["seconds"] for row in rows)
        self._print(f"trained before, {len(rows)} epochs in {seconds:,.0f} seconds.")
        return True

    def _read_curve(self, epochs: int) -> str:
        """Read the curve, and return why the checkpoint cannot be used, or an empty string."""
        file = self.folder / "training.json"
        if not file.is_file():
            return "there is no curve" if self.folder.exists() else ""
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            settings, rows = kept["settings"], kept["rows"]
            self.stopped, self.seeds = kept["stopped"], kept["seeds"]
        except (ValueError, KeyError, TypeError):
            return f"{file.name} is damaged"
        changed = [name for name, value in self.settings.items() if settings.get(name) != value]
        if changed:
            return f"{' and '.join(changed)} changed"
        if len(rows) > epochs:
            return f"{len(rows)} epochs were trained before, more than {epochs}"
        self.curve.rows = rows
        return ""

    def _start_anew(self, problem: str) -> None:
        """Delete the checkpoint, print why, and start at the first epoch."""
        self._print(f"starts anew, as {problem}.")
        self.curve.rows, self.stopped = [], False
        if self.writes:
            shutil.rmtree(self.folder, ignore_errors=True)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the state after the last whole epoch."""
        try:
            super().on_train_begin(logs)
        except OSError as error:
            self._start_anew(f"the checkpoint in {self.folder} is damaged ({error})")
        epoch = self.model._initial_epoch or 0  # what BackupAndRestore has set
        # if a run is killed between the two writes, the curve has one epoch more than the weights
        self.curve.rows = self.curve.rows[:epoch]
        if not epoch:
            return
        for variable, seed in zip(_seeds(self.model), self.seeds, strict=True):
            variable.assign(np.array(seed, np.uint32))
        self._replay()
        if self.stopped:
            self.model._initial_epoch = self.params["epochs"]
        self._print(f"resumes after epoch {epoch} of {self.params['epochs']}.")

    def _replay(self) -> None:
        """Restore the state of the user's callbacks by calling them for the past epochs."""
        rate = learning_rate(self.model)
        for row in self.curve.rows:
            logs = {name: value for name, value in row.items() if name not in Curve.ADDED}
            for callback in self.user_callbacks:
                callback.on_epoch_end(row["epoch"] - 1, dict(logs))
        if learning_rate(self.model) != rate:  # ReduceLROnPlateau has lowered it a second time
            self.model.optimizer.learning_rate = rate
        self.model.stop_training = False
        if (self.folder / "best.npz").is_file():
            with np.load(self.folder / "best.npz") as best:
                for number, callback in enumerate(self.user_callbacks):
                    names = [name for name in best.files if name.startswith(f"{number}_")]
                    if names:
                        callback.best_weights = [best[name] for name in names]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write a checkpoint. If that fails, the previous one remains, and training continues."""
        self.stopped = self.model.stop_training
        if not self.writes:
            weights_content(self.model)  # all processes that share a model must save it
            return
        try:
            self._save_curve()
            self._save_best_weights()
            self._save_state(epoch + 1)
        except OSError as error:
            self._warn(error)

    def _save_state(self, epochs: int) -> None:
        """Write the two files that BackupAndRestore reads, and keep their previous versions."""
        for path in (self._weights_path, self._training_metadata_path):
            if Path(path).is_file():
                with atomic_write(Path(f"{path}.bkp")) as part:
                    shutil.copyfile(path, part)
        with atomic_write(Path(self._weights_path)) as part:
            part.write_bytes(weights_content(self.model))
        write_text(Path(self._training_metadata_path), json.dumps({"epoch": epochs, "batch": 0}))

    def _save_curve(self) -> None:
        seeds = [values([variable])[0].tolist() for variable in _seeds(self.model)]
        kept = {"settings": self.settings, "rows": self.curve.rows, "stopped": self.stopped}
        kept["seeds"] = seeds
        write_text(self.folder / "training.json", json.dumps(kept, indent=1))

    def _save_best_weights(self) -> None:
        best = {
            f"{number}_{index}": weight
            for number, callback in enumerate(self.user_callbacks)
            for index, weight in enumerate(getattr(callback, "best_weights", None) or [])
        }
        if best:  # of EarlyStopping(restore_best_weights=True)
            with atomic_write(self.folder / "best.npz", suffix=".npz") as part:
                np.savez(part, **best)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Save the final weights, which may be the best ones that EarlyStopping has restored."""
        if not self.writes:
            weights_content(self.model)  # all processes that share a model must save it
            return
        try:
            with atomic_write(self.folder / "final.weights.h5") as part:
                part.write_bytes(weights_content(self.model))
        except OSError as error:
            self._warn(error)

    def _warn(self, error: OSError) -> None:
        reason = "the disk is full" if error.errno in DISK_FULL else error.strerror or str(error)
        warnings.warn(
            f"The training continues, but its checkpoint in {self.folder} could not be written "
            f"({reason.removesuffix('.')}): if the process is killed, the epochs since the "
            "previous checkpoint are lost.",
            stacklevel=2,
        )

    def _print(self, text: str) -> None:
        if self.verbose:
            print(f"{self.folder.name}: {text}")
