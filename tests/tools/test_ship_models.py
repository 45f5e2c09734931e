"""tools/ship_models.py, with the recipes of the repository."""

import sys

import pytest
import ship_models

from facevalue.learning import train_recogniser


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "nosuch does not ship, and no recipe needs it: choose accurate, "),
        (["ferplus"], "ferplus does not ship"),
        (
            ["fast_clean"],
            "fast_clean-0.keras does not exist: .*facevalue train models/fast_clean.toml --seed 0`",
        ),
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
