"""Caching a `Dataset` in one file, with the warnings that reading or drawing it gave."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from facevalue.data import cache
from facevalue.data.dataset import Dataset


def load_or_make_dataset(name: str, key: str, make: Callable[[], Dataset]) -> Dataset:
    """Return a data set from the cache, or make it and write it there.

    Each `UserWarning` of `make` is stored with the data set and repeated on every call.

    Args:
        name, key: as in `cache.load_or_make`.
        make: reads or draws the data set.
    """
    arrays = cache.load_or_make(name, key, lambda: _pack(*_record_warnings(make)))
    for message in arrays["notes"].tolist():
        warnings.warn(message, stacklevel=3)
    return _unpack(arrays)


def _record_warnings(make: Callable[[], Dataset]) -> tuple[Dataset, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = make()
    return data, [str(warning.message) for warning in caught if warning.category is UserWarning]


def _pack(data: Dataset, messages: list[str]) -> dict[str, np.ndarray]:
    """Return a data set as arrays; its table of truth becomes the bytes of a Parquet file."""
    arrays = {
        "name": np.array(data.name),
        "images": data.images,
        "labels": data.labels,
        "splits": data.splits,
        "origins": data.origins,
        "notes": np.array(messages, dtype=str),
    }
    if data.truth is not None:
        table = io.BytesIO()
        data.truth.to_parquet(table)
        arrays["truth"] = np.frombuffer(table.getvalue(), np.uint8)
    return arrays


def _unpack(arrays: Mapping[str, np.ndarray]) -> Dataset:
    truth = None
    if "truth" in arrays:
        truth = pd.read_parquet(io.BytesIO(arrays["truth"].tobytes()))
    return Dataset(
        str(arrays["name"]),
        arrays["images"],
        arrays["labels"],
        arrays["splits"],
        arrays["origins"],
        truth,
    )
