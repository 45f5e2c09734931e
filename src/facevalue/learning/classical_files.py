"""Saving and loading classical models without the risks of pickle."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import skops.io
from sklearn.base import BaseEstimator

from facevalue.files import atomic_write
from facevalue.learning.image_features import BinaryPatterns, Gradients, Pixels
from facevalue.learning.mirror_ridge import MirrorRidge

MAX_BYTES = 400_000_000
"""The size of the largest model that is loaded; it limits the file and its unpacked content."""

TRUSTED = tuple(
    f"{kind.__module__}.{kind.__name__}"
    for kind in (Pixels, Gradients, BinaryPatterns, MirrorRidge)
)
"""The project's own classes that a saved model may contain, besides those of scikit-learn."""


def save(model: BaseEstimator, path: str | Path) -> int:
    """Save a trained model with skops, which stores no code, and return the file's size in bytes.

    Args:
        model: a model of scikit-learn, which may contain the classes in `TRUSTED`.
        path: the file, which is written atomically; its name should end in .skops.

    Raises:
        ValueError: the model contains a class that `load` would refuse.

    >>> import tempfile
    >>> from sklearn.dummy import DummyClassifier
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.skops"
    ...     _ = save(DummyClassifier().fit([[0], [1]], [3, 3]), path)
    ...     load(path).predict([[5]]).tolist()
    [3]
    """
    path = Path(path)
    data = skops.io.dumps(model)
    _check(data, path)
    with atomic_write(path) as part:
        part.write_bytes(data)
    return len(data)


def load(path: str | Path) -> Any:
    """Return a classifier of scikit-learn that `save` wrote.

    No code in the file is run, and unknown classes are refused. Error messages have the name of the
    file without its folder, because apps show them to visitors.

    Args:
        path: the .skops file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is too large or damaged, contains unknown classes, or is not a classifier.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no model {path.name}: run notebook 06, which saves one.")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(
            f"{path.name} is larger than {MAX_BYTES:,} bytes, so it is not a Face Value model."
        )
    data = path.read_bytes()
    _check(data, path)
    try:
        model = skops.io.loads(data, trusted=list(TRUSTED))
    except Exception as error:  # skops raises whatever the damaged part leads to
        raise ValueError(f"{path.name} is damaged ({error}): save the model again.") from error
    if not hasattr(model, "predict"):
        raise ValueError(
            f"{path.name} contains a {type(model).__name__}, which cannot predict: save a "
            "classifier."
        )
    return model


def _check(data: bytes, path: Path) -> None:
    """Raise a ValueError unless a saved model is a zip file of limited size and trusted classes."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        types = skops.io.get_untrusted_types(data=data) if unpacked <= MAX_BYTES else []
    except Exception as error:  # skops raises whatever the damaged part leads to
        raise ValueError(f"{path.name} is not a model saved with skops: {error}.") from error
    if unpacked > MAX_BYTES:
        raise ValueError(
            f"{path.name} unpacks to {unpacked:,} bytes, so it is not a Face Value model."
        )
    unknown = sorted(set(types) - set(TRUSTED))
    if unknown:
        raise ValueError(
            f"{path.name} contains types that are not trusted ({', '.join(unknown)}): build the "
            "model only from classes of scikit-learn and facevalue.learning."
        )


def size(model: BaseEstimator) -> int:
    """Return how many bytes `save` would write."""
    return len(skops.io.dumps(model))
