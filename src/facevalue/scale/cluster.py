"""The same work here or on a Dask cluster: the one place that knows Dask.

`map` works in this process, unless FACEVALUE_SCHEDULER (or DASK_SCHEDULER_ADDRESS) holds the
address of a Dask scheduler, such as tcp://10.0.0.7:8786. The cluster's workers need this package
in the same version and, where the items are files, the same folders. Connect only to a scheduler
that you trust: its workers run the code that they are sent, and send back what you read.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import lru_cache
from importlib import metadata
from itertools import islice
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import cv2
import joblib
from tqdm import tqdm

from facevalue.files import explain_write_errors, write_text

Item = TypeVar("Item")
Result = TypeVar("Result")
Numbered = Iterator[tuple[int, list[Any]]]

CHUNK = 16
"""Items that a worker gets at once: enough to make up for the way there and back."""

AHEAD = 2_000
"""Pieces of work that are on their way at once: without an end, they would fill the memory."""

ANSWER = 3
"""Seconds that a scheduler has for each step of an answer."""

WORKERS = 60
"""Seconds that it has to bring its first worker, which some clusters only start when needed."""


class TaskError(RuntimeError):
    """The function failed for one item; the message names both."""


class VersionError(RuntimeError):
    """The cluster has another version of this package; the message names both."""


class Lost:
    """What `each` yields for an item whose workers died of it, again and again."""


@lru_cache(maxsize=1)
def version() -> str:
    """Return the version of this package, or "none" where it is not installed."""
    try:
        return metadata.version("facevalue")
    except metadata.PackageNotFoundError:
        return "none"


def address() -> str | None:
    """Return the address of the Dask scheduler that the environment names, or None."""
    names = ("FACEVALUE_SCHEDULER", "DASK_SCHEDULER_ADDRESS")
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def map(
    function: Callable[[Item], Result], items: Iterable[Item], *, label: str, progress: bool = True
) -> Iterator[Result]:
    """Yield `function(item)` for each item, in their order, from here or from the cluster.

    Like Python's own `map`, it works while it is read: `list(cluster.map(...))`. When the reader
    stops early, by an interrupt or an error too, what is left is cancelled.

    Args:
        function: a function that the workers can import; it should return errors to expect.
        items: what it is given, small: paths rather than images.
        label: says what is done, in the progress bar and in errors.
        progress: show a bar.
    Raises:
        TaskError: the function raised an exception; the message names the item.
        VersionError: the cluster has another version of this package, or none.
        ConnectionError: no scheduler answers at the address, or it has no workers.
        ModuleNotFoundError: there is an address, but Dask is not installed.
    """
    work, place = list(items), address()
    size = CHUNK if place else 1
    chunks = [work[start : start + size] for start in range(0, len(work), size)]
    answers = _there(place, function, chunks, label) if place else _here(function, chunks, label)
    early: dict[int, list[Result]] = {}
    turn = 0
    with tqdm(total=len(work), desc=label, disable=not progress) as bar:
        for number, results in answers:
            bar.update(len(results))
            early[number] = results
            while turn in early:
                yield from early.pop(turn)
                turn += 1


def threads() -> int:
    """Return how many items are worked on at the same time: 1 here, or the cluster's threads.

    Raises:
        VersionError, ConnectionError, ModuleNotFoundError: as in `map`.
    """
    place = address()
    if place is None:
        return 1
    with _connected(place) as client:
        return sum(client.nthreads().values())


def each(
    function: Callable[[Item], Result], items: Iterable[Item], *, label: str, ahead: int = AHEAD
) -> Iterator[tuple[Item, Result | Lost]]:
    """Yield each item and `function(item)` as they are done, from here or from the cluster.

    For more items than fit in memory, and for those that take seconds: they are drawn while the
    work goes on. When the reader stops early, what is left is
    cancelled.

    Args:
        function: a function that the workers can import; it should return errors to expect.
        items: what it is given, small; any iterable.
        label: says what is done, in errors.
        ahead: how many of them are drawn before their results are there, on a cluster.
    Returns:
        On a cluster in any order; `Lost` is the result for an item that killed its workers.
    Raises:
        TaskError, VersionError, ConnectionError, ModuleNotFoundError: as in `map`.
    """
    drawn: dict[int, Item] = {}

    def chunks() -> Iterator[list[Item]]:
        for number, item in enumerate(items):
            drawn[number] = item
            yield [item]

    place = address()
    answers = (
        _there(place, function, chunks(), label, spare=True, ahead=ahead)
        if place
        else _here(function, chunks(), label)
    )
    for number, (result,) in answers:
        yield drawn.pop(number), result


def sweep(
    function: Callable[[dict[str, Any]], dict[str, Any]],
    items: Mapping[str, dict[str, Any]],
    *,
    label: str,
    keep: Path | None = None,
    progress: bool = True,
) -> dict[str, dict[str, Any]]:
    """Return `function(item)` for each named item, here one by one or on the cluster side by side.

    For items that take minutes, such as trainings. With `keep`, each result is stored as soon as
    it arrives, and a sweep that was killed goes on with the items that are left. A stored result
    counts while the item, the source of `function`, and that of the functions beside it that it
    calls stay the same; what else it depends on belongs into the item.

    Args:
        function: it may be defined in a notebook; like the items, what it returns must be JSON.
        items: by name, what it is given.
        label: says what is done, in the progress bar and in errors.
        keep: the folder of the stored results.
        progress: show a bar.
    Raises:
        TypeError: a result is more than JSON can hold.
        OSError: `keep` cannot be written, as when the disk is full.
        TaskError, VersionError, ConnectionError, ModuleNotFoundError: as in `map`.
    """
    files = _files(function, items, keep) if keep else {}
    kept = {name: _kept(file) for name, file in files.items()}
    done = {name: result for name, result in kept.items() if result is not None}
    left = [name for name in items if name not in done]
    chunks = [[items[name]] for name in left]
    place = address()
    answers = _there(place, function, chunks, label) if place else _here(function, chunks, label)
    with tqdm(total=len(items), initial=len(done), desc=label, disable=not progress) as bar:
        for number, (result,) in answers:
            text = json.dumps(result)
            if keep:
                with explain_write_errors(keep):
                    write_text(files[left[number]], text)
            # what was just made must be the same as what is read the next time
            done[left[number]] = json.loads(text)
            bar.update()
    return {name: done[name] for name in items}


def _files(
    function: Callable[..., Any], items: Mapping[str, dict[str, Any]], folder: Path
) -> dict[str, Path]:
    """Return for each item where its result is stored; another item or code has another place."""
    texts = {name: _source(function) + json.dumps(items[name], sort_keys=True) for name in items}
    keys = {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in texts.items()}
    return {name: folder / f"{key}.json" for name, key in keys.items()}


def _kept(file: Path) -> dict[str, Any] | None:
    try:
        result = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, or damaged
        return None
    return result if isinstance(result, dict) else None


def _source(function: Callable[..., Any]) -> str:
    """Return the source of a function and of the functions of its module that it calls."""
    found: dict[str, str] = {}

    def look(one: FunctionType) -> None:
        if one.__qualname__ in found:
            return
        found[one.__qualname__] = inspect.getsource(one)
        for name in _names(one.__code__):
            other = one.__globals__.get(name)
            if isinstance(other, FunctionType) and other.__module__ == one.__module__:
                look(other)

    look(inspect.unwrap(function))
    return "\n".join(found[name] for name in sorted(found))


def _names(code: CodeType) -> set[str]:
    inner = [_names(part) for part in code.co_consts if isinstance(part, CodeType)]
    return set(code.co_names).union(*inner)


def _chunk(function: Callable[[Any], Any], chunk: list[Any], label: str) -> list[Any]:
    results = []
    for item in chunk:
        try:
            results.append(function(item))
        except Exception as error:
            # in words: not every type of exception survives the way back from a worker
            what = f"{type(error).__name__}: {error}"
            raise TaskError(f"{label} failed for {item}: {what}") from error
    return results


def _here(function: Callable[[Any], Any], chunks: Iterable[list[Any]], label: str) -> Numbered:
    for number, chunk in enumerate(chunks):
        yield number, _chunk(function, chunk, label)


def _worker_chunk(
    wanted: str, function: Callable[[Any], Any], chunk: list[Any], label: str
) -> list[Any]:
    if version() != wanted:  # a worker that came later: the others were asked at the start
        raise VersionError(_other_version(version(), wanted))
    cv2.setNumThreads(1)  # the cores are busy with the other workers
    return _chunk(function, chunk, label)


def _knock(place: str) -> None:
    """Raise OSError unless somebody speaks at the address: Dask would wait without end.

    Both sides of Dask's tcp speak first; of its other protocols they don't.
    """
    parts = urlsplit(place if "://" in place else f"tcp://{place}")
    if parts.scheme == "tcp":
        with socket.create_connection((parts.hostname or "", parts.port or 0), ANSWER) as line:
            if not line.recv(1):
                raise ConnectionError


def _connected(place: str) -> Any:
    """Return a `distributed.Client` of a cluster that answers and has workers to trust.

    Raises:
        VersionError, ConnectionError, ModuleNotFoundError: as in `map`.
    """
    try:
        import distributed
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"the scheduler {place} needs Dask: install it with pip install 'distributed>=2025.1' "
            "'bokeh>=3.1', or unset FACEVALUE_SCHEDULER to work here."
        ) from None
    try:
        _knock(place)
        client = distributed.Client(place, timeout=ANSWER, set_as_default=False)
    except (OSError, ValueError):  # nobody there, or no address at all
        raise ConnectionError(
            f"no Dask scheduler answers at {place}: start it with `dask scheduler`, or unset "
            "FACEVALUE_SCHEDULER to work here."
        ) from None
    try:
        client.wait_for_workers(1, timeout=WORKERS)
        _check_versions(client)
    except TimeoutError:
        client.close()
        raise ConnectionError(
            f"the Dask scheduler at {place} has no workers: start some with `dask worker {place}`."
        ) from None
    except BaseException:
        client.close()
        raise
    return client


@lru_cache(maxsize=1)
def _tell(place: str, dashboard: str) -> None:
    """Say, once, where the work goes on, above the bars that are shown."""
    tqdm.write(f"The work goes to the Dask cluster at {place}; its dashboard: {dashboard}")


def _dashboard(client: Any) -> str:
    try:
        return str(client.dashboard_link)
    except KeyError:  # the scheduler was started without one
        return "none"


def _check_versions(client: Any) -> None:
    def theirs() -> str:
        # inside another function, so that it is sent itself: theirs may not have it
        from importlib import metadata

        try:
            return metadata.version("facevalue")
        except metadata.PackageNotFoundError:
            return "none"

    # the scheduler too: it unpacks what it passes on
    for found in (
        client.run_on_scheduler(theirs),
        *client.run(theirs, on_error="ignore").values(),
    ):
        if found != version():
            raise VersionError(_other_version(found, version()))


def _other_version(theirs: str, ours: str) -> str:
    return (
        f"the cluster's scheduler or workers have facevalue {theirs}, and this is {ours}: install "
        "the same version everywhere, and start the cluster again."
    )


def _there(
    place: str,
    function: Callable[[Any], Any],
    chunks: Iterable[list[Any]],
    label: str,
    spare: bool = False,
    ahead: int = AHEAD,
) -> Numbered:
    """Yield the number and results of each chunk as they come back from the workers.

    With `spare`, a chunk of one item that kills its workers comes back as `Lost`.
    """
    client = _connected(place)
    import distributed  # after its absence was told

    with client:
        _tell(place, _dashboard(client))
        numbered, numbers = enumerate(chunks), dict[Any, int]()
        done = distributed.as_completed(loop=client.loop)
        try:
            while True:
                for number, chunk in islice(numbered, ahead - len(numbers)):
                    # impure: the same photo may have another content the next time
                    task = (_worker_chunk, version(), function, chunk, label)
                    with _minded(place, label):
                        future = client.submit(*task, pure=False)
                    numbers[future] = number
                    done.add(future)
                if not numbers:
                    return
                with _minded(place, label):
                    future = next(done)
                    try:
                        results = future.result()
                    except distributed.KilledWorker:
                        if not spare:
                            raise
                        results = [Lost()]
                number = numbers.pop(future)
                future.release()  # else it is computed again when its worker dies
                yield number, results
        finally:
            client.cancel(list(numbers))


@contextmanager
def _minded(place: str, label: str) -> Iterator[None]:
    """Say in a sentence that the cluster is lost."""
    import distributed

    try:
        yield
    except (distributed.KilledWorker, CancelledError, OSError) as error:
        # it would log how it tries to come back, and is closed over it
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        raise ConnectionError(
            f"the Dask cluster at {place} went away during {label} "
            f"({type(error).__name__}): what is done is done, start it again."
        ) from None


@contextmanager
def backend() -> Iterator[str]:
    """Let scikit-learn's `n_jobs` work on the cluster, if there is one; yield where it works.

    Inside `with cluster.backend():` a grid search or a forest sends its parts to the workers.

    Raises:
        ConnectionError: no scheduler answers at the address, or it has no workers.
        ModuleNotFoundError: there is an address, but Dask is not installed.
    """
    place = address()
    if place is None:
        yield "this machine"
        return
    next(map(abs, [0], label="asking the cluster", progress=False))  # says what is wrong
    import distributed

    client = distributed.Client(place, timeout=ANSWER, set_as_default=False)
    with client, joblib.parallel_config("dask", client=client):
        yield f"the Dask cluster at {place}"
