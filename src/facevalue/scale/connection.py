"""The connection to a Dask scheduler, checked before any work is sent."""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from importlib import metadata
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import distributed

TIMEOUT = 3
"""How many seconds to wait for each step of a scheduler's answer."""

WORKER_TIMEOUT = 60
"""How many seconds to wait for the first worker: some clusters start workers only on demand."""


class VersionError(RuntimeError):
    """The cluster has another version of this package; the message names both."""


def address() -> str | None:
    """Return the address of the Dask scheduler that the environment names, or None.

    >>> import os
    >>> os.environ["FACEVALUE_SCHEDULER"] = "tcp://10.0.0.7:8786"
    >>> address()
    'tcp://10.0.0.7:8786'
    >>> del os.environ["FACEVALUE_SCHEDULER"]
    """
    names = ("FACEVALUE_SCHEDULER", "DASK_SCHEDULER_ADDRESS")
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


@lru_cache(maxsize=1)
def version() -> str:
    """Return the version of this package, or "none" if it is not installed."""
    try:
        return metadata.version("facevalue")
    except metadata.PackageNotFoundError:
        return "none"


def connect(scheduler: str) -> distributed.Client:
    """Return a client of a cluster, after checking that it has workers with our version.

    Use it in a `with` block, which closes it.

    Raises:
        VersionError: the cluster has another version of this package, or none.
        ConnectionError: no scheduler answers at the address, or it has no workers.
        ModuleNotFoundError: Dask is not installed.
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"The scheduler {scheduler} needs Dask: install it with pip install "
            "'distributed>=2025.1' 'bokeh>=3.1', or unset FACEVALUE_SCHEDULER to work here."
        ) from error
    try:
        _check_that_it_answers(scheduler)
        client = distributed.Client(scheduler, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"No Dask scheduler answers at {scheduler}: start it with `dask scheduler`, or unset "
            "FACEVALUE_SCHEDULER to work here."
        ) from error
    try:
        client.wait_for_workers(1, timeout=WORKER_TIMEOUT)
        _check_cluster(client)
    except TimeoutError as error:
        client.close()
        raise ConnectionError(
            f"The Dask scheduler at {scheduler} has no workers: start some with "
            f"`dask worker {scheduler}`."
        ) from error
    except BaseException:
        client.close()
        raise
    return client


def dashboard(client: distributed.Client) -> str:
    """Return the address of the cluster's dashboard, or "none"."""
    try:
        return str(client.dashboard_link)
    except KeyError:  # the scheduler was started without one
        return "none"


def _check_cluster(client: distributed.Client) -> None:
    """Raise VersionError unless the scheduler and all its workers have our version."""

    def installed_version() -> str:
        # a nested function is sent by value, because the other side may not have this module
        from importlib import metadata

        try:
            return metadata.version("facevalue")
        except metadata.PackageNotFoundError:
            return "none"

    # the scheduler too, because it unpickles what it forwards
    check_version(client.run_on_scheduler(installed_version), version())
    for found in client.run(installed_version, on_error="ignore").values():
        check_version(found, version())


def check_version(theirs: str, ours: str) -> None:
    """Raise VersionError unless the version on the cluster is the client's."""
    if theirs != ours:
        raise VersionError(
            f"The cluster's scheduler or workers have facevalue {theirs}, and this is {ours}: "
            "install the same version everywhere, and restart the cluster."
        )


def _check_that_it_answers(scheduler: str) -> None:
    """Raise OSError if no scheduler answers at the address: Dask itself would wait forever.

    Only Dask's tcp protocol can be checked, in which the server sends the first byte.
    """
    parts = urlsplit(scheduler if "://" in scheduler else f"tcp://{scheduler}")
    if parts.scheme == "tcp":
        place = (parts.hostname or "", parts.port or 0)
        with socket.create_connection(place, TIMEOUT) as connection:
            if not connection.recv(1):
                raise ConnectionError(f"{scheduler} closed the connection.")
