"""The recogniser, with networks so small that their answers can be computed by hand."""

import hashlib
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import bench_recogniser
import cv2
import model_card
import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from facevalue import Recogniser
from facevalue.data.dataset import Dataset
from facevalue.drawing import faces
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import detectors
from facevalue.recognition import preparation, recogniser

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


@pytest.fixture
def tiny(tmp_path):
    ship(tmp_path, network())
    return Recogniser("fast", folder=tmp_path, threads=1)


def flat(level, *shape):
    return np.full(shape or (48, 48), level, np.uint8)


# ------------------------------------------------------------------------------------- answers


def test_one_face_gives_the_probabilities_by_name(tiny):
    answer = tiny(flat(51))
    assert list(answer) == list(EMOTIONS)
    assert list(answer.values()) == pytest.approx(by_hand(0.2), abs=5e-5)
    assert all(type(value) is float for value in answer.values())


@pytest.mark.parametrize(
    "face",
    [
        flat(51),
        flat(51, 48, 48, 1),
        flat(51, 48, 48, 3),
        flat(51, 131, 90),
        flat(51, 20, 20, 3),
        flat(51) / 255,
        (flat(51, 300, 300, 3) / 255).astype("float32"),
        (flat(51) / 255).astype("float16"),
        Image.fromarray(flat(51)),
        Image.fromarray(flat(51, 60, 60, 3)),
        Image.fromarray(flat(51)).convert("P"),
        Image.fromarray(flat(51)).convert("RGBA"),
    ],
)
def test_any_size_type_and_colour_is_the_same_face(tiny, face):
    assert list(tiny(face).values()) == pytest.approx(by_hand(0.2), abs=1e-4)
    assert tiny.probabilities(face).shape == (1, 7)


def test_a_batch_and_a_list_keep_their_order(tiny):
    levels = (np.arange(150) * 1.7).astype(np.uint8)  # more than two batches of the network
    batch = levels[:, None, None] * np.ones((48, 48), np.uint8)
    expected = np.array([by_hand(level / 255) for level in levels.tolist()])
    found = tiny.probabilities(batch)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=5e-5)
    sizes = [flat(level, 30 + row, 40) for row, level in enumerate(levels[:70].tolist())]
    np.testing.assert_allclose(tiny.probabilities(sizes), expected[:70], atol=5e-5)
    answers = tiny(batch[:2])
    assert [answer["happy"] for answer in answers] == pytest.approx(expected[:2, 3], abs=5e-5)
    assert len(tiny([batch[0]])) == 1 and isinstance(tiny([batch[0]]), list)
    assert isinstance(tiny(batch[:1]), list)
    colour = np.repeat(batch[:3, ..., None], 3, axis=3)
    np.testing.assert_allclose(tiny.probabilities(colour), expected[:3], atol=5e-5)
    np.testing.assert_allclose(tiny.probabilities(colour[..., :1]), expected[:3], atol=5e-5)


def test_the_networks_input_is_what_training_sees():
    images = np.random.default_rng(0).integers(0, 256, (5, 48, 48)).astype(np.uint8)
    data = Dataset("rendered", images, np.zeros(5, int), np.array(["Training"] * 5), np.arange(5))
    np.testing.assert_array_equal(preparation.prepare(images), data.x)
    np.testing.assert_array_equal(preparation.prepare(list(images)), data.x)


def test_red_green_and_blue_weigh_as_the_eye_sees_them():
    colours = np.zeros((3, 48, 48, 3), np.uint8)
    for channel in range(3):
        colours[channel, ..., channel] = 255
    levels = preparation.prepare(colours)[:, 0, 0, 0]
    assert levels == pytest.approx([0.299, 0.587, 0.114], abs=0.5 / 255)
    assert preparation.prepare(colours / 255.0)[:, 0, 0, 0] == pytest.approx(
        [0.299, 0.587, 0.114], abs=1e-3
    )


def test_shrinking_averages_and_growing_stays_in_range():
    large = np.random.default_rng(1).integers(0, 256, (2, 96, 144)).astype(np.uint8)
    means = large.reshape(2, 48, 2, 48, 3).mean(axis=(2, 4)) / 255
    np.testing.assert_allclose(preparation.prepare(large)[..., 0], means, atol=0.51 / 255)
    small = np.random.default_rng(2).integers(0, 2, (3, 16, 16)).astype(float)
    grown = preparation.prepare(small)
    assert grown.min() == 0 and grown.max() == 1  # smooth growing overshoots


def test_what_is_given_stays_as_it_is(tiny):
    batch = np.random.default_rng(0).random((3, 50, 50, 3))
    before = batch.copy()
    tiny(batch)
    np.testing.assert_array_equal(batch, before)
    batch.setflags(write=False)
    tiny(batch[:, ::-1, ::2])  # neither writable nor in one piece


def test_threads_share_one_recogniser(tiny):
    levels = np.random.default_rng(0).integers(0, 256, 200).tolist()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda level: tiny(flat(level, 60, 60, 3)), levels))
    for level, answer in zip(levels, answers, strict=True):
        assert list(answer.values()) == pytest.approx(by_hand(level / 255), abs=5e-5)


# -------------------------------------------------------------------------------- wrong pictures


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (np.zeros((0, 48, 48), np.uint8), "empty"),
        (np.zeros((0, 0), np.uint8), "empty"),
        ([], "the list is empty"),
        (np.zeros(2304, np.uint8), r"shape \(2304,\)"),
        (np.zeros((64, 2304), np.uint8), "no face crop"),
        (np.zeros((2, 48, 48, 4), np.uint8), r"shape \(2, 48, 48, 4\)"),
        (np.zeros((48, 48, 4), np.uint8), "no face crop"),
        (np.zeros((1, 2, 48, 48, 3), np.uint8), "several have"),
        ([flat(1), np.zeros(7, np.uint8)], "face 1 of the list"),
        ([[0, 1], [2, 3]], "NumPy array or a PIL image, not list"),
        ("face.jpg", "facevalue.detection.read"),
        (None, "not NoneType"),
        (np.zeros((48, 48), np.int64), "not int64"),
        (np.full((48, 48), "x"), "not <U1"),
        (np.full((48, 48), 255.0), "face 0 are from 255 to 255: divide"),
        (np.full((48, 48), -0.1), "must be from 0 to 1"),
        ([flat(1), np.full((48, 48), np.nan)], "face 1 has pixels that are not numbers"),
    ],
)
def test_a_wrong_picture_is_one_clear_sentence(tiny, given, sentence):
    for call in (tiny, tiny.probabilities):
        with pytest.raises(ValueError, match=sentence) as caught:
            call(given)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_pixel_that_is_no_number_is_named(tiny, value):
    batch = np.full((100, 48, 48), 0.5, np.float32)
    batch[70, 3, 4] = value
    with pytest.raises(ValueError, match="face 70 has pixels that are not numbers"):
        tiny.probabilities(batch)


# ---------------------------------------------------------------------------------- wrong files


def test_no_such_name_or_number_of_threads():
    with pytest.raises(ValueError, match="no recogniser 'quick': choose accurate or fast"):
        Recogniser("quick")
    with pytest.raises(ValueError, match="threads must be 1 or more"):
        Recogniser("fast", threads=0)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="fast.onnx is not in"):
        Recogniser("fast", folder=tmp_path)
    ship(tmp_path, network())
    (tmp_path / "SHA256SUMS").unlink()
    with pytest.raises(FileNotFoundError, match="SHA256SUMS is not in"):
        Recogniser("fast", folder=tmp_path)


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b""])
def test_a_damaged_file_is_refused(tmp_path, change):
    ship(tmp_path, network())
    file = tmp_path / "fast.onnx"
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(ValueError, match="damaged or another file than SHA256SUMS says"):
        Recogniser("fast", folder=tmp_path)


def test_exchanged_files_are_refused(tmp_path):
    contents = {"fast": network(), "accurate": network(weights=-WEIGHTS)}
    lines = [f"{hashlib.sha256(c).hexdigest()}  {name}.onnx\n" for name, c in contents.items()]
    (tmp_path / "SHA256SUMS").write_text("".join(lines))
    for name, content in contents.items():
        (tmp_path / f"{name}.onnx").write_bytes(content)
    assert Recogniser("accurate", folder=tmp_path)(flat(51))["happy"] < 1 / 7
    (tmp_path / "fast.onnx").write_bytes(contents["accurate"])
    with pytest.raises(ValueError, match="another file"):
        Recogniser("fast", folder=tmp_path)


def test_a_file_that_is_not_listed_is_refused(tmp_path):
    ship(tmp_path, network())
    (tmp_path / "accurate.onnx").write_bytes(network())
    with pytest.raises(ValueError, match="does not list it"):
        Recogniser("accurate", folder=tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no model at all", "ONNX Runtime cannot run it"),
        (network(size=64), "ONNX Runtime cannot run it"),
        (network(classes=5), r"float32 of shape \(2, 5\)"),
        (network(last="Identity", weights=WEIGHTS + 1), "does not add up to 1"),
    ],
)
def test_a_file_that_is_no_such_network_is_refused(tmp_path, content, sentence):
    ship(tmp_path, content)
    with pytest.raises(ValueError, match=sentence) as caught:
        Recogniser("fast", folder=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_of_sums_as_sha256sum_writes_it_on_windows(tmp_path):
    content = network()
    (tmp_path / "fast.onnx").write_bytes(content)
    line = f"{hashlib.sha256(content).hexdigest().upper()} *fast.onnx\r\n"
    (tmp_path / "SHA256SUMS").write_bytes(line.encode())
    assert Recogniser("fast", folder=tmp_path).file == tmp_path / "fast.onnx"


# --------------------------------------------------------------------------------------- photos


@pytest.fixture(scope="module")
def photo():
    return faces.photo(3, 2)


def test_a_photo_gives_each_face_with_its_probabilities(tiny, photo):
    sightings = tiny.photo(photo.image)
    boxes = np.array([sighting.box for sighting in sightings])
    assert detectors.matched(boxes, photo.boxes) == 2
    grey = cv2.cvtColor(photo.image, cv2.COLOR_RGB2GRAY)
    for sighting in sightings:
        assert all(type(number) is int for number in sighting.box)
        x, y, width, height = sighting.box
        inside = grey[y : y + height, x : x + width].mean() / 255  # the face fills its crop
        assert list(sighting.probabilities.values()) == pytest.approx(by_hand(inside), abs=2e-3)
        assert sighting.emotion == "happy"  # it has the largest weight


def test_grey_and_pil_photos_give_the_same(tiny, photo):
    expected = tiny.photo(photo.image)
    grey = cv2.cvtColor(photo.image, cv2.COLOR_RGB2GRAY)
    assert tiny.photo(grey) == expected
    assert tiny.photo(Image.fromarray(photo.image)) == expected


def test_a_photo_is_turned_as_its_camera_says(tiny, photo):
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(photo.image)))
    turned.getexif()[0x0112] = 6  # turn it clockwise to see it upright
    assert tiny.photo(turned) == tiny.photo(photo.image)


def test_a_photo_without_a_face_gives_an_empty_list(tiny):
    assert tiny.photo(flat(90, 200, 300, 3)) == []


@pytest.mark.parametrize("given", [np.zeros((0, 0), np.uint8), np.zeros((90, 90)), "a.jpg", None])
def test_what_is_no_photo_is_refused(tiny, given):
    with pytest.raises(ValueError, match="image must be"):
        tiny.photo(given)


# ------------------------------------------------------------------------------------- loading


LARGE = "('tensorflow', 'keras', 'torch', 'jax', 'pandas', 'onnxruntime', 'numpy')"
TOLD = f"print([name for name in {LARGE} if name in sys.modules])"


def told(*lines):
    """Return the lines that a new process prints."""
    code = "\n".join(["import sys", *lines])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_package_stays_light_until_the_recogniser_is_asked_for():
    assert told("import facevalue", TOLD) == ["[]"]


def test_the_recogniser_needs_neither_tensorflow_nor_keras(tmp_path):
    ship(tmp_path, network())
    faces_only, with_photos = told(
        "import numpy, pathlib, facevalue",
        f"model = facevalue.Recogniser('fast', folder=pathlib.Path({str(tmp_path)!r}))",
        "model(numpy.zeros((48, 48), 'uint8'))",
        TOLD,
        "model.photo(numpy.zeros((200, 200, 3), 'uint8'))",
        TOLD,
    )
    assert faces_only == "['onnxruntime', 'numpy']"
    assert "tensorflow" not in with_photos and "keras" not in with_photos


def test_the_package_has_no_other_names():
    import facevalue

    assert facevalue.Recogniser is recogniser.Recogniser
    with pytest.raises(AttributeError, match="Recognizer"):
        facevalue.Recognizer  # noqa: B018


# ----------------------------------------------------------------------------------- the bench


def test_the_benchs_scores_are_those_counted_by_hand():
    labels = np.array([0, 0, 3, 3])
    probabilities = np.array(
        [
            [0.9, 0.1, 0, 0, 0, 0, 0],
            [0.1, 0.2, 0.3, 0.4, 0, 0, 0],  # wrong, and the label comes fourth
            [0, 0, 0, 0.75, 0.25, 0, 0],
            [0.3, 0, 0, 0.45, 0.25, 0, 0],
        ]
    )
    found = bench_recogniser.scores(labels, probabilities)
    assert found["images"] == 4 and found["accuracy"] == 0.75 and found["top-3"] == 0.75
    # angry: precision 1, recall 1/2; happy: 2/3 and 1
    assert found["macro F1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    # steps up to 0.9, 0.4, 0.8 and 0.5, each with one image
    assert found["calibration error"] == pytest.approx((0.1 + 0.4 + 0.25 + 0.55) / 4)


def test_the_bench_knows_copies_of_training_images():
    images = np.zeros((5, 48, 48), np.uint8)
    images[:, 0, 0] = [1, 2, 1, 3, 3]
    splits = np.array(["Training", "PublicTest", "PrivateTest", "PrivateTest", "PrivateTest"])
    data = Dataset("rendered", images, np.zeros(5, int), splits, np.arange(5))
    assert bench_recogniser.without_copies(data).tolist() == [False, True, True]


TENSORFLOW = """
class config:
    class threading:
        set_intra_op_parallelism_threads = set_inter_op_parallelism_threads = lambda n: None
"""
FER = """
import numpy as np
class FER:
    def __init__(self, use_tflite=True):
        print("noise on standard output")
        self.first = use_tflite
    def _classify_emotions(self, faces):
        assert faces.dtype == np.float32 and faces.shape[1:] == (64, 64)
        means = faces.mean(axis=(1, 2))
        return np.stack([means, means + self.first], axis=1)
"""


def test_the_bench_runs_fer_in_another_environment(tmp_path, monkeypatch):
    (tmp_path / "fer").mkdir()
    (tmp_path / "tensorflow.py").write_text(TENSORFLOW)
    (tmp_path / "fer" / "__init__.py").write_text("__version__ = '1.2'")
    (tmp_path / "fer" / "fer.py").write_text(FER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    images = np.stack([flat(level) for level in (0, 255, 51)] * 30)
    with bench_recogniser.peer(sys.executable, images) as (version, found, timer):
        assert version == "1.2"
        # fer takes pixels from -1 to 1
        expected = np.tile([-1, 1, -0.6], 30)
        for probabilities, first in zip(found, (1, 0), strict=True):
            np.testing.assert_allclose(probabilities[:, 0], expected, atol=1e-5)
            np.testing.assert_allclose(probabilities[:, 1], expected + first, atol=1e-5)
        table = bench_recogniser.alternate({"a": lambda: timer(0), "b": lambda: timer(1)}, 90, 2)
    assert (table.to_numpy() > 0).all() and list(table.index) == ["a", "b"]


@pytest.mark.parametrize(
    ("python", "sentence"),
    [(sys.executable, "does not run in .*: ImportError: not today"), ("nowhere", "does not start")],
)
def test_an_environment_without_fer_is_one_sentence(tmp_path, monkeypatch, python, sentence):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('not today')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (
        pytest.raises(SystemExit, match=sentence),
        bench_recogniser.peer(python, flat(0, 2, 48, 48)),
    ):
        pass


# -------------------------------------------------------------------------------- the model card


def test_the_card_counts_answers_by_label():
    labels = np.array([3, 3, 3, 0])
    answers = np.eye(7)[[3, 3, 6, 0]]
    classes, matrix, _ = model_card.by_class("fast", labels, answers)
    rows = {line.split()[0]: line.split()[1:] for line in matrix.splitlines() if line[:1].islower()}
    assert rows["happy"] == ["0", "0", "0", "2", "0", "0", "1"]
    assert rows["angry"] == ["1", "0", "0", "0", "0", "0", "0"]
    assert "accuracy          0.7500" in classes


def test_the_card_quotes_reports_as_they_are(tmp_path, monkeypatch):
    report = tmp_path / "recogniser.md"
    monkeypatch.setattr(model_card, "REPORT", report)
    assert model_card.quoted() == []
    report.write_text("# Title\n\n## Accuracy\n\n0.7\n\n## Speed\n\n4,000\n\n## Crops\n\nno\n")
    assert model_card.quoted() == ["## Speed\n\n4,000"]


def test_the_card_names_the_files_it_describes(tmp_path, tiny):
    told = model_card.files({"fast": tiny})
    assert hashlib.sha256((tmp_path / "fast.onnx").read_bytes()).hexdigest() in told


def test_the_card_names_the_groups_that_differ_by_more_than_chance():
    columns = ["attribute", "group", "faces", "accuracy", "low", "high"]
    rows = [("glasses", "no", 9, 0.9, 0.8, 0.95), ("glasses", "yes", 9, 0.6, 0.5, 0.79)]
    table = pd.DataFrame(rows, columns=columns)
    told = model_card.differences({"fast": table})
    assert told.endswith("\n- `fast`, glasses: yes 0.60, no 0.90.")
    table["high"] += 0.02  # now the two intervals meet
    assert model_card.differences({"fast": table}).startswith("No two groups differ")
