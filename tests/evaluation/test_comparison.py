"""The course's table: one row per model, and its figure."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from facevalue.evaluation import comparison

IMAGES = {"rendered": 1250, "fer2013": 3589}


def row(model, data, accuracy, images=None, profile="fast", split="PrivateTest", **more):
    """Return one measured row."""
    facts = {"model": model, "data": data, "accuracy": accuracy, "profile": profile, "split": split}
    return facts | {"images": images or IMAGES[data]} | more


@pytest.fixture
def measured():
    """Two networks and a forest, with rows that must not count."""
    rows = [
        row("cnn", "fer2013", 0.40),
        row("cnn", "fer2013", 0.60, profile="full", faces_per_second=900, megabytes=1.5),
        row("cnn", "rendered", 0.95, images=500),  # of faces drawn before
        row("cnn", "rendered", 0.79),
        row("five emotions", "fer2013", 0.70, images=2908),
        row("forest", "rendered", 0.30),
        row("forest", "rendered", 0.37),  # the later one counts
        row("forest", "fer2013", 0.43, profile="full"),
        row("forest", "fer2013", 0.42, 7178, "full", "both", published=0.4, published_source="p"),
        row("new", "rendered", 0.50),
    ]
    columns = ["faces_per_second", "megabytes", "published", "published_source"]
    return pd.DataFrame(rows).reindex(columns=[*rows[0], *columns])


def test_one_row_per_model_from_its_fullest_run(measured):
    table = comparison.by_model(measured, IMAGES)
    assert list(table.index) == ["cnn", "new", "forest"]  # by accuracy on photos, or on drawings
    assert table.loc["cnn", ["fer2013", "rendered"]].tolist() == [0.60, 0.79]
    assert table.loc["cnn", "fer2013_profile"] == "full"
    assert table.loc["forest", ["fer2013", "rendered", "published"]].tolist() == [0.43, 0.37, 0.4]
    assert pd.isna(table.loc["new", "fer2013"])


def test_a_model_that_only_others_measured_has_a_row(measured):
    table = comparison.by_model(measured, IMAGES, {"visual words": (0.675, "a paper")})
    assert table.index[0] == "visual words"
    assert table.loc["visual words", "published_source"] == "a paper"
    assert pd.isna(table.loc["visual words", "fer2013"])


def test_a_table_without_drawn_faces_is_drawn_too(measured):
    photos = measured[measured["data"] == "fer2013"]
    table = comparison.by_model(photos, IMAGES)
    assert table["rendered"].isna().all()
    figure = comparison.plot_models(table, IMAGES, "Title", "note", bold=[table.index[0]])
    names = figure.axes[0].get_yticklabels()
    assert [text.get_text() for text in names] == list(table.index)
    assert [text.get_fontweight() for text in names[:2]] == ["bold", "normal"]
    plt.close(figure)
