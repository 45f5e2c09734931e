"""The same work here and on a Dask cluster."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from facevalue.scale import cluster, connection


def square(x):
    return x * x


def process(x):
    return os.getpid()


def picky(x):
    if x == 7:
        raise LookupError("seven")
    return x


class Stubborn(Exception):
    """An exception that does not survive pickling."""

    def __init__(self, one, two):
        super().__init__(one)


def stubborn(x):
    raise Stubborn(1, 2)


def slow(x):
    time.sleep(0.05)
    return x


@pytest.fixture(params=["here", pytest.param("there", marks=pytest.mark.cluster)])
def place(request, monkeypatch):
    """Everything below holds in this process and on a cluster of two."""
    if request.param == "there":
        started = request.getfixturevalue("local")
        monkeypatch.setenv("FACEVALUE_SCHEDULER", started.scheduler_address)
    return request.param


@pytest.mark.slow
def test_results_come_in_the_order_of_the_items(place):
    assert list(cluster.map(square, range(100), label="squares", progress=False)) == [
        x * x for x in range(100)
    ]


def test_nothing_gives_nothing(place):
    assert list(cluster.map(square, [], label="squares", progress=False)) == []


def test_the_work_is_done_where_it_should_be(place):
    pids = set(cluster.map(process, range(64), label="processes", progress=False))
    assert (os.getpid() in pids) == (place == "here")


def test_an_error_names_the_item(place):
    with pytest.raises(cluster.TaskError, match="picking failed for 7: LookupError: seven"):
        list(cluster.map(picky, range(10), label="picking", progress=False))


def test_an_error_of_any_type_comes_back(place):
    with pytest.raises(cluster.TaskError, match="trying failed for 0: Stubborn: 1"):
        list(cluster.map(stubborn, [0], label="trying", progress=False))


def test_stopping_early_cancels_the_rest(place):
    start = time.perf_counter()
    results = cluster.map(slow, range(400), label="waiting", progress=False)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    results.close()
    assert time.perf_counter() - start < 8  # all of it takes 10 seconds on two, 20 on one


def test_progress_is_shown_by_one_bar(place, capsys):
    list(cluster.map(square, range(40), label="squares"))
    shown = capsys.readouterr().err
    assert "squares: 100%" in shown and "40/40" in shown


@pytest.mark.cluster
def test_the_cluster_is_announced_once_with_its_dashboard(local, monkeypatch, capsys):
    monkeypatch.setenv("FACEVALUE_SCHEDULER", local.scheduler_address)
    cluster._announce.cache_clear()
    for _ in range(2):
        list(cluster.map(square, [1], label="squares"))
    (line,) = capsys.readouterr().out.splitlines()
    assert local.scheduler_address in line
    answer = requests.get(line.rpartition(" ")[2], timeout=10)
    assert answer.ok and "bokeh.min.js" in answer.text  # else a page that says what is missing


@pytest.mark.slow
def test_an_address_that_nobody_answers_fails_in_time(monkeypatch):
    pytest.importorskip("distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("FACEVALUE_SCHEDULER", f"tcp://127.0.0.1:{port}")
    start = time.monotonic()
    with pytest.raises(ConnectionError, match=rf"answers at tcp://127.0.0.1:{port}: start"):
        list(cluster.map(square, [1], label="squares", progress=False))
    assert time.monotonic() - start < 10


@pytest.mark.slow
def test_a_silent_host_fails_in_time(monkeypatch):
    pytest.importorskip("distributed")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", f"tcp://127.0.0.1:{port}")
        start = time.monotonic()
        with pytest.raises(ConnectionError, match="No Dask scheduler answers"):
            list(cluster.map(square, [1], label="squares", progress=False))
        assert time.monotonic() - start < 10


@pytest.mark.parametrize("address", ["nonsense", "ftp://host:1", "tcp://no-such-host.invalid:1"])
def test_an_invalid_address_fails(monkeypatch, address):
    pytest.importorskip("distributed")
    monkeypatch.setenv("FACEVALUE_SCHEDULER", address)
    with pytest.raises(ConnectionError, match=f"No Dask scheduler answers at {address}"):
        list(cluster.map(square, [1], label="squares", progress=False))


def test_without_dask_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    monkeypatch.setenv("FACEVALUE_SCHEDULER", "tcp://127.0.0.1:1")
    with pytest.raises(ModuleNotFoundError, match="pip install 'distributed"):
        list(cluster.map(square, [1], label="squares", progress=False))


def test_each_item_comes_with_its_result(place):
    found = dict(cluster.map_unordered(square, range(50), label="squares"))
    assert found == {x: x * x for x in range(50)}


def test_items_are_drawn_while_the_work_is_running(place):
    drawn = []

    def endless():
        while True:
            drawn.append(len(drawn))
            yield drawn[-1]

    results = cluster.map_unordered(square, endless(), label="squares", ahead=5)
    found = dict(next(results) for _ in range(20))
    results.close()
    assert all(result == x * x for x, result in found.items())
    assert len(drawn) <= 25


def test_an_error_in_the_items_is_not_blamed_on_the_cluster(place):
    def broken():
        yield 1
        raise FileNotFoundError("no such folder")

    with pytest.raises(FileNotFoundError, match="no such folder"):
        list(cluster.map_unordered(square, broken(), label="squares"))


LOCAL = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1",
                      dashboard_address="127.0.0.1:0") as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


@pytest.mark.cluster
@pytest.mark.slow
def test_a_scheduler_that_dies_is_reported_at_once(monkeypatch, tmp_path):
    pytest.importorskip("distributed")
    script = tmp_path / "local.py"
    script.write_text(LOCAL)
    pipe = subprocess.PIPE
    # the scheduler must be able to import what it passes on
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as run:
        place = run.stdout.readline().strip()
        monkeypatch.setenv("FACEVALUE_SCHEDULER", place)
        results = cluster.map_unordered(slow, range(10_000), label="waiting")
        assert next(results)[1] in range(10_000)
        run.kill()
        start = time.monotonic()
        with pytest.raises(ConnectionError, match=f"cluster at {place} was lost during waiting"):
            list(results)
        assert time.monotonic() - start < 20


@pytest.mark.cluster
def test_workers_with_another_version_are_refused_and_both_versions_are_named(local, monkeypatch):
    monkeypatch.setenv("FACEVALUE_SCHEDULER", local.scheduler_address)
    theirs = cluster.version()
    monkeypatch.setattr(connection, "version", lambda: "99.1")
    with pytest.raises(cluster.VersionError, match=f"have facevalue {theirs}, and this is 99.1"):
        list(cluster.map(square, [1], label="squares", progress=False))


@pytest.mark.cluster
def test_a_worker_with_another_version_that_joins_later_is_refused_too(local, monkeypatch):
    monkeypatch.setenv("FACEVALUE_SCHEDULER", local.scheduler_address)
    theirs = cluster.version()
    monkeypatch.setattr(connection, "_check_cluster", lambda client: None)
    monkeypatch.setattr(cluster, "version", lambda: "99.1")
    with pytest.raises(cluster.VersionError, match=f"have facevalue {theirs}, and this is 99.1"):
        list(cluster.map(square, [1], label="squares", progress=False))


def depths():
    """Return which of two depths of a tree a grid search prefers: one question is not enough."""
    tree = pytest.importorskip("sklearn.tree").DecisionTreeClassifier(random_state=0)
    selection = pytest.importorskip("sklearn.model_selection")
    x, y = [[float(k)] for k in range(60)], [k // 15 % 2 for k in range(60)]
    search = selection.GridSearchCV(tree, {"max_depth": [1, 3]}, cv=3, n_jobs=2)
    return search.fit(x, y).best_params_["max_depth"]


@pytest.mark.slow
def test_a_grid_search_without_an_address_runs_on_this_machine():
    with cluster.backend() as where:
        assert where == "this machine"
        assert depths() == 3


@pytest.mark.cluster
@pytest.mark.slow
def test_a_grid_search_runs_on_the_cluster(local, monkeypatch):
    monkeypatch.setenv("FACEVALUE_SCHEDULER", local.scheduler_address)
    with cluster.backend() as where:
        assert where == f"the Dask cluster at {local.scheduler_address}"
        assert depths() == 3
        joblib = pytest.importorskip("joblib")
        pids = set(joblib.Parallel(n_jobs=2)(joblib.delayed(process)(k) for k in range(8)))
        assert os.getpid() not in pids


def test_a_backend_that_nobody_answers_fails(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setenv("FACEVALUE_SCHEDULER", "nonsense")
    answer = pytest.raises(ConnectionError, match="No Dask scheduler answers at nonsense")
    with answer, cluster.backend():
        pass
