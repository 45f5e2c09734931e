"""The comparison of recipes."""

from types import SimpleNamespace

import bench_recipes
import pandas as pd

BASE = 'name = "base"\ntrust = 0.8\n[spoiling]\nshare = 0.5\n'


def test_the_report_names_what_each_recipe_changes(tmp_path, monkeypatch):
    (tmp_path / "base.toml").write_text(BASE)
    (tmp_path / "rolled.toml").write_text(BASE.replace("base", "rolled") + "roll = 20.0\n")
    (tmp_path / "drawn.toml").write_text(BASE.replace("base", "drawn").replace("0.8", "0.4"))
    files = [str(tmp_path / f"{name}.toml") for name in ("base", "rolled", "drawn")]
    trained = []
    data = SimpleNamespace(split=lambda name: name)
    monkeypatch.setattr(bench_recipes.sys, "argv", ["bench_recipes.py", *files])
    monkeypatch.setattr(bench_recipes.paths, "root", lambda: tmp_path)
    monkeypatch.setattr(bench_recipes.course_faces, "load", lambda name: data)
    monkeypatch.setattr(bench_recipes, "tests", lambda public, photos: {})
    monkeypatch.setattr(bench_recipes.fairness, "drawn_groups", lambda: (None, pd.DataFrame()))
    monkeypatch.setattr(
        bench_recipes.keras.models, "load_model", lambda file, compile: trained.append(file.name)
    )
    monkeypatch.setattr(bench_recipes, "prediction", lambda model, folder: len(trained))
    monkeypatch.setattr(bench_recipes, "measured", lambda p, sets, people: {"accuracy": p / 10})
    assert bench_recipes.main() == 0
    assert trained == ["base-0.keras", "rolled-0.keras", "drawn-0.keras"]
    report = (tmp_path / bench_recipes.REPORT).read_text()
    assert "- `rolled`: spoiling.roll = 20.0\n- `drawn`: trust = 0.4\n" in report
    rows = [
        line.split()
        for line in report.partition("```text")[2].splitlines()
        if line.startswith(("    ", "accuracy"))
    ]
    assert rows == [["base", "rolled", "drawn"], ["accuracy", "0.100", "0.200", "0.300"]]
    assert str(tmp_path) not in report
    assert "## base" in report
