"""The drawing of the network."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from survey_samples import WORDS, random

from facevalue.data import survey_format
from facevalue.exploration import survey_network, survey_statistics


def network(reports: pd.DataFrame, most: int) -> plt.Axes:
    _, axis = plt.subplots(figsize=(6, 4))
    survey_network.draw_network(
        axis,
        survey_statistics.co_occurrence(reports, 100),
        survey_statistics.frequencies(reports, 10)["share"],
        most,
    )
    plt.close()
    return axis


@pytest.mark.slow
def test_the_network_names_every_emotion_and_tells_kinds_and_links_apart(
    reports: pd.DataFrame,
) -> None:
    axis = network(reports, 20)
    assert sorted(text.get_text() for text in axis.texts) == sorted(WORDS)
    assert all(text.get_fontsize() >= 9 for text in axis.texts)
    lines = [line for line in axis.lines if len(line.get_xdata())]
    assert [line.get_linestyle() for line in lines] == ["-"] * 20 + ["--"] * 20
    place = {text.get_text(): text.get_position()[0] for text in axis.texts}
    assert all(place[word] < 0 for word in survey_format.POSITIVE)
    assert all(place[word] > 0 for word in survey_format.NEGATIVE)


@pytest.mark.slow
def test_the_network_draws_the_largest_links(reports: pd.DataFrame) -> None:
    axis = network(reports, 1)
    lines = [line for line in axis.lines if len(line.get_xdata())]
    table = survey_statistics.co_occurrence(reports, 10)
    heights = {text.get_text(): text.get_position()[1] / 1.1 for text in axis.texts}
    for line, row in zip(lines, (table["phi"].idxmax(), table["phi"].idxmin()), strict=True):
        ends = [heights[word] for word in table.loc[row, ["first", "second"]]]
        assert sorted(line.get_ydata()) == pytest.approx(sorted(ends))


def test_a_network_without_links_has_points_only() -> None:
    table = random(people=300, each=3)
    axis = network(table, 0)
    assert len(axis.texts) == 18
    assert not [line for line in axis.lines if len(line.get_xdata())]
