"""The figures of notebook 06: areas of a model's answers, and strokes along edges."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from sklearn.tree import DecisionTreeClassifier

from facevalue.evaluation import decision_areas, edge_strokes


def test_an_upright_edge_is_drawn_upright():
    cells = np.zeros((1, 2, 9))
    cells[0, 1, 0] = 2.0  # brighter to the right: the edge runs up and down
    figure, axis = plt.subplots()
    edge_strokes.draw(axis, cells)
    strongest = max(axis.lines, key=lambda line: line.get_alpha())
    across, up = np.ptp(strongest.get_xdata()), np.ptp(strongest.get_ydata())
    assert np.mean(strongest.get_xdata()) == 1
    assert up > 4 * across
    plt.close(figure)


def test_each_model_has_a_panel_with_all_points():
    points = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    labels = points[:, 0] > 0.5
    models = [DecisionTreeClassifier(max_depth=d).fit(points, labels) for d in (1, 2)]
    figure = decision_areas.plot_areas(
        models, points, labels, ["one", "two"], title="Areas", names=("left", "right")
    )
    place = plt.rcParams["axes.titlelocation"]  # other tests may use the course's style
    assert [axis.get_title(place) for axis in figure.axes] == ["one", "two"]
    assert sum(len(line.get_xdata()) for line in figure.axes[0].lines) == len(points)
    plt.close(figure)
