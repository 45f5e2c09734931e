"""What the tests of the live page share: a model that is quick to make, and faces to show it."""

from __future__ import annotations

import hashlib
import io
import zlib

import cv2
import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from starlette.websockets import WebSocketDisconnect

from facevalue.collection import database, database_import
from facevalue.drawing import faces
from facevalue.emotions import EMOTIONS
from facevalue.recognition.face import Face
from facevalue.recognition.recogniser import Recogniser, Sighting

LOGITS = np.array([0, 0, 0, 5, 1, 0, 0], np.float32)
"""What the small model answers for every face: happy, then sad."""


def small_model(folder):
    """Write a network that calls each face happy, as fast.onnx and accurate.onnx."""
    shape = ["n", 48, 48, 1]
    nodes = [
        helper.make_node("ReduceMean", ["face"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        helper.make_node("Mul", ["column", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "logits"], ["sums"]),
        helper.make_node("Softmax", ["sums"], ["emotions"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([1], np.int64), "last"),
        numpy_helper.from_array(np.array(0, np.float32), "zero"),
        numpy_helper.from_array(LOGITS[None], "logits"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("face", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("emotions", TensorProto.FLOAT, ["n", 7])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    content = model.SerializeToString()
    lines = []
    for name in ("fast", "accurate"):
        (folder / f"{name}.onnx").write_bytes(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}.onnx\n")
    (folder / "SHA256SUMS").write_text("".join(lines))
    return {name: Recogniser(name, folder=folder, threads=1) for name in ("fast", "accurate")}


def frame(emotions=("happy",), seed=20):
    """Draw one camera picture of 640 x 480 pixels; return it, and where the faces are in it."""
    photo = faces.photo(seed, len(emotions), emotions)
    height, width = photo.image.shape[:2]
    scale = max(640 / width, 480 / height)
    size = round(width * scale), round(height * scale)
    image = cv2.resize(photo.image, size, interpolation=cv2.INTER_AREA)
    left, top = (size[0] - 640) // 2, (size[1] - 480) // 2
    boxes = np.rint(photo.boxes * scale).astype(int) - (left, top, 0, 0)
    return np.ascontiguousarray(image[top : top + 480, left : left + 640]), boxes


def jpeg(image):
    """Pack a picture as JPEG."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def convincing(recogniser, emotions, seeds=range(60)):
    """Draw a camera picture whose faces the model is sure about: it shows what we say it shows."""
    from facevalue.recognition import tracking

    best, sureness = None, 0.0
    for seed in seeds:
        image, _ = frame(emotions, seed)
        found = sorted(tracking.recognise_frame(image, recogniser), key=lambda face: face.box[0])
        if [face.emotion for face in found] == list(emotions):
            sure = min(max(face.probabilities.values()) for face in found)
            if sure > sureness:
                best, sureness = image, sure
        if sureness > 0.8:
            break
    assert best is not None, f"no drawn face in {len(seeds)} is {' and '.join(emotions)}"
    return best


def sighting(box=(100, 100, 80, 80), **shares):
    """Return a face with some probabilities; the other emotions share the rest."""
    left = (1 - sum(shares.values())) / (7 - len(shares))
    return Sighting(Face(box), {name: shares.get(name, left) for name in EMOTIONS})


def movie(path, frames, rate=10):
    """Write frames as a video."""
    height, width = frames[0].shape[:2]
    codec = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), codec, rate, (width, height))
    for each in frames:
        writer.write(cv2.cvtColor(each, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def small_database(folder):
    """Make a database of twenty small images of all emotions, and open it."""
    made = database.create(f"sqlite:///{folder / 'faces.db'}")
    database_import.add_sources(
        made, pd.DataFrame([{"name": "s", "address": "a", "licence": "CC0"}])
    )
    database_import.add_facs(made)
    rows = [
        database_import.image_row(np.full((48, 48), k, np.uint8), "s", EMOTIONS[k % 7], f"{k}")
        for k in range(20)
    ]
    database_import.add_images(made, pd.DataFrame(rows))
    return made


OWN = {"origin": "http://testserver"}


def visit(client, query=""):
    return client.websocket_connect(f"/live/frames{query}", headers=OWN)


def closing(socket):
    """Return the code and the sentence with which the server closes a WebSocket."""
    with pytest.raises(WebSocketDisconnect) as caught:
        while True:
            socket.receive_json()
    return caught.value.code, caught.value.reason


def bomb(kind, size):
    """A file that says that it holds a huge picture."""
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, kind)
    content = bytearray(stream.getvalue())
    if kind == "PNG":
        content[16:24] = size[0].to_bytes(4, "big") + size[1].to_bytes(4, "big")
        content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    else:
        content[6:10] = size[0].to_bytes(2, "little") + size[1].to_bytes(2, "little")
    return bytes(content)
