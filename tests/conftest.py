"""Settings of the unit tests, and a cluster or a full disk for those that need one."""

import errno
import gc
import os
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import pytest
from web_server import clock, server  # noqa: F401 - fixtures

matplotlib.use("Agg")  # figures are drawn without a screen

# the imported libraries stay until the end: searching them for garbage again and again would take
# a third of the time of the collection of the tests, and time in each test
gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by marker
def pytest_collection_modifyitems(items):
    """Count as slow what starts a browser, a cluster or a database server: each takes seconds."""
    for item in items:
        if any(item.get_closest_marker(name) for name in ("browser", "cluster", "postgres")):
            item.add_marker("slow")


@pytest.fixture(scope="module")
def local():
    """A Dask cluster of two processes on this machine."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        host="127.0.0.1",
    ) as started:
        yield started


@pytest.fixture
def full_disk():
    """`with full_disk(3):` lets pathlib write three more files, and half of the fourth."""

    @contextmanager
    def full(room):
        left = [room]

        def narrow(write):
            def written(self, content, *arguments, **options):
                left[0] -= 1
                if left[0] < 0:
                    write(self, content[:10], *arguments, **options)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
                return write(self, content, *arguments, **options)

            return written

        with pytest.MonkeyPatch.context() as patch:
            for name in ("write_bytes", "write_text"):
                patch.setattr(Path, name, narrow(getattr(Path, name)))
            yield

    return full
