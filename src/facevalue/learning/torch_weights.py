"""Reading the weights that PyTorch saved before version 1.6, without PyTorch.

Such a file is a row of pickles, which could run any code, and then the raw numbers. So its checksum
is compared first, and the unpickler knows the few names that a file of weights needs and no others.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
"""The number that such a file starts with."""

DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
"""The little-endian types of the numbers, by PyTorch's names."""


@dataclass(frozen=True)
class _Tensor:
    """Where a tensor is: the key of its storage, its first number, its shape, and its steps."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    steps: tuple[int, ...]


def read(path: Path, sha256: str) -> dict[str, np.ndarray]:
    """Return the tensors of a file that `torch.save` wrote from a model's `state_dict`.

    Args:
        path: the file.
        sha256: the checksum that it must have.

    Returns:
        Arrays by name, float32 or int64, in the order of the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file has another checksum, or is not one of weights.
    """
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(
            f"{path} is not the expected file of weights: its checksum differs. Install its "
            "package again."
        )
    file = io.BytesIO(content)
    try:
        if _Unpickler(file).load() != MAGIC:
            raise ValueError("it does not start with PyTorch's number")
        for _ in ("version", "machine"):
            _Unpickler(file).load()
        unpickler = _Unpickler(file)
        tensors = unpickler.load()
        numbers = {}
        for key in _Unpickler(file).load():
            dtype, count = unpickler.storages[key]
            size = int.from_bytes(file.read(8), "little")
            if size != count:
                raise ValueError(f"storage {key} has {size} numbers instead of {count}")
            numbers[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
        return {str(name): _array(numbers, tensor) for name, tensor in tensors.items()}
    except (pickle.UnpicklingError, EOFError, AttributeError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is not a file of weights: {error}.") from error


def _array(numbers: dict[str, np.ndarray], tensor: _Tensor) -> np.ndarray:
    """Return the numbers of a tensor, row by row."""
    stored = numbers[tensor.storage]
    places = np.full(tensor.shape, tensor.offset)
    for axis, (size, step) in enumerate(zip(tensor.shape, tensor.steps, strict=True)):
        along = [1] * len(tensor.shape)
        along[axis] = size
        places += step * np.arange(size).reshape(along)
    if places.size and not 0 <= places.min() <= places.max() < len(stored):
        raise ValueError("a tensor reaches beyond its storage")
    return stored[places]


def _tensor(storage: str, offset: int, shape: Any, steps: Any, *_: Any) -> _Tensor:
    """Stand in for the function of PyTorch that rebuilds a tensor."""
    return _Tensor(storage, int(offset), tuple(shape), tuple(steps))


class _Unpickler(pickle.Unpickler):
    """An unpickler that makes nothing but dictionaries and `_Tensor`s."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.storages: dict[str, tuple[np.dtype, int]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: Any) -> str:
        """Note the type and the size of a storage, and return its key."""
        _, dtype, key, _, count, _ = pid
        self.storages[key] = dtype, int(count)
        return key
