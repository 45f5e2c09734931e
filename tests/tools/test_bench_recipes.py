"""The comparison of recipes."""

from types import SimpleNamespace

import bench_recipes
import pandas as pd
import pytest

from facevalue.learning import train_recogniser

BASE = 'name = "base"\ntrust = 0.8\n[spoiling]\nshare = 0.5\n'


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Run the tool with some arguments on networks that it only has to name, and return these."""
    trained: list[str] = []
    for name in ("base-0", "base-1", "base-2", "rolled-0", "rolled-1", "drawn-0"):
        (tmp_path / f"{name}.keras").touch()
    monkeypatch.setattr(
        train_recogniser,
        "trained_file",
        lambda name, seed: tmp_path / f"{name}-{seed}.keras",
    )
    data = SimpleNamespace(split=lambda name: name)
    monkeypatch.setattr(bench_recipes.paths, "root", lambda: tmp_path)
    monkeypatch.setattr(bench_recipes.course_faces, "load", lambda name: data)
    monkeypatch.setattr(bench_recipes, "tests", lambda public, photos: {})
    monkeypatch.setattr(bench_recipes.fairness, "drawn_groups", lambda: (None, pd.DataFrame()))
    monkeypatch.setattr(
        bench_recipes.keras.models, "load_model", lambda file, compile: trained.append(file.name)
    )
    monkeypatch.setattr(bench_recipes, "prediction", lambda model, folder: len(trained))
    monkeypatch.setattr(bench_recipes, "measured", lambda p, sets, people: {"accuracy": p / 10})

    def run(*arguments):
        monkeypatch.setattr(bench_recipes.sys, "argv", ["bench_recipes.py", *arguments])
        assert bench_recipes.main() == 0
        return trained

    return run


def test_the_report_names_what_each_recipe_changes(tmp_path, bench):
    (tmp_path / "base.toml").write_text(BASE)
    (tmp_path / "rolled.toml").write_text(BASE.replace("base", "rolled") + "roll = 20.0\n")
    (tmp_path / "drawn.toml").write_text(BASE.replace("base", "drawn").replace("0.8", "0.4"))
    files = [str(tmp_path / f"{name}.toml") for name in ("base", "rolled", "drawn")]
    trained = bench(*files)
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


def test_the_seeds_of_a_recipe_have_a_section_of_their_own(tmp_path, bench):
    (tmp_path / "base.toml").write_text(BASE)
    bench(str(tmp_path / "base.toml"))
    assert bench(str(tmp_path / "base.toml"), "--seeds", "1", "2")[1:] == [
        "base-1.keras",
        "base-2.keras",
    ]
    one, seeds = (tmp_path / bench_recipes.REPORT).read_text().split("## ")[1:]
    assert one.startswith("base\n") and "accuracy 0.100" in one
    assert seeds.startswith("Seeds of base\n")
    assert "`python tools/bench_recipes.py base.toml --seeds 1 2`" in seeds
    assert "seed 1  seed 2\naccuracy   0.200   0.300" in seeds


def test_one_seed_of_several_recipes_has_a_column_for_each(tmp_path, bench):
    for name in ("base", "rolled"):
        (tmp_path / f"{name}.toml").write_text(BASE.replace("base", name))
    files = [str(tmp_path / f"{name}.toml") for name in ("base", "rolled")]
    assert bench(*files, "--seeds", "1") == ["base-1.keras", "rolled-1.keras"]
    report = (tmp_path / bench_recipes.REPORT).read_text()
    assert "  base  rolled\naccuracy 0.100   0.200" in report
    assert "`python tools/bench_recipes.py base.toml rolled.toml --seeds 1`" in report


def test_a_missing_training_is_named_before_anything_is_measured(tmp_path, bench, monkeypatch):
    (tmp_path / "base.toml").write_text(BASE)
    monkeypatch.setattr(bench_recipes, "measured", pytest.fail)
    with pytest.raises(SystemExit, match="base-7.keras does not exist: .*base.toml --seed 7`"):
        bench(str(tmp_path / "base.toml"), "--seeds", "0", "7")


def test_seeds_of_several_recipes_are_refused(tmp_path, bench, capsys):
    with pytest.raises(SystemExit):
        bench("a.toml", "b.toml", "--seeds", "0", "1")
    assert "Several seeds are compared of one recipe only" in capsys.readouterr().err
