"""What the tests of the dashboard share: a visitor's steps, and faces to show the model."""

import io
from functools import cache

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from streamlit.testing.v1 import AppTest

from facevalue.drawing import faces

LEVELS = np.round(np.linspace(0, 255, 7))
"""The small network calls a face of the grey level LEVELS[k] by the name EMOTIONS[k]."""


def network():
    """Return the bytes of an .onnx file that names the level nearest to a face's mean."""
    levels = (LEVELS / 255).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["face"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "slopes"], ["products"]),
        helper.make_node("Add", ["products", "offsets"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["answer"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("face", TensorProto.FLOAT, ["n", 48, 48, 1])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["n", 7])],
        [
            numpy_helper.from_array(4000 * levels[None], "slopes"),
            numpy_helper.from_array(-2000 * levels**2, "offsets"),
        ],
    )
    opsets = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def page(name):
    """Open one page."""
    script = f"from apps.dashboard_pages import {name}\n{name}.show()\n"
    return checked(AppTest.from_string(script, default_timeout=60).run())


def checked(app):
    assert not app.exception, app.exception[0].value
    return app


def texts(app):
    """Return all prose of a page."""
    parts = [*app.title, *app.subheader, *app.markdown, *app.caption, *app.info, *app.error]
    return "\n".join(str(part.value) for part in parts)


def press(app, label):
    (button,) = [b for b in app.button if b.label == label]
    return checked(button.click().run())


def flat(level):
    return np.full((48, 48), level, np.uint8)


def png(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def jpeg(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=92)
    return stream.getvalue()


@cache
def three_people():
    """Return a drawn photo of three people as a JPEG file."""
    return jpeg(faces.photo(3, 3).image)


def upload(app, name, content, kind="image/jpeg"):
    return checked(app.file_uploader[0].set_value((name, content, kind)).run())
