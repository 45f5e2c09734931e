"""The search for hyper-parameters: what it finds, and how it continues after a kill."""

import sqlite3
import threading

import pytest
from databases import postgresql  # noqa: F401 - a fixture: a local server

from facevalue import __main__
from facevalue.scale import tuning

pytest.importorskip("optuna")
RANGES = {"rate": (0.001, 1.0, True), "decay": (0.0, 1.0, False)}


def hill(settings):
    """Highest, 1, at a rate of 0.03 and a decay of 0.4."""
    import math

    return 1 - math.log10(settings["rate"] / 0.03) ** 2 - (settings["decay"] - 0.4) ** 2


def mostly(settings):
    if settings["decay"] < 0.2:
        raise ValueError("the loss is not a number")
    return settings["decay"]


def never(settings):
    raise ValueError("the loss is not a number")


@pytest.fixture
def storage(tmp_path):
    return f"sqlite:///{tmp_path / 'tuning.db'}"


def search(train, trials, storage, **more):
    given = {"name": "hill", "progress": False} | more
    return tuning.search(train, RANGES, trials=trials, storage=storage, **given)


def states(file):
    with sqlite3.connect(file) as connection:
        return [row[0] for row in connection.execute("SELECT state FROM trials ORDER BY number")]


@pytest.mark.slow
def test_it_gets_near_the_top_of_a_hill_and_lists_the_best_first(storage):
    found = search(hill, 60, storage)
    assert len(found) == 60
    assert found["value"].is_monotonic_decreasing
    assert found["value"].iloc[0] > 0.95
    for row in found.to_dict("records"):
        assert row["value"] == pytest.approx(hill(row))
        assert 0.001 <= row["rate"] <= 1 and 0 <= row["decay"] <= 1


@pytest.mark.slow
def test_an_existing_study_continues(storage):
    first = search(hill, 4, storage)
    asked = []

    def seen(settings):
        asked.append(settings)
        return hill(settings)

    both = search(seen, 7, storage)
    assert len(asked) == 3 and len(both) == 7
    assert set(first["value"]) <= set(both["value"])
    assert len(search(seen, 7, storage)) == 7 and len(asked) == 3


@pytest.mark.slow
def test_a_trial_that_fails_does_not_count(storage, tmp_path):
    found = search(mostly, 8, storage)
    assert len(found) == 8 and (found["decay"] >= 0.2).all()
    found_states = states(tmp_path / "tuning.db")
    assert found_states.count("COMPLETE") == 8 and set(found_states) <= {"COMPLETE", "FAIL"}


@pytest.mark.slow
def test_if_all_trials_fail_the_reason_is_given(storage):
    with pytest.raises(RuntimeError, match="3 trials of hill failed.*the loss is not a number"):
        search(never, 3, storage)


@pytest.mark.slow
def test_an_interrupt_leaves_no_running_trial(storage, tmp_path):
    def interrupted(settings):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(interrupted, 3, storage)
    assert states(tmp_path / "tuning.db") == ["FAIL"]


@pytest.mark.postgres
def test_two_clients_search_together_on_postgresql(postgresql):  # noqa: F811
    search(hill, 1, postgresql)  # else both would create the tables
    found = []
    clients = [
        threading.Thread(target=lambda: found.append(search(hill, 20, postgresql)))
        for _ in range(2)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    # each asks while fewer than 20 are done, so there may be one too many
    assert 20 <= max(map(len, found)) <= 21
    assert max(found, key=len)["number"].is_unique


@pytest.mark.cluster
@pytest.mark.slow
def test_a_cluster_runs_several_trials_at_a_time(local, storage, monkeypatch):
    monkeypatch.setenv("FACEVALUE_SCHEDULER", local.scheduler_address)
    found = search(hill, 8, storage)
    assert len(found) == 8
    for row in found.to_dict("records"):
        assert row["value"] == pytest.approx(hill(row))


@pytest.mark.parametrize(
    ("trials", "storage", "kind", "message"),
    [
        (0, "sqlite://", ValueError, "at least 1 trial, not 0"),
        (1, "sqlite:////nowhere/at/all.db", OSError, "database of the search cannot be used"),
        (1, "postgresql//me:secret@host", ValueError, "database URL cannot be parsed"),
    ],
)
def test_errors_are_clear_and_without_secrets(trials, storage, kind, message):
    with pytest.raises(kind, match=message) as caught:
        search(hill, trials, storage)
    assert "secret" not in str(caught.value)


@pytest.mark.slow
def test_the_command_prints_settings_for_the_recipe(monkeypatch, tmp_path, capsys):
    recipe = tmp_path / "small.toml"
    recipe.write_text('name = "small"\nepochs = 50\n')
    monkeypatch.setattr(tuning, "_train_recipe", lambda recipe, data, s: s["rate"] + recipe.epochs)
    storage = f"sqlite:///{tmp_path / 'tuning.db'}"
    options = ["tune", str(recipe), "--trials", "6", "--epochs", "2", "--storage", storage]
    assert __main__.main(options) == 0
    told = capsys.readouterr().out
    best = [line for line in told.splitlines() if line.startswith("rate = ")]
    assert len(best) == 1 and 0.01 <= float(best[0].split("=")[1]) <= 0.4
    assert "The best of 6 on PublicTest, for small.toml:" in told
