"""The learning curve that grows in a notebook."""

import pytest

from facevalue.evaluation import live_curve


class Page:
    """Counts what a notebook would show."""

    def __init__(self):
        self.shown, self.updated = 0, 0

    def display(self, figure, display_id):
        self.shown += 1
        return self

    def update(self, figure):
        self.updated += 1


@pytest.fixture
def page(monkeypatch):
    display = pytest.importorskip("IPython.display")
    page = Page()
    monkeypatch.setattr(display, "display", page.display)
    monkeypatch.setattr(live_curve, "in_notebook", lambda: True)
    return page


def run(curve, epochs):
    curve.on_train_begin()
    for epoch in range(epochs):
        curve.drawn_at = 0.0  # a second ago
        curve.on_epoch_end(epoch, {"loss": 1.0, "val_loss": 2.0, "accuracy": 0.5})
    curve.on_train_end()


def test_the_live_curve_grows_in_one_place(page, monkeypatch):
    for name in ("PYTEST_VERSION", "PYTEST_CURRENT_TEST", "FACEVALUE_HEADLINES"):
        monkeypatch.delenv(name, raising=False)
    run(live_curve.LiveCurve("a curve"), 3)
    assert (page.shown, page.updated) == (1, 3)


def test_the_live_curve_is_one_figure_if_a_command_runs_the_notebook(page):
    run(live_curve.LiveCurve(), 3)
    assert (page.shown, page.updated) == (1, 0)


def test_the_live_curve_is_silent_outside_a_notebook(capfd):
    run(live_curve.LiveCurve(), 2)
    assert capfd.readouterr() == ("", "")


def test_the_live_curve_shows_training_and_validation():
    curve = live_curve.LiveCurve("a title")
    run(curve, 2)
    figure = curve.figure()
    loss, accuracy = figure.axes
    assert [list(line.get_ydata()) for line in loss.lines] == [[1.0, 1.0], [2.0, 2.0]]
    assert len(accuracy.lines) == 1
    assert figure.get_suptitle() == "a title"
