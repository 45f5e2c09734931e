"""Settings of the tests of this room."""

import pytest


@pytest.fixture(autouse=True)
def no_scheduler(monkeypatch):
    """Work in this process, unless a test names a cluster."""
    monkeypatch.delenv("FACEVALUE_SCHEDULER", raising=False)
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
