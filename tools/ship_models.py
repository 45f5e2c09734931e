"""Write what ships of a trained model: models/NAME.keras, NAME.onnx and SHA256SUMS.

Of a teacher, such as first, only the .onnx file ships: all that is wanted of it are its answers.

`python tools/ship_models.py accurate` takes seed 0 of what `python -m facevalue.training --config
models/accurate.toml` left in data/processed/recogniser. With `--int8` the .onnx file computes in
whole numbers of 8 bits, with scales measured on Training images. It prints the accuracy on
PublicTest before and after: 8 bits may cost half a point at most.
"""

from __future__ import annotations

import argparse
import hashlib
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
from facevalue.files import atomic_write, write_text
from facevalue.learning import model_files, train_recogniser
from facevalue.recognition import recogniser

MODELS = paths.root() / "models"
MOST_LOST = 0.005
"""Accuracy on PublicTest that 8 bits may cost."""


class Faces(CalibrationDataReader):
    """Hands out images, from which the ranges of all maps are measured."""

    def __init__(self, name: str, images: np.ndarray) -> None:
        self.parts: Iterator[np.ndarray] = iter(np.array_split(images, -(-len(images) // 64)))
        self.name = name

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next images, or None at the end."""
        part = next(self.parts, None)
        return None if part is None else {self.name: part}


def probabilities(file: Path, images: np.ndarray) -> np.ndarray:
    """Return what a model file gives for images, float32, shape (n, 7)."""
    session = onnxruntime.InferenceSession(file)
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: x})[0] for x in np.array_split(images, 60)])


def before_convolutions(file: Path) -> list[str]:
    """Return the nodes up to the first convolution: they bring a face to mean 0 and deviation 1.

    In 8 bits, the variance of a face of low contrast would become 0.
    """
    nodes = onnx.load(file).graph.node
    return [node.name for node in takewhile(lambda node: node.op_type != "Conv", nodes)]


def to_int8(file: Path, images: np.ndarray) -> None:
    """Replace a float32 .onnx file by one that computes convolutions in 8 bits."""
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


def write_sums() -> None:
    """Write SHA256SUMS for the model files that are there."""
    files = sorted(f for f in MODELS.iterdir() if f.suffix in (".keras", ".onnx"))
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    write_text(MODELS / "SHA256SUMS", "".join(lines))


def main() -> None:
    """Write one model's files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="accurate, fast, or first, a teacher")
    parser.add_argument("--int8", action="store_true", help="compute in 8 bits")
    given = parser.parse_args()
    file = MODELS / f"{given.name}.onnx"
    trained = train_recogniser.trained_file(given.name, seed=0)
    if not trained.is_file():
        how = f"facevalue train models/{given.name}.toml"
        raise SystemExit(f"There is no {trained} yet: train it with `{how}`.")
    if given.name in recogniser.NAMES:
        with atomic_write(file.with_suffix(".keras"), suffix=".keras") as part:
            shutil.copyfile(trained, part)
    model = keras.models.load_model(trained, compile=False)
    model_files.to_onnx(model, file)
    if given.int8:
        data = course_faces.load("fer2013")
        public, train = data.split("PublicTest"), data.split("Training").sample(1_024)
        before = np.mean(probabilities(file, public.x).argmax(axis=1) == public.labels)
        to_int8(file, train.x)
        after = np.mean(probabilities(file, public.x).argmax(axis=1) == public.labels)
        print(f"PublicTest: {before:.4f} in float32, {after:.4f} in 8 bits")
        if after < before - MOST_LOST:
            model_files.to_onnx(model, file)
            print("8 bits cost too much: the file is in float32.")
    write_sums()
    print(f"{file.name}: {file.stat().st_size / 1e6:.2f} MB, {model.count_params():,} parameters")


if __name__ == "__main__":
    main()
