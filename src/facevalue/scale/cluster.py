"""Doing the same work in this process or on a Dask cluster.

`map` and `map_unordered` work in this process unless FACEVALUE_SCHEDULER (or
DASK_SCHEDULER_ADDRESS) holds the address of a Dask scheduler, such as tcp://10.0.0.7:8786. The
cluster's workers need the same version of this package and, where the items are files, the same
folders. Connect only to a scheduler that you trust: its workers run the code that you send, and
you unpickle what they return.
"""

from __future__ import annotations

import ctypes
import logging
import platform
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from facevalue.files import ExplainedError
from facevalue.progress import ProgressBar
from facevalue.scale.connection import (
    VersionError,
    address,
    check_version,
    connect,
    dashboard,
    version,
)

if TYPE_CHECKING:
    import distributed

__all__ = [
    "AHEAD",
    "TaskError",
    "VersionError",
    "WorkerDied",
    "address",
    "backend",
    "map",
    "map_unordered",
    "threads",
    "version",
]

Item = TypeVar("Item")
Result = TypeVar("Result")
NumberedResults = Iterator[tuple[int, list[Any]]]

CHUNK = 16
"""How many items `map` sends to a worker at once, so that the transfer does not dominate."""

AHEAD = 2_000
"""How many tasks are on the cluster at once: without a limit they would fill its memory."""

KEPT_BYTES = 2**25
"""Memory of this size that is freed stays with a worker; 32 MB is the most that glibc allows."""


class TaskError(RuntimeError):
    """The function failed for one item; the message names the item and the cause."""


class WorkerDied:
    """The result that `map_unordered` yields for an item that repeatedly killed its worker."""


def map(
    function: Callable[[Item], Result], items: Iterable[Item], *, label: str, progress: bool = True
) -> Iterator[Result]:
    """Yield `function(item)` for each item in order, computed here or on the cluster.

    Like the built-in `map`, it works while you iterate. If you stop early, even by an error or an
    interrupt, the remaining tasks are cancelled.

    Args:
        function: the workers must be able to import it; it should return expected errors, not
            raise them.
        items: small arguments, such as paths rather than images.
        label: the name of the work in the progress bar and in errors.
        progress: show a progress bar.
    Raises:
        TaskError: the function raised an exception.
        VersionError: the cluster has another version of this package, or none.
        ConnectionError: no scheduler answers at the address, or it has no workers.
        ModuleNotFoundError: the environment names a scheduler, but Dask is not installed.

    >>> list(map(abs, [-2, 1, -3], label="absolute values", progress=False))
    [2, 1, 3]
    """
    work = list(items)
    size = CHUNK if address() else 1
    chunks = [work[start : start + size] for start in range(0, len(work), size)]
    finished: dict[int, list[Result]] = {}
    following = 0
    with ProgressBar(label, len(work), show=progress) as bar:
        for number, results in _run(function, chunks, label):
            bar.update(len(results))
            finished[number] = results
            while following in finished:
                yield from finished.pop(following)
                following += 1


def map_unordered(
    function: Callable[[Item], Result], items: Iterable[Item], *, label: str, ahead: int = AHEAD
) -> Iterator[tuple[Item, Result | WorkerDied]]:
    """Yield each item with `function(item)` as soon as it is computed, here or on the cluster.

    Use it for items that take seconds, or more items than fit in memory: they are taken from the
    iterable while the work is running. If you stop early, the remaining tasks are cancelled.

    Args:
        function: the workers must be able to import it; it should return expected errors, not
            raise them.
        items: small arguments, in any iterable.
        label: the name of the work in errors.
        ahead: how many items to take before their results arrive, on a cluster.
    Yields:
        Each item and its result, on a cluster in any order. The result of an item that killed its
        workers is a `WorkerDied`.
    Raises:
        TaskError, VersionError, ConnectionError, ModuleNotFoundError: as in `map`.

    >>> dict(map_unordered(abs, [-2, 1], label="absolute values"))
    {-2: 2, 1: 1}
    """
    taken: dict[int, Item] = {}

    def chunks() -> Iterator[list[Item]]:
        for number, item in enumerate(items):
            taken[number] = item
            yield [item]

    for number, (result,) in _run(function, chunks(), label, ahead=ahead, tolerate_deaths=True):
        yield taken.pop(number), result


def threads() -> int:
    """Return how many items are processed at the same time: 1 here, or the cluster's threads.

    Raises:
        VersionError, ConnectionError, ModuleNotFoundError: as in `map`.
    """
    scheduler = address()
    if scheduler is None:
        return 1
    with connect(scheduler) as client:
        return sum(client.nthreads().values())


@contextmanager
def backend() -> Iterator[str]:
    """Let scikit-learn's `n_jobs` use the cluster, if there is one; yield the name of the place.

    Inside `with cluster.backend():` a grid search or a random forest runs on the workers.

    Raises:
        VersionError, ConnectionError, ModuleNotFoundError: as in `map`.
    """
    scheduler = address()
    if scheduler is None:
        yield "this machine"
        return
    with connect(scheduler) as client:
        import joblib

        with joblib.parallel_config("dask", client=client):
            yield f"the Dask cluster at {scheduler}"


def _run(
    function: Callable[[Any], Any],
    chunks: Iterable[list[Any]],
    label: str,
    *,
    ahead: int = AHEAD,
    tolerate_deaths: bool = False,
) -> NumberedResults:
    """Yield the number and the results of each chunk as soon as it is done."""
    scheduler = address()
    if scheduler is None:
        return ((n, _apply(function, chunk, label)) for n, chunk in enumerate(chunks))
    return _run_on_cluster(scheduler, function, chunks, label, ahead, tolerate_deaths)


def _apply(function: Callable[[Any], Any], chunk: list[Any], label: str) -> list[Any]:
    results = []
    for item in chunk:
        try:
            results.append(function(item))
        except Exception as error:
            # the cause is text, because some types of exceptions cannot be pickled
            explained = isinstance(error, ExplainedError)
            cause = str(error) if explained else f"{type(error).__name__}: {error}"
            raise TaskError(f"{label} failed for {item}: {cause}") from error
    return results


def _apply_on_worker(
    client_version: str, function: Callable[[Any], Any], chunk: list[Any], label: str
) -> list[Any]:
    import cv2

    check_version(version(), client_version)  # this worker may have joined after the first check
    cv2.setNumThreads(1)  # the other cores are busy with other workers
    _keep_freed_memory()
    return _apply(function, chunk, label)


@lru_cache(maxsize=1)
def _keep_freed_memory() -> None:
    """Let this worker keep some of the memory that it frees, for the next photo.

    Dask sets MALLOC_TRIM_THRESHOLD_ to 64 kB for its workers. The C library then gives memory back
    to the system after each photo, which takes a quarter of the time of scoring a folder.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    trim_threshold, mmap_threshold = -1, -3  # their numbers in malloc.h
    libc = ctypes.CDLL(None)
    libc.mallopt(trim_threshold, KEPT_BYTES)
    libc.mallopt(mmap_threshold, KEPT_BYTES)


def _run_on_cluster(
    scheduler: str,
    function: Callable[[Any], Any],
    chunks: Iterable[list[Any]],
    label: str,
    ahead: int,
    tolerate_deaths: bool,
) -> NumberedResults:
    """Do what `_run` does, on a cluster.

    If `tolerate_deaths`, the result of a chunk that kills its workers is one `WorkerDied`.
    """
    with connect(scheduler) as client:
        import distributed

        _announce(scheduler, dashboard(client))
        numbered, pending = enumerate(chunks), dict[Any, int]()
        done = distributed.as_completed(loop=client.loop)
        try:
            while True:
                for number, chunk in islice(numbered, ahead - len(pending)):
                    task = (_apply_on_worker, version(), function, chunk, label)
                    with _explain_lost_cluster(scheduler, label):
                        # not pure: the same file may have other content the next time
                        future = client.submit(*task, pure=False)
                    pending[future] = number
                    done.add(future)
                if not pending:
                    return
                with _explain_lost_cluster(scheduler, label):
                    future = next(done)
                    results = _results(future, tolerate_deaths)
                number = pending.pop(future)
                future.release()  # otherwise it is computed again if its worker dies
                yield number, results
        finally:
            client.cancel(list(pending))


def _results(future: distributed.Future, tolerate_deaths: bool) -> list[Any]:
    import distributed

    try:
        results: list[Any] = future.result()
    except distributed.KilledWorker:
        if not tolerate_deaths:
            raise
        return [WorkerDied()]
    return results


@contextmanager
def _explain_lost_cluster(scheduler: str, label: str) -> Iterator[None]:
    """Replace the errors of a cluster that is lost with one whose message is a clear sentence."""
    import distributed

    try:
        yield
    except (distributed.KilledWorker, CancelledError, OSError) as error:
        # otherwise it logs its attempts to reconnect
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        raise ConnectionError(
            f"The Dask cluster at {scheduler} was lost during {label} "
            f"({type(error).__name__}): finished work is kept; restart the cluster and try again."
        ) from error


@lru_cache(maxsize=1)
def _announce(scheduler: str, page: str) -> None:
    """Print once where the work is done, above any progress bar."""
    from tqdm import tqdm

    tqdm.write(f"The work is done by the Dask cluster at {scheduler}; its dashboard: {page}")
