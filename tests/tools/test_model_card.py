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
    classes, matrix, _ = model_card.by_class("fast", labels, answers)
    rows = {line.split()[0]: line.split()[1:] for line in matrix.splitlines() if line[:1].islower()}
    assert rows["happy"] == ["0", "0", "0", "2", "0", "0", "1"]
    assert rows["angry"] == ["1", "0", "0", "0", "0", "0", "0"]
    assert "accuracy          0.7500" in classes


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


def test_the_card_names_the_groups_that_differ_by_more_than_chance():
    columns = ["attribute", "group", "faces", "accuracy", "low", "high"]
    rows = [("glasses", "no", 9, 0.9, 0.8, 0.95), ("glasses", "yes", 9, 0.6, 0.5, 0.79)]
    table = pd.DataFrame(rows, columns=columns)
    told = model_card.differences({"fast": table})
    assert told.endswith("\n- `fast`, glasses: yes 0.60, no 0.90.")
    table["high"] += 0.02  # now the two intervals meet
    assert model_card.differences({"fast": table}).startswith("No two groups differ")
