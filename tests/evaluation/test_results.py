"""The table of results: one row per model, data, split and profile."""

import pandas as pd
import pytest

from facevalue import paths
from facevalue.evaluation import results


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project whose reports are written to a temporary folder."""
    (tmp_path / "reports").mkdir()
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    return tmp_path


SCORE = {
    "model": "svm",
    "data": "fer2013",
    "split": "PrivateTest",
    "images": 3589,
    "profile": "fast",
    "accuracy": 0.41,
    "macro_f1": 0.38,
    "seconds": 12.0,
    "published": 0.44,
    "published_source": "project 3",
}


def test_a_new_measurement_replaces_the_old_one_of_the_same_model(project):
    assert results.add_scores([SCORE, SCORE | {"model": "tree", "published": None}]) == 2
    results.add_scores([SCORE | {"accuracy": 0.43}])
    table = results.read()
    assert list(table["model"]) == ["svm", "tree"]
    assert table.set_index("model")["accuracy"].to_dict() == {"svm": 0.43, "tree": 0.41}
    assert table["machine"].str.contains("cores").all()
    assert table["command"].iloc[0] == "make run DATASET=fer2013 PROFILE=fast RECORD=1"
    assert [file.name for file in (project / "reports").iterdir()] == ["results.csv"]


def test_other_splits_profiles_and_data_are_kept_apart(project):
    others = [{"split": "PublicTest"}, {"profile": "full"}, {"data": "rendered"}]
    results.add_scores([SCORE, *(SCORE | other for other in others)])
    assert len(results.read()) == 4


def test_size_and_speed_are_kept_where_they_were_measured(project):
    results.add_scores([SCORE])  # most notebooks do not measure them
    results.add_scores([SCORE | {"model": "tree", "megabytes": 1.25, "faces_per_second": 900}])
    results.add_scores([SCORE | {"model": "forest"}])
    table = results.read().set_index("model")
    assert table.loc["tree", ["megabytes", "faces_per_second"]].tolist() == [1.25, 900]
    assert table.loc[["svm", "forest"], ["megabytes", "faces_per_second"]].isna().all(axis=None)
    assert ",1.25,900," in (project / results.PATH).read_text()


def test_times_are_kept_by_notebook(project):
    results.add_times({"01_first": 10.0, "02_second": 5.0}, "rendered", "fast")
    results.add_times({"02_second": 7.04}, "rendered", "fast")
    table = pd.read_csv(project / results.TIMES)
    assert table.set_index("notebook")["seconds"].to_dict() == {"01_first": 10.0, "02_second": 7.0}


def test_a_score_that_names_its_command_keeps_it(project):
    results.add_scores([SCORE | {"command": "python tools/one.py"}, SCORE | {"model": "tree"}])
    commands = results.read().set_index("model")["command"]
    assert commands["svm"] == "python tools/one.py"
    assert commands["tree"].startswith("make run")
