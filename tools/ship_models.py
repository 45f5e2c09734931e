"""Write what ships of a trained model: NAME.keras, NAME.onnx and their checksums.

`python tools/ship_models.py accurate --seed 1` takes the file that `facevalue train
models/accurate.toml --seed 1` saved in data/processed/recogniser. The .onnx file goes into the
package, the .keras file into models/. Of the other models, models/ holds what the recipes there
need: the .onnx file of a teacher, the .keras file of a model from which another starts.

With `--int8`, the .onnx file computes in 8-bit integers, with scales measured on Training images.
The tool prints the accuracy on PublicTest before and after; if 8 bits cost more than half a
percentage point, the file stays in float32.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from facevalue import paths
from facevalue.drawing import course_faces
from facevalue.files import atomic_write, checksum, write_text
from facevalue.learning import model_files, recipe, train_recogniser
from facevalue.recognition import recogniser, shipped

MODELS = paths.root() / "models"
MAX_LOST = 0.005
"""The largest loss of accuracy on PublicTest through 8 bits."""


class Faces(CalibrationDataReader):
    """Images from which the range of each feature map is measured."""

    def __init__(self, name: str, images: np.ndarray) -> None:
        self.parts: Iterator[np.ndarray] = iter(np.array_split(images, -(-len(images) // 64)))
        self.name = name

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next images, or None at the end."""
        part = next(self.parts, None)
        return None if part is None else {self.name: part}


def probabilities(file: Path, images: np.ndarray) -> np.ndarray:
    """Return what a model file gives for images, float32, shape (n, 7)."""
    return answers(onnxruntime.InferenceSession(file), images)


def answers(session: onnxruntime.InferenceSession, images: np.ndarray) -> np.ndarray:
    """Return what an open model gives for images, float32, shape (n, 7)."""
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: x})[0] for x in np.array_split(images, 60)])


def before_convolutions(file: Path) -> list[str]:
    """Return the nodes before the first convolution, which normalise a face's mean and deviation.

    They stay in float32: in 8 bits, the variance of a face of low contrast would become 0.
    """
    nodes = onnx.load(file).graph.node
    return [node.name for node in takewhile(lambda node: node.op_type != "Conv", nodes)]


def to_int8(file: Path, images: np.ndarray) -> None:
    """Replace a float32 .onnx file by one whose convolutions compute in 8-bit integers."""
    name = onnxruntime.InferenceSession(file).get_inputs()[0].name
    settings: dict[str, Any] = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
    with atomic_write(file, suffix=".onnx") as part:
        prepared = part.with_suffix(".prepared")
        try:
            quant_pre_process(str(file), str(prepared), skip_symbolic_shape=True)
            quantize_static(
                str(prepared),
                str(part),
                Faces(name, images),
                per_channel=True,
                op_types_to_quantize=["Conv", "Add", "Relu", "GlobalAveragePool"],
                nodes_to_exclude=before_convolutions(prepared),
                **settings,
            )
        finally:
            prepared.unlink(missing_ok=True)


def pin(seeds: dict[str, int]) -> None:
    """Write the checksums of the models in the package, and their seeds, into its code."""
    file = Path(shipped.__file__)
    head = file.read_text(encoding="utf-8").partition("SHA256 = {")[0]
    lines = [
        "SHA256 = {",
        *(
            f'    "{name}.onnx": "{checksum(recogniser.WEIGHTS / f"{name}.onnx")}",'
            for name in recogniser.NAMES
        ),
        "}",
        '"""The SHA-256 sum of each model, by the name of its file."""',
        "",
        "SEEDS = {",
        *(f'    "{name}": {seeds[name]},' for name in recogniser.NAMES),
        "}",
        '"""The seed of the training that each model comes from."""',
        "",
    ]
    write_text(file, head + "\n".join(lines))


def write_onnx(trained: Path, file: Path, int8: bool) -> None:
    """Write a trained model's .onnx file, in 8 bits if they are wanted and cost little accuracy."""
    model = keras.models.load_model(trained, compile=False)
    model_files.to_onnx(model, file)
    if int8:
        data = course_faces.load("fer2013")
        public, train = data.split("PublicTest"), data.split("Training").sample(1_024)
        before = np.mean(probabilities(file, public.x).argmax(axis=1) == public.labels)
        to_int8(file, train.x)
        after = np.mean(probabilities(file, public.x).argmax(axis=1) == public.labels)
        print(f"PublicTest: {before:.4f} in float32, {after:.4f} in 8 bits")
        if after < before - MAX_LOST:
            model_files.to_onnx(model, file)
            print("8 bits cost too much accuracy: the file stays in float32.")
    print(f"{file.name}: {file.stat().st_size / 1e6:.2f} MB, {model.count_params():,} parameters")


def existing(name: str, seed: int, source: Path | str) -> Path:
    """Return the file of a trained network; end with the way to train it if there is none.

    Args:
        name, seed: as in `train_recogniser.trained_file`.
        source: the recipe's file, as the command to train it names it.
    """
    trained = train_recogniser.trained_file(name, seed)
    if not trained.is_file():
        command = f"facevalue train {source} --seed {seed}"
        raise SystemExit(f"{trained} does not exist: train it with `{command}`.")
    return trained


def main() -> None:
    """Write one model's files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="of a recipe in models/, for example accurate")
    parser.add_argument(
        "--seed", type=int, help="of the training that ships (that of the files which ship now)"
    )
    parser.add_argument("--int8", action="store_true", help="compute in 8 bits")
    given = parser.parse_args()
    plans = [recipe.read(file) for file in MODELS.glob("*.toml")]
    as_keras = {*recogniser.NAMES, *(plan.start for plan in plans if plan.start)}
    as_onnx = {*recogniser.NAMES, *(Path(name).stem for plan in plans for name in plan.teacher)}
    if given.name not in as_keras | as_onnx:
        known = ", ".join(sorted(as_keras | as_onnx))
        raise SystemExit(f"{given.name} does not ship, and no recipe needs it: choose {known}.")
    seed = shipped.SEEDS.get(given.name, 0) if given.seed is None else given.seed
    trained = existing(given.name, seed, f"models/{given.name}.toml")
    if given.name in as_keras:
        with atomic_write(MODELS / f"{given.name}.keras", suffix=".keras") as part:
            shutil.copyfile(trained, part)
    if given.name in as_onnx:
        folder = recogniser.WEIGHTS if given.name in recogniser.NAMES else MODELS
        write_onnx(trained, folder / f"{given.name}.onnx", given.int8)
    for folder in (MODELS, recogniser.WEIGHTS):
        model_files.write_checksums(folder)
    pin(shipped.SEEDS | {given.name: seed})


if __name__ == "__main__":
    main()
