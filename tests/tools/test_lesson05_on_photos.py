"""What lesson 05 shows of real photos."""

import lesson05_on_photos as tool
import pandas as pd
import photo_results


def test_the_stored_counts_are_those_of_the_recorded_runs():
    path = photo_results.FOLDER / "05_bodies.csv"
    table = pd.read_csv(path, comment="#")
    title, rows = tool.bodies()
    assert [tuple(row) for row in table.itertuples(index=False)] == rows
    assert f"# title: {title}\n" in path.read_text("utf-8")
    shares = (table["count"] / table["of"]).set_axis(table["row"]).round(3)
    assert shares["own recogniser, first stage, frozen"] == 0.712
    assert shares["Lite0 at 96 pixels, frozen"] == 0.43


def test_measuring_some_ways_again_keeps_the_others(monkeypatch, tmp_path):
    monkeypatch.setattr(photo_results, "FOLDER", tmp_path)
    counts = ["few,HOG,1,9", "few,ImageNet,2,9", "all,HOG,3,9"]
    lines = ["# note: before", "row,series,count,of", *counts]
    (tmp_path / "05_heads.csv").write_text("\n".join(lines) + "\n")
    found = tool.in_stored_order([("few", "ImageNet", 5, 9)])
    assert [row[2] for row in found] == [1, 5, 3]
