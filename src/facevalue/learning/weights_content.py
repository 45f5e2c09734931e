"""The content of a .weights.h5 file, made in memory.

On a full disk, the library for HDF5 crashes Python (a segmentation fault) if it writes to the disk
by itself. So it writes to memory, and the result reaches the disk in one ordinary write.
"""

from __future__ import annotations

import io

import keras


class _Memory(io.BytesIO):
    """A file in memory, with the name that Keras asks of a weights file."""

    def __str__(self) -> str:
        return "memory.weights.h5"


def weights_content(model: keras.Model) -> bytes:
    """Return what `model.save_weights` would write, with the state of the optimizer, if any.

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> weights_content(model)[:4]
    b'\\x89HDF'
    """
    stream = _Memory()
    model.save_weights(stream)
    return stream.getvalue()
