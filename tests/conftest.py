"""Settings of the unit tests, and a cluster for those that need one."""

import matplotlib
import pytest
from web_server import server  # noqa: F401 - a fixture

matplotlib.use("Agg")  # figures are drawn without a screen


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
