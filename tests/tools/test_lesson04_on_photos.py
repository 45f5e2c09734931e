"""What is told of real photos, on answers that are clear, and in the stored tables."""

import re

import lesson04_on_photos as tool
import numpy as np
import pandas as pd
import photo_results
import pytest

from facevalue import paths
from facevalue.evaluation import metrics


def test_confusions_are_counted_by_label():
    labels = np.arange(7).repeat(2)
    probabilities = np.eye(7)[labels]
    probabilities[6] = np.eye(7)[6]  # one happy photo is taken for neutral
    title, table = tool.confusion(labels, probabilities)
    assert table.set_index("label").loc["happy", ["happy", "neutral"]].tolist() == [1, 1]
    assert title == "100% of angry are found, 50% of happy"


def test_people_side_with_the_network_or_with_the_label():
    labels = np.zeros(3, int)
    probabilities = np.array([[0.1, 0.9, 0.0], [0.2, 0.8, 0.0], [0.9, 0.1, 0.0]])
    people = np.array([1, 0, 0])  # the third answer is no mistake
    title, table = tool.mistakes(labels, probabilities, people)
    surest = table[table["row"] == "the 100 surest"].set_index("series")
    assert surest["count"].to_dict() == {"with the network": 1, "with the label": 1}
    assert surest["of"].tolist() == [2, 2]
    assert title == "people side with 1 of its 100 surest mistakes"


def test_the_published_accuracies_stand_beside_those_of_the_full_run():
    _, table = tool.compared()
    share = (table["count"] / table["of"]).groupby([table["row"], table["series"]]).first()
    assert share["cnn6", "here"] == pytest.approx(0.6275, abs=1e-3)
    assert share["cnn6", "as published"] == pytest.approx(0.6151, abs=1e-3)
    assert share["CNN of project 3", "as published"] == pytest.approx(0.27, abs=1e-3)


def test_the_stored_calibration_is_that_of_the_model_card():
    table = pd.read_csv(photo_results.FOLDER / "04_calibration.csv", comment="#")
    assert table["images"].sum() == 3589
    gap = (table["confidence"] - table["accuracy"]).abs().fillna(0)
    card = (paths.root() / "models" / "MODEL_CARD.md").read_text("utf-8")
    row = r"^accurate +PublicTest .*\n +PrivateTest +3589 .* ([\d.]+) +[\d.]+$"  # then by chance
    told = re.search(row, card, re.M)
    assert told is not None
    assert np.average(gap, weights=table["images"]) == pytest.approx(float(told[1]), abs=1e-3)
    assert list(table) == ["up to", *metrics.calibration(np.array([0]), np.ones((1, 1)))]


@pytest.mark.parametrize(
    "path", sorted(photo_results.FOLDER.glob("04_*.csv")), ids=lambda path: path.stem
)
def test_the_stored_shares_are_parts_of_their_totals(path):
    table = pd.read_csv(path, comment="#")
    lines = path.read_text("utf-8").splitlines()
    assert (
        lines[0].startswith("# title: ")
        and lines[1].startswith("# note: FER-2013")
        or ("FER" in lines[1])
    )
    if "of" in table:
        assert (table["count"] <= table["of"]).all()
