"""The dashboard's page of results, as a visitor uses it."""

import pandas as pd
import pytest
from dashboard_helpers import (
    checked,
    page,
    texts,
)

from apps.dashboard_pages import (
    explanations,
    results,
)


def row(model, where, split, accuracy, **more):
    facts = {"images": 100, "profile": "full", "macro_f1": 1 - accuracy, "top3_accuracy": None}
    return {"model": model, "data": where, "split": split, "accuracy": accuracy} | facts | more


MEASURED = [
    row("tree", "fer2013", "PrivateTest", 0.3),
    row("net", "fer2013", "PrivateTest", 0.7),
    row("forest", "fer2013", "PrivateTest", 0.4, published=0.45, published_source="project 3"),
    row("net", "fer2013", "PrivateTest", 0.6, profile="fast"),
    row("recogniser", "fer2013", "PrivateTest", 0.65, profile="fast"),
    row("baseline of five emotions", "fer2013", "PrivateTest", 0.8),
    row("net", "rendered", "PrivateTest", 0.95, published=0.62, published_source="project 2"),
]


@pytest.fixture
def measured(monkeypatch):
    table = pd.DataFrame(MEASURED).reindex(columns=list(results.results.COLUMNS))
    monkeypatch.setattr(results.results, "read", lambda: table)


def choose(app, label, value):
    (control,) = [c for c in app.get("button_group") if c.label == label]
    return checked(control.set_value(value).run())


@pytest.mark.slow
def test_results_are_filtered_and_sorted(measured):
    app = page("results")
    shown = app.dataframe[0].value
    # each in its most complete run, and the easier task after all others
    ranking = ["net", "recogniser", "forest", "tree", "baseline of five emotions"]
    assert shown["model"].tolist() == ranking
    assert "is not comparable" in texts(app)
    assert shown.set_index("model").loc["forest", "published"] == 0.45
    choose(app, "Sort by", "macro_f1")
    by_f1 = ["tree", "forest", "recogniser", "net", "baseline of five emotions"]
    assert app.dataframe[0].value["model"].tolist() == by_f1
    choose(app, "Run", "fast")
    assert sorted(app.dataframe[0].value["accuracy"]) == [0.6, 0.65]
    assert "few images" in texts(app)


@pytest.mark.slow
def test_drawn_faces_stand_apart_from_real_ones_and_from_published_numbers(measured):
    app = page("results")
    choose(app, "Data", "rendered")
    shown = app.dataframe[0].value
    assert shown["accuracy"].tolist() == [0.95]
    assert "published" not in shown


@pytest.mark.slow
def test_the_stored_results_and_the_published_ones_are_shown():
    app = page("results")
    assert len(app.get("vega_lite_chart")) == 1
    shown = app.dataframe[0].value
    assert shown["model"].iloc[0] == "recogniser, accurate"
    assert shown["model"].iloc[-1] == "baseline of five emotions"
    published = app.dataframe[-1].value
    assert 0.6151 in published["accuracy"].tolist()
    assert set(published["source"]) == {f"project {k}" for k in range(1, 6)}


def test_each_model_and_each_set_of_test_images_is_explained():
    stored = results.results.read()
    unknown = [name for name in set(stored["model"]) if not explanations.model(name)]
    assert unknown == []
    assert set(stored["split"]) <= set(explanations.SPLITS)
    assert set(stored["profile"]) <= set(explanations.PROFILES)


@pytest.mark.slow
def test_without_results_the_page_says_how_to_measure(monkeypatch):
    nothing = pd.DataFrame(columns=list(results.results.COLUMNS))
    monkeypatch.setattr(results.results, "read", lambda: nothing)
    assert "make run RECORD=1" in page("results").info[0].value
