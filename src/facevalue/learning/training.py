"""The training recipe: averaging, and trainings that survive a kill.

`fit` is Keras's own `fit` with three things around it: images that are changed anew each time they
are seen, weights that are averaged over the last steps, and a state on disk from which a killed
training goes on. The network, the optimizer and the loss stay with the caller, who compiles.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import os
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from facevalue import paths
from facevalue.files import atomic_write, write_text
from facevalue.learning import devices
from facevalue.learning.augmentation import Change
from facevalue.learning.batches import Batches, _Arrays, _as_input

SAVE_SECONDS = 60.0
"""A kept training is saved after each epoch, and within an epoch when this long has passed."""

AVERAGE_EVERY = 8
"""Steps from one addition to the average to the next: each costs as much as part of a step."""


def fit(
    model: keras.Model,
    train: Any,
    validation: Any = None,
    *,
    epochs: int,
    batch_size: int = 64,
    name: str = "",
    augmentation: Change | None = None,
    seed: int = 42,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    average: float | None = None,
    class_weight: dict[int, float] | None = None,
    keep: bool = False,
    verbose: int = 2,
) -> pd.DataFrame:
    """Train a compiled model, and return its curve.

    With `keep`, the state is written to data/processed/training/NAME/KEY after each epoch and
    every minute within one, so that a killed training goes on where it stopped, and a finished
    one returns at once. KEY stands for the network, its compilation, the data, the seed, the
    batch size, the augmentation and the callbacks: change one, and a new training starts. More
    epochs than before go on from the old ones. When a training goes on, each callback hears
    `on_epoch_end` of the past epochs again, so that ReduceLROnPlateau and EarlyStopping know
    what they knew. What goes on is what an unbroken training would have been, dropout included;
    only under PyTorch a Dropout needs a seed for that.

    Args:
        model: compiled by the caller. A learning rate schedule is the optimizer's own.
        train: (images, labels), or what streams them (see `Batches`). Images are uint8, shape
            (n, height, width) or (n, height, width, channels), which become float32 from 0 to 1,
            or float32 of the shape that the model takes. Labels are class numbers, shape (n,), or
            rows of class probabilities.
        validation: the same, measured after each epoch; None for none.
        epochs: passes over `train`.
        batch_size: images in a step.
        name: of the kept training, a plain file name.
        augmentation: how the training images are changed; None to leave them as they are.
        seed: of the order of the images and the augmentation.
        callbacks: Keras callbacks, for example EarlyStopping or `LiveCurve`.
        average: how much of the old average stays at each step, for example 0.999, where the
            weights' moving average shall be measured, and be left in the model; None for none
            (Polyak and Juditsky 1992, https://doi.org/10.1137/0330046).
        class_weight: weight of each class in the loss, by its number.
        keep: whether the state is written and read; False leaves no trace.
        verbose: 0 silent, 1 a progress bar, 2 a line per epoch.

    Returns:
        One row per epoch: epoch (from 1), loss and the metrics, the same with val_ before it,
        learning_rate, seconds.

    Raises:
        ValueError: the images, the labels or the settings do not fit; a sentence says which.
    """
    if not model.compiled:
        raise ValueError("the model is not compiled: call model.compile(...) before fit.")
    if not model.built:
        raise ValueError("the model has no input yet: let it begin with keras.Input(shape).")
    if model.optimizer.use_ema:
        raise ValueError("the optimizer has use_ema=True: use fit(..., average=0.999) instead.")
    if keep and not re.fullmatch(r"\w[\w.-]*", name):
        raise ValueError(f"a training that is kept needs a plain file name, not name={name!r}.")
    devices.ready(batch_size)
    if not devices.chief():
        verbose = 0
    batches = Batches(train, batch_size, augmentation=augmentation, seed=seed)
    _check(model, batches, "training")
    held = None
    if validation is not None:
        held = Batches(validation, batch_size, shuffle=False)
        _check(model, held, "validation")
    folder = None
    if keep:
        settings = (batch_size, seed, augmentation, average, sorted((class_weight or {}).items()))
        folder = _folder(name, _key(model, batches, held, callbacks, settings))
    known = (epochs, batch_size, seed, len(batches.source), folder and folder.name)
    devices.same_start(model, known)
    loop = _Loop(model, callbacks, batches, epochs, average, folder, verbose)
    loop.begin()
    # what is left of a broken epoch is a fit of its own: Keras takes epochs for equally long
    last = [loop.epoch + 1, epochs] if batches.first else [epochs]
    for end in last:
        if loop.epoch < end and not model.stop_training:
            with devices.spread(model):
                model.fit(
                    batches,
                    validation_data=held,
                    epochs=end,
                    initial_epoch=loop.epoch,
                    callbacks=loop,
                    class_weight=class_weight,
                    shuffle=False,  # `Batches` does; Keras would mix its steps once more
                    verbose=verbose,
                )
        batches.first = 0
    loop.finish()
    return pd.DataFrame(loop.rows)


class _Loop(keras.callbacks.CallbackList):
    """What happens around the steps: the curve, the average, the state on disk.

    Keras calls it in place of the list of callbacks that it would make itself.
    """

    def __init__(
        self,
        model: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback],
        batches: Batches,
        epochs: int,
        average: float | None,
        folder: Path | None,
        verbose: int,
    ) -> None:
        super().__init__(
            list(callbacks),
            add_history=True,
            add_progbar=verbose != 0,
            model=model,
            verbose=verbose,
            epochs=epochs,
            steps=batches.steps,
        )
        self.given = list(callbacks)
        self.batches = batches
        self.epochs = epochs
        self.decay = average
        self.folder = folder
        self.say = print if verbose else _nothing
        self.rows: list[dict[str, Any]] = []
        self.epoch = 0  # epochs that are done
        self.updates = 0  # steps that the average has seen
        self.average: list[Any] = []
        self.raw: list[np.ndarray] = []  # the weights, while the model holds their average
        self.metrics: list[np.ndarray] = []  # of a broken epoch
        self.seconds = 0.0  # of a broken epoch
        self.began = self.saved = time.perf_counter()

    # -- the beginning and the end, once, however many fits there are

    def begin(self) -> None:
        """Tell the callbacks that a training begins, and take up the one that is kept."""
        model = self.model
        model.stop_training = False
        model.optimizer.build(model.trainable_variables)
        if self.decay is not None:
            self.average = _tensors(_values(model.weights))
        super().on_train_begin()
        state = self._read() if self.folder else None
        if state is not None:
            self._take_up(*state)

    def finish(self) -> None:
        """Leave the average in the model, and tell the callbacks that the training ended."""
        self._put_average()
        super().on_train_end()  # EarlyStopping puts its best weights back
        self.raw = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Do nothing: see `begin`."""

    def on_train_end(self, logs: Any = None) -> None:
        """Do nothing: see `finish`."""

    # -- the epochs and the steps

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Point the batches at this epoch; Keras has just set the metrics to zero."""
        self.batches.epoch = epoch
        self.began = time.perf_counter() - self.seconds
        for variable, value in zip(self.model.metrics_variables, self.metrics, strict=False):
            variable.assign(value)
        self.metrics, self.seconds = [], 0.0
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Count the steps from the start of the epoch, also in one that was broken off."""
        super().on_train_batch_begin(batch + self.batches.first, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Average, and save when it is time."""
        done = batch + self.batches.first + 1
        super().on_train_batch_end(done - 1, logs)
        self._add_to_average()
        late = time.perf_counter() - self.saved > SAVE_SECONDS
        if self.folder and late and done < self.batches.steps:
            self._save(done)

    def on_test_begin(self, logs: Any = None) -> None:
        """Measure the average rather than the weights of the last step."""
        self._put_average()
        super().on_test_begin(logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add a row to the curve, and save."""
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        row = {"epoch": epoch + 1} | {key: float(value) for key, value in (logs or {}).items()}
        row |= {"learning_rate": float(rate), "seconds": time.perf_counter() - self.began}
        self.rows.append(row)
        self._put_average()  # for the callbacks too: EarlyStopping keeps what was measured
        super().on_epoch_end(epoch, logs)
        self._take_average_out()
        self.epoch = epoch + 1
        if self.folder:
            self._save(0)

    # -- the average

    def _add_to_average(self) -> None:
        if self.decay is None:
            return
        self.updates += 1
        if self.updates % AVERAGE_EVERY:
            return
        # the first steps count for more, so that the random start is soon forgotten
        new = 1 - min(self.decay, self.updates / (9 + self.updates)) ** AVERAGE_EVERY
        stop = keras.ops.stop_gradient
        _sync(self.model)
        self.average = [
            old + new * (stop(weight) - old)
            for old, weight in zip(self.average, self.model.weights, strict=True)
        ]

    def _put_average(self) -> None:
        if self.decay is not None and not self.raw:
            self.raw = _values(self.model.weights)
            # copies: JAX gives away what a model holds
            _assign(self.model.weights, _values(self.average))

    def _take_average_out(self) -> None:
        if self.raw:
            _assign(self.model.weights, self.raw)
            self.raw = []

    # -- the state on disk

    def _save(self, step: int) -> None:
        """Write the state after `step` steps of the epoch; if that fails, the old one stays."""
        assert self.folder is not None
        if not devices.chief():
            return
        self.saved = time.perf_counter()
        model = self.model
        _sync(model)
        lists = {
            "model": _values(model.variables),
            "optimizer": _values(model.optimizer.variables),
            "metrics": _values(model.metrics_variables) if step else [],
            "average": _values(self.average),
        }
        for number, callback in enumerate(self.given):
            lists[f"best{number}"] = getattr(callback, "best_weights", None) or []
        facts = {
            "epoch": self.epoch,
            "step": step,
            "updates": self.updates,
            "seconds": self.saved - self.began,
            "rows": self.rows,
        }
        arrays = {
            f"{key}_{i}": value for key, many in lists.items() for i, value in enumerate(many)
        }
        try:
            with atomic_write(self.folder / STATE) as part, part.open("wb") as opened:
                np.savez(opened, allow_pickle=False, facts=np.array(json.dumps(facts)), **arrays)
            if not step:
                curve = pd.DataFrame(self.rows).to_csv(index=False, lineterminator="\n")
                write_text(self.folder / "curve.csv", curve)
        except OSError as error:
            # a full disk costs a safeguard, not the training
            warnings.warn(
                f"the state of the training could not be written ({error.strerror or error}); "
                "it goes on, but a kill would lose what was done since the last save.",
                stacklevel=2,
            )

    def _read(self) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]] | None:
        """Return the facts and the lists that `_save` wrote; None where there are none."""
        assert self.folder is not None
        file = self.folder / STATE
        there = devices.chief() and file.is_file()
        content = devices.from_chief(file.read_bytes() if there else None)
        if content is None:
            return None
        name = self.folder.parent.name
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                facts = json.loads(str(arrays["facts"]))
                lists: dict[str, list[np.ndarray]] = {}
                for key in sorted(set(arrays.files) - {"facts"}, key=_numbered):
                    lists.setdefault(key.rpartition("_")[0], []).append(arrays[key])
            _same_shapes(self.model.variables, lists["model"])
            _same_shapes(self.model.optimizer.variables, lists["optimizer"])
            fewer = len(facts["rows"]) > self.epochs or (
                facts["step"] and facts["epoch"] >= self.epochs
            )
        except Exception:  # a damaged zip file raises half a dozen types
            self.say(f"{name}: {file.name} in {self.folder} is damaged; it starts anew.")
            return None
        if fewer:
            self.say(f"{name}: more than {self.epochs} epochs were trained before; it starts anew.")
            return None
        return facts, lists

    def _take_up(self, facts: dict[str, Any], lists: dict[str, list[np.ndarray]]) -> None:
        """Go on from what `_read` found."""
        model = self.model
        images, labels = self.batches[0]
        model.test_on_batch(images[:1], labels[:1])  # makes the metrics and their variables
        self.rows, self.epoch, self.updates = facts["rows"], facts["epoch"], facts["updates"]
        for row in self.rows:
            logs = {key: value for key, value in row.items() if key not in ADDED}
            for callback in self.given:
                callback.on_epoch_end(row["epoch"] - 1, dict(logs))
        for number, callback in enumerate(self.given):
            if best := lists.get(f"best{number}"):
                callback.best_weights = best
        _assign(model.variables, lists["model"])
        _assign(model.optimizer.variables, lists["optimizer"])
        self.average = _tensors(lists.get("average", []))
        self.metrics, self.seconds = lists.get("metrics", []), facts["seconds"]
        self.batches.first = facts["step"]
        assert self.folder is not None
        name, seconds = self.folder.parent.name, sum(row["seconds"] for row in self.rows)
        if self.epoch >= self.epochs or model.stop_training:
            self.say(f"{name}: trained before, {self.epoch} epochs in {seconds:,.0f} seconds.")
        else:
            where = f"epoch {self.epoch + 1}, step {facts['step'] + 1} of {self.batches.steps}"
            self.say(f"{name}: goes on at {where}.")


STATE = "state.npz"
ADDED = ("epoch", "learning_rate", "seconds")
"""What a row of the curve has beside what Keras measured."""


def _sync(model: keras.Model) -> None:
    """Put the weights of this step into the model: under JAX, they are there after an epoch."""
    if keras.config.backend() == "jax":
        model.jax_state_sync()


def _nothing(_: str) -> None:
    """Say nothing."""


def _values(variables: Sequence[Any]) -> list[np.ndarray]:
    """Return copies; under PyTorch an array would share the variable's memory."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def _tensors(values: Sequence[np.ndarray]) -> list[Any]:
    return [keras.ops.convert_to_tensor(value) for value in values]


def _assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _same_shapes(variables: Sequence[Any], values: Sequence[np.ndarray]) -> None:
    """Raise a ValueError where kept values are not those of these variables."""
    if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
        raise ValueError("the kept values have other shapes")


def _numbered(key: str) -> tuple[str, int]:
    name, _, number = key.rpartition("_")
    return name, int(number)


def _check(model: keras.Model, batches: Batches, split: str) -> None:
    """Raise a ValueError, one sentence, where images or labels do not fit the model.

    What streams is only looked at where it begins.
    """
    source = batches.source
    if not len(source):
        raise ValueError(f"the {split} split is empty: it needs at least one image.")
    if isinstance(source, _Arrays):
        images, labels = source.images, source.labels
    else:
        images, labels = source[np.arange(min(2, len(source)))]
    if len(images) != len(labels):
        raise ValueError(f"the {split} split has {len(images)} images but {len(labels)} labels.")
    taken, found = tuple(model.input_shape[1:]), _as_input(images[:1]).shape[1:]
    fits = len(taken) == len(found) and all(
        a in (None, b) for a, b in zip(taken, found, strict=True)
    )
    if not fits:
        raise ValueError(
            f"the network takes images of shape {_shape(taken)}, "
            f"but those of the {split} split are {_shape(found)}."
        )
    if images.dtype != np.uint8 and not np.isfinite(images).all():
        raise ValueError(f"images of the {split} split hold NaN or infinity.")
    if batches.augmentation is not None:
        if images.dtype != np.uint8 and (images.min() < 0 or images.max() > 1):
            raise ValueError(
                f"augmentation needs grey levels from 0 to 1, but the {split} split has "
                f"{images.min():.3g} to {images.max():.3g}."
            )
        if len(found) != 3:
            raise ValueError(f"augmentation needs images, but the shape is {_shape(found)}.")
    _check_labels(np.asarray(labels), int(model.output_shape[-1]), split)


def _check_labels(labels: np.ndarray, outputs: int, split: str) -> None:
    if not np.isfinite(labels).all():
        raise ValueError(f"labels of the {split} split hold NaN or infinity.")
    if labels.ndim == 2 and labels.shape[1] not in (1, outputs):
        raise ValueError(
            f"the network has {outputs} outputs, but labels of the {split} split have "
            f"{labels.shape[1]} columns."
        )
    classes = max(outputs, 2) if labels.ndim == 1 or labels.shape[1] == 1 else 2
    if labels.min() < 0 or labels.max() > classes - 1:
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise ValueError(
            f"labels of the {split} split must be from 0 to {classes - 1}, as the network has "
            f"{outputs} output{'s' * (outputs > 1)}, but there is {wrong}."
        )


def _shape(shape: Sequence[int | None]) -> str:
    return f"(n, {', '.join('any' if side is None else str(side) for side in shape)})"


def _folder(name: str, key: str) -> Path:
    return paths.processed() / "training" / name / key[:12]


def _key(
    model: keras.Model,
    batches: Batches,
    held: Batches | None,
    callbacks: Sequence[keras.callbacks.Callback],
    settings: tuple[Any, ...],
) -> str:
    """Return a checksum of all that a training depends on.

    Of the weights it starts from, only those count that it does not train, such as a frozen body:
    random ones differ from run to run, and a killed training shall find its state again.
    """
    network = json.loads(model.to_json())
    network.pop("compile_config", None)
    compiled = model.get_compile_config()
    for speed_only in ("run_eagerly", "steps_per_execution", "jit_compile"):
        compiled.pop(speed_only, None)
    compiled["optimizer"]["config"].pop("name", None)
    silent = (TimeLeft,)  # it changes nothing
    heard = [_described(callback) for callback in callbacks if not isinstance(callback, silent)]
    facts = [_nameless(network, _names(network)), compiled, heard, repr(settings)]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    for value in _values(model.non_trainable_weights):
        digest.update(value.tobytes())
    for part in (batches, held):
        if part is not None:
            source, ends = part.source, np.r_[:16, -16:0]
            whole = isinstance(source, _Arrays)
            rows = ends if len(source) > 32 else np.arange(len(source))
            for array in (source.images, source.labels) if whole else source[rows]:
                array = np.ascontiguousarray(array)
                digest.update(repr((len(source), array.shape, array.dtype)).encode())
                digest.update(array.data)
    return digest.hexdigest()


def _names(config: Any) -> dict[str, str]:
    """Return a number for each layer's name, in order: Keras counts on when a cell runs again."""
    found: dict[str, str] = {}

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            inner = part.get("config")
            if isinstance(inner, dict) and "name" in inner and "Policy" not in part["class_name"]:
                found.setdefault(inner["name"], f"layer {len(found)}")
        for child in part.values() if isinstance(part, dict) else part:
            if isinstance(child, dict | list):
                walk(child)

    walk(config)
    return found


def _nameless(config: Any, names: dict[str, str]) -> Any:
    if isinstance(config, dict):
        return {key: _nameless(value, names) for key, value in config.items()}
    if isinstance(config, list):
        return [_nameless(value, names) for value in config]
    return names.get(config, config) if isinstance(config, str) else config


def _described(callback: keras.callbacks.Callback) -> str:
    """Return a callback's class and what it was made with, as far as that can be told."""
    names = list(inspect.signature(type(callback).__init__).parameters)[1:]
    facts = {name: getattr(callback, name, None) for name in names}
    for name, value in facts.items():
        if code := getattr(value, "__code__", None):  # the rule of a LearningRateScheduler
            facts[name] = (code.co_code.hex(), code.co_names, str(code.co_consts))
    return f"{type(callback).__name__} {facts}"


def cosine(rate: float, epochs: int, images: int, batch_size: int = 64) -> Any:
    """Return a learning rate that rises for a tenth of the steps, then falls along a cosine to 0.

    Source: Loshchilov and Hutter (2017), https://arxiv.org/abs/1608.03983
    """
    steps = epochs * -(-images // batch_size)
    return keras.optimizers.schedules.CosineDecay(
        rate / 10, steps - steps // 10, warmup_target=rate, warmup_steps=steps // 10
    )


def use_mixed_precision() -> str:
    """Let new layers compute in bfloat16 where that is fast, and return the policy's name.

    It is fast on processors with AMX or AVX-512 instructions for it, on TPUs, and on NVIDIA
    graphics cards since 2020; elsewhere float32 stays. Weights are float32 either way. Give the
    last layer `dtype="float32"`: bfloat16 tells a probability of 0.99 from 1 only just.
    """
    if _bfloat16_is_fast():
        keras.config.set_dtype_policy("mixed_bfloat16")
    return keras.config.dtype_policy().name


def _bfloat16_is_fast() -> bool:
    # where a fresh tensor lies: there is no name for this that all backends know
    device = str(keras.ops.ones(1).device).lower()
    if "tpu" in device:
        return True
    if "gpu" in device or "cuda" in device:
        ask = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
        try:
            answer = subprocess.run(ask, capture_output=True, text=True, timeout=10, check=True)
            return float(answer.stdout.split()[0]) >= 8
        except (OSError, subprocess.SubprocessError, ValueError, IndexError):
            return False
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags


class TimeLeft(keras.callbacks.Callback):
    """Says after each epoch how long the rest takes, if it goes on as fast as in this run."""

    def __init__(self) -> None:
        super().__init__()
        self.began: tuple[float, int] | None = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note when, and with which epoch, this run began."""
        self.began = self.began or (time.perf_counter(), epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Print the time left; of epochs that an earlier run did, and after the last, nothing."""
        if self.began is None or epoch + 1 >= self.params["epochs"]:
            return
        start, first = self.began
        each = (time.perf_counter() - start) / (epoch + 1 - first)
        left = each * (self.params["epochs"] - epoch - 1)
        print(f"about {left:.0f} s left" if left < 100 else f"about {left / 60:.0f} min left")


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return bool(shell) and hasattr(shell, "kernel")


def _watched() -> bool:
    """Return whether a person sees the notebook run, rather than a command."""
    commands = ("FACEVALUE_HEADLINES", "PYTEST_VERSION", "PYTEST_CURRENT_TEST")
    return _in_notebook() and not any(os.environ.get(name) for name in commands)
