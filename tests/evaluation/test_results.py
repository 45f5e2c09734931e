"""What was measured: kept once per model, data, split and profile, and shown in README."""

import numpy as np
import pandas as pd
import pytest
import update_readme

from facevalue import paths
from facevalue.evaluation import records, results


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
    assert results.record([SCORE, SCORE | {"model": "tree", "published": None}]) == 2
    results.record([SCORE | {"accuracy": 0.43}])
    table = results.read()
    assert list(table["model"]) == ["svm", "tree"]
    assert table.set_index("model")["accuracy"].to_dict() == {"svm": 0.43, "tree": 0.41}
    assert table["machine"].str.contains("cores").all()
    assert table["command"].iloc[0] == "make run DATASET=fer2013 PROFILE=fast RECORD=1"
    assert [file.name for file in (project / "reports").iterdir()] == ["results.csv"]


def test_other_splits_profiles_and_data_are_kept_apart(project):
    others = [{"split": "PublicTest"}, {"profile": "full"}, {"data": "rendered"}]
    results.record([SCORE, *(SCORE | other for other in others)])
    assert len(results.read()) == 4


def test_size_and_speed_are_kept_where_they_were_measured(project):
    results.record([SCORE])  # most notebooks do not measure them
    results.record([SCORE | {"model": "tree", "megabytes": 1.25, "faces_per_second": 900}])
    results.record([SCORE | {"model": "forest"}])
    table = results.read().set_index("model")
    assert table.loc["tree", ["megabytes", "faces_per_second"]].tolist() == [1.25, 900]
    assert table.loc[["svm", "forest"], ["megabytes", "faces_per_second"]].isna().all(axis=None)
    assert ",1.25,900," in (project / results.PATH).read_text()


def test_times_are_kept_by_notebook(project):
    results.record_times({"01_first": 10.0, "02_second": 5.0}, "rendered", "fast")
    results.record_times({"02_second": 7.04}, "rendered", "fast")
    table = pd.read_csv(project / results.TIMES)
    assert table.set_index("notebook")["seconds"].to_dict() == {"01_first": 10.0, "02_second": 7.0}


def test_record_hands_scores_to_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVALUE_HEADLINES", str(tmp_path / "lines.jsonl"))
    labels, predictions = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0])
    facts = {"megabytes": 0.126, "faces_per_second": 99.6}
    source = (0.3, "project 3")
    row = records.record("tree", "PrivateTest", labels, predictions, 1.0, source, **facts)
    assert (row["megabytes"], row["faces_per_second"]) == (0.13, 100)
    # macro F1 by hand: class 0 has 2*2/(2*2+1), class 1 has 2*1/(2*1+1)
    assert row["accuracy"] == 0.75
    assert row["macro_f1"] == pytest.approx((4 / 5 + 2 / 3) / 2, abs=1e-4)
    line = pd.read_json(tmp_path / "lines.jsonl", lines=True).iloc[0]
    assert line["label"] == "tree, accuracy on PrivateTest" and line["value"] == 0.75


def test_readme_shows_what_the_reports_hold():
    text = (paths.root() / "README.md").read_text()
    assert text == update_readme.updated(text), "run tools/update_readme.py"


def test_readme_tells_the_mean_and_the_spread_of_all_trainings(tmp_path, monkeypatch):
    """0.70, 0.71 and 0.72: 0.71, give or take 0.01."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "accurate.onnx").write_bytes(bytes(1_540_000))
    rows = [("accurate", seed, "PublicTest", 0.7 + seed / 100) for seed in range(3)]
    rows += [("fast", 0, "PrivateTest", 0.68), ("ferplus", 0, "PrivateTest", 0.83)]
    table = pd.DataFrame(rows, columns=["model", "seed", "test", "accuracy"])
    table["labels"] = table["model"].where(table["model"] == "ferplus", "fer2013")
    table["images"] = 3_153
    mirrored = table.assign(answer="and its mirror image", accuracy=0.99)
    both = pd.concat([table.assign(answer="one crop"), mirrored])
    both.to_csv(tmp_path / "reports" / "seeds.csv", index=False)
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    told = update_readme.recogniser_table().splitlines()
    assert told[2] == "| `accurate` | 3 | 0.710 ± 0.010 |  |  | 1.5 MB |"
    assert told[3] == "| `fast` | 1 |  | 0.680  |  | does not ship |"
    assert not any("`ferplus`" in line for line in told)  # other labels: not in the same table
    assert "right on 0.830 of the 3,153 PrivateTest images" in " ".join(told[4:])


def test_readme_lists_each_notebook():
    text = (paths.root() / "README.md").read_text()
    for path in (paths.root() / "notebooks").glob("[0-9]*.ipynb"):
        assert f"(notebooks/{path.name})" in text
