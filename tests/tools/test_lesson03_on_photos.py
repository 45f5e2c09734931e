"""What notebook 03 shows of real photos."""

import lesson03_on_photos as tool
import pandas as pd
import photo_results
import pytest


def test_the_rows_that_learnt_nothing_are_those_at_the_share_of_one_emotion():
    title, table = tool.rows()
    assert len(table) == 19
    assert title == "P6, P10, P11, P12, S5 learn nothing"
    assert set(table["of"]) == {654}


def test_the_curve_of_p5_holds_the_scores_of_the_shorter_rows():
    _, table = tool.curves()
    curve = table[table["series"] == "P5"].set_index("epoch")["val_accuracy"]
    counts = tool.rows()[1].set_index("row")["count"]
    for name, epoch in (("P2", 10), ("P3", 15), ("P4", 20), ("P5", 30)):
        assert round(curve[epoch] * 654) == counts[name], name


@pytest.mark.parametrize("name", ["rows", "stuck"])
def test_the_stored_counts_are_parts_of_their_totals(name):
    table = pd.read_csv(photo_results.FOLDER / f"03_{name}.csv", comment="#")
    assert list(table) == ["row", "series", "count", "of"]
    assert (table["count"] <= table["of"]).all()


def test_only_p4_never_gives_one_answer_to_all_photos():
    table = pd.read_csv(photo_results.FOLDER / "03_stuck.csv", comment="#")
    published = table[table["series"] == "as published"].set_index("row")["count"]
    assert published.index[published == 0].tolist() == ["P4"]
