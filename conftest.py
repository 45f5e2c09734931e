"""Settings of every test run: what nbval compares, and a quiet, repeatable TensorFlow."""

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# one thread for each process: the same numbers everywhere, and two processes on two cores
for _library in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(_library, "1")
# the stored outputs are those of the defaults
os.environ.pop("FACEVALUE_DATASET", None)
os.environ.pop("FACEVALUE_PROFILE", None)
os.environ.pop("FACEVALUE_SEED", None)


def pytest_collectstart(collector: Any) -> None:
    """Compare what a reader reads in a notebook, not what libraries log on stderr."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr",)
