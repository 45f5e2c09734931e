"""tools/ship_models.py, with the recipes of the repository."""

import hashlib
import runpy
import sys
from pathlib import Path

import pytest
import ship_models

from facevalue.learning import train_recogniser
from facevalue.recognition import shipped


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "nosuch does not ship, and no recipe needs it: choose accurate, "),
        (["ferplus"], "ferplus does not ship"),
        (
            ["fast_clean"],
            "fast_clean-0.keras does not exist: .*facevalue train models/fast_clean.toml --seed 0`",
        ),
        (["fast"], f"fast-{shipped.SEEDS['fast']}.keras does not exist"),
        (
            ["first", "--seed", "2"],
            "first-2.keras does not exist: .*facevalue train models/first.toml --seed 2`",
        ),
    ],
)
def test_what_cannot_ship_is_named_with_a_way_out(tmp_path, monkeypatch, arguments, message):
    monkeypatch.setattr(
        train_recogniser, "trained_file", lambda name, seed: tmp_path / f"{name}-{seed}.keras"
    )
    monkeypatch.setattr(sys, "argv", ["ship_models.py", *arguments])
    with pytest.raises(SystemExit, match=message):
        ship_models.main()
    assert not list(tmp_path.iterdir())


def test_the_package_names_the_sums_and_the_seeds_of_its_models(tmp_path, monkeypatch):
    code = tmp_path / "shipped.py"
    text = Path(shipped.__file__).read_text(encoding="utf-8")
    code.write_text(text, encoding="utf-8")
    monkeypatch.setattr(shipped, "__file__", str(code))
    ship_models.pin(shipped.SEEDS)
    assert code.read_text(encoding="utf-8") == text  # what is in the repository fits its models
    models = ("accurate", "fast")
    for model in models:
        (tmp_path / f"{model}.onnx").write_bytes(model.encode())
    monkeypatch.setattr(ship_models.recogniser, "WEIGHTS", tmp_path)
    ship_models.pin({"accurate": 3, "fast": 12})
    found = runpy.run_path(str(code))
    assert found["SEEDS"] == {"accurate": 3, "fast": 12}
    assert found["SHA256"] == {
        f"{model}.onnx": hashlib.sha256(model.encode()).hexdigest()
        for model in ("accurate", "fast")
    }
