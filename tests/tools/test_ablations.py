"""The small trainings that show what each part of the recipe brings."""

import ablations
import numpy as np
import pytest

from facevalue.data.dataset import Dataset


@pytest.mark.parametrize(
    ("name", "knows"), [("two-thirds.onnx", True), ("other-thirds.onnx", False)]
)
def test_one_teacher_saw_the_images_of_the_students_and_the_other_did_not(name, knows):
    splits = np.repeat(["Training", "PublicTest", "PrivateTest"], [60, 20, 10])
    images = np.arange(90, dtype=np.uint8)[:, None, None] + np.zeros((48, 48), np.uint8)
    data = Dataset("fer2013", images, np.arange(90) % 7, splits, splits)
    found = {}
    for who, wanted in (("teacher", ablations.TEACHERS[name]), ("student", [0])):
        seen = ablations.thirds(data, wanted)
        assert len(seen.split("PublicTest")) == 20
        found[who] = {int(image[0, 0]) for image in seen.split("Training").images}
    assert {who: len(those) for who, those in found.items()} == {"teacher": 40, "student": 20}
    assert (
        found["student"] <= found["teacher"] if knows else not found["student"] & found["teacher"]
    )
