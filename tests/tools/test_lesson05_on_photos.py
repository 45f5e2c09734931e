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
