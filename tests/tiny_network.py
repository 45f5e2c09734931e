"""A network so small that its answers can be computed by hand."""

import hashlib
import math

import numpy as np
from onnx import TensorProto, helper, numpy_helper

WEIGHTS = np.array([2, -1, 0.5, 3, -2, 1, 0], np.float32)
"""The tiny network's answer is the softmax of an image's mean, 0 to 1, times these."""


def by_hand(mean):
    powers = [math.exp(mean * weight) for weight in WEIGHTS.tolist()]
    return [power / sum(powers) for power in powers]


def network(classes=7, size=48, last="Softmax", weights=WEIGHTS):
    """Return the bytes of an .onnx file: mean grey level, times weights, through `last`."""
    nodes = [
        helper.make_node("ReduceMean", ["face"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["scores"]),
        helper.make_node(last, ["scores"], ["answer"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("face", TensorProto.FLOAT, ["n", size, size, 1])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["n", classes])],
        [numpy_helper.from_array(np.resize(weights, (1, classes)), "weights")],
    )
    opsets = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def ship(folder, content, name="fast"):
    """Write a model and its checksum."""
    (folder / f"{name}.onnx").write_bytes(content)
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(content).hexdigest()}  {name}.onnx\n")
