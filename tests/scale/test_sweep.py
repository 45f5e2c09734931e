"""Sweeps: finished results are kept, changed settings are computed anew."""

import importlib
import os
from pathlib import Path

import pytest

from facevalue.scale import cluster
from facevalue.scale.sweep import sweep

ITEMS = {f"item {n}": {"n": n} for n in range(5)}


def doubled(item):
    return {"twice": twice(item["n"]), "process": os.getpid()}


def twice(n):
    return 2 * n


def noted(item):
    with Path(item["log"]).open("a") as file:
        file.write(f"{item['n']}\n")
    if item["n"] == item.get("bad"):
        raise RuntimeError("no luck")
    return {"n": item["n"]}


def with_log(folder, count, **extra):
    log = folder / "log.txt"
    return {f"item {n}": {"n": n, "log": str(log)} | extra for n in range(count)}, log


def test_results_come_by_name():
    results = sweep(doubled, ITEMS, label="doubling", progress=False)
    assert {name: result["twice"] for name, result in results.items()} == {
        "item 0": 0, "item 1": 2, "item 2": 4, "item 3": 6, "item 4": 8,
    }  # fmt: skip


def test_progress_is_shown(capsys):
    sweep(doubled, ITEMS, label="doubling")
    assert "doubling: 100%" in capsys.readouterr().err


def test_a_sweep_that_was_stopped_continues(tmp_path):
    items, log = with_log(tmp_path, 5)
    log.write_text("")
    results = sweep(noted, items, label="work", keep=tmp_path, progress=False)
    assert log.read_text().split() == ["0", "1", "2", "3", "4"]
    kept = sorted(tmp_path.glob("*.json"))
    assert len(kept) == 5
    kept[0].unlink()
    kept[1].write_text('{"n": ')  # cut short
    again = sweep(noted, items, label="work", keep=tmp_path, progress=False)
    assert again == results
    assert len(log.read_text().split()) == 7  # those two and no other


def test_a_sweep_keeps_what_was_done_before_an_error(tmp_path):
    items, log = with_log(tmp_path, 4, bad=2)
    with pytest.raises(cluster.TaskError, match="work failed for .*no luck"):
        sweep(noted, items, label="work", keep=tmp_path, progress=False)
    log.write_text("")
    with pytest.raises(cluster.TaskError):
        sweep(noted, items, label="work", keep=tmp_path, progress=False)
    assert log.read_text().split() == ["2"]


def test_a_sweep_on_a_full_disk_keeps_what_was_done(tmp_path, full_disk):
    items, log = with_log(tmp_path, 4)
    with full_disk(2), pytest.raises(OSError, match="^The disk is full: .* free some space"):
        sweep(noted, items, label="work", keep=tmp_path / "kept", progress=False)
    sweep(noted, items, label="work", keep=tmp_path / "kept", progress=False)
    assert log.read_text().split() == ["0", "1", "2", "2", "3"]


def test_changed_settings_are_computed_anew(tmp_path):
    items, log = with_log(tmp_path, 2)
    sweep(noted, items, label="work", keep=tmp_path, progress=False)
    items["item 1"]["n"] = 7
    results = sweep(noted, items, label="work", keep=tmp_path, progress=False)
    assert results["item 1"] == {"n": 7}
    assert log.read_text().split() == ["0", "1", "7"]


SWEPT = """
def helper(n):
    return {what}

def work(item):
    return {{"answer": helper(item["n"])}}
"""


def test_changed_code_is_computed_anew(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    answers = []
    for number, what in enumerate(("n + 1", "n + 1", "n * 10")):
        (tmp_path / f"swept{number}.py").write_text(SWEPT.format(what=what))
        module = importlib.import_module(f"swept{number}")
        results = sweep(
            module.work, {"a": {"n": 3}}, label="x", keep=tmp_path, uses=[module.helper]
        )
        answers.append(results["a"]["answer"])
    assert answers == [4, 4, 30]
    assert len(list(tmp_path.glob("*.json"))) == 2


@pytest.mark.cluster
@pytest.mark.slow
def test_a_sweep_on_a_cluster_gives_the_same(local, monkeypatch, tmp_path):
    here = sweep(doubled, ITEMS, label="doubling", progress=False)
    monkeypatch.setenv("FACEVALUE_SCHEDULER", local.scheduler_address)

    def mine(item, add=twice):  # as in a notebook: no module that a worker could import
        return {"twice": add(item["n"]), "process": os.getpid()}

    there = sweep(mine, ITEMS, label="doubling", keep=tmp_path, progress=False)
    assert list(there) == list(here)
    assert all(there[name]["twice"] == here[name]["twice"] for name in ITEMS)
    assert os.getpid() not in {result["process"] for result in there.values()}
