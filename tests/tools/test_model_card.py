"""Writing the model card."""

import hashlib

import model_card
import numpy as np
import pandas as pd
from tiny_network import network, ship

from facevalue import Recogniser


def test_the_card_counts_answers_by_label():
    labels = np.array([3, 3, 3, 0])
    answers = np.eye(7)[[3, 3, 6, 0]]
    classes, matrix, _ = model_card.by_class("fast", "some photos", labels, answers)
    rows = {line.split()[0]: line.split()[1:] for line in matrix.splitlines() if line[:1].islower()}
    assert rows["happy"] == ["0", "0", "0", "2", "0", "0", "1"]
    assert rows["angry"] == ["1", "0", "0", "0", "0", "0", "0"]
    assert "accuracy          0.7500" in classes
    assert "in images of some photos." in matrix


def test_the_card_quotes_reports_as_they_are(tmp_path, monkeypatch):
    report = tmp_path / "recogniser.md"
    monkeypatch.setattr(model_card, "REPORT", report)
    assert model_card.quoted() == []
    report.write_text("# Title\n\n## Accuracy\n\n0.7\n\n## Speed\n\n4,000\n\n## Crops\n\nno\n")
    assert model_card.quoted() == ["## Speed\n\n4,000"]


def test_the_card_names_the_files_it_describes(tmp_path):
    ship(tmp_path, network())
    tiny = Recogniser("fast", folder=tmp_path, threads=1)
    told = model_card.files({"fast": tiny})
    assert hashlib.sha256((tmp_path / "fast.onnx").read_bytes()).hexdigest() in told


def test_the_card_names_the_groups_that_are_furthest_apart():
    groups = pd.DataFrame({"attribute": "glasses", "group": ["no", "yes"] * 4})
    right = np.array([1, 0, 1, 0, 1, 1, 1, 1], bool)
    told = model_card.gaps_table({"fast": model_card.fairness.gaps(right, groups)})
    assert told.splitlines()[-1].endswith("no   yes      0.5000 0.0100 0.9900")


def test_the_card_says_how_far_sure_answers_are_right():
    p = np.full((4, 7), 0.05)
    p[[0, 1, 2, 3], [3, 3, 0, 0]] = [0.95, 0.8, 0.6, 0.4]
    labels = np.array([3, 3, 3, 0])
    sets = {model_card.PHOTOS: (np.zeros((4, 48, 48), np.uint8), labels)}
    told = model_card.when_to_show(sets, {("fast", model_card.PHOTOS): p})
    rows = [line.split()[-5:-3] for line in told.splitlines()[-5:-1]]
    # all four, those from 0.5, from 0.7 and from 0.9
    assert rows == [["4", "0.75"], ["3", "0.67"], ["2", "1.00"], ["1", "1.00"]]


def test_the_card_compares_both_models_image_by_image():
    labels = np.array([3, 3, 3, 0])
    right, wrong = np.eye(7)[labels], np.eye(7)[[6, 6, 3, 0]]
    sets = {model_card.PRIVATE: (np.zeros((4, 48, 48), np.uint8), labels)}
    answers = {("accurate", model_card.PRIVATE): right, ("fast", model_card.PRIVATE): wrong}
    # differences 1, 1, 0, 0: mean 0.5, deviation 0.5, so 0.49 to either side
    told = model_card.compared(sets, answers).splitlines()[-1].split()
    assert told == ["PrivateTest", "4", "0.5000", "0.0100", "0.9900"]


def test_the_card_weights_photos_as_emotions_occur_in_private_test():
    empty = np.zeros((8, 48, 48), np.uint8)
    sets = {
        model_card.PRIVATE: (empty, np.array([0, 1, 2, 3, 3, 4, 5, 6])),
        model_card.PHOTOS: (empty, np.array([0, 1, 2, 3, 4, 5, 6, 6])),
    }
    answers = {("fast", kind): np.eye(7)[np.full(8, 3)] for kind in sets}  # always happy
    spoilt = {"fast": pd.DataFrame({"accuracy": [0.9, 0.4]})}
    rows = model_card.overview(sets, answers, spoilt).splitlines()
    assert rows[3].startswith("other people's photos") and rows[3].split()[-7] == "0.125"
    assert rows[4].split()[-1] == "0.250"  # 2 of 8 PrivateTest images are happy


def test_the_card_says_how_often_unsure_answers_are_right():
    p = np.full((3, 7), 0.05)
    p[[0, 1, 2], [3, 3, 0]] = [0.5, 0.4, 0.7]
    sets = {model_card.PHOTOS: (np.zeros((3, 48, 48), np.uint8), np.array([3, 0, 3]))}
    told = model_card.unsure(sets, {("fast", model_card.PHOTOS): p})
    # the third is sure
    assert told.endswith("of those of `fast`, 0.50 are right (mean probability 0.45).")
    assert model_card.unsure(sets, {("fast", model_card.PHOTOS): p[2:]}) == ""


def test_the_card_keeps_the_figures_of_earlier_files(tmp_path, monkeypatch):
    monkeypatch.setattr(model_card.paths, "root", lambda: tmp_path)
    ship(tmp_path, network())
    (tmp_path / "reports").mkdir()
    old = "model,date,sha256,figure,value\n"
    old += 'fast,2020-01-01,abc,"PrivateTest, accuracy",0.5\n'
    (tmp_path / model_card.VERSIONS_FILE).write_text(old)
    labels = np.array([2, 1, 3, 3])
    answers = {("fast", kind): np.eye(7)[[2, 2, 3, 3]] for kind in ("PublicTest", "PrivateTest")}
    sets = {kind: (np.zeros((4, 48, 48), np.uint8), labels) for _, kind in answers}
    corrupted = [("none", 0, 0.8), ("blur", 2, 0.4), ("noise", 2, 0.2), ("JPEG", 2, 0.3)]
    spoilt = pd.DataFrame(corrupted, columns=["corruption", "strength", "accuracy"])
    spoilt = spoilt.assign(setting="much", calibration_error=0.1)
    wronged = pd.DataFrame({"accuracy": [0.9, 0.7]})
    tiny = {"fast": Recogniser("fast", folder=tmp_path, threads=1)}
    for _ in range(2):  # the second time replaces the first
        kept = model_card.versions(tiny, sets, answers, {"fast": spoilt}, {"fast": wronged})
        kept.to_csv(tmp_path / model_card.VERSIONS_FILE, index=False)
    told = model_card.versions_table(kept)
    rows = {line.split("  ")[0]: line.split()[-2:] for line in told.splitlines()[3:]}
    assert rows["PrivateTest, accuracy"] == ["0.500", "0.750"]
    assert rows["PrivateTest, recall of fear"] == ["-", "1.000"]
    assert rows["PrivateTest, corrupted"] == ["-", "0.300"]
    assert rows["drawn people, worst group below the best"] == ["-", "0.200"]
    assert kept["sha256"].nunique() == 2 and not kept.duplicated(["sha256", "figure"]).any()


def test_the_card_says_where_the_last_version_is_worse():
    figures = ["PrivateTest, accuracy", "PrivateTest, calibration error", "the same, corrupted"]
    old, new = [0.72, 0.02, 0.60], [0.70, 0.05, 0.65]
    rows = [("fast", "b", *pair) for pair in zip(figures, old, strict=True)]
    rows += [("fast", "a", *pair) for pair in zip(figures, new, strict=True)]
    rows += [("accurate", "c", *pair) for pair in zip(figures, old, strict=True)]
    table = pd.DataFrame(rows, columns=["model", "sha256", "figure", "value"])
    told = model_card.where_worse(table)
    assert told.splitlines()[-1] == (
        "- `fast`, than the version before: PrivateTest, accuracy (-0.0200); "
        "PrivateTest, calibration error (+0.0300)."
    )
    assert "accurate" not in told  # it has one version only
    third = table[table["sha256"] == "a"].assign(sha256="d")
    told = model_card.where_worse(pd.concat([table, third])).splitlines()
    assert told[-2] == "- `fast`, than the version before: nowhere."
    assert told[-1].startswith("- `fast`, than the first version: PrivateTest, accuracy (-0.0200)")
    of_blur = table.replace({"figure": {"PrivateTest, accuracy": "the same, blur"}})
    assert "before: PrivateTest, corrupted, blur (-0.0200);" in model_card.where_worse(of_blur)
    dated = table.assign(date="2026-11-29", new="glasses")
    tables = model_card.versions_table(dated).split("\n\n")
    assert [table.splitlines()[0] for table in tables] == ["accurate", "fast"]
    assert tables[1].splitlines()[2].split()[-2:] == ["b", "a"]  # the older one first
